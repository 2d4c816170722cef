"""The distribution of the codes that samples are drawn from."""

from pathlib import Path

import numpy as np
import pytest

from ava_np.errors import NotFiniteError
from ava_np.models import build
from ava_np.models.codes import fit_codes
from ava_np.run.checkpoint import load_model, save_model
from ava_np.training.fit import fit


def test_drawn_codes_have_the_moments_of_the_aggregated_posterior() -> None:
    """The mean of N(μ(x), Σ(x)) over pictures: its covariance is that of μ plus the mean of Σ."""
    generator = np.random.default_rng(0)
    μ, variances = generator.normal(size=(500, 3)) @ generator.normal(size=(3, 3)) + 2, generator.random((500, 3))
    z = (μ[:, None] + np.sqrt(variances)[:, None] * generator.normal(size=(500, 200, 3))).reshape(-1, 3)
    drawn = fit_codes(μ, variances).draw(np.random.default_rng(1), 100_000)
    np.testing.assert_allclose(drawn.mean(axis=0), z.mean(axis=0), atol=0.05)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(z.T), atol=0.15)


def test_codes_that_follow_the_prior_are_drawn_from_it() -> None:
    """If every posterior is N(0, I), as after a collapse, nothing else is fitted."""
    fitted = fit_codes(np.zeros((10, 4)), np.ones((10, 4)))
    np.testing.assert_allclose(fitted.mean, 0, atol=1e-7)
    np.testing.assert_allclose(fitted.root, np.eye(4), atol=1e-6)


def test_a_variance_that_overflows_is_an_error_and_no_warning() -> None:
    model = build("vae", (2, 2, 1), latent=1, hidden=(3,))
    model.networks["encoder"].theta[-1] = 1000  # the bias of s
    with pytest.raises(NotFiniteError, match="variance"):
        model.fit_codes(np.zeros((3, 2, 2, 1)))


def test_one_picture_has_one_code() -> None:
    fitted = fit_codes(np.array([[1.0, 2.0]]))
    np.testing.assert_array_equal(fitted.draw(np.random.default_rng(0), 3), [[1, 2]] * 3)


def test_an_autoencoder_draws_what_it_has_learned() -> None:
    """Its codes lie far from N(0, I): samples from there are no pictures of the data, and fitted ones are."""
    x = np.random.default_rng(0).normal([5, -3], [0.3, 0.1], (500, 2)).astype(np.float32).reshape(500, 1, 2, 1)
    model = build("ae", (1, 2, 1), latent=2, hidden=(16,), output="linear")
    fit(model, x, epochs=60, batch_size=50, learning_rate=5e-3)
    fitted, prior = (model.sample(2000, 0, from_prior=value).reshape(-1, 2) for value in (False, True))
    np.testing.assert_allclose(fitted.mean(axis=0), [5, -3], atol=0.1)
    np.testing.assert_allclose(fitted.std(axis=0), [0.3, 0.1], atol=0.1)
    assert np.abs(prior.mean(axis=0) - [5, -3]).max() > 0.5 or np.abs(prior.std(axis=0) - [0.3, 0.1]).max() > 0.5


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *(
            (name, {})
            for name in ("ae", "vae", "ava5", "aae", "vae-gan-costs", "vaegan", "vae-gan-sum", "avb", "alphagan")
        ),
        ("vae", {"propagation": "paper"}),
        ("aae", {"prior": "gamma"}),
    ],
)
def test_the_distribution_is_saved_with_the_model(name: str, options: dict[str, str], tmp_path: Path) -> None:
    """With the paper's propagation, samples stay those of N(0, I), and with a chosen prior, those of the prior."""
    model = build(name, (4, 4, 1), latent=2, hidden=(8,), **options)  # type: ignore[arg-type]
    fit(model, np.random.default_rng(0).random((20, 4, 4, 1), dtype=np.float32), epochs=1)
    assert (model.codes is None) == bool(options)
    save_model(model, tmp_path / "model.safetensors")
    loaded = load_model(tmp_path)
    for from_prior in (False, True):
        np.testing.assert_array_equal(
            loaded.sample(5, 0, from_prior=from_prior), model.sample(5, 0, from_prior=from_prior)
        )
    assert np.array_equal(model.sample(5, 0), model.sample(5, 0, from_prior=True)) == bool(options)


def test_codes_of_an_avb_are_drawn_with_their_noise() -> None:
    """Its encoder reads noise: the code without noise, which ``encode`` returns, varies less than the codes do."""
    model = build("avb", (4, 4, 1), latent=2, hidden=(8,), seed=1)
    x = np.full((2000, 4, 4, 1), 0.5, np.float32)  # one picture: only the noise differs
    model.fit_codes(x)
    assert np.ptp(model.encode(x), axis=0).max() < 1e-6
    z = model._code_moments(x)[0]
    assert model.codes is not None
    np.testing.assert_allclose(model.codes.mean, z.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(model.codes.root @ model.codes.root, np.cov(z.T, bias=True), rtol=1e-3)
    assert z.std(axis=0).min() > 0.01


@pytest.mark.parametrize("name", ["gan", "dcgan", "bigan"])
def test_models_that_learn_from_their_prior_draw_from_it(name: str) -> None:
    model = build(name, (4, 4, 1), latent=2, hidden=(8,))
    model.fit_codes(np.zeros((20, 4, 4, 1), np.float32))
    assert model.codes is None
