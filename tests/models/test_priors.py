"""The priors of an adversarial autoencoder: moments, shapes, custom functions, and error messages."""

import math
from typing import Any

import numpy as np
import pytest

from ava_np.errors import ArchitectureError, AvaError, OptionError
from ava_np.models import AAE, build
from ava_np.models.priors import PRIORS, named_prior

COUNT = 100_000
SHAPE = (3, 2, 1)


def draw_codes(name: str, latent: int = 2) -> np.ndarray:
    """Draw ``COUNT`` codes from a named prior."""
    return named_prior(name, latent)(np.random.default_rng(0), COUNT, latent)


def assert_mean(values: np.ndarray, expected: float) -> None:
    """Assert that the mean is as expected, within five standard errors."""
    assert abs(values.mean() - expected) < 5 * values.std() / math.sqrt(len(values))


@pytest.mark.parametrize(
    ("name", "latent", "mean", "variance"),
    [("normal", 3, 0, 1), ("uniform", 3, 0, 1 / 3), ("gamma", 3, 2, 2), ("mixture", 2, 0, 8 + 0.25**2)],
)
def test_priors_have_the_documented_mean_and_variance(name: str, latent: int, mean: float, variance: float) -> None:
    """Every coordinate has the given mean and variance, and no two coordinates are correlated."""
    z = draw_codes(name, latent)
    assert z.shape == (COUNT, latent)
    for i in range(latent):
        assert_mean(z[:, i], mean)
        assert_mean((z[:, i] - mean) ** 2, variance)
        for j in range(i):
            assert_mean((z[:, i] - mean) * (z[:, j] - mean), 0)


def test_third_and_fourth_moments_match_the_distributions() -> None:
    """E z⁴ is 3 for the normal and 1/5 for the uniform distribution; E (z - 2)³ is 4 for the gamma distribution."""
    assert_mean(draw_codes("normal", 1)[:, 0] ** 4, 3)
    assert_mean(draw_codes("uniform", 1)[:, 0] ** 4, 1 / 5)
    assert_mean((draw_codes("gamma", 1)[:, 0] - 2) ** 3, 4)
    assert draw_codes("gamma", 1).min() > 0
    assert np.abs(draw_codes("uniform", 1)).max() <= 1


def test_mixture_has_ten_equal_components_on_a_circle() -> None:
    """E |z|² = 4² + 2 · 0.25², and each component has a tenth of the codes."""
    z = draw_codes("mixture")
    assert_mean((z**2).sum(axis=1), 16 + 2 * 0.25**2)
    angles = 2 * math.pi * np.arange(10) / 10
    centres = 4 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    distances = np.linalg.norm(z[:, None] - centres, axis=2)
    for i in range(10):
        component = z[distances.argmin(axis=1) == i]
        assert len(component) / COUNT == pytest.approx(0.1, abs=0.005)
        np.testing.assert_allclose(component.mean(axis=0), centres[i], atol=0.02)
        np.testing.assert_allclose(component.std(axis=0), 0.25, atol=0.01)


def test_swiss_roll_makes_one_and_a_half_turns() -> None:
    """The radius at angle t is t / 3, with t uniform in [1.5 π, 4.5 π]."""
    z, first, last = draw_codes("swiss-roll"), 1.5 * math.pi, 4.5 * math.pi
    mean_square = (last**3 - first**3) / (3 * (last - first))
    assert_mean((z**2).sum(axis=1), mean_square / 9 + 2 * 0.1**2)
    radius = np.linalg.norm(z, axis=1)
    assert radius.min() == pytest.approx(first / 3, abs=0.6)
    assert radius.max() == pytest.approx(last / 3, abs=0.6)
    difference = 3 * radius - np.arctan2(z[:, 1], z[:, 0])  # a multiple of 2 π, up to the noise
    assert np.cos(difference).mean() > 0.93
    assert abs(np.sin(difference).mean()) < 0.01
    for coordinate in (z[:, 0], z[:, 1]):
        assert coordinate.min() < -1.5 < 1.5 < coordinate.max()


@pytest.mark.parametrize("name", PRIORS)
def test_training_and_sampling_draw_codes_from_the_chosen_prior(name: str) -> None:
    for model_name in ("aae", "vae-gan-costs"):
        model = build(model_name, SHAPE, latent=2, prior=name)
        expected = PRIORS[name](np.random.default_rng(3), 5, 2)
        np.testing.assert_array_equal(model.prior(np.random.default_rng(3), 5), expected)
        noise = model.noise(np.random.default_rng(3), 5)
        np.testing.assert_array_equal(noise["z_p"], expected.astype(np.float32))
        sampled = model.sample(5, np.random.default_rng(3))
        np.testing.assert_array_equal(sampled, model.decode(expected))


@pytest.mark.parametrize("name", ["mixture", "swiss-roll"])
def test_a_planar_prior_requires_codes_of_length_2(name: str) -> None:
    with pytest.raises(ArchitectureError, match=f"^the {name} prior lies in the plane, .*: take --latent 2$"):
        build("aae", SHAPE, latent=3, prior=name)


@pytest.mark.parametrize(
    "prior",
    [
        lambda generator, count, latent: generator.normal(size=(count, latent + 1)),
        lambda generator, count, latent: generator.normal(size=count),
        lambda generator, count, latent: generator.normal(size=(latent, count)),
        lambda generator, count, latent: np.full((count, latent), np.nan),
    ],
    ids=["too long", "one-dimensional", "transposed", "not finite"],
)
def test_a_prior_function_that_returns_no_codes_is_rejected_in_one_line(prior: Any) -> None:
    with pytest.raises(
        ArchitectureError, match=r"^the prior must return 3 finite codes of length 2 .*; it returned .*$"
    ):
        build("aae", SHAPE, latent=2, prior=prior)


@pytest.mark.parametrize("kind", [np.asarray, np.ndarray.tolist, np.float32], ids=["array", "list", "float32"])
def test_a_custom_function_can_be_the_prior(kind: Any) -> None:
    model = build("aae", SHAPE, latent=2, prior=lambda generator, count, latent: kind(np.full((count, latent), 7.0)))
    np.testing.assert_array_equal(model.noise(np.random.default_rng(0), 4)["z_p"], np.full((4, 2), 7, np.float32))
    assert model.sample(4, np.random.default_rng(0)).shape == (4, *SHAPE)


def test_a_prior_function_that_is_not_stored_must_be_set_again() -> None:
    """A model built from a specification with a "function" raises until ``prior_function`` is set."""
    model = build("aae", SHAPE, latent=2, prior="function")
    assert isinstance(model, AAE)
    with pytest.raises(AvaError, match=r"^this model's prior is a function, .*: set model\.prior_function to it$"):
        model.sample(4, np.random.default_rng(0))
    model.prior_function = PRIORS["gamma"]
    assert model.sample(4, np.random.default_rng(0)).shape == (4, *SHAPE)


def test_a_gan_takes_its_codes_from_a_uniform_prior() -> None:
    """In training and in samples; the default is N(0, I), which exceeds 1."""
    uniform = build("gan", (4, 4, 1), latent=5, prior="uniform")
    normal = build("gan", (4, 4, 1), latent=5)
    for model, inside in ((uniform, True), (normal, False)):
        noise = model.noise(np.random.default_rng(0), 1000)
        for codes in (noise["z1"], noise["z2"], model.prior(np.random.default_rng(0), 1000)):
            assert (abs(codes).max() <= 1) == inside
    assert uniform.prior(np.random.default_rng(0), 100_000).var() == pytest.approx(1 / 3, rel=0.01)


def test_a_cascade_has_no_prior_of_its_own() -> None:
    with pytest.raises(OptionError, match="VAE"):
        build("cascade", (8, 8, 1), vae=build("vae", (8, 8, 1), latent=3), prior="uniform")
