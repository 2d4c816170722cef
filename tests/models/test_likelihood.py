"""The likelihood of pictures: exact where a closed form is known, a bound elsewhere, and better with more samples."""

import math

import numpy as np
import pytest

import ava_np
from ava_np.errors import AvaError
from ava_np.models import Model, likelihood
from ava_np.models.likelihood import bits_per_dimension, decoder_variance, elbos, log_likelihoods

D, L = 6, 2
LINEAR = {"encoder": (), "decoder": ({"layer": "dense", "width": D},)}


def probabilistic_pca(σ2: float = 1.0, *, exact: bool = True) -> tuple[Model, np.ndarray]:
    """Return a linear VAE whose decoder is W z + b with orthogonal W, and the covariance W Wᵀ + σ² I of its pictures.

    Its true posterior is N(M⁻¹ Wᵀ (x - b), σ² M⁻¹), M = Wᵀ W + σ² I (Tipping and Bishop 1999, (9)): the encoder's, if
    ``exact``, and otherwise N(0, I).
    """
    model = ava_np.build("vae", (2, 3, 1), latent=L, architecture=LINEAR, output="linear", dtype=np.float64)
    directions = np.linalg.qr(np.random.default_rng(0).normal(size=(D, L)))[0]
    W, b = directions * [1.5, 0.7], np.linspace(0, 1, D)
    encoder, decoder = model.networks["encoder"].parameters[-1], model.networks["decoder"].parameters[0]
    decoder["W"][:], decoder["b"][:] = W if decoder["W"].shape == W.shape else W.T, b
    M = (W**2).sum(axis=0) + σ2
    E = np.concatenate([W / M, np.zeros((D, L))], axis=1) * exact
    encoder["W"][:] = E if encoder["W"].shape == E.shape else E.T
    encoder["b"][:] = np.concatenate([-(b @ W) / M, np.log(σ2 / M)]) * exact
    return model, W @ W.T + σ2 * np.eye(D)


def drawn(covariance: np.ndarray, count: int = 7) -> np.ndarray:
    """Draw pictures of the model."""
    x = np.random.default_rng(1).multivariate_normal(np.linspace(0, 1, D), covariance, count)
    return x.reshape(count, 2, 3, 1)


def normal_density(x: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Return log N(x; b, covariance)."""
    rows = x.reshape(len(x), D) - np.linspace(0, 1, D)
    quadratic = np.einsum("ni,ij,nj->n", rows, np.linalg.inv(covariance), rows)
    return -0.5 * (quadratic + np.linalg.slogdet(covariance)[1] + D * math.log(2 * math.pi))


@pytest.mark.parametrize("σ2", [1.0, 0.1])
def test_with_the_true_posterior_every_sample_gives_the_density(σ2: float) -> None:
    model, covariance = probabilistic_pca(σ2)
    x = drawn(covariance)
    for function in (log_likelihoods, elbos):
        for samples in (1, 5):
            found = function(model, x, samples=samples, variance=σ2)
            np.testing.assert_allclose(found, normal_density(x, covariance), rtol=1e-10)


def test_from_a_poor_posterior_more_samples_rise_to_the_density_and_the_bound_does_not() -> None:
    model, covariance = probabilistic_pca(exact=False)
    x = drawn(covariance)
    exact = normal_density(x, covariance).mean()
    few, many = (log_likelihoods(model, x, samples=k, variance=1.0).mean() for k in (1, 20_000))
    assert few < exact - 0.1
    assert abs(many - exact) < 0.02
    rows = x.reshape(len(x), D)
    W = model.networks["decoder"].parameters[0]["W"].reshape(-1)
    expected = -0.5 * (np.square(rows - np.linspace(0, 1, D)).sum(axis=1) + (W**2).sum() + D * math.log(2 * math.pi))
    np.testing.assert_allclose(elbos(model, x, samples=50_000, variance=1.0), expected, atol=0.1)  # of q = p(z)


def test_a_bernoulli_decoder_that_ignores_its_code_gives_the_entropy() -> None:
    model = ava_np.build("vae", (3, 3, 1), likelihood="bernoulli")
    probability = np.linspace(0.05, 0.95, 9)
    model.networks["decoder"].parameters[-2]["b"][:] = np.log(probability / (1 - probability))
    x = (np.random.default_rng(0).random((5, 9)) < probability).astype(np.float32)
    expected = (x * np.log(probability) + (1 - x) * np.log(1 - probability)).sum(axis=1)
    model.networks["encoder"].theta[:] = 0  # q = p(z)
    np.testing.assert_allclose(log_likelihoods(model, x.reshape(-1, 3, 3, 1), samples=3), expected, rtol=1e-5)


def test_the_bound_is_the_training_objective() -> None:
    model = ava_np.build("vae", (4, 4, 1), latent=3, likelihood="bernoulli", seed=1)
    x = (np.random.default_rng(0).random((6, 4, 4, 1)) < 0.3).astype(np.float32)
    ava_np.fit(model, x, epochs=3)
    rows = x.reshape(6, 16)
    noise = [model.noise(np.random.default_rng(i), 6) for i in range(2000)]
    objective = np.mean([model.objectives(rows, one, {})["encoder"] for one in noise]) / 6
    assert abs(objective + elbos(model, x, samples=2000).mean()) < 0.02


def test_pieces_do_not_matter_and_a_seed_gives_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    model, covariance = probabilistic_pca(exact=False)
    x = drawn(covariance)
    whole = log_likelihoods(model, x, samples=10, variance=1.0)
    seen: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        seen.append((done, total))

    monkeypatch.setattr(likelihood, "ROWS", 7)
    pieces = log_likelihoods(model, x, samples=10, variance=1.0, progress=progress)
    np.testing.assert_allclose(pieces, whole, rtol=1e-12)
    assert seen == [(i, 7) for i in range(1, 8)]
    assert not np.allclose(log_likelihoods(model, x, samples=10, variance=1.0, seed=1), whole)
    assert len(log_likelihoods(model, x[:0], samples=10, variance=1.0)) == 0


def test_the_variance_of_a_calibrated_decoder_maximises_the_likelihood_of_its_pictures() -> None:
    model = ava_np.build("vae", (4, 4, 1), latent=2, seed=3)
    x = np.random.default_rng(0).random((40, 4, 4, 1)).astype(np.float32)
    ava_np.fit(model, x, epochs=5)
    best = decoder_variance(model, x)
    found = [elbos(model, x, samples=1, variance=factor * best).mean() for factor in (0.8, 1.0, 1.25)]
    assert found[1] > max(found[0], found[2])


def test_what_has_no_likelihood_is_refused() -> None:
    x = np.zeros((1, 4, 4, 1), np.float32)
    for name in ("ae", "gan", "aae", "vaegan"):
        with pytest.raises(AvaError, match=f"{name} has no likelihood"):
            log_likelihoods(ava_np.build(name, (4, 4, 1)), x, samples=1)
    with pytest.raises(AvaError, match="calibrated"):
        elbos(ava_np.build("vae", (4, 4, 1)), x)
    with pytest.raises(ValueError, match="positive"):
        elbos(ava_np.build("vae", (4, 4, 1)), x, samples=0)
    with pytest.raises(AvaError, match="no distribution of codes"):
        ava_np.build("ae", (4, 4, 1)).posterior(x)


def test_a_variance_below_the_smallest_of_float32_is_not_0() -> None:
    model = ava_np.build("vae", (4, 4, 1), hidden=(5,), latent=2, likelihood="gaussian")
    head = model.networks["encoder"].parameters[-1]
    head["W"][:], head["b"][:] = 0, [0.5, -0.5, -200.0, -300.0]  # μ, log Σ
    x = np.full((3, 4, 4, 1), 0.5, np.float32)  # what the decoder gives at first
    divergence = 0.5 * (0.5**2 + 0.5**2 - 2 + 200 + 300)
    np.testing.assert_allclose(elbos(model, x, samples=5000), -8 * math.log(2 * math.pi) - divergence, atol=0.1)
    assert np.isfinite(log_likelihoods(model, x, samples=10)).all()


def test_bits_per_dimension() -> None:
    assert bits_per_dimension(-100.0, 10) == pytest.approx(100 / (10 * math.log(2)))


def test_the_method_of_a_model_is_the_function() -> None:
    model = ava_np.build("vae", (3, 3, 1), latent=2, hidden=(4,), likelihood="bernoulli")
    assert isinstance(model, likelihood.Probabilistic)
    x = np.random.default_rng(0).random((5, 3, 3, 1)).astype(np.float32)
    np.testing.assert_array_equal(model.log_likelihood(x, 7, seed=3), log_likelihoods(model, x, samples=7, seed=3))
    assert not hasattr(ava_np.build("gan", (3, 3, 1)), "log_likelihood")
