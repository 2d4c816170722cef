"""Measures of reconstruction: AVA (17), the reconstruction error, and trivial baselines for (17).

(17) compares one image with all pictures. A single colour or the mean picture therefore scores well, and the geometric
median of the pictures gives a lower bound above 0. ``reconstruction_error`` has no such baselines: it compares each
picture with its own reconstruction. Both measure the distance of two colours in [0, 1]^C as (17) does, ½‖a - b‖₂.

Shapes: N pictures of H x W pixels and C channels.
"""

import math

import numpy as np

from ava_np.errors import PictureError
from ava_np.evaluation.arrays import Floats, check_pictures, check_reconstructions, chunks
from ava_np.evaluation.geometric_median import geometric_median
from ava_np.indices import evenly_spaced

_MAX_COPIES = 100
_MAX_SAMPLES = 1 << 20


def pixel_distance(a: Floats, b: Floats) -> Floats:
    """Return half the Euclidean distance of two colours for each pixel: the summand ½‖a[j] - b[j]‖₂ of AVA (17).

    Parameters
    ----------
    a, b : ndarray, (..., H, W, C)
        Colours in [0, 1], broadcast against each other.

    Returns
    -------
    ndarray, (..., H, W)
        Distances, 0 to ½√C, in the precision of a - b.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.metrics import pixel_distance
    >>> pixel_distance(np.array([[[0.0, 0.3, 0.4]]]), np.zeros((1, 1, 3)))
    array([[0.25]])
    """
    difference = a - b
    return 0.5 * np.sqrt(np.einsum("...c,...c->...", difference, difference))


def reconstruction_errors(pictures: Floats, reconstructions: Floats) -> Floats:
    """Return the reconstruction error of each picture: the mean over pixels j of ½‖x[j] - x'[j]‖₂.

    Parameters
    ----------
    pictures, reconstructions : ndarray, (N, H, W, C)
        x and x', in [0, 1].

    Returns
    -------
    ndarray, (N,) float64
        Mean distance per pixel of each picture, 0 to ½√C; 0 if it is reconstructed perfectly.

    Raises
    ------
    PictureError
        If there are no pictures.
    ValueError
        If the two shapes differ or are not (N, H, W, C).

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.metrics import reconstruction_errors
    >>> pictures = np.zeros((2, 4, 4, 1))
    >>> reconstructions = np.zeros((2, 4, 4, 1))
    >>> reconstructions[1] = 0.5
    >>> reconstruction_errors(pictures, reconstructions)
    array([0.  , 0.25])
    """
    check_reconstructions(pictures, reconstructions)
    errors = np.empty(len(pictures))
    for chunk in chunks(len(pictures), values_each=pictures[0].size):
        distance = pixel_distance(pictures[chunk], reconstructions[chunk])
        errors[chunk] = distance.mean(axis=(1, 2), dtype=np.float64)
    return errors


def reconstruction_error(pictures: Floats, reconstructions: Floats) -> float:
    """Return the mean of ``reconstruction_errors`` over the pictures.

    Parameters
    ----------
    pictures, reconstructions : ndarray, (N, H, W, C)
        x and x', in [0, 1].

    Returns
    -------
    float
        Mean distance per pixel, 0 to ½√C; 0 for a perfect autoencoder.

    Raises
    ------
    PictureError, ValueError
        In the cases of ``reconstruction_errors``.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.metrics import reconstruction_error
    >>> reconstruction_error(np.zeros((2, 4, 4, 1)), np.full((2, 4, 4, 1), 0.5))
    0.25
    """
    return float(reconstruction_errors(pictures, reconstructions).mean())


def rmse(image: Floats, pictures: Floats) -> float:
    """Return the measure of AVA (17): the mean over pictures i and pixels j of ½‖image[j] - pictures[i][j]‖₂.

    The paper calls it a root mean square error (RMSE), but it is a mean of distances.

    Parameters
    ----------
    image : ndarray, (H, W, C)
        One image, in [0, 1], at the full size of the pictures.
    pictures : ndarray, (N, H, W, C)
        All pictures, in [0, 1].

    Returns
    -------
    float
        Mean distance per pixel, 0 to ½√C.

    Raises
    ------
    PictureError
        If there are no pictures.
    ValueError
        If ``image`` does not have the shape of one picture.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.metrics import rmse
    >>> black_and_white = np.stack([np.zeros((2, 2, 1)), np.ones((2, 2, 1))])
    >>> rmse(np.zeros((2, 2, 1)), black_and_white)
    0.25
    """
    _check_image(image, pictures)
    return sum(
        float(pixel_distance(image, pictures[chunk]).sum(dtype=np.float64))
        for chunk in chunks(len(pictures), values_each=image.size)
    ) / math.prod(pictures.shape[:3])


def balance_metric(image: Floats, pictures: Floats) -> float:
    """Return the balance metric of the paper's second version: the mean of d (1 - d) over pictures i and pixels j.

    d[i, j] = ‖image[j] - pictures[i][j]‖₂ is the whole distance of two colours, twice that of (17). d (1 - d) is 0 for
    d = 0 and for d = 1, largest for d = 1/2, and negative for d > 1. So neither direction is better: a perfect image
    scores as one that is wrong everywhere by 1.

    Parameters
    ----------
    image : ndarray, (H, W, C)
        One image, in [0, 1], at the full size of the pictures.
    pictures : ndarray, (N, H, W, C)
        All pictures, in [0, 1].

    Returns
    -------
    float
        At most 1/4, and from √C (1 - √C) on.

    Raises
    ------
    PictureError
        If there are no pictures.
    ValueError
        If ``image`` does not have the shape of one picture.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.metrics import balance_metric
    >>> [balance_metric(np.full((2, 2, 1), grey), np.zeros((3, 2, 2, 1))) for grey in (0.0, 0.5, 1.0)]
    [0.0, 0.25, 0.0]
    """
    _check_image(image, pictures)
    total = 0.0
    for chunk in chunks(len(pictures), values_each=image.size):
        d = 2 * pixel_distance(image, pictures[chunk])
        total += float((d * (1 - d)).sum(dtype=np.float64))
    return total / math.prod(pictures.shape[:3])


def _check_image(image: Floats, pictures: Floats) -> None:
    check_pictures(pictures)
    if image.shape != pictures.shape[1:]:
        raise ValueError(f"an image of shape {image.shape} for pictures of {pictures.shape[1:]}")


def floor(pictures: Floats, zoom: int) -> float:
    """Return the least value that AVA (17) can take for an image of ``zoom`` x ``zoom`` blocks of one colour each.

    The best image has, in each block, the geometric median of the block's N·zoom² colours.

    Parameters
    ----------
    pictures : ndarray, (N, H, W, C)
        All pictures, in [0, 1].
    zoom : int
        Side of a block in pixels; 1 gives the lower bound for every image.

    Returns
    -------
    float
        Mean distance per pixel, within a relative 1e-7 of the minimum.

    Raises
    ------
    PictureError
        If there are no pictures, or ``zoom`` is less than 1 or does not divide both H and W.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.metrics import floor
    >>> black_black_white = np.stack([np.zeros((2, 2, 1)), np.zeros((2, 2, 1)), np.ones((2, 2, 1))])
    >>> round(floor(black_black_white, 1), 4)  # of a black image
    0.1667
    """
    blocks = _blocks(pictures, zoom)
    _, h, w, C = blocks.shape
    best = geometric_median(blocks.reshape(-1, h * w, C))
    return rmse(best.reshape(h, w, C), blocks)


def baselines(pictures: Floats, zoom: int) -> dict[str, float]:
    """Return the values of AVA (17) for images that need no model, on pictures of full size.

    Parameters
    ----------
    pictures : ndarray, (N, H, W, C)
        All pictures, in [0, 1].
    zoom : int
        The model's zoom: the side in pixels of the one-coloured blocks that make up its images.

    Returns
    -------
    dict of str to float
        Mean distance per pixel of each baseline:

        - ``grey``: 0.5 everywhere, the output of an untrained decoder;
        - ``copy_mean``, ``copy_best``: a perfect copy of one of the pictures, mean and minimum over the pictures. Of
          more than 100 pictures, 100 evenly spaced ones are copied, and compared with all;
        - ``single_colour``: the best single colour, which is the geometric median of all pixels. Of more than 2²⁰
          pixels, evenly spaced ones determine the colour, and it is compared with all;
        - ``mean_image``: the mean picture, zoomed out by block means and in again;
        - ``floor``: the least value of any image, ``floor``, at this zoom;
        - ``mean_image_full_size``, ``floor_full_size``: the same at zoom 1.

    Raises
    ------
    PictureError
        If there are no pictures, or ``zoom`` is less than 1 or does not divide both H and W.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.metrics import baselines
    >>> black_black_white = np.stack([np.zeros((2, 2, 1)), np.zeros((2, 2, 1)), np.ones((2, 2, 1))])
    >>> values = baselines(black_black_white, zoom=2)
    >>> {name: round(values[name], 4) for name in ("grey", "single_colour", "mean_image", "floor")}
    {'grey': 0.25, 'single_colour': 0.1667, 'mean_image': 0.2222, 'floor': 0.1667}
    """
    lowest = floor(pictures, zoom)
    shape = pictures.shape[1:]
    copied = evenly_spaced(len(pictures), _MAX_COPIES)
    copies = [rmse(pictures[i], pictures) for i in copied]
    return {
        "grey": rmse(np.full(shape, 0.5), pictures),
        "copy_mean": float(np.mean(copies)),
        "copy_best": min(copies),
        "single_colour": rmse(np.broadcast_to(_single_colour(pictures), shape), pictures),
        "mean_image": _mean_image(pictures, zoom),
        "floor": lowest,
        "mean_image_full_size": _mean_image(pictures, 1),
        "floor_full_size": lowest if zoom == 1 else floor(pictures, 1),
    }


def _mean_image(pictures: Floats, zoom: int) -> float:
    """Return (17) of the mean picture, zoomed out and in again."""
    blocks = _blocks(pictures, zoom)
    return rmse(blocks.mean(axis=0, dtype=np.float64), blocks)


def _single_colour(pictures: Floats) -> Floats:
    """Return the geometric median (C,) of the pictures' pixels, or of evenly spaced ones if there are many."""
    _, H, W, C = pictures.shape
    pixels = pictures.reshape(-1, C)
    stride = -(-len(pixels) // _MAX_SAMPLES)
    # A stride with a common factor with the width, for example, would visit only some of the columns.
    while math.gcd(stride, H * W) > 1:
        stride += 1
    return geometric_median(pixels[::stride, None])[0]


def _blocks(pictures: Floats, zoom: int) -> Floats:
    """Return the pixels at each position within a block as separate pictures: (N·zoom², H/zoom, W/zoom, C).

    (17) of an image of one-coloured blocks is (17) of the zoomed-out image against these.
    """
    check_pictures(pictures)
    N, H, W, C = pictures.shape
    if zoom < 1 or H % zoom or W % zoom:
        raise PictureError(
            f"pictures of {W} x {H} pixels cannot be divided into blocks of {zoom} x {zoom}: "
            "crop them, or choose a zoom that divides both sides"
        )
    split = pictures.reshape(N, H // zoom, zoom, W // zoom, zoom, C)
    return split.transpose(0, 2, 4, 1, 3, 5).reshape(N * zoom * zoom, H // zoom, W // zoom, C)
