"""Distances between two distributions, from samples of each: Fréchet distance and kernel distance.

Both are 0 for equal distributions and grow as samples become worse, less varied, or both: a distance does not tell
which, so read it beside ``ava_np.evaluation.neighbours``. They are computed on features
(``ava_np.evaluation.features``), and values of different features cannot be compared.

Shapes: N real and M generated samples, with F features each.
"""

from typing import NamedTuple

import numpy as np

from ava_np.evaluation.arrays import Floats

SUBSETS = 10
"""Disjoint parts of the samples in which the kernel distance is measured."""


def frechet_distance(real: Floats, generated: Floats) -> float:
    """Return the squared Fréchet distance of two normal distributions with the means and covariances of the samples.

        ‖μ - ν‖² + tr(A + B - 2 (A B)^½)        with means μ and ν, and covariances A and B

    On features of an Inception network this is the FID. (A B)^½ has the trace of (A^½ B A^½)^½, whose matrices are
    symmetric, so eigenvalues give both roots. The estimate is too large, the fewer samples and the more features the
    more: compare only values of equal N and M, and with the value of real samples.

    Parameters
    ----------
    real : ndarray, (N, F)
        Features of real samples.
    generated : ndarray, (M, F)
        Features of generated samples.

    Returns
    -------
    float
        Distance in squared units of the features, at least 0; lower is better.

    Raises
    ------
    ValueError
        If a set has less than 2 samples, the numbers of features differ, or a feature is not finite.

    References
    ----------
    M. Heusel, H. Ramsauer, T. Unterthiner, B. Nessler and S. Hochreiter, GANs trained by a two time-scale update rule
    converge to a local Nash equilibrium, NeurIPS 2017, (6).
    D. C. Dowson and B. V. Landau, The Fréchet distance between multivariate normal distributions, Journal of
    Multivariate Analysis 12(3), 1982.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.distances import frechet_distance
    >>> real = np.random.default_rng(0).normal(size=(1000, 3))
    >>> round(frechet_distance(real, real + [2, 0, 0]), 6)  # a shift by 2
    4.0
    """
    real, generated = checked_features(real, generated, least=2)
    shift = real.mean(axis=0) - generated.mean(axis=0)
    covariance, other = (np.atleast_2d(np.cov(features, rowvar=False)) for features in (real, generated))
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    product = np.linalg.eigvalsh(root @ other @ root)
    trace = np.trace(covariance) + np.trace(other) - 2 * np.sqrt(np.maximum(product, 0)).sum()
    return float(max(shift @ shift + trace, 0))  # rounding may leave less than 0


class KernelDistance(NamedTuple):
    """Result of ``kernel_distance``.

    Attributes
    ----------
    value : float
        Mean over the subsets.
    standard_error : float
        Standard error of this mean.
    """

    value: float
    standard_error: float


def kernel_distance(real: Floats, generated: Floats, *, seed: int = 0) -> KernelDistance:
    """Return the squared maximum mean discrepancy with the kernel k(x, y) = (x·y / F + 1)³: the KID.

        mean of k(x, x') over pairs of different real samples + the same of generated samples
        - 2 · mean of k(x, y) over pairs of a real and a generated sample

    The kernel compares means, covariances and third moments. Unlike the Fréchet distance, the estimate has no bias,
    whatever the number of samples: that of equal distributions is 0 on average, and may be negative. It is the mean
    over 10 disjoint random subsets, which are independent, so that the standard error is honest. (Bińkowski et al. draw
    overlapping subsets of 1000.)

    Parameters
    ----------
    real : ndarray, (N, F)
        Features of real samples.
    generated : ndarray, (M, F)
        Features of generated samples.
    seed : int
        Draws the subsets.

    Returns
    -------
    KernelDistance
        Value and standard error, in sixth powers of the features' unit when these are large; lower is better.

    Raises
    ------
    ValueError
        If a set has less than 20 samples, the numbers of features differ, or a feature is not finite.

    References
    ----------
    M. Bińkowski, D. J. Sutherland, M. Arbel and A. Gretton, Demystifying MMD GANs, ICLR 2018, section 4.
    A. Gretton, K. M. Borgwardt, M. J. Rasch, B. Schölkopf and A. Smola, A kernel two-sample test, JMLR 13, 2012, (3).

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.distances import kernel_distance
    >>> generator = np.random.default_rng(0)
    >>> first, second = generator.normal(size=(2, 1000, 3))
    >>> value, standard_error = kernel_distance(first, second)
    >>> abs(value) < 3 * standard_error
    True
    >>> value, standard_error = kernel_distance(first, second + 1)
    >>> value > 10 * standard_error
    True
    """
    real, generated = checked_features(real, generated, least=2 * SUBSETS)
    generator = np.random.default_rng(seed)
    parts = [np.array_split(generator.permutation(len(features)), SUBSETS) for features in (real, generated)]
    values = [_mmd(real[i], generated[j]) for i, j in zip(*parts, strict=True)]
    return KernelDistance(float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(SUBSETS)))


def checked_features(real: Floats, generated: Floats, least: int) -> tuple[Floats, Floats]:
    """Return two sets of features in float64.

    Raises
    ------
    ValueError
        If they are not of shapes (N, F) and (M, F), hold less than ``least`` samples, or are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.distances import checked_features
    >>> checked_features(np.zeros((4, 2)), np.zeros((3, 2)), least=4)
    Traceback (most recent call last):
        ...
    ValueError: 4 real and 3 generated samples are too few: this measure needs 4 of each
    """
    if real.ndim != 2 or generated.ndim != 2 or real.shape[1:] != generated.shape[1:] or not real.shape[1]:
        raise ValueError(f"features must have the shapes (N, F) and (M, F), not {real.shape} and {generated.shape}")
    if min(len(real), len(generated)) < least:
        counts = f"{len(real)} real and {len(generated)} generated samples"
        raise ValueError(f"{counts} are too few: this measure needs {least} of each")
    if not np.isfinite(real).all() or not np.isfinite(generated).all():
        raise ValueError("features must be finite")
    return real.astype(np.float64), generated.astype(np.float64)


def _mmd(x: Floats, y: Floats) -> float:
    """Return the unbiased estimate of the squared discrepancy, (3) of Gretton et al."""
    return _mean_of_pairs(x) + _mean_of_pairs(y) - 2 * float(_kernel(x, y).mean())


def _mean_of_pairs(x: Floats) -> float:
    """Return the mean of the kernel over pairs of different samples."""
    k, n = _kernel(x, x), len(x)
    return float((k.sum() - np.trace(k)) / (n * (n - 1)))


def _kernel(x: Floats, y: Floats) -> Floats:
    """Return k of each pair, (N, M)."""
    k: Floats = (x @ y.T / x.shape[1] + 1) ** 3
    return k
