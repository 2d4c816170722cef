"""Parzen window estimates of the likelihood of pictures (Breuleux et al. 2011), from samples of any model.

    log p(x) ≈ log 1/M Σ_m N(x; y_m, σ² I),   y_m a sample, σ chosen on other pictures

Historical: Goodfellow et al. 2014 and Makhzani et al. 2015 report it, so their figures can be compared. But in many
dimensions it says little, and can rank a model that has learned pictures by heart, or the centres of k-means, above the
true distribution (Theis et al. 2016). Judge samples by ``evaluation.samples``, and a VAE by ``models.likelihood``.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ava_np.data.pictures import Progress
from ava_np.evaluation.arrays import Floats, squared_distances
from ava_np.network.blas import single_threaded_blas

WIDTHS = np.geomspace(0.05, 1.0, 20)
"""The σ that are tried. The best of all is within 8 % of the best of these, which costs up to .006 nat for each value
of a picture: five for a digit."""


class Parzen(NamedTuple):
    """A Parzen window estimate.

    Attributes
    ----------
    value : float
        Mean of log p(x) over the pictures, in nats of a density; higher is better.
    standard_error : float
        Its standard error over the pictures.
    width : float
        σ.
    """

    value: float
    standard_error: float
    width: float


def parzen_log_likelihood(
    samples: Floats, pictures: Floats, validation: Floats, *, progress: Progress | None = None
) -> Parzen:
    """Return the log-likelihood of pictures under windows around samples of a model.

    Parameters
    ----------
    samples : ndarray, (M, ...)
        Samples of the model; published figures have 10,000.
    pictures : ndarray, (N, ...)
        Test pictures of the same shape.
    validation : ndarray, (K, ...)
        Other pictures. σ is the one of ``WIDTHS`` under which they are most probable.
    progress : callable, optional
        Called as ``progress(done, total)``, in pictures.

    Returns
    -------
    Parzen
        In nats for values as they are: values in [0, 255] instead of [0, 1] would give D log 255 less.

    Raises
    ------
    ValueError
        If there are no samples or no pictures, or their shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.parzen import parzen_log_likelihood
    >>> generator = np.random.default_rng(0)
    >>> samples, pictures, validation = (generator.normal(size=(n, 2)) for n in (5000, 1000, 1000))
    >>> estimate = parzen_log_likelihood(samples, pictures, validation)
    >>> entropy = np.log(2 * np.pi * np.e)  # of N(0, I) in two dimensions
    >>> bool(abs(estimate.value + entropy) < 0.1)
    True
    """
    if not len(samples) or not len(pictures) or not len(validation):
        raise ValueError("a Parzen window estimate takes at least one sample, one picture and one for validation")
    if samples.shape[1:] != pictures.shape[1:] or samples.shape[1:] != validation.shape[1:]:
        raise ValueError(f"samples of shape {samples.shape[1:]} for pictures of {pictures.shape[1:]}")
    centre = samples.reshape(len(samples), -1).mean(axis=0, dtype=np.float64)  # where squares lose least

    def rows(array: Floats) -> Floats:
        return array.reshape(len(array), -1) - centre

    count, total, drawn = len(validation), len(validation) + len(pictures), rows(samples)
    tried = _log_densities(rows(validation), drawn, WIDTHS, lambda done: progress and progress(done, total))
    width = WIDTHS[tried.mean(axis=0).argmax()]
    found = _log_densities(rows(pictures), drawn, width[None], lambda done: progress and progress(count + done, total))
    found = found[:, 0]
    return Parzen(float(found.mean()), float(found.std() / math.sqrt(len(found))), float(width))


def _log_densities(x: Floats, samples: Floats, widths: Floats, seen: Callable[[int], object]) -> Floats:
    """Return log p(x) (n, widths) float64 of rows for each σ."""
    values = np.empty((len(x), len(widths)))
    with single_threaded_blas:
        for rows, squares in squared_distances(x, samples):
            nearest = squares.min(axis=1)
            for i, width in enumerate(widths):
                exponents = (nearest[:, None] - squares) / (2 * width**2)
                values[rows, i] = np.log(np.exp(exponents).mean(axis=1)) - nearest / (2 * width**2)
            seen(min(rows.stop, len(x)))
    return values - 0.5 * x.shape[1] * np.log(2 * math.pi * widths**2)
