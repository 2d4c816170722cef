"""Precision, recall, density and coverage: how many samples look real, and how much of the real they cover.

All four put balls around samples, whose radius is the distance to the k-th nearest sample of the same set. They are
computed on features (``ava_np.evaluation.features``). Precision and density fall if samples are bad; recall and
coverage fall if samples are not varied. A sample far from all others has a large ball. So one real outlier raises
precision, and a few bad samples raise recall, whose balls are around generated samples. Density and coverage put the
balls around real samples alone, and are steadier.

None of them sees that samples are near the middle of the real ones rather than among them: blurred pictures, and the
mean picture most of all, can have a higher precision and density than real ones.

Shapes: N real and M generated samples, with F features each.
"""

import numpy as np

from ava_np.evaluation.arrays import Floats, squared_distances
from ava_np.evaluation.distances import checked_features


def precision(real: Floats, generated: Floats, k: int = 3) -> float:
    """Return the share of generated samples that lie within a real sample's ball.

    Parameters
    ----------
    real : ndarray, (N, F)
        Features of real samples, N > k.
    generated : ndarray, (M, F)
        Features of generated samples, M > k.
    k : int
        The radius of a ball reaches the k-th nearest other sample of its set.

    Returns
    -------
    float
        0 to 1; higher is better, up to the value of other real samples, which is below 1.

    Raises
    ------
    ValueError
        If a set has k samples or less, k is less than 1, the numbers of features differ, or a feature is not finite.

    References
    ----------
    T. Kynkäänniemi, T. Karras, S. Laine, J. Lehtinen and T. Aila, Improved precision and recall metric for assessing
    generative models, NeurIPS 2019, (1) and (2).

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.neighbours import precision
    >>> real = np.arange(10.0)[:, None]  # every ball of k = 1 has radius 1
    >>> precision(real, np.array([[0.5], [4.5], [20.0], [30.0]]), k=1)
    0.5
    """
    real, generated = _checked(real, generated, k)
    radii = _radii(real, k)
    inside = [(squares <= radii).any(axis=1) for _, squares in squared_distances(generated, real)]
    return float(np.concatenate(inside).mean())


def recall(real: Floats, generated: Floats, k: int = 3) -> float:
    """Return the share of real samples that lie within a generated sample's ball.

    Parameters, errors and source are those of ``precision``, with which this is symmetric.

    Returns
    -------
    float
        0 to 1; higher is better, up to the value of other real samples, which is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.neighbours import recall
    >>> real = np.arange(10.0)[:, None]
    >>> recall(real, np.array([[0.0], [1.0], [2.0], [3.0]]), k=1)  # they reach to 4
    0.5
    """
    return precision(generated, real, k)


def density(real: Floats, generated: Floats, k: int = 5) -> float:
    """Return the number of real samples' balls that a generated sample lies in, divided by k, averaged over samples.

    It falls where precision does, but one real outlier with a large ball adds little.

    Parameters
    ----------
    real : ndarray, (N, F)
        Features of real samples, N > k.
    generated : ndarray, (M, F)
        Features of generated samples, M > k.
    k : int
        The radius of a ball reaches the k-th nearest other real sample.

    Returns
    -------
    float
        At least 0; 1 on average for real samples. More is no better: samples at the centres of dense parts, as of a
        model without variety, have more than 1.

    Raises
    ------
    ValueError
        In the cases of ``precision``.

    References
    ----------
    M. F. Naeem, S. J. Oh, Y. Uh, Y. Choi and J. Yoo, Reliable fidelity and diversity metrics for generative models,
    ICML 2020, (5).

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.neighbours import density
    >>> real = np.arange(10.0)[:, None]
    >>> density(real, np.array([[4.5], [30.0]]), k=1)  # two balls, and none
    1.0
    """
    real, generated = _checked(real, generated, k)
    radii = _radii(real, k)
    balls = sum(int(np.count_nonzero(squares <= radii)) for _, squares in squared_distances(generated, real))
    return balls / (k * len(generated))


def coverage(real: Floats, generated: Floats, k: int = 5) -> float:
    """Return the share of real samples whose ball holds a generated sample.

    Of M = N samples of the real distribution, the share is 1 - (N - 1)···(N - k) / ((2N - 1)···(2N - k)) on average,
    about 1 - ½ᵏ; it grows with M / N, so compare only values of equal counts.

    Parameters
    ----------
    real : ndarray, (N, F)
        Features of real samples, N > k.
    generated : ndarray, (M, F)
        Features of generated samples, M > k.
    k : int
        The radius of a ball reaches the k-th nearest other real sample.

    Returns
    -------
    float
        0 to 1; higher is better, up to the value of other real samples.

    Raises
    ------
    ValueError
        In the cases of ``precision``.

    References
    ----------
    Naeem et al. 2020, (6) and, for its value on average, lemma 2; see ``density``.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.neighbours import coverage
    >>> real = np.arange(10.0)[:, None]
    >>> coverage(real, np.array([[4.5], [30.0]]), k=1)  # the balls of 4 and 5
    0.2
    """
    real, generated = _checked(real, generated, k)
    radii = _radii(real, k)
    covered = [(squares <= radii[rows, None]).any(axis=1) for rows, squares in squared_distances(real, generated)]
    return float(np.concatenate(covered).mean())


def _radii(x: Floats, k: int) -> Floats:
    """Return the squared distance of each sample to its k-th nearest other one, (N,)."""
    radii = np.empty(len(x))
    for rows, squares in squared_distances(x, x):
        squares[range(len(squares)), range(rows.start, rows.start + len(squares))] = np.inf  # itself
        radii[rows] = np.partition(squares, k - 1, axis=1)[:, k - 1]
    return radii


def _checked(real: Floats, generated: Floats, k: int) -> tuple[Floats, Floats]:
    """Return the features in float64 around the mean of the real ones, where squares of distances lose least."""
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    real, generated = checked_features(real, generated, least=k + 1)
    centre = real.mean(axis=0)
    return real - centre, generated - centre
