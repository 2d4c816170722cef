"""The gradient check: every gradient passes, every parameter is looked at, and a wrong one does not pass."""

from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest

from ava_np import build
from ava_np.kernels import batch_norm, convolution, dense, discrimination, gaussian
from ava_np.models import ava, terms
from ava_np.models.ava import AVA
from ava_np.models.base import Model
from ava_np.models.gradcheck import HIDDEN, LATENT, LIMIT, MAX_ENTRIES, SHAPE, Row, central_differences, check
from ava_np.specification import MODELS, Propagation

PROPAGATIONS = get_args(Propagation)
TWO_WAYS = [name for name, kind in MODELS.items() if "propagation" in kind.__struct_fields__]


def small(name: str, architecture: str = "mlp", **options: Any) -> Model:
    """The model that ``check`` builds."""
    return build(
        name, SHAPE, architecture=architecture, latent=LATENT, hidden=HIDDEN[architecture], dtype=np.float64, **options
    )


def failed(rows: list[Row]) -> set[str]:
    return {row.network for row in rows if not row.relative_error < LIMIT}


@pytest.mark.parametrize(
    ("name", "architecture", "options"),
    [
        *((name, "mlp", {}) for name in MODELS if name not in TWO_WAYS),
        *((name, "mlp", {"propagation": rule}) for name in TWO_WAYS for rule in PROPAGATIONS),
        ("ae", "conv28", {}),
        ("vae", "conv64", {"propagation": "exact"}),
        ("gan", "dcgan", {"minibatch_discrimination": True}),
        ("vaegan", "dcgan", {}),
        ("ae", "mlp", {"likelihood": "bernoulli"}),
        ("vae", "mlp", {"beta": 3.0, "likelihood": "bernoulli"}),
        ("gan", "mlp", {"smoothing": 0.2, "saturating": True}),
        ("aae", "mlp", {"stochastic": True, "prior": "swiss-roll", "smoothing": 0.1}),
        ("bigan", "mlp", {"saturating": True, "minibatch_discrimination": True}),
        ("vaegan", "mlp", {"gamma": 0.1, "reconstructions_are_fake": False}),
    ],
)
def test_every_gradient_passes_and_none_is_left_out(name: str, architecture: str, options: dict[str, Any]) -> None:
    rows = check(name, architecture, **options)
    assert failed(rows) == set()
    model = small(name, architecture, **options)
    expected = [
        (phase.name, network, layer, parameter)
        for phase in model.phases
        for network in phase.networks
        for layer, parameter, _ in model.networks[network].named_arrays(model.networks[network].parameters)
    ]
    found = [(row.phase, row.network, row.layer, row.quantity) for row in rows]
    assert [row for row in found if row[-1] != "input"] == expected
    inputs = [(network, layer) for _, network, layer, quantity in found if quantity == "input"]
    assert len(inputs) == len(set(inputs))
    assert set(inputs) == {(network, layer) for _, network, layer, _ in expected}
    assert {(row.model, row.architecture) for row in rows} == {(name, architecture)}
    assert {row.propagation for row in rows} == {options.get("propagation", "exact")}


@pytest.mark.parametrize("name", MODELS)
def test_gradients_are_not_trivially_zero(name: str) -> None:
    """A check that compares 0 with 0 passes: here the gradients themselves are something."""
    model = small(name)
    generator = np.random.default_rng(7)
    for network in model.networks.values():
        network.theta += generator.normal(0, 0.3, network.theta.shape)
    x, noise = generator.random((4, model.neurons)), model.noise(generator, 4)
    for phase in model.phases:
        model.zero_gradients()
        phase.gradients(x, noise)
        for network_name in phase.networks:
            network = model.networks[network_name]
            for layer, parameter, gradient in network.named_arrays(network.gradient.read_layers()):
                assert np.abs(gradient).max() > 1e-4, f"{phase.name}: {network_name}.{layer}.{parameter}"


def off(factor: float, kernel: Callable[..., None], written: int) -> Callable[..., None]:
    """A kernel that gets its ``written``-th argument wrong by a factor, in a change of that argument."""

    def wrong(*arguments: Any) -> None:
        before = arguments[written].copy()
        kernel(*arguments)
        arguments[written][...] = before + factor * (arguments[written] - before)

    return wrong


@pytest.mark.parametrize(
    ("name", "module", "kernel", "written", "networks"),
    [
        ("ava5", ava, "kl_backward", 1, {"encoder"}),
        ("ava5", ava, "reparameterise_backward", 1, {"encoder"}),
        ("ava5", ava, "squared_error_backward", 0, {"encoder", "decoder"}),
        ("ava5", ava, "log_real_backward", 0, {"discriminator", "encoding_discriminator"}),
        ("ava5", ava, "reverse_causal_backward", 0, {"discriminator", "encoding_discriminator"}),
        ("ae", terms, "squared_error_backward", 0, {"encoder", "decoder"}),
        ("gan", terms, "log_fake_backward", 0, {"discriminator"}),
        ("gan", terms, "log_real_backward", 0, {"generator", "discriminator"}),
        ("bigan", terms, "log_fake_backward", 0, {"encoder", "discriminator", "discriminator_trunk"}),
        ("aae", terms, "log_real_backward", 0, {"encoder", "code_discriminator"}),
    ],
)
def test_a_term_that_is_wrong_by_a_thousandth_is_found(
    monkeypatch: pytest.MonkeyPatch, name: str, module: Any, kernel: str, written: int, networks: set[str]
) -> None:
    monkeypatch.setattr(module, kernel, off(1.001, getattr(module, kernel), written))
    assert failed(check(name)) == networks


def test_a_phase_is_told_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoder of an AAE learns twice: a fault in its regularisation is no fault of its reconstruction."""
    original = discrimination.log_real_backward

    def wrong(δ: np.ndarray, *arguments: Any) -> None:
        original(δ, *arguments)
        δ *= 1.001

    monkeypatch.setattr("ava_np.models.terms.log_real_backward", wrong)
    rows = [row for row in check("aae") if row.network == "encoder" and not row.relative_error < LIMIT]
    assert {row.phase for row in rows} == {"regularisation"}


def test_noise_times_the_variance_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """dz flowing back through Σ r where the way forward took Σ^½ r."""

    def wrong(dμ: np.ndarray, ds: np.ndarray, dz: np.ndarray, s: np.ndarray, r: np.ndarray) -> None:
        gaussian.reparameterise_backward(dμ, ds, dz, 2 * s, r)

    monkeypatch.setattr("ava_np.models.vae.reparameterise_backward", wrong)
    assert failed(check("vae")) == {"encoder"}


@pytest.mark.parametrize(
    ("name", "architecture", "module", "kernel"),
    [
        ("vae", "mlp", dense, "dense_backward_input"),
        ("ae", "conv28", convolution, "convolution_backward_input"),
        ("ae", "conv28", convolution, "transposed_convolution_backward_input"),
        ("gan", "dcgan", batch_norm, "batch_norm_backward_input"),
    ],
)
def test_a_wrong_input_error_is_found(
    monkeypatch: pytest.MonkeyPatch, name: str, architecture: str, module: Any, kernel: str
) -> None:
    original = getattr(module, kernel)

    def wrong(dx: np.ndarray, *arguments: Any) -> None:
        original(dx, *arguments)
        dx *= 1.001

    monkeypatch.setattr(module, kernel, wrong)
    rows = [row for row in check(name, architecture) if not row.relative_error < LIMIT]
    assert "input" in {row.quantity for row in rows}


def test_a_discriminator_that_learns_from_its_star_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def add_adversarial_error(self: AVA, δ: np.ndarray, discriminator: Any, buffers: Any) -> None:
        error = buffers.zero_error()
        discrimination.log_fake_backward(error, buffers.output, +1)
        δ += discriminator.backward(buffers, error)

    monkeypatch.setattr(AVA, "add_adversarial_error", add_adversarial_error)
    assert failed(check("ava5")) == {"discriminator", "encoding_discriminator"}


@pytest.mark.parametrize("name", ["ava1", "ava3", "ava5"])
def test_the_two_propagations_are_told_apart(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Rules of the one do not pass for gradients of the other's objective."""
    gradients = AVA.gradients

    def swapped(self: AVA, x: np.ndarray, noise: dict[str, np.ndarray]) -> dict[str, float]:
        own, self.propagation = self.propagation, "paper"
        try:
            return gradients(self, x, noise)
        finally:
            self.propagation = own

    monkeypatch.setattr(AVA, "gradients", swapped)
    assert "encoder" in failed(check(name, propagation="exact"))
    assert failed(check(name, propagation="paper")) == set()


def test_differences_of_a_known_function() -> None:
    """Of a quadratic they are exact but for rounding; the array is put back to the last bit."""
    generator = np.random.default_rng(0)
    A, a = generator.normal(size=(6, 6)), generator.normal(size=6)
    before = a.tobytes()
    entries = np.array([0, 2, 5])
    numeric = central_differences(lambda: float(a @ A @ a), a, entries, 1e-5)
    np.testing.assert_allclose(numeric, ((A + A.T) @ a)[entries], rtol=1e-8)
    assert a.tobytes() == before


@pytest.mark.parametrize("place", [0, -1])
def test_an_array_of_many_entries_is_nudged_all_over(monkeypatch: pytest.MonkeyPatch, place: int) -> None:
    """A gradient that is wrong in its first or its last entry alone is found, however many there are."""
    gradients = AVA.gradients

    def wrong(self: AVA, x: np.ndarray, noise: dict[str, np.ndarray]) -> dict[str, float]:
        found = gradients(self, x, noise)
        gradient, size = self.Θ.gradient.read(), self.Θ.parameters[0]["W"].size
        assert size > MAX_ENTRIES
        gradient[:size][place] += 1.0
        self.Θ.gradient.write(gradient)
        return found

    monkeypatch.setattr(AVA, "gradients", wrong)
    assert failed(check("ava1")) == {"encoder"}


def test_a_nan_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ava, "kl_backward", lambda dμ, ds, μ, s: ds.fill(np.nan))
    assert "encoder" in failed(check("ava1"))
