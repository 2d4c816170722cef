"""The gradient check: every parameter is checked, every gradient passes, and a wrong gradient fails."""

from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest

from ava_np import build
from ava_np.kernels import batch_norm, convolution, dense, discrimination, gaussian
from ava_np.kernels.activations import ACTIVATIONS
from ava_np.layers import AnyLayer
from ava_np.models import ava, terms, vae
from ava_np.models.ava import AVA
from ava_np.models.base import Model
from ava_np.models.gradcheck import HIDDEN, LATENT, LIMIT, MAX_ENTRIES, SHAPE, Row, central_differences, check
from ava_np.models.gradcheck_cases import ALTERNATIVES, EVERY_LAYER, OTHER, cases
from ava_np.specification import MODELS, Propagation

PROPAGATIONS = get_args(Propagation)
WITH_PROPAGATION = ["vae", "ava1", "ava2", "ava3", "ava4", "ava5"]


def small(name: str, architecture: str = "mlp", **options: Any) -> Model:
    """Build the same model as ``check``."""
    return build(
        name, SHAPE, architecture=architecture, latent=LATENT, hidden=HIDDEN[architecture], dtype=np.float64, **options
    )


def failed_networks(rows: list[Row]) -> set[str]:
    """Return the networks that have a gradient with an error of at least the limit."""
    return {row.network for row in rows if not row.relative_error < LIMIT}


def test_the_models_with_two_propagations_are_listed() -> None:
    assert [name for name, kind in MODELS.items() if "propagation" in kind.__struct_fields__] == WITH_PROPAGATION


@pytest.mark.parametrize(
    ("name", "architecture", "options"),
    [
        *((name, "mlp", {}) for name in MODELS if name not in WITH_PROPAGATION),
        *((name, "mlp", {"propagation": rule}) for name in WITH_PROPAGATION for rule in PROPAGATIONS),
        ("ae", "conv28", {}),
        ("vae", "conv64", {"propagation": "exact"}),
        ("gan", "dcgan", {"minibatch_discrimination": True}),
        ("vaegan", "dcgan", {}),
        ("ae", "mlp", {"likelihood": "bernoulli"}),
        ("vae", "mlp", {"beta": 3.0, "likelihood": "bernoulli"}),
        ("vae", "mlp", {"likelihood": "gaussian"}),
        ("ava5", "mlp", {"likelihood": "gaussian", "saturating": True}),
        ("ava5", "conv28", {"beta": 2.0, "adversarial_weight": 3.0, "encoding_adversarial_weight": 0.5}),
        ("gan", "mlp", {"smoothing": 0.2, "saturating": True}),
        ("dcgan", "dcgan", {"augment": ("colour", "translation", "cutout")}),
        ("bigan", "mlp", {"augment": ("colour", "translation", "cutout")}),
        ("aae", "mlp", {"stochastic": True, "prior": "swiss-roll", "smoothing": 0.1}),
        ("bigan", "mlp", {"saturating": True, "minibatch_discrimination": True}),
        ("avb", "mlp", {"likelihood": "bernoulli"}),
        ("vaegan", "mlp", {"gamma": 0.1, "beta": 0.3, "reconstructions_are_fake": False}),
    ],
)
def test_every_gradient_is_checked_and_passes(name: str, architecture: str, options: dict[str, Any]) -> None:
    rows = check(name, architecture, **options)
    assert failed_networks(rows) == set()
    model = small(name, architecture, **options)
    expected = [
        (phase.name, network, layer, parameter)
        for phase in model.phases
        for network in phase.networks
        for layer, parameter, _ in model.networks[network].named_arrays(model.networks[network].parameters)
    ]
    actual = [(row.phase, row.network, row.layer, row.quantity) for row in rows]
    assert [row for row in actual if row[-1] != "input"] == expected
    inputs = [(network, layer) for _, network, layer, quantity in actual if quantity == "input"]
    assert len(inputs) == len(set(inputs))
    assert set(inputs) == {(network, layer) for _, network, layer, _ in expected}
    assert {(row.model, row.architecture) for row in rows} == {(name, architecture)}
    assert {row.propagation for row in rows} == {options.get("propagation", "exact")}


@pytest.mark.parametrize("name", MODELS)
def test_every_option_and_every_layer_passes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ava_np.models.gradcheck.MAX_ENTRIES", 4)
    for case in cases(name):
        if case.architecture in ("mlp", "every-layer"):
            assert failed_networks(check(case.model, case.architecture, **case.options)) == set(), case


def test_every_option_is_checked_or_said_to_change_no_gradient() -> None:
    options = {field for kind in MODELS.values() for field in kind.__struct_fields__}
    assert options == ALTERNATIVES.keys() | OTHER
    assert not ALTERNATIVES.keys() & OTHER
    checked = {option for name in MODELS for case in cases(name) for option in case.options}
    assert checked == ALTERNATIVES.keys() | {"propagation"}


def test_the_architecture_of_every_layer_has_every_layer_and_every_activation() -> None:
    listed = [layer for layers in EVERY_LAYER.values() for layer in layers]
    assert {layer["layer"] for layer in listed} == {kind.__struct_config__.tag for kind in get_args(AnyLayer)}
    assert {layer["function"] for layer in listed if layer["layer"] == "activation"} == set(ACTIVATIONS)


@pytest.mark.parametrize("name", MODELS)
def test_gradients_are_not_trivially_zero(name: str) -> None:
    """A check that compares 0 with 0 would pass, so every gradient must have a value above 1e-4."""
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


def scaled(factor: float, kernel: Callable[..., None], written: int) -> Callable[..., None]:
    """Return a kernel that multiplies by ``factor`` what it adds to its argument number ``written``."""

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
def test_a_term_that_is_wrong_by_a_thousandth_fails(
    monkeypatch: pytest.MonkeyPatch, name: str, module: Any, kernel: str, written: int, networks: set[str]
) -> None:
    monkeypatch.setattr(module, kernel, scaled(1.001, getattr(module, kernel), written))
    assert failed_networks(check(name)) == networks


def test_an_error_in_one_phase_fails_in_that_phase_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoder of an AAE learns in two phases; an error in the regularisation must not fail the reconstruction."""
    original = discrimination.log_real_backward

    def wrong(δ: np.ndarray, *arguments: Any) -> None:
        original(δ, *arguments)
        δ *= 1.001

    monkeypatch.setattr(terms, "log_real_backward", wrong)
    rows = [row for row in check("aae") if row.network == "encoder" and not row.relative_error < LIMIT]
    assert {row.phase for row in rows} == {"regularisation"}


def test_scaling_the_noise_by_the_variance_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backward pass multiplies the noise by Σ, although the forward pass multiplies it by Σ^½."""

    def wrong(dμ: np.ndarray, ds: np.ndarray, dz: np.ndarray, s: np.ndarray, r: np.ndarray) -> None:
        gaussian.reparameterise_backward(dμ, ds, dz, 2 * s, r)

    monkeypatch.setattr(vae, "reparameterise_backward", wrong)
    assert failed_networks(check("vae")) == {"encoder"}


@pytest.mark.parametrize(
    ("name", "architecture", "module", "kernel"),
    [
        ("vae", "mlp", dense, "dense_backward_input"),
        ("ae", "conv28", convolution, "convolution_backward_input"),
        ("ae", "conv28", convolution, "transposed_convolution_backward_input"),
        ("gan", "dcgan", batch_norm, "batch_norm_backward_input"),
    ],
)
def test_a_wrong_input_error_fails(
    monkeypatch: pytest.MonkeyPatch, name: str, architecture: str, module: Any, kernel: str
) -> None:
    original = getattr(module, kernel)

    def wrong(dx: np.ndarray, *arguments: Any) -> None:
        original(dx, *arguments)
        dx *= 1.001

    monkeypatch.setattr(module, kernel, wrong)
    rows = [row for row in check(name, architecture) if not row.relative_error < LIMIT]
    assert "input" in {row.quantity for row in rows}


def test_a_discriminator_that_learns_from_the_error_it_propagates_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def add_adversarial_error(self: AVA, δ: np.ndarray, discriminator: Any, buffers: Any, weight: float) -> None:
        error = buffers.zero_error()
        discrimination.log_real_backward(error, buffers.output, -1)
        δ += discriminator.backward(buffers, error)

    monkeypatch.setattr(AVA, "add_adversarial_error", add_adversarial_error)
    assert failed_networks(check("ava5")) == {"discriminator", "encoding_discriminator"}


@pytest.mark.parametrize("name", ["ava1", "ava3", "ava5"])
def test_gradients_of_the_other_propagation_fail(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The printed rules are not the gradients of the exact objectives."""
    gradients = AVA.gradients

    def swapped(self: AVA, x: np.ndarray, noise: dict[str, np.ndarray]) -> dict[str, float]:
        original, self.propagation = self.propagation, "paper"
        try:
            return gradients(self, x, noise)
        finally:
            self.propagation = original

    monkeypatch.setattr(AVA, "gradients", swapped)
    assert "encoder" in failed_networks(check(name, propagation="exact"))
    assert failed_networks(check(name, propagation="paper")) == set()


def test_central_differences_of_a_quadratic_are_exact() -> None:
    """They are exact up to rounding, and the array is restored to the last bit."""
    generator = np.random.default_rng(0)
    A, a = generator.normal(size=(6, 6)), generator.normal(size=6)
    before = a.tobytes()
    entries = np.array([0, 2, 5])
    numeric = central_differences(lambda: float(a @ A @ a), a, entries, 1e-5)
    np.testing.assert_allclose(numeric, ((A + A.T) @ a)[entries], rtol=1e-8)
    assert a.tobytes() == before


@pytest.mark.parametrize("index", [0, -1])
def test_the_first_and_the_last_entry_of_a_large_array_are_checked(monkeypatch: pytest.MonkeyPatch, index: int) -> None:
    """A gradient that is wrong in its first or its last entry only fails, although not every entry is checked."""
    gradients = AVA.gradients

    def wrong(self: AVA, x: np.ndarray, noise: dict[str, np.ndarray]) -> dict[str, float]:
        values = gradients(self, x, noise)
        gradient, size = self.Θ.gradient.read(), self.Θ.parameters[0]["W"].size
        assert size > MAX_ENTRIES
        gradient[:size][index] += 1.0
        self.Θ.gradient.write(gradient)
        return values

    monkeypatch.setattr(AVA, "gradients", wrong)
    assert failed_networks(check("ava1")) == {"encoder"}


def test_a_nan_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ava, "kl_backward", lambda dμ, ds, μ, s: ds.fill(np.nan))
    assert "encoder" in failed_networks(check("ava1"))
