"""PyTorch and JAX compute the same results as ava-np in every benchmark, and their steps change parameters equally."""

from typing import Any

import numpy as np
import pytest

from ava_np.experiments.bench import layers, measure, models, workloads
from ava_np.experiments.bench.jax_peer import JaxPeer
from ava_np.experiments.bench.measure import Results
from ava_np.experiments.bench.peer import import_if_installed
from ava_np.experiments.bench.torch_peer import TorchPeer
from ava_np.experiments.staircase.gemm import STEPS
from ava_np.experiments.staircase.timing import Step
from ava_np.training.trainer import Trainer
from tests.experiments.bench.small_models import settings, small_model

FRAMEWORKS = ("torch", "jax")
EXACT = 1e-9  # in float64, relative to the norm of an array


def installed(name: str) -> Any:
    """Return a framework; skip the test if it is not installed."""
    module = import_if_installed(name)
    if module is None:
        pytest.skip(f"{name} is not installed")
    return module


def assert_same(ours: Results, theirs: Results, limit: float) -> None:
    """Assert that the results agree.

    The framework has all of ours, except for the biases that batch norm cancels, whose gradient is 0.
    """
    assert theirs
    for name, array in theirs.items():
        assert np.linalg.norm(array) > 1e-6, f"{name}: a gradient of 0 shows nothing"
        assert measure.relative_difference(ours[name], array) < limit, name
    for name in ours.keys() - theirs.keys():
        assert name.endswith(".b")
        assert np.abs(ours[name]).max() < 1e-5 * max(np.abs(array).max() for array in theirs.values()), name


@pytest.mark.parametrize(
    ("workload", "channels_last"), [("W1", False), ("W2", False), ("W2", True), ("W3", False), ("W3", True)]
)
def test_pytorch_computes_our_terms_and_gradients(workload: str, channels_last: bool) -> None:
    torch = installed("torch")
    model, x, noise = small_model(workload, np.float64)
    specification = models.training_specification("sgd", len(x))
    peer = TorchPeer(torch, model, specification, x, channels_last=channels_last)
    assert_same(models.our_results(model, x, noise), peer.results(noise), EXACT)


@pytest.mark.parametrize("workload", ["W1", "W2"])
def test_jax_computes_our_terms_and_gradients(workload: str) -> None:
    jax = installed("jax")
    model, x, noise = small_model(workload, np.float32)  # JAX's default
    peer = JaxPeer(jax, model, models.training_specification("sgd", len(x)), x)
    assert_same(models.our_results(model, x, noise), peer.results(noise), 1e-4)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_a_step_without_noise_changes_every_weight_equally(
    framework: str, optimiser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reduction, the learning rate and the formula of the optimiser are the same."""
    module = installed(framework)
    monkeypatch.setitem(models.LEARNING_RATES, optimiser, 1e-2)
    model, x, _ = small_model("W1", np.float32)
    specification = models.training_specification(optimiser, len(x))
    noise = {"r": np.zeros((len(x), model.latent), np.float32)}
    initial = model.networks["encoder"].theta.copy()
    trainer = Trainer(model, specification)
    if framework == "torch":
        torch_peer = TorchPeer(module, model, specification, x)
        monkeypatch.setattr(module, "randn", lambda *size, dtype: module.zeros(*size, dtype=dtype))
        torch_peer.step()
        theirs = {
            f"encoder.{path}": to_our_layout(parameter.detach().numpy())
            for path, parameter, to_our_layout in torch_peer.networks["encoder"].parameters
        }
    else:
        jax_peer = JaxPeer(module, model, specification, x)
        monkeypatch.setattr(module.random, "normal", lambda key, size: module.numpy.zeros(size))
        jax_peer.step()
        encoder = jax_peer.state[0]["encoder"]
        theirs = {"encoder.dense1.W": np.asarray(encoder[0]["W"]), "encoder.dense2.b": np.asarray(encoder[2]["b"])}
    trainer.step(x, noise)
    network = model.networks["encoder"]
    assert np.abs(network.theta - initial).max() > 1e-4
    ours = {f"encoder.{layer}.{name}": array for layer, name, array in network.named_arrays(network.parameters)}
    assert theirs
    for path, array in theirs.items():
        np.testing.assert_allclose(array, ours[path], atol=1e-5, err_msg=path)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_layer_passes_agree(framework: str) -> None:
    cases = list(layers.layer_cases(settings(**{framework: installed(framework)}), "small", 9, 3, 4, 2, 2))
    assert [case.workload for case in cases] == ["small, forward", "small, input", "small, weights"]
    for case in cases:
        assert len(case.implementations) > 1
        measure.check(case)


@pytest.mark.parametrize("name", ["adam", "rmsprop", "momentum", "sgd"])
def test_optimisers_agree(name: Any) -> None:
    case = workloads.optimiser_case(settings(torch=installed("torch")), name, 5)
    assert [each.name for each in case.implementations] == ["ours", "torch"]
    measure.check(case)


def test_dense_layers_agree() -> None:
    case = workloads.dense_case(settings(torch=installed("torch")), 8)
    assert [each.name for each in case.implementations] == ["ours", "FMA peak", "torch"]
    measure.check(case)


@pytest.mark.parametrize("step", STEPS, ids=[step.name for step in STEPS])
def test_staircase_steps_agree(step: Step) -> None:
    case = workloads.staircase_case(settings(torch=installed("torch")), 9, step)
    peers = ["FMA peak", "torch"] if step.threads == 1 else ["torch"]
    assert [each.name for each in case.implementations] == ["ours", *peers]
    measure.check(case)
