"""What the models' rules mean and where they lead, which no gradient check can see."""

from typing import get_args

import numpy as np
import pytest

from ava_np.data.zoom import zoom_in, zoom_out
from ava_np.evaluation.metrics import reconstruction_error
from ava_np.models import AVA, VAE, build
from ava_np.models.base import Noise
from ava_np.models.propagation import PROPAGATIONS
from ava_np.models.terms import split_mean_logvar
from ava_np.network import Network
from ava_np.specification import PaperModel, TrainingSpecification
from ava_np.training.trainer import Trainer, fit
from tests.models import draw, gradients, small, small_ava

NAMES = get_args(PaperModel)

every_model = pytest.mark.parametrize("name", NAMES)
every_propagation = pytest.mark.parametrize("propagation", PROPAGATIONS)


def settle(network: Network, probability: float) -> None:
    """Give a discriminator one verdict for whatever it sees."""
    network.theta[:] = 0
    network.parameters[-1]["b"][:] = np.log(probability / (1 - probability))


def train_only(model: AVA, names: set[str], x: np.ndarray, r: Noise, steps: int) -> None:
    """Take Adam's steps with some of the networks, the same pictures and the same noise each time."""
    model.networks = {name: network for name, network in model.networks.items() if name in names}
    trainer = Trainer(model, TrainingSpecification("adam", 0.01, "sum", len(x), epochs=1, seed=0))
    for _ in range(steps):
        trainer.step(x, r)


# Discriminators


@pytest.mark.parametrize(("name", "real", "fake"), [("ava1", "d", "d_"), ("ava3", "D", "D_")])
@every_propagation
def test_the_data_are_the_real_side(name: str, real: str, fake: str, propagation: str) -> None:
    """(7) and (13): a discriminator that learns from separable sides says d(x) > d(x'), for every picture."""
    model = small_ava(name, propagation, shape=(4, 4, 1), latent=8, hidden=(16,))
    x, r = draw(model, 4)
    x[:, ::2] = 0  # stripes, which no decoder has yet
    train_only(model, {"discriminator", "encoding_discriminator"}, x, r, steps=200)
    logits = model.forward_values(x, r)
    assert logits[real].min() > 0 > logits[fake].max()


@pytest.mark.parametrize("letter", ["Ψ", "Λ"])
@every_propagation
def test_a_discriminator_learns_nothing_from_the_error_that_it_hands_on(propagation: str, letter: str) -> None:
    """The star in the paper's Ψ* and Λ*."""
    model = small_ava("ava5", propagation)
    network: Network = getattr(model, letter)
    buffers, δ = network.buffers(3), np.zeros((3, *network.input_shape))
    network.forward(buffers, np.random.default_rng(0).normal(size=δ.shape))
    network.gradient.write(np.arange(network.theta.size))
    model.add_adversarial_error(δ, network, buffers)
    np.testing.assert_array_equal(network.gradient.read(), np.arange(network.theta.size))
    assert np.all(δ != 0)


def test_6_brightens_every_pixel_whatever_the_picture() -> None:
    """The causal error is d(x') at all m neurons; the true one, through Ψ's weights, has both signs."""
    for seed in range(5):
        paper, exact = (small_ava("ava1", propagation, seed=seed) for propagation in ("paper", "exact"))
        x_ = draw(paper, 4, seed)[0]
        errors = []
        for model in (paper, exact):
            buffers, δ = model.Ψ.buffers(4), np.zeros_like(x_)
            t = model.Ψ.forward(buffers, x_).copy()
            model.add_adversarial_error(δ, model.Ψ, buffers)
            errors.append(-δ)  # what is added, as printed
        np.testing.assert_allclose(errors[0], np.tile(1 / (1 + np.exp(-t)), model.neurons), rtol=1e-12)
        assert np.all(errors[0] > 0)
        assert errors[1].min() < 0 < errors[1].max()


@pytest.mark.parametrize("c", [0.2, 0.5])
def test_6_comes_to_rest_at_the_mean_image_plus_its_verdict(c: float) -> None:
    """With d(x') = c held: x' = mean of x + c, where that is below 1."""
    model = small_ava("ava1", "paper", shape=(4, 4, 1), hidden=(16,))
    pictures = 0.1 + 0.3 * np.random.default_rng(0).random((4, 4, 4, 1))
    settle(model.Ψ, c)
    del model.networks["discriminator"]
    fit(model, pictures, epochs=1000, learning_rate=0.01)
    assert np.abs(model.reconstruct(pictures) - (pictures.mean(axis=0) + c)).max() < 0.05


@pytest.mark.parametrize(("brightness", "sign"), [(0.95, 1), (0.05, -1)])
@every_propagation
def test_10_lets_the_sign_of_the_error_decide(propagation: str, brightness: float, sign: int) -> None:
    """An undecided Ψ is moved by (10) to call what is too dark real and what is too bright fake; (7) is indifferent."""
    biases = []
    for name in ("ava1", "ava2"):
        model = small_ava(name, propagation)
        settle(model.Ψ, 0.5)
        x, r = np.full((1, model.neurons), brightness), {"r": np.zeros((1, 2))}
        biases.append(-gradients(model, x, r)["discriminator"][-1])
    e = model.detached(x, r)["e"].item()
    assert biases == pytest.approx([0, e / 4], abs=1e-12)
    assert np.sign(e) == sign


@pytest.mark.parametrize(("brightness", "name"), [(0.95, "ava1"), (0.95, "ava2"), (0.05, "ava2")])
def test_10_drives_the_verdict_on_decoded_data_to_1_less_1_over_e(brightness: float, name: str) -> None:
    """Where e > 1; otherwise, as by (7) alone, to 0. The data are called real throughout."""
    model = small_ava(name, "paper", shape=(8, 8, 1), hidden=(16,))
    x, r = np.full((1, 64), brightness), {"r": np.zeros((1, 2))}
    train_only(model, {"discriminator"}, x, r, steps=400)
    held, d = model.detached(x, r), model.forward_values(x, r)["d"].item()
    e = held["e"].item()
    assert e > 4 if brightness > 0.5 else e < -4
    rest = 1 - 1 / e if name == "ava2" and e > 1 else 0
    assert held["c"].item() == pytest.approx(rest, abs=1e-3)
    assert d > 4


# Where training leads


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Four pictures without structure: nothing but a code of its own tells one from another."""
    return np.random.default_rng(0).random((4, 12, 12, 1), dtype=np.float32)


def trained(name: str, propagation: str, pictures: np.ndarray) -> tuple[AVA | VAE, float]:
    """Train a fresh model; return it and its own error relative to that of the mean image."""
    model = build(name, pictures.shape[1:], propagation=propagation, latent=4, hidden=(32,))
    assert isinstance(model, AVA | VAE)
    fit(model, pictures, epochs=600, learning_rate=0.005)
    mean = np.broadcast_to(pictures.mean(axis=0), pictures.shape)
    return model, reconstruction_error(pictures, model.reconstruct(pictures)) / reconstruction_error(pictures, mean)


@every_model
def test_exact_propagation_learns_to_show_each_picture(name: str, pictures: np.ndarray) -> None:
    model, error = trained(name, "exact", pictures)
    assert error < 0.5
    assert np.ptp(model.encode(pictures), axis=0).max() > 1


@every_model
def test_paper_propagation_shows_the_mean_image(name: str, pictures: np.ndarray) -> None:
    """(5) and (14) give every picture the same code, and the best answer to no information is the mean."""
    model, error = trained(name, "paper", pictures)
    assert 0.95 < error < 1.15
    assert np.ptp(model.encode(pictures), axis=0).max() < 0.2


def test_5_leads_the_code_to_the_prior(pictures: np.ndarray) -> None:
    """μ = 0 and Σ = 1 for every picture, so x' is the mean image."""
    model, _ = trained("vae", "paper", pictures)
    μ, s = split_mean_logvar(model.Θ.forward(model.Θ.buffers(4), pictures.reshape(4, -1)))
    np.testing.assert_allclose(μ, 0, atol=0.01)
    np.testing.assert_allclose(np.exp(s), 1, atol=0.01)
    np.testing.assert_allclose(model.reconstruct(pictures), pictures.mean(axis=0)[None].repeat(4, 0), atol=0.1)


@pytest.mark.parametrize("C", [0.2, 0.8])
def test_14_leads_every_neuron_of_the_code_to_the_same_verdict(C: float, pictures: np.ndarray) -> None:
    """With D(μ(x')) = C held: μ[k] = C and Σ = 1 for every picture and every k."""
    model = small_ava("ava3", "paper", shape=(12, 12, 1), latent=4, hidden=(16,))
    settle(model.Λ, C)
    del model.networks["encoding_discriminator"]
    fit(model, pictures, epochs=600, learning_rate=0.01)
    at = model.forward_values(pictures.reshape(4, -1), {"r": np.zeros((4, 4))})
    np.testing.assert_allclose(at["μ"], C, atol=0.01)
    np.testing.assert_allclose(np.exp(at["s"]), 1, atol=0.01)


def test_a_zoom_in_front_changes_the_squared_error_by_a_factor_and_a_constant() -> None:
    """½‖x - zoom_in(x')‖² = k² · ½‖zoom_out(x) - x'‖² + ½‖x - zoom_in(zoom_out(x))‖²."""
    generator, k = np.random.default_rng(0), 3
    x = generator.random((2, 4 * k, 5 * k, 3))
    lost = np.sum((x - zoom_in(zoom_out(x, k), k)) ** 2) / 2
    for _ in range(3):
        x_ = generator.random((2, 4, 5, 3))
        full, zoomed = np.sum((x - zoom_in(x_, k)) ** 2) / 2, np.sum((zoom_out(x, k) - x_) ** 2) / 2
        assert full == pytest.approx(k**2 * zoomed + lost, rel=1e-12)


# Both propagations, both precisions, far out


@every_propagation
@every_model
def test_propagations_part_where_the_paper_drops_a_path(name: str, propagation: str) -> None:
    """The angles: Θ always, (5); Φ where anything supervises, (6) and (12); never Ψ and Λ, (7), (10), (13), (16)."""
    model = small(name, propagation)
    angles = model.diagnostics(*draw(model, 4))["angle"]
    assert list(angles) == list(model.networks)
    assert 1 < angles["encoder"] < 180
    assert angles["decoder"] == 0 if name == "vae" else 1 < angles["decoder"] < 180
    assert {angles.get("discriminator", 0), angles.get("encoding_discriminator", 0)} == {0}
    assert model.propagation == propagation  # looking changes nothing


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
def test_a_step_back_leaves_the_forward_pass_as_it_was(name: str, propagation: str) -> None:
    """What the buffers hold after the gradients is what a pass forward alone leaves on them, and gradients are
    added."""
    model, alone = small_ava(name, propagation), small_ava(name, propagation)
    x, r = draw(model, 3)
    once = gradients(model, x, r)
    at, t = alone.forward_values(x, r), model.buffers(3, r)
    used = {"μ": t.f.output[:, :2], "s": t.f.output[:, 2:], "x_": t.g.output}
    if model.variant.discriminator:
        used |= {"d": t.d.output, "d_": t.d_.output}
    if model.variant.encoding_discriminator:
        used |= {"μ_": t.f_.output[:, :2], "D": t.D.output, "D_": t.D_.output}
    for key, output in used.items():
        np.testing.assert_allclose(output, at[key], rtol=1e-12, err_msg=key)
    model.gradients(x, r)
    for network, gradient in once.items():
        np.testing.assert_allclose(model.networks[network].gradient.read(), 2 * gradient, rtol=1e-12)


@pytest.mark.parametrize("logit", [-200.0, 200.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_propagation
def test_a_sure_discriminator_gives_finite_gradients(propagation: str, dtype: type[np.floating], logit: float) -> None:
    """Printed, a_d'/(1 - d) is 0/0 there; from the logit it is 1, and the objective is the logit itself."""
    model = small_ava("ava5", propagation, dtype=dtype)
    x, r = draw(model, 3)
    for network in (model.Ψ, model.Λ):
        network.parameters[-1]["b"][:] = logit
    found = gradients(model, x, r)
    assert all(np.isfinite(gradient).all() and gradient.any() for gradient in found.values())
    terms = model.gradients(x, r)
    for term in ("log_d", "log_D"):
        wrong, right = (f"{term}_fake", f"{term}_real") if logit > 0 else (f"{term}_real", f"{term}_fake")
        assert terms[wrong] == pytest.approx(-3 * 200, abs=20)
        assert terms[right] == pytest.approx(0, abs=1e-12)
