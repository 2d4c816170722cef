"""How faithful reconstructions are, by the measures of image compression: PSNR and SSIM.

Shapes: N pictures of H x W pixels and C channels, in [0, 1].
"""

import numpy as np

from ava_np.evaluation.arrays import Floats, check_reconstructions, chunks

WINDOW, DEVIATION = 11, 1.5  # of the Gaussian window, Wang et al. 2004
K1, K2 = 0.01, 0.03


def psnr(pictures: Floats, reconstructions: Floats) -> Floats:
    """Return the peak signal-to-noise ratio of each picture: -10 log₁₀ of the mean squared difference.

    Parameters
    ----------
    pictures, reconstructions : ndarray, (N, H, W, C)
        In [0, 1], so the peak is 1.

    Returns
    -------
    ndarray, (N,) float64
        In decibels, from 0 on; higher is better, and infinite for a perfect reconstruction.

    Raises
    ------
    PictureError
        If there are no pictures.
    ValueError
        If the two shapes differ or are not (N, H, W, C).

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.fidelity import psnr
    >>> psnr(np.zeros((1, 4, 4, 1)), np.full((1, 4, 4, 1), 0.1)).round(6)
    array([20.])
    """
    check_reconstructions(pictures, reconstructions)
    squares = np.empty(len(pictures))
    for rows in chunks(len(pictures), values_each=pictures[0].size):
        squares[rows] = np.square(pictures[rows] - reconstructions[rows], dtype=np.float64).mean(axis=(1, 2, 3))
    with np.errstate(divide="ignore"):
        return np.asarray(-10 * np.log10(squares))


def ssim(pictures: Floats, reconstructions: Floats) -> Floats:
    """Return the structural similarity of each picture (Wang et al. 2004, (13)): local means, variances, covariance.

    Local is a Gaussian window of 11 x 11 pixels with a standard deviation of 1.5, everywhere where it lies within the
    picture; of pictures with a shorter side it is as large as the picture lets it be. Channels are compared each with
    its own, and averaged.

    Parameters
    ----------
    pictures, reconstructions : ndarray, (N, H, W, C)
        In [0, 1].

    Returns
    -------
    ndarray, (N,) float64
        -1 to 1; higher is better, and 1 for a perfect reconstruction.

    Raises
    ------
    PictureError
        If there are no pictures.
    ValueError
        If the two shapes differ or are not (N, H, W, C).

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.fidelity import ssim
    >>> picture = np.random.default_rng(0).random((1, 16, 16, 1))
    >>> ssim(picture, picture), bool(ssim(picture, 1 - picture)[0] < 0)
    (array([1.]), True)
    """
    check_reconstructions(pictures, reconstructions)
    values = np.empty(len(pictures))
    for rows in chunks(len(pictures), values_each=pictures[0].size):
        values[rows] = _ssim(pictures[rows].astype(np.float64), reconstructions[rows].astype(np.float64))
    return values


def _ssim(x: Floats, y: Floats) -> Floats:
    """Return SSIM (n,) of float64 pictures."""
    μx, μy = _local_mean(x), _local_mean(y)
    variance_x, variance_y = _local_mean(x * x) - μx**2, _local_mean(y * y) - μy**2
    covariance = _local_mean(x * y) - μx * μy
    c1, c2 = K1**2, K2**2
    similarity = (2 * μx * μy + c1) * (2 * covariance + c2)
    similarity /= (μx**2 + μy**2 + c1) * (variance_x + variance_y + c2)
    return np.asarray(similarity.mean(axis=(1, 2, 3)))


def _local_mean(x: Floats) -> Floats:
    """Return the Gaussian means around the pixels, (n, H - 10, W - 10, C) for large pictures."""
    side = min(WINDOW, *x.shape[1:3])
    side -= 1 - side % 2  # odd, so that it has a middle
    offsets = np.arange(side) - side // 2
    weights = np.exp(-(offsets**2) / (2 * DEVIATION**2))
    weights /= weights.sum()
    for axis in (1, 2):
        count = x.shape[axis] - side + 1
        x = sum(weight * x.take(range(i, i + count), axis) for i, weight in enumerate(weights))
    return x
