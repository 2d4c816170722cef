"""The benchmarks: contenders compute the same numbers, and a difference is seen. No time is asserted."""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ava_np.cli.bench import WORKLOADS as NAMES
from ava_np.errors import AvaError
from ava_np.experiments.bench import measure, models, processes, workloads
from ava_np.experiments.bench.jax_peers import JaxPeer
from ava_np.experiments.bench.machine import Spin, measure_rates, total
from ava_np.experiments.bench.measure import Case, Contender, Row, Setting
from ava_np.experiments.bench.torch_peers import Numbers, TorchPeer, find
from ava_np.models import Model, build
from ava_np.training.trainer import Trainer
from tests.command import ava, write_pictures

EXACT = 1e-9  # in float64, of an array's length

SMALL: dict[str, tuple[str, tuple[int, int, int], dict[str, Any]]] = {
    "W1": ("ava1", (4, 3, 3), {"latent": 3, "hidden": (8,)}),
    "W2": ("vae", (9, 8, 1), {"latent": 3, "architecture": "conv28", "likelihood": "bernoulli", "hidden": (4, 5)}),
    "W3": ("vaegan", (8, 8, 3), {"latent": 3, "architecture": "conv64", "hidden": (4, 5, 6), "gamma": 0.3}),
}


@pytest.fixture(autouse=True)
def all_threads() -> Iterator[None]:
    yield
    measure.use_threads(None, 0)


def small(workload: str, dtype: type[np.floating]) -> tuple[Model, np.ndarray, Numbers]:
    """A small model of a workload with weights that matter, pictures, and noise."""
    name, shape, options = SMALL[workload]
    model, generator = build(name, shape, dtype=dtype, **options), np.random.default_rng(1)
    for network in model.networks.values():
        network.theta += 0.3 * np.asarray(generator.standard_normal(network.theta.shape), dtype)
        for _, parameter, array in network.named_arrays(network.parameters):
            if parameter == "scale":
                array += 1
    x = generator.random((5, model.neurons)).astype(dtype)
    return model, x, model.noise(generator, len(x))


def assert_same(ours: Numbers, theirs: Numbers, limit: float) -> None:
    """Theirs are all of ours, but for biases that batch norm takes away again, whose gradient is 0."""
    for name, array in theirs.items():
        assert np.linalg.norm(array) > 1e-6, f"{name}: a gradient of 0 shows nothing"
        assert measure.difference(ours[name], array) < limit, name
    for name in ours.keys() - theirs.keys():
        assert name.endswith(".b")
        assert np.abs(ours[name]).max() < 1e-5 * max(np.abs(array).max() for array in theirs.values()), name


def setting(**modules: Any) -> Setting:
    return Setting(**{"torch": None, "jax": None, **modules}, repeats=1, quick=True)


def answering(name: str, value: float, calls: list[str] | None = None) -> Contender:
    """A contender that computes one value."""

    def step() -> None:
        if calls is not None:
            calls.append(name)

    return Contender(name, step, lambda: {"loss": np.array(value), "W": np.array([3.0, value])})


@pytest.mark.parametrize(
    ("workload", "channels_last"), [("W1", False), ("W2", False), ("W2", True), ("W3", False), ("W3", True)]
)
def test_pytorch_computes_our_numbers(workload: str, channels_last: bool) -> None:
    torch = pytest.importorskip("torch")
    model, x, noise = small(workload, np.float64)
    peer = TorchPeer(torch, model, models.training("sgd", len(x)), x, channels_last=channels_last)
    assert_same(models.our_numbers(model, x, noise), peer.numbers(noise), EXACT)


@pytest.mark.parametrize("workload", ["W1", "W2"])
def test_jax_computes_our_numbers(workload: str) -> None:
    jax = find("jax")
    if jax is None:
        pytest.skip("JAX is not installed")
    model, x, noise = small(workload, np.float32)  # as JAX has it unless told otherwise
    peer = JaxPeer(jax, model, models.training("sgd", len(x)), x)
    assert_same(models.our_numbers(model, x, noise), peer.numbers(noise), 1e-4)


@pytest.mark.parametrize("peer", ["torch", "jax"])
@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_steps_move_the_same_way(peer: str, optimiser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a step without noise, every weight has moved as ours has: same reduction, rate and formula."""
    module: Any = find(peer)
    if module is None:
        pytest.skip(f"{peer} is not installed")
    monkeypatch.setitem(models.RATES, optimiser, 1e-2)
    model, x, _ = small("W1", np.float32)
    specification = models.training(optimiser, len(x))
    noise = {"r": np.zeros((len(x), model.latent), np.float32)}
    first = model.networks["encoder"].theta.copy()
    trainer = Trainer(model, specification)
    if peer == "torch":
        other = TorchPeer(module, model, specification, x)
        monkeypatch.setattr(module, "randn", lambda *size, dtype: module.zeros(*size, dtype=dtype))
        other.step()
        moved = {f"encoder.{path}": ours(leaf.detach().numpy()) for path, leaf, ours in other.networks["encoder"].pairs}
    else:
        jaxed = JaxPeer(module, model, specification, x)
        monkeypatch.setattr(module.random, "normal", lambda key, size: module.numpy.zeros(size))
        jaxed.step()
        layers = jaxed.state[0]["encoder"]
        moved = {"encoder.dense1.W": np.asarray(layers[0]["W"]), "encoder.dense2.b": np.asarray(layers[2]["b"])}
    trainer.step(x, noise)
    network = model.networks["encoder"]
    assert np.abs(network.theta - first).max() > 1e-4
    ours = {f"encoder.{layer}.{name}": array for layer, name, array in network.named_arrays(network.parameters)}
    for path, array in moved.items():
        np.testing.assert_allclose(array, ours[path], atol=1e-5, err_msg=path)


@pytest.mark.parametrize("peer", ["torch", "jax"])
def test_layers_and_products_are_the_same(peer: str) -> None:
    module = find(peer)
    if module is None:
        pytest.skip(f"{peer} is not installed")
    chosen = setting(**{peer: module})
    cases = list(workloads.layer_cases(chosen, "small", 9, 3, 4, 2, 2))
    assert [case.workload for case in cases] == ["small, forward", "small, input", "small, weights"]
    if peer == "torch":
        cases += [workloads.gemm_case(chosen, 8)]
        cases += [workloads.optimiser_case(chosen, name, 5) for name in ("adam", "rmsprop", "momentum", "sgd")]
    for case in cases:
        assert len(case.contenders) > 1
        measure.check(case)


@pytest.mark.parametrize("wrong", [1.5, np.nan])
def test_other_numbers_are_no_contest(wrong: float) -> None:
    measure.check(Case("w", [answering("ours", 1.0), answering("torch", 1.0)]))
    with pytest.raises(AvaError, match="w: torch and we differ in loss"):
        measure.check(Case("w", [answering("ours", 1.0), answering("torch", wrong)]))


def test_a_difference_is_of_the_length_and_of_the_shape() -> None:
    assert measure.difference(np.array([3.0, 4.5]), np.array([3.0, 4.0])) == pytest.approx(0.1)
    assert measure.difference(np.zeros(3), np.zeros(3)) == 0
    assert measure.difference(np.ones(3), np.ones((3, 1))) == np.inf


def test_contenders_take_turns_and_the_fastest_of_a_name_counts() -> None:
    calls: list[str] = []
    contenders = [answering("ours", 1.0, calls), answering("torch", 1.0, calls), answering("torch", 1.0, calls)]
    best = measure.interleave(contenders, 3, 0.0)
    assert calls == ["ours"] * 2 + ["torch"] * 4 + ["ours"] * 2 + ["torch"] * 4 + ["ours"] * 2 + ["torch"] * 4
    assert list(best) == ["ours", "torch"]


def test_the_least_time_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    now, durations = [0.0], iter([9.0, 3.0, 9.0, 2.0, 9.0, 5.0])  # the first of each turn is not counted

    def step() -> None:
        now[0] += next(durations)

    with monkeypatch.context() as patch:
        patch.setattr(time, "perf_counter", lambda: now[0])
        best = measure.interleave([Contender("ours", step, None)], 3, 0.0)
    assert best == {"ours": 2000.0}


def test_rows_ratios_and_means() -> None:
    rows = measure.beside("a", 2.0, {"torch": 4.0, "jax": 1.0}) + measure.beside("b", 8.0, {"torch": 4.0})
    assert [row.ratio for row in rows] == [0.5, 2.0, 2.0]
    assert measure.beside("c", 2.0, {}) == [Row("c", 2.0)]
    mean, worst, *_ = measure.summary("5x5", rows)
    assert (mean.ours_ms, mean.peer_ms, mean.ratio) == pytest.approx((4.0, 4.0, 1.0))
    assert worst == Row("5x5, worst: b", 8.0, "torch", 4.0, 2.0)
    assert not list(measure.summary("5x5", [Row("c", 2.0)]))


def test_the_table_and_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates = measure_rates(1, 1)

    def fixed(names: tuple[str, ...], *, quick: bool, repeats: int) -> tuple[list[Row], list[Any]]:
        assert (names, quick, repeats) == (("w1", "start"), True, 2)
        return [Row("W1", 2.0, "torch", 4.0, 0.5), Row("start", 1234.0)], [rates]

    monkeypatch.setattr(workloads, "run", fixed)
    outcome = ava("bench", "w1", "start", "w1", "--quick", "--json", tmp_path / "rows.json")
    assert outcome.code == 0
    for word in ("FMA peak", "sgemm", "memory", "ratio", f"{rates.peak:.0f}", "0.50", "1234"):
        assert word in outcome.out
    assert json.loads((tmp_path / "rows.json").read_text()) == [
        {"workload": "W1", "ours_ms": 2.0, "peer": "torch", "peer_ms": 4.0, "ratio": 0.5},
        {"workload": "start", "ours_ms": 1234.0, "peer": None, "peer_ms": None, "ratio": None},
    ]


@pytest.mark.parametrize(("load", "warned"), [(0.1, False), (3.0, True)])
def test_a_busy_machine_is_said(load: float, warned: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (load, load, load), raising=False)
    monkeypatch.setattr(workloads, "run", lambda names, *, quick, repeats: ([Row("W1", 2.0)], []))
    outcome = ava("bench", "w1")
    assert ("the machine is busy (load 3.0" in outcome.out) is warned
    assert ("the machine is busy (load 3.0" in outcome.err) is warned


def test_bad_requests_are_refused_before_anything_is_measured(tmp_path: Path) -> None:
    assert ava("bench", "w9").code == 2
    outcome = ava("bench", "w1", "--json", tmp_path / "nowhere" / "rows.json")
    assert outcome.code == 2
    assert "does not exist" in outcome.err


def test_without_peers_ours_are_measured_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("torch", "jax"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(workloads, "w1_model", lambda: small("W1", np.float32)[0])
    monkeypatch.setattr(workloads, "measure_rates", lambda threads, repeats: None)
    rows, _ = workloads.run(("w1",), quick=True, repeats=1)
    assert [(row.workload, row.peer, row.ratio) for row in rows] == [
        ("W1, batch 10", None, None),
        ("W1, batch 1", None, None),
    ]
    said = capsys.readouterr().err
    assert "torch is not installed and is left out" in said
    assert "jax is not installed and is left out" in said


def test_the_command_knows_every_workload() -> None:
    assert tuple(workloads.WORKLOADS) == NAMES


def test_the_peak_is_above_nothing_and_sums_are_sums() -> None:
    spin = Spin()
    spin(10 * spin.operations)
    assert spin.operations % 2 == 0
    assert total(np.arange(100, dtype=np.float32)) == 4950


def test_a_first_step_is_waited_for_and_a_fault_is_told(tmp_path: Path) -> None:
    photos = write_pictures(tmp_path / "photos")
    options = ("--hidden", "4", "--latent", "2", "--model", "vae")
    assert processes.first_step(tmp_path, "run", str(photos), *options) > 0
    assert (tmp_path / "kernels").is_dir()
    with pytest.raises(AvaError, match="before its first step: Error: "):
        processes.first_step(tmp_path, "other", str(tmp_path / "none"))
