"""The priors of an adversarial autoencoder: their moments, their shapes, and what is refused."""

import math
from typing import Any

import numpy as np
import pytest

from ava_np.errors import ArchitectureError, AvaError
from ava_np.models import AAE, build
from ava_np.models.priors import PRIORS, named_prior

COUNT = 100_000
SHAPE = (3, 2, 1)


def drawn(name: str, latent: int = 2) -> np.ndarray:
    """Many codes."""
    return named_prior(name, latent)(np.random.default_rng(0), COUNT, latent)


def assert_mean(values: np.ndarray, expected: float) -> None:
    """Within five standard errors."""
    assert abs(values.mean() - expected) < 5 * values.std() / math.sqrt(len(values))


@pytest.mark.parametrize(
    ("name", "latent", "mean", "variance"),
    [("normal", 3, 0, 1), ("uniform", 3, 0, 1 / 3), ("gamma", 3, 2, 2), ("mixture", 2, 0, 8 + 0.25**2)],
)
def test_moments(name: str, latent: int, mean: float, variance: float) -> None:
    """Mean and variance of every coordinate, and no two of them are correlated."""
    z = drawn(name, latent)
    assert z.shape == (COUNT, latent)
    for i in range(latent):
        assert_mean(z[:, i], mean)
        assert_mean((z[:, i] - mean) ** 2, variance)
        for j in range(i):
            assert_mean((z[:, i] - mean) * (z[:, j] - mean), 0)


def test_the_third_and_fourth_moments_tell_the_shapes_apart() -> None:
    """E z⁴ = 3 of the normal and 1/5 of the uniform; E (z - 2)³ = 4 of the gamma."""
    assert_mean(drawn("normal", 1)[:, 0] ** 4, 3)
    assert_mean(drawn("uniform", 1)[:, 0] ** 4, 1 / 5)
    assert_mean((drawn("gamma", 1)[:, 0] - 2) ** 3, 4)
    assert drawn("gamma", 1).min() > 0
    assert np.abs(drawn("uniform", 1)).max() <= 1


def test_the_mixture_has_ten_equal_heaps_on_a_circle() -> None:
    """E |z|² = 4² + 2 · 0.25²; each heap has a tenth of the codes."""
    z = drawn("mixture")
    assert_mean((z**2).sum(axis=1), 16 + 2 * 0.25**2)
    turns = 2 * math.pi * np.arange(10) / 10
    centres = 4 * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    distances = np.linalg.norm(z[:, None] - centres, axis=2)
    for heap in range(10):
        own = z[distances.argmin(axis=1) == heap]
        assert len(own) / COUNT == pytest.approx(0.1, abs=0.005)
        np.testing.assert_allclose(own.mean(axis=0), centres[heap], atol=0.02)
        np.testing.assert_allclose(own.std(axis=0), 0.25, atol=0.01)


def test_the_swiss_roll_turns_once_and_a_half() -> None:
    """Radius t / 3 at angle t, for t uniform in [1.5 π, 4.5 π]."""
    z, first, last = drawn("swiss-roll"), 1.5 * math.pi, 4.5 * math.pi
    mean_square = (last**3 - first**3) / (3 * (last - first))
    assert_mean((z**2).sum(axis=1), mean_square / 9 + 2 * 0.1**2)
    radius = np.linalg.norm(z, axis=1)
    assert radius.min() == pytest.approx(first / 3, abs=0.6)
    assert radius.max() == pytest.approx(last / 3, abs=0.6)
    behind = 3 * radius - np.arctan2(z[:, 1], z[:, 0])  # a whole number of turns, but for the noise
    assert np.cos(behind).mean() > 0.93
    assert abs(np.sin(behind).mean()) < 0.01
    for coordinate in (z[:, 0], z[:, 1]):
        assert coordinate.min() < -1.5 < 1.5 < coordinate.max()


@pytest.mark.parametrize("name", PRIORS)
def test_codes_are_drawn_from_the_chosen_prior_in_training_and_in_sampling(name: str) -> None:
    for model_name in ("aae", "vae-gan-costs"):
        model = build(model_name, SHAPE, latent=2, prior=name)
        expected = PRIORS[name](np.random.default_rng(3), 5, 2)
        np.testing.assert_array_equal(model.prior(np.random.default_rng(3), 5), expected)
        noise = model.noise(np.random.default_rng(3), 5)
        np.testing.assert_array_equal(noise["z_p"], expected.astype(np.float32))
        sampled = model.sample(5, np.random.default_rng(3))
        np.testing.assert_array_equal(sampled, model.decode(expected))


@pytest.mark.parametrize("name", ["mixture", "swiss-roll"])
def test_a_prior_in_the_plane_needs_codes_in_the_plane(name: str) -> None:
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
    ids=["too long", "flat", "turned", "not finite"],
)
def test_a_function_that_gives_no_codes_is_refused_in_one_line(prior: Any) -> None:
    with pytest.raises(
        ArchitectureError, match=r"^the prior must return 3 finite codes of length 2 .*; it returned .*$"
    ):
        build("aae", SHAPE, latent=2, prior=prior)


@pytest.mark.parametrize("kind", [np.asarray, np.ndarray.tolist, np.float32], ids=["array", "list", "float32"])
def test_a_function_of_ones_own_is_the_prior(kind: Any) -> None:
    model = build("aae", SHAPE, latent=2, prior=lambda generator, count, latent: kind(np.full((count, latent), 7.0)))
    np.testing.assert_array_equal(model.noise(np.random.default_rng(0), 4)["z_p"], np.full((4, 2), 7, np.float32))
    assert model.sample(4, np.random.default_rng(0)).shape == (4, *SHAPE)


def test_a_file_does_not_hold_a_function() -> None:
    """A model that is read back asks for its prior, and takes it."""
    model = build("aae", SHAPE, latent=2, prior="function")
    assert isinstance(model, AAE)
    with pytest.raises(AvaError, match=r"^this model's prior is a function, .*: set model\.prior_function to it$"):
        model.sample(4, np.random.default_rng(0))
    model.prior_function = PRIORS["gamma"]
    assert model.sample(4, np.random.default_rng(0)).shape == (4, *SHAPE)
