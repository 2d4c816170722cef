"""Effects of the printed rules and of both propagations that a gradient check cannot see."""

from typing import Any, get_args

import numpy as np
import pytest

from ava_np.data.zoom import zoom_in, zoom_out
from ava_np.evaluation.metrics import reconstruction_error
from ava_np.models import AVA, VAE, build
from ava_np.models.propagation import PROPAGATIONS
from ava_np.models.step import Noise
from ava_np.models.terms import split_mean_logvar
from ava_np.network import Network
from ava_np.specification import PaperModel, TrainingSpecification
from ava_np.training.fit import fit
from ava_np.training.trainer import Trainer
from tests.models.small_models import draw, gradients, small, small_ava

NAMES = get_args(PaperModel)

every_ava = pytest.mark.parametrize("name", NAMES[1:])
every_model = pytest.mark.parametrize("name", NAMES)
every_propagation = pytest.mark.parametrize("propagation", PROPAGATIONS)


def make_constant(network: Network, probability: float) -> None:
    """Make a discriminator return the same probability of "real" for every input."""
    network.theta[:] = 0
    network.parameters[-1]["b"][:] = np.log(probability / (1 - probability))


def train_only(model: AVA, names: set[str], x: np.ndarray, r: Noise, steps: int) -> None:
    """Train only the named networks with Adam, with the same pictures and the same noise in every step."""
    model.networks = {name: network for name, network in model.networks.items() if name in names}
    trainer = Trainer(model, TrainingSpecification("adam", 0.01, "sum", len(x), epochs=1, seed=0))
    for _ in range(steps):
        trainer.step(x, r)


# Discriminators


@pytest.mark.parametrize(("name", "real", "fake"), [("ava1", "d", "d_"), ("ava3", "D", "D_")])
@every_propagation
def test_discriminators_learn_to_call_data_real_and_decoded_data_fake(
    name: str, real: str, fake: str, propagation: str
) -> None:
    """(7) and (13): after training on separable data, d(x) > 1/2 > d(x') for every picture."""
    model = small_ava(name, propagation, shape=(4, 4, 1), latent=8, hidden=(16,))
    x, r = draw(model, 4)
    x[:, ::2] = 0  # stripes, which no untrained decoder produces
    train_only(model, {"discriminator", "encoding_discriminator"}, x, r, steps=200)
    logits = model.forward_values(x, r)
    assert logits[real].min() > 0 > logits[fake].max()


@pytest.mark.parametrize("letter", ["Ψ", "Λ"])
@every_propagation
def test_a_discriminator_gets_no_gradient_from_the_error_it_propagates(propagation: str, letter: str) -> None:
    """The star in the paper's Ψ* and Λ* means this."""
    model = small_ava("ava5", propagation)
    network: Network = getattr(model, letter)
    buffers, δ = network.buffers(3), np.zeros((3, *network.input_shape))
    network.forward(buffers, np.random.default_rng(0).normal(size=δ.shape))
    network.gradient.write(np.arange(network.theta.size))
    model.add_adversarial_error(δ, network, buffers)
    np.testing.assert_array_equal(network.gradient.read(), np.arange(network.theta.size))
    assert np.all(δ != 0)


def test_6_pushes_every_pixel_brighter_by_the_same_amount() -> None:
    """The causal error is d(x') at all m neurons. The true error, through the weights of Ψ, has both signs."""
    for seed in range(5):
        paper, exact = (small_ava("ava1", propagation, seed=seed) for propagation in ("paper", "exact"))
        x_ = draw(paper, 4, seed)[0]
        errors = []
        for model in (paper, exact):
            buffers, δ = model.Ψ.buffers(4), np.zeros_like(x_)
            t = model.Ψ.forward(buffers, x_).copy()
            model.add_adversarial_error(δ, model.Ψ, buffers)
            errors.append(-δ)  # (6) adds the opposite of what is descended
        np.testing.assert_allclose(errors[0], np.tile(1 / (1 + np.exp(-t)), model.neurons), rtol=1e-12)
        assert np.all(errors[0] > 0)
        assert errors[1].min() < 0 < errors[1].max()


@pytest.mark.parametrize("c", [0.2, 0.5])
def test_6_converges_to_the_mean_image_plus_d(c: float) -> None:
    """If d(x') = c is constant, x' converges to the mean of x plus c, if that is below 1."""
    model = small_ava("ava1", "paper", shape=(4, 4, 1), hidden=(16,))
    pictures = 0.1 + 0.3 * np.random.default_rng(0).random((4, 4, 4, 1))
    make_constant(model.Ψ, c)
    del model.networks["discriminator"]
    fit(model, pictures, epochs=1000, learning_rate=0.01)
    assert np.abs(model.reconstruct(pictures) - (pictures.mean(axis=0) + c)).max() < 0.05


@pytest.mark.parametrize(("brightness", "sign"), [(0.95, 1), (0.05, -1)])
@every_propagation
def test_10_follows_the_sign_of_the_brightness_error(propagation: str, brightness: float, sign: int) -> None:
    """At d = 1/2, (10) moves Ψ towards "real" if x' is too dark and towards "fake" if it is too bright.

    (7) does neither.
    """
    biases = []
    for name in ("ava1", "ava2"):
        model = small_ava(name, propagation)
        make_constant(model.Ψ, 0.5)
        x, r = np.full((1, model.neurons), brightness), {"r": np.zeros((1, 2))}
        biases.append(-gradients(model, x, r)["discriminator"][-1])
    e = model.detached(x, r)["e"].item()
    assert biases == pytest.approx([0, e / 4], abs=1e-12)
    assert np.sign(e) == sign


@pytest.mark.parametrize(("brightness", "name"), [(0.95, "ava1"), (0.95, "ava2"), (0.05, "ava2")])
def test_10_converges_to_d_equal_to_1_minus_1_over_e(brightness: float, name: str) -> None:
    """This holds if e > 1. Otherwise d(x') converges to 0, as with (7). The data are called real in each case."""
    model = small_ava(name, "paper", shape=(8, 8, 1), hidden=(16,))
    x, r = np.full((1, 64), brightness), {"r": np.zeros((1, 2))}
    train_only(model, {"discriminator"}, x, r, steps=400)
    detached, d = model.detached(x, r), model.forward_values(x, r)["d"].item()
    e = detached["e"].item()
    assert e > 4 if brightness > 0.5 else e < -4
    expected = 1 - 1 / e if name == "ava2" and e > 1 else 0
    assert detached["c"].item() == pytest.approx(expected, abs=1e-3)
    assert d > 4


# Results of training


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Four random pictures: without a different code for each, they cannot be told apart."""
    return np.random.default_rng(0).random((4, 12, 12, 1), dtype=np.float32)


def trained(name: str, propagation: str, pictures: np.ndarray) -> tuple[AVA | VAE, float]:
    """Train a new model; return it, and its reconstruction error relative to the error of the mean image."""
    model = build(name, pictures.shape[1:], propagation=propagation, latent=4, hidden=(32,))
    assert isinstance(model, AVA | VAE)
    fit(model, pictures, epochs=600, learning_rate=0.005)
    mean = np.broadcast_to(pictures.mean(axis=0), pictures.shape)
    return model, reconstruction_error(pictures, model.reconstruct(pictures)) / reconstruction_error(pictures, mean)


@every_model
def test_exact_propagation_learns_to_reconstruct_each_picture(name: str, pictures: np.ndarray) -> None:
    model, error = trained(name, "exact", pictures)
    assert error < 0.5
    assert np.ptp(model.encode(pictures), axis=0).max() > 1


@every_model
def test_paper_propagation_reconstructs_every_picture_as_the_mean_image(name: str, pictures: np.ndarray) -> None:
    """(5) and (14) give every picture the same code, and the mean image is the best reconstruction without a code."""
    model, error = trained(name, "paper", pictures)
    assert 0.95 < error < 1.15
    assert np.ptp(model.encode(pictures), axis=0).max() < 0.2


def test_5_drives_every_code_to_the_prior(pictures: np.ndarray) -> None:
    """μ = 0 and Σ = 1 for every picture, and x' is the mean image."""
    model, _ = trained("vae", "paper", pictures)
    μ, s = split_mean_logvar(model.Θ.forward(model.Θ.buffers(4), pictures.reshape(4, -1)))
    np.testing.assert_allclose(μ, 0, atol=0.01)
    np.testing.assert_allclose(np.exp(s), 1, atol=0.01)
    np.testing.assert_allclose(model.reconstruct(pictures), pictures.mean(axis=0)[None].repeat(4, 0), atol=0.1)


@pytest.mark.parametrize("C", [0.2, 0.8])
def test_14_drives_every_neuron_of_the_code_to_the_same_value(C: float, pictures: np.ndarray) -> None:
    """If D(μ(x')) = C is constant, μ[k] converges to C and Σ to 1, for every picture and every k."""
    model = small_ava("ava3", "paper", shape=(12, 12, 1), latent=4, hidden=(16,))
    make_constant(model.Λ, C)
    del model.networks["encoding_discriminator"]
    fit(model, pictures, epochs=600, learning_rate=0.01)
    values = model.forward_values(pictures.reshape(4, -1), {"r": np.zeros((4, 4))})
    np.testing.assert_allclose(values["μ"], C, atol=0.01)
    np.testing.assert_allclose(np.exp(values["s"]), 1, atol=0.01)


def test_zooming_out_first_changes_the_squared_error_by_a_factor_and_a_constant() -> None:
    """½‖x - zoom_in(x')‖² = k² · ½‖zoom_out(x) - x'‖² + ½‖x - zoom_in(zoom_out(x))‖²."""
    generator, k = np.random.default_rng(0), 3
    x = generator.random((2, 4 * k, 5 * k, 3))
    lost = np.sum((x - zoom_in(zoom_out(x, k), k)) ** 2) / 2
    for _ in range(3):
        x_ = generator.random((2, 4, 5, 3))
        full, zoomed = np.sum((x - zoom_in(x_, k)) ** 2) / 2, np.sum((zoom_out(x, k) - x_) ** 2) / 2
        assert full == pytest.approx(k**2 * zoomed + lost, rel=1e-12)


def faint(pictures: np.ndarray, likelihood: str) -> float:
    """Return the error of a VAE on pictures of little contrast, relative to the error of the mean image."""
    model = build("vae", pictures.shape[1:], latent=4, hidden=(32,), likelihood=likelihood)
    x = 0.5 + 0.1 * (pictures - 0.5)
    fit(model, x, epochs=600, learning_rate=0.005)
    mean = np.broadcast_to(x.mean(axis=0), x.shape)
    return reconstruction_error(x, model.reconstruct(x)) / reconstruction_error(x, mean)


def test_a_calibrated_code_does_not_depend_on_the_contrast(pictures: np.ndarray) -> None:
    """With unit variance, the code of a faint picture costs more nats than it saves: every picture is the mean."""
    assert faint(pictures, "gaussian") > 0.9
    assert faint(pictures, "calibrated") < 0.5


@every_ava
def test_where_discriminators_are_sure_only_the_saturating_error_vanishes(name: str) -> None:
    """At a logit t = -20, log(1 - d) has the slope e^t, and -log d the slope 1 - e^t."""
    errors = {}
    for saturating in (True, False):
        model = small_ava(name, "exact", saturating=saturating)
        network = model.Ψ if model.variant.discriminator else model.Λ
        buffers, δ = network.buffers(3), np.zeros((3, *network.input_shape))
        network.parameters[-1]["b"][:] = -20
        t = network.forward(buffers, np.zeros_like(δ))
        model.add_adversarial_error(δ, network, buffers)
        slope = network.backward_input(buffers, np.ones_like(t))
        errors[saturating] = -δ / slope
        assert t.max() < -18
    np.testing.assert_allclose(errors[True], np.exp(t) / (1 + np.exp(t)) * np.ones_like(δ), rtol=1e-9)
    np.testing.assert_allclose(errors[False], 1 / (1 + np.exp(t)) * np.ones_like(δ), rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "weight"),
    [(name, "adversarial_weight") for name in ("ava1", "ava2", "ava5")]
    + [(name, "encoding_adversarial_weight") for name in ("ava3", "ava4", "ava5")],
)
def test_an_adversarial_weight_multiplies_one_error(name: str, weight: str) -> None:
    """Gradients of Θ and Φ are linear in a weight, and those of the discriminators do not depend on it."""

    def weighted(value: float) -> dict[str, np.ndarray]:
        options: dict[str, Any] = {weight: value}
        model = small(name, "exact", **options)
        return gradients(model, *draw(model, 3))

    zero, one, four = map(weighted, (0.0, 1.0, 4.0))
    for network in zero:
        np.testing.assert_allclose(four[network] - zero[network], 4 * (one[network] - zero[network]), atol=1e-12)
        assert np.any(one[network] != zero[network]) == (network in ("encoder", "decoder"))


def test_the_push_on_codes_goes_through_the_round_trip() -> None:
    """Λ adds -(1 - D) (∇T + Rᵀ ∇T) to the error of Θ's neurons μ, with R = ∂μ(x')/∂z."""
    model, without = (small_ava("ava3", "exact", saturating=False, encoding_adversarial_weight=λ) for λ in (1.0, 0.0))
    x, r = draw(model, 1)
    n, h = model.latent, 1e-6
    biases = [gradients(m, x, r)["encoder"][-2 * n : -n] for m in (model, without)]

    def code(z: np.ndarray) -> np.ndarray:
        """Return μ(x') of one code."""
        return model.Θ.forward(model.Θ.buffers(1), model.Φ.forward(model.Φ.buffers(1), z[None]))[0, :n].copy()

    def logit(μ_: np.ndarray) -> float:
        return float(model.Λ.forward(model.Λ.buffers(1), μ_[None])[0, 0])

    at = model.forward_values(x, r)
    z, μ_ = at["μ"][0] + np.exp(at["s"][0] / 2) * r["r"][0], at["μ_"][0]
    steps = h * np.eye(n)
    R = np.array([(code(z + step) - code(z - step)) / (2 * h) for step in steps]).T
    slope = np.array([(logit(μ_ + step) - logit(μ_ - step)) / (2 * h) for step in steps])
    fake = 1 / (1 + np.exp(at["D_"].item()))
    np.testing.assert_allclose(biases[0] - biases[1], -fake * (slope + R.T @ slope), rtol=1e-6)


def test_a_discriminator_that_sees_no_difference_pushes_codes_only_by_14() -> None:
    """If Λ is constant, exact propagation leaves Θ and Φ the gradients of a VAE, and (14) does not."""
    for propagation, pushes in (("exact", False), ("paper", True)):
        ava, vae = small_ava("ava3", propagation), small("vae", propagation)
        make_constant(ava.Λ, 0.5)
        x, r = draw(ava, 3)
        with_it, without = gradients(ava, x, r), gradients(vae, x, r)
        np.testing.assert_allclose(with_it["decoder"], without["decoder"], rtol=1e-12)
        assert np.allclose(with_it["encoder"], without["encoder"], rtol=1e-12) == (not pushes)


# Both propagations, both precisions, extreme values


@every_propagation
@every_model
def test_propagations_differ_where_the_paper_drops_a_path_and_only_there(name: str, propagation: str) -> None:
    """The angle between the gradients is nonzero for Θ, always, by (5), and for Φ with a discriminator, (6) and (12).

    It is 0 for Ψ and Λ, whose rules are the same in both: (7), (10), (13), (16).
    """
    model = small(name, propagation)
    angles = model.diagnostics(*draw(model, 4))["angle"]
    assert list(angles) == list(model.networks)
    assert 1 < angles["encoder"] < 180
    assert angles["decoder"] == 0 if name == "vae" else 1 < angles["decoder"] < 180
    assert {angles.get("discriminator", 0), angles.get("encoding_discriminator", 0)} == {0}
    assert model.propagation == propagation  # the diagnostics restore it


@every_propagation
@every_model
def test_single_precision_agrees_with_double(name: str, propagation: str) -> None:
    single = small(name, propagation, shape=(8, 8, 3), latent=4, hidden=(32, 16), dtype=np.float32)
    double = small(name, propagation, shape=(8, 8, 3), latent=4, hidden=(32, 16), dtype=np.float64)
    for network, array in double.networks.items():
        array.theta[:] = single.networks[network].theta
    x, noise = draw(single, 5)
    expected = gradients(double, x.astype(np.float64), {"r": noise["r"].astype(np.float64)})
    for network, gradient in gradients(single, x, noise).items():
        assert gradient.dtype == np.float32
        assert np.abs(gradient - expected[network]).max() < 1e-4 * np.abs(expected[network]).max()


@every_propagation
@pytest.mark.parametrize("name", NAMES[1:])
def test_gradients_leave_the_forward_values_unchanged(name: str, propagation: str) -> None:
    """Afterwards the buffers have the values of a forward pass alone, and a second pass doubles the gradients."""
    model, forward_only = small_ava(name, propagation), small_ava(name, propagation)
    x, r = draw(model, 3)
    once = gradients(model, x, r)
    expected, t = forward_only.forward_values(x, r), model.buffers(3, r)
    actual = {"μ": t.f.output[:, :2], "s": t.f.output[:, 2:], "x_": t.g.output}
    if model.variant.discriminator:
        actual |= {"d": t.d.output, "d_": t.d_.output}
    if model.variant.encoding_discriminator:
        actual |= {"μ_": t.f_.output[:, :2], "D": t.D.output, "D_": t.D_.output}
    for key, output in actual.items():
        np.testing.assert_allclose(output, expected[key], rtol=1e-12, err_msg=key)
    model.gradients(x, r)
    for network, gradient in once.items():
        np.testing.assert_allclose(model.networks[network].gradient.read(), 2 * gradient, rtol=1e-12)


@pytest.mark.parametrize("logit", [-200.0, 200.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_propagation
def test_a_saturated_discriminator_gives_finite_gradients(
    propagation: str, dtype: type[np.floating], logit: float
) -> None:
    """The printed a_d' / (1 - d) is 0/0 there. Computed from the logit it is 1, and the objective is the logit."""
    model = small_ava("ava5", propagation, dtype=dtype)
    x, r = draw(model, 3)
    for network in (model.Ψ, model.Λ):
        network.parameters[-1]["b"][:] = logit
    for gradient in gradients(model, x, r).values():
        assert np.isfinite(gradient).all()
        assert gradient.any()
    terms = model.gradients(x, r)
    for term in ("log_d", "log_D"):
        wrong, right = (f"{term}_fake", f"{term}_real") if logit > 0 else (f"{term}_real", f"{term}_fake")
        assert terms[wrong] == pytest.approx(-3 * 200, abs=20)
        assert terms[right] == pytest.approx(0, abs=1e-12)
