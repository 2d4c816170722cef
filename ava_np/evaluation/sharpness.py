"""Measures of single pictures that need no others: sharpness, and the share of grey pixels.

Neither says how good samples are by itself. Samples resemble real pictures if they have the values of real pictures.

Shapes: N pictures of H x W pixels and C channels, in [0, 1].
"""

import numpy as np

from ava_np.errors import PictureError
from ava_np.evaluation.arrays import Floats, check_pictures, chunks


def sharpness(pictures: Floats) -> float:
    """Return the variance of the Laplacian of each picture's brightness, averaged over the pictures.

    The brightness is the mean of the channels, and the Laplacian of a pixel is the sum of its 4 neighbours minus 4
    times itself. Pixels at the edge, which have fewer neighbours, are left out. Blur lowers the variance, and so does a
    decoder that averages. Noise raises it, so a value above that of real pictures is no better.

    Parameters
    ----------
    pictures : ndarray, (N, H, W, C)
        Pictures in [0, 1], at least 3 x 3 pixels.

    Returns
    -------
    float
        Mean variance in units of squared brightness, 0 (even, or an even slope) to 16; best is that of real pictures.

    Raises
    ------
    PictureError
        If there are no pictures, or they have less than 3 x 3 pixels.
    ValueError
        If the shape is not (N, H, W, C).

    References
    ----------
    J. L. Pech-Pacheco, G. Cristóbal, J. Chamorro-Martínez and J. Fernández-Valdivia, Diatom autofocusing in brightfield
    microscopy: a comparative study, ICPR 2000: LAPV.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.sharpness import sharpness
    >>> edge = np.zeros((1, 4, 6, 1))
    >>> edge[:, :, 3:] = 1
    >>> ramp = np.linspace(0, 1, 6).reshape(1, 1, 6, 1) * np.ones((1, 4, 1, 1))
    >>> sharpness(edge), round(sharpness(ramp), 6)
    (0.5, 0.0)
    """
    check_pictures(pictures)
    N, H, W, _ = pictures.shape
    if min(H, W) < 3:
        raise PictureError(f"sharpness needs pictures of at least 3 x 3 pixels, and these have {W} x {H}")
    total = 0.0
    for chunk in chunks(N, values_each=H * W):
        y = pictures[chunk].mean(axis=3, dtype=np.float64)
        inner = y[:, 1:-1, 1:-1]
        laplacian = y[:, :-2, 1:-1] + y[:, 2:, 1:-1] + y[:, 1:-1, :-2] + y[:, 1:-1, 2:] - 4 * inner
        total += float(laplacian.var(axis=(1, 2)).sum())
    return total / N


def grey_share(pictures: Floats, low: float = 0.2, high: float = 0.8) -> float:
    """Return the share of pixels that are neither dark nor bright.

    It is for pictures that are nearly black and white, such as digits, where a decoder that averages is grey. It is
    this project's own, not a published measure.

    Parameters
    ----------
    pictures : ndarray, (N, H, W, C)
        Pictures in [0, 1].
    low, high : float
        A pixel is grey if the mean of its channels is in [low, high].

    Returns
    -------
    float
        Share of all pixels, 0 to 1; best is that of real pictures.

    Raises
    ------
    PictureError
        If there are no pictures.
    ValueError
        If the shape is not (N, H, W, C).

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.sharpness import grey_share
    >>> grey_share(np.array([0.0, 0.1, 0.5, 1.0]).reshape(1, 2, 2, 1))
    0.25
    """
    check_pictures(pictures)
    N, H, W, C = pictures.shape
    count = 0
    for chunk in chunks(N, values_each=H * W * C):
        brightness = pictures[chunk].mean(axis=3)
        count += int(np.count_nonzero((brightness >= low) & (brightness <= high)))
    return count / (N * H * W)
