"""Priors of codes, by name, for adversarial autoencoders.

normal      N(0, 1) in every dimension
uniform     [-1, 1] in every dimension
gamma       shape 2, scale 1 in every dimension: positive, with mean 2 and variance 2
mixture     ten Gaussians of deviation 0.25 on a circle of radius 4; in the plane
swiss-roll  (φ cos φ, φ sin φ) / 3 for φ uniform in [1.5 π, 4.5 π], with noise of deviation 0.1; in the plane
"""

import math
from collections.abc import Callable

import numpy as np

from ava_np.errors import ArchitectureError, AvaError

Prior = Callable[[np.random.Generator, int, int], np.ndarray]
"""``prior(generator, count, latent)`` returns codes (count, latent)."""

COMPONENTS, RADIUS, DEVIATION = 10, 4.0, 0.25


def normal(generator: np.random.Generator, count: int, latent: int) -> np.ndarray:
    """N(0, I)."""
    return generator.standard_normal((count, latent))


def uniform(generator: np.random.Generator, count: int, latent: int) -> np.ndarray:
    """Uniform in a cube of side 2 about 0."""
    return generator.uniform(-1, 1, (count, latent))


def gamma(generator: np.random.Generator, count: int, latent: int) -> np.ndarray:
    """Gamma of shape 2 and scale 1."""
    return generator.gamma(2.0, 1.0, (count, latent))


def mixture(generator: np.random.Generator, count: int, latent: int) -> np.ndarray:
    """Ten Gaussians on a circle."""
    turn = 2 * math.pi * generator.integers(COMPONENTS, size=count) / COMPONENTS
    centres = RADIUS * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return centres + DEVIATION * generator.standard_normal((count, 2))


def swiss_roll(generator: np.random.Generator, count: int, latent: int) -> np.ndarray:
    """A spiral in the plane."""
    φ = generator.uniform(1.5 * math.pi, 4.5 * math.pi, count)
    return np.stack([φ * np.cos(φ), φ * np.sin(φ)], axis=1) / 3 + 0.1 * generator.standard_normal((count, 2))


PRIORS: dict[str, Prior] = {
    "normal": normal,
    "uniform": uniform,
    "gamma": gamma,
    "mixture": mixture,
    "swiss-roll": swiss_roll,
}
PLANE = ("mixture", "swiss-roll")


def named_prior(name: str, latent: int) -> Prior:
    """Return the prior of this name, for codes of length ``latent``.

    Raises
    ------
    ArchitectureError
        If the prior lies in the plane and the codes do not have length 2.
    """
    if name in PLANE and latent != 2:
        raise ArchitectureError(f"the {name} prior lies in the plane, and codes have length {latent}: take --latent 2")
    return PRIORS.get(name, _missing)


def validated_prior(prior: Prior, latent: int) -> Prior:
    """Return a user's prior, after checking that it returns codes of length ``latent``.

    Raises
    ------
    ArchitectureError
        If it does not, or if they are not finite.
    """
    drawn = np.asarray(prior(np.random.default_rng(0), 3, latent))
    if drawn.shape != (3, latent) or not np.isfinite(drawn).all():
        raise ArchitectureError(
            f"the prior must return 3 finite codes of length {latent} when asked for 3; it returned shape {drawn.shape}"
        )
    return prior


def _missing(generator: np.random.Generator, count: int, latent: int) -> np.ndarray:
    raise AvaError("this model's prior is a function, which is not stored in files: set model.prior_function to it")
