"""Points of known distributions, to see what a model makes of them: mixtures of k equal Gaussians in d dimensions.

    gaussian  d = 1, k = 1   N(4, 0.5²)                                         Glover 2016
    ring      d = 2, k = 8   on a circle of radius 2, deviation 0.02            Metz et al. 2017, appendix A
    grid      d = 2, k = 25  at {-4, -2, 0, 2, 4}², deviation 0.05              Lin et al. 2018, section 4.1

Points are plain real numbers and not in [0, 1]: a model of them needs a linear output layer.

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

from ava_np.errors import PictureError

_ANGLES = 2 * math.pi * np.arange(8) / 8
_SIDE = np.arange(-4.0, 5.0, 2.0)

_MODES: dict[str, tuple[np.ndarray, float]] = {
    "gaussian": (np.array([[4.0]]), 0.5),
    "ring": (2 * np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1), 0.02),
    "grid": (np.stack(np.meshgrid(_SIDE, _SIDE), axis=-1).reshape(-1, 2), 0.05),
}

TOYS = tuple(_MODES)

GOOD = 3  # deviations from the nearest centre that a good sample is within


class ModeCoverage(NamedTuple):
    """How many modes were found, and the share of samples that are good."""

    modes: int
    good: float


def modes(name: str) -> tuple[np.ndarray, float]:
    """The centres, (k, d), and the deviation of every coordinate about them.

    Raises
    ------
    PictureError
        If there is no toy of this name.
    """
    if name not in _MODES:
        raise PictureError(f"there is no toy {name!r}: it is one of {', '.join(TOYS)}")
    centres, deviation = _MODES[name]
    return centres.copy(), deviation


def draw_toy(name: str, count: int, generator: np.random.Generator) -> np.ndarray:
    """Draw points as pictures of one row: (count, 1, d, 1) float32.

    Raises
    ------
    PictureError
        If there is no toy of this name.
    """
    centres, deviation = modes(name)
    chosen = centres[generator.integers(len(centres), size=count)]
    points = chosen + deviation * generator.standard_normal(chosen.shape)
    return points.astype(np.float32).reshape(count, 1, -1, 1)


def mode_coverage(name: str, points: np.ndarray) -> ModeCoverage:
    """Count the modes that a model has found, as Srivastava et al. 2017, section 4, define it.

    A sample is good if it is within three deviations of the nearest centre, and a mode is found if it is the nearest of
    at least one good sample. Of exact samples of Gaussians, 99.7 % are good in one dimension and 98.9 % in two.

    Parameters
    ----------
    name : str
        One of ``TOYS``.
    points : ndarray, (n, d) or (n, 1, d, 1)
        Samples; what is not finite is not good.

    Raises
    ------
    PictureError
        If there is no toy of this name.
    ValueError
        If there are no points, or not of its dimensions.
    """
    centres, deviation = modes(name)
    if not len(points) or points[0].size != centres.shape[1]:
        raise ValueError(f"points of shape {points.shape}; {name} takes at least one, of {centres.shape[1]} values")
    rows = points.reshape(len(points), -1).astype(np.float64)
    rows = np.where(np.isfinite(rows).all(axis=1, keepdims=True), rows, np.inf)
    distances = np.sqrt(sum((rows[:, None, i] - centres[:, i]) ** 2 for i in range(centres.shape[1])))
    good = distances.min(axis=1) <= GOOD * deviation
    return ModeCoverage(len(np.unique(distances.argmin(axis=1)[good])), float(good.mean()))
