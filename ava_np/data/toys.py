"""Toy distributions whose modes are known: mixtures of k equal Gaussians in d dimensions.

    gaussian  d = 1, k = 1   N(4, 0.5²)                                         Glover 2016
    ring      d = 2, k = 8   on a circle of radius 2, standard deviation 0.02   Metz et al. 2017, appendix A
    grid      d = 2, k = 25  at {-4, -2, 0, 2, 4}², standard deviation 0.05     Lin et al. 2018, section 4.1

Points are real numbers and not limited to [0, 1], so a model of them needs a linear output layer.

References
----------
J. Glover, An introduction to generative adversarial networks (with code in TensorFlow), 2016.
L. Metz, B. Poole, D. Pfau and J. Sohl-Dickstein, Unrolled generative adversarial networks, ICLR 2017.
Z. Lin, A. Khetan, G. Fanti and S. Oh, PacGAN: the power of two samples in generative adversarial networks, NeurIPS
2018.
A. Srivastava, L. Valkov, C. Russell, M. Gutmann and C. Sutton, VEEGAN: reducing mode collapse in GANs using implicit
variational learning, NeurIPS 2017.
"""

import math
from typing import NamedTuple

import numpy as np

from ava_np.errors import PictureError, advice

_ANGLES = 2 * math.pi * np.arange(8) / 8
_COORDINATES = np.arange(-4.0, 5.0, 2.0)

_MIXTURES: dict[str, tuple[np.ndarray, float]] = {
    "gaussian": (np.array([[4.0]]), 0.5),
    "ring": (2 * np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1), 0.02),
    "grid": (np.stack(np.meshgrid(_COORDINATES, _COORDINATES), axis=-1).reshape(-1, 2), 0.05),
}

TOY_NAMES = tuple(_MIXTURES)

MAX_DEVIATIONS = 3
"""Largest distance of a good sample from the nearest centre, in standard deviations."""


class ModeCoverage(NamedTuple):
    """How well samples cover the modes of a toy distribution.

    Attributes
    ----------
    modes_found : int
        Number of modes that are the nearest mode of at least one good sample.
    good_fraction : float
        Fraction of the samples that are good, 0 to 1.
    """

    modes_found: int
    good_fraction: float


def mixture(name: str) -> tuple[np.ndarray, float]:
    """Return the centres and the standard deviation of a toy distribution.

    Parameters
    ----------
    name : {"gaussian", "ring", "grid"}
        Name of the distribution, in small or capital letters.

    Returns
    -------
    centres : ndarray, (k, d) float64
        Centres of the k Gaussians; a new array.
    deviation : float
        Standard deviation of every coordinate about its centre.

    Raises
    ------
    PictureError
        If there is no toy distribution of this name.

    Examples
    --------
    >>> from ava_np.data.toys import mixture
    >>> centres, deviation = mixture("grid")
    >>> centres.shape, deviation
    ((25, 2), 0.05)
    """
    if name.lower() not in _MIXTURES:
        raise PictureError(f"there is no toy distribution {name!r}: {advice(name, TOY_NAMES)}")
    centres, deviation = _MIXTURES[name.lower()]
    return centres.copy(), deviation


def draw_toy(name: str, count: int, generator: np.random.Generator) -> np.ndarray:
    """Draw points of a toy distribution, as pictures of one row.

    Parameters
    ----------
    name : {"gaussian", "ring", "grid"}
        Name of the distribution.
    count : int
        Number of points.
    generator : Generator
        Source of randomness.

    Returns
    -------
    ndarray, (count, 1, d, 1) float32
        The points; d is 1 for "gaussian" and 2 for the others.

    Raises
    ------
    PictureError
        If there is no toy distribution of this name.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.data.toys import draw_toy
    >>> points = draw_toy("ring", 1000, np.random.default_rng(0))
    >>> points.shape
    (1000, 1, 2, 1)
    >>> radii = np.linalg.norm(points, axis=2)
    >>> bool(abs(radii - 2).max() < 0.1)
    True
    """
    centres, deviation = mixture(name)
    drawn = centres[generator.integers(len(centres), size=count)]
    points = drawn + deviation * generator.standard_normal(drawn.shape)
    return points.astype(np.float32).reshape(count, 1, -1, 1)


def mode_coverage(name: str, points: np.ndarray) -> ModeCoverage:
    """Count the modes that samples of a model cover, as defined by Srivastava et al. 2017, section 4.

    A sample is good if its distance from the nearest centre is at most three standard deviations. A mode is found if it
    is the nearest mode of at least one good sample. Of exact samples, 99.7 % are good in one dimension and 98.9 % in
    two.

    Parameters
    ----------
    name : {"gaussian", "ring", "grid"}
        Name of the distribution.
    points : ndarray, (n, d) or (n, 1, d, 1)
        Samples. A sample that is not finite is not good.

    Returns
    -------
    ModeCoverage
        Number of modes found, and fraction of good samples.

    Raises
    ------
    PictureError
        If there is no toy distribution of this name.
    ValueError
        If there are no points, or their dimension is not that of the distribution.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.data.toys import mode_coverage
    >>> mode_coverage("ring", np.array([[2.0, 0.0], [2.0, 0.01], [0.0, 0.0], [0.0, 2.0]]))
    ModeCoverage(modes_found=2, good_fraction=0.75)
    """
    centres, deviation = mixture(name)
    if not len(points) or points[0].size != centres.shape[1]:
        raise ValueError(f"points of shape {points.shape}; {name} takes at least one, of {centres.shape[1]} values")
    rows = points.reshape(len(points), -1).astype(np.float64)
    rows = np.where(np.isfinite(rows).all(axis=1, keepdims=True), rows, np.inf)
    distances = np.sqrt(sum((rows[:, None, i] - centres[:, i]) ** 2 for i in range(centres.shape[1])))
    good = distances.min(axis=1) <= MAX_DEVIATIONS * deviation
    return ModeCoverage(len(np.unique(distances.argmin(axis=1)[good])), float(good.mean()))
