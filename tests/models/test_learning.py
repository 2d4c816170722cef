"""Every model of the family must learn what it is for, on tasks small enough to know the answer.

A wrong update passes a gradient check if its objective is wrong too; it does not pass these.
"""

import numpy as np
import pytest

from ava_np.data.toys import draw_toy, mode_coverage
from ava_np.evaluation.metrics import reconstruction_error
from ava_np.models import build
from ava_np.models.gan import GAN
from ava_np.models.priors import PRIORS
from ava_np.models.vaegan import VAEGAN
from ava_np.training.trainer import fit

PLANE = np.array([[1.5, 0.5], [-0.5, 1.0]])  # maps N(0, I) to a Gaussian that is neither round nor aligned


def rows(points: np.ndarray) -> np.ndarray:
    """Points (count, d) as pictures of d values."""
    return points.astype(np.float32).reshape(len(points), 1, -1, 1)


def dense(width: int) -> dict[str, object]:
    return {"layer": "dense", "width": width}


def activation(function: str) -> dict[str, object]:
    return {"layer": "activation", "function": function}


def test_the_autoencoder_learns_the_identity() -> None:
    """Of points in the plane through a code of two numbers, and of points that it has not seen."""
    generator = np.random.default_rng(0)
    seen, unseen = (rows(generator.normal(size=(count, 2)) @ PLANE) for count in (2048, 500))
    model = build("ae", (1, 2, 1), latent=2, hidden=(32,), output="linear")
    fit(model, seen, epochs=60, batch_size=64, learning_rate=3e-3, schedule="linear")
    assert np.mean((model.reconstruct(unseen) - unseen) ** 2) < 0.005 * unseen.var()


def test_a_bernoulli_autoencoder_reaches_the_entropy_of_its_pictures() -> None:
    """Four pictures, grey with probability p: the least cross-entropy is not 0 but their entropy."""
    pictures = np.array([0.1, 0.3, 0.6, 0.9], np.float32)[:, None, None, None] * np.ones((1, 4, 4, 1), np.float32)
    model = build("ae", (4, 4, 1), latent=1, hidden=(32,), likelihood="bernoulli")
    metrics = fit(model, pictures, epochs=800, batch_size=4, learning_rate=5e-3)
    entropy = float(-np.sum(pictures * np.log(pictures) + (1 - pictures) * np.log(1 - pictures))) / 4
    assert metrics[-1]["nats"]["reconstruction"] == pytest.approx(entropy, rel=0.01)


def test_a_linear_vae_reaches_the_known_bound_and_the_moments() -> None:
    """Probabilistic PCA (Tipping and Bishop 1999; Lucas et al. 2019).

    x ~ N(m, C) with C = W Wᵀ + I is the model's own family and its posterior is Gaussian, so the bound is tight: what
    is descended ends at ½ log det C + ½ d, and samples are N(m, C) less the decoder's unit noise.
    """
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    m, C = np.array([0.5, -1.0]), turn @ np.diag([5.0, 2.5]) @ turn.T
    x = rows(np.random.default_rng(0).multivariate_normal(m, C, 20000))
    m, C = x.reshape(-1, 2).mean(axis=0), np.cov(x.reshape(-1, 2).T)  # of what was drawn
    linear = {"encoder": [], "decoder": [dense(2)]}
    model = build("vae", (1, 2, 1), latent=2, architecture=linear, output="linear")
    metrics = fit(model, x, epochs=30, batch_size=100, learning_rate=0.01, schedule="linear")
    bound = metrics[-1]["nats"]["reconstruction"] + metrics[-1]["nats"]["kl"]
    assert bound == pytest.approx(0.5 * np.log(np.linalg.det(C)) + 1, rel=0.02)
    samples = model.sample(50000, np.random.default_rng(1)).reshape(-1, 2)
    np.testing.assert_allclose(samples.mean(axis=0), m, atol=0.1)
    np.testing.assert_allclose(np.cov(samples.T) + np.eye(2), C, atol=0.15)


@pytest.mark.parametrize("beta", [0.5, 4.0])
def test_β_is_the_price_of_the_code(beta: float) -> None:
    """One linear code of a Gaussian of variance v: it keeps v - β of it, and nothing where β > v."""
    x = rows(np.random.default_rng(0).normal(0, np.sqrt(3.0), (8000, 1)))
    model = build(
        "vae", (1, 1, 1), latent=1, architecture={"encoder": [], "decoder": [dense(1)]}, output="linear", beta=beta
    )
    fit(model, x, epochs=20, batch_size=100, learning_rate=0.02, schedule="linear")
    kept = model.sample(20000, np.random.default_rng(1)).var()
    assert kept == pytest.approx(max(3 - beta, 0), abs=0.25)


@pytest.mark.parametrize("seed", range(3))
def test_the_gan_finds_the_ring(seed: int) -> None:
    """All eight modes, and most samples within three deviations of one."""
    x = draw_toy("ring", 10000, np.random.default_rng(0))
    model = build("gan", x.shape[1:], latent=2, hidden=(128, 128), output="linear", smoothing=0.1, seed=seed)
    fit(model, x, epochs=100, batch_size=256, learning_rate=2e-3, momentum=0.9, schedule="linear", seed=seed)
    found = mode_coverage("ring", model.sample(2000, np.random.default_rng(9)).reshape(-1, 2))
    assert found.modes_found >= 7
    assert found.good_fraction > 0.5


def test_minibatch_discrimination_widens_the_samples() -> None:
    """On N(4, 0.5²), softplus in the generator, three layers of tanh in the discriminator, plain descent of the sum.

    Without it samples gather about the mean in most trainings, with it they keep the width; medians over five seeds.
    """

    def samples(seed: int, *, between: bool) -> np.ndarray:
        looks = [{"layer": "minibatch_discrimination", "features": 5, "width": 3}] if between else []
        judge = [{"layer": "flatten"}, *(part for _ in range(2) for part in (dense(8), activation("tanh")))]
        networks = {
            "decoder": [dense(4), activation("softplus"), dense(1)],
            "discriminator": [*judge, *looks, dense(8), activation("tanh")],
        }
        model = build("gan", (1, 1, 1), latent=1, architecture=networks, output="linear", seed=seed)
        fit(model, x, epochs=8, batch_size=8, optimiser="sgd", learning_rate=0.01, reduction="sum", seed=seed)
        return model.sample(2000, np.random.default_rng(9)).ravel()

    x = draw_toy("gaussian", 4000, np.random.default_rng(0))
    without, with_it = (np.array([samples(seed, between=between) for seed in range(5)]) for between in (False, True))
    assert np.abs(np.median(with_it.mean(axis=1)) - 4) < 0.3
    assert np.median(with_it.std(axis=1)) > 1.25 * np.median(without.std(axis=1))


def same_distribution(a: np.ndarray, b: np.ndarray) -> float:
    """p-value of the energy distance between two samples (Székely and Rizzo 2013), by permutation."""
    both, n, generator = np.concatenate([a, b]), len(a), np.random.default_rng(0)
    distances = np.linalg.norm(both[:, None] - both[None], axis=-1)

    def energy(order: np.ndarray) -> float:
        one, other = order[:n], order[n:]
        between, within = distances[np.ix_(one, other)].mean(), distances[np.ix_(one, one)].mean()
        return float(2 * between - within - distances[np.ix_(other, other)].mean())

    found = energy(np.arange(2 * n))
    return float(np.mean([energy(generator.permutation(2 * n)) >= found for _ in range(300)]))


@pytest.mark.parametrize("prior", PRIORS)
def test_the_codes_of_an_aae_pass_for_its_prior(prior: str) -> None:
    """Codes of data that it has not seen, in a two-sample test at the level of 1%; before, no code passes."""
    seen, unseen = (rows(np.random.default_rng(seed).normal(size=(count, 4))) for seed, count in ((1, 4096), (2, 100)))
    model = build("aae", (1, 4, 1), latent=2, prior=prior, hidden=(128, 128), output="linear")
    drawn = PRIORS[prior](np.random.default_rng(3), 100, 2)
    assert same_distribution(model.encode(unseen), drawn) == 0
    fit(model, seen, epochs=250, batch_size=128, learning_rate=2e-3, momentum=0.5, schedule="linear")
    assert same_distribution(model.encode(unseen), drawn) > 0.01
    assert np.mean((model.reconstruct(unseen) - unseen) ** 2) < 0.6 * unseen.var()  # the code is used: 2 of 4 numbers


def test_bigan_recovers_the_code_of_what_it_generates() -> None:
    """E(G(z)) is nearer to z than to the codes of others: a mean rank of 0 would be perfect, 0.5 is chance."""
    generator = np.random.default_rng(0)
    x = rows(np.tanh(generator.normal(size=(4096, 2)) @ generator.normal(size=(2, 8))))
    model = build("bigan", (1, 8, 1), latent=2, hidden=(64,), output="linear")
    z = np.random.default_rng(5).normal(size=(500, 2))

    def rank() -> float:
        distances = np.linalg.norm(model.encode(model.decode(z))[:, None] - z[None], axis=-1)
        return float(np.mean(distances < np.diag(distances)[:, None]))

    assert rank() > 0.2
    fit(model, x, epochs=60, batch_size=128, learning_rate=1e-3)
    assert rank() < 0.08


def bars(count: int, seed: int) -> np.ndarray:
    """Pictures of 8 x 8 with one bright row and one bright column, (count, 8, 8, 1)."""
    generator = np.random.default_rng(seed)
    pictures = np.full((count, 8, 8, 1), 0.1, np.float32)
    for picture, row, column in zip(pictures, *generator.integers(8, size=(2, count)), strict=True):
        picture[row], picture[:, column] = 0.9, 0.9
    return pictures


def test_the_vaegan_reconstructs_and_its_discriminator_is_not_starved() -> None:
    """It shows bars back though no error of pixels is ever formed, and Dis still tells pictures from samples."""
    seen, unseen = bars(2048, 0), bars(200, 1)
    model = build("vaegan", (8, 8, 1), latent=8, hidden=(64,))
    assert isinstance(model, VAEGAN)
    metrics = fit(model, seen, epochs=60, batch_size=64, learning_rate=1e-3)
    mean = np.broadcast_to(seen.mean(axis=0), unseen.shape)
    assert reconstruction_error(unseen, model.reconstruct(unseen)) < 0.5 * reconstruction_error(unseen, mean)
    nats = metrics[-1]["nats"]
    assert -1.5 < nats["log_d_real"] < -0.02
    assert -1.5 < nats["log_d_fake"] < -0.02
    assert metrics[-1]["gradient_norm"]["discriminator"] > 1e-2


def test_dcgan_samples_are_pictures_of_its_kind() -> None:
    """Convolutions with batch norm: bars have few bright pixels, in rows and columns, and samples do too."""
    seen = bars(1024, 0)
    model = build("dcgan", (8, 8, 1), latent=16, hidden=(16, 32))
    assert isinstance(model, GAN)

    def unlike_bars(pictures: np.ndarray) -> float:
        nearest = np.abs(pictures[:, None] - bars(500, 4)[None]).mean(axis=(2, 3, 4)).min(axis=1)
        return float(np.median(nearest))

    fit(model, seen, epochs=120, batch_size=64, learning_rate=1e-3)
    samples = model.sample(200, np.random.default_rng(3))
    shuffled = np.random.default_rng(0).permuted(seen[:200].reshape(200, -1), axis=1).reshape(-1, 8, 8, 1)
    assert unlike_bars(samples) < 0.75 * unlike_bars(shuffled)
    assert samples.std(axis=0).mean() > 0.7 * seen.std(axis=0).mean()
