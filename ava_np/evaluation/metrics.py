"""How far pictures lie from images: AVA (17), each picture's own error, and the trivial baselines that (17) has.

(17) compares one image with all pictures, so a single colour or the mean picture does well under it, and the geometric
median of the pictures bounds it from below. `reconstruction_error` has no such baselines: it compares each picture with
its own reconstruction. The unit of distance is that of (17), half of ‖a - b‖₂ for colours in [0, 1]^C.

Shapes: N pictures of H x W pixels and C channels.
"""

import math

import numpy as np

from ava_np.errors import PictureError
from ava_np.evaluation.geometric_median import Floats, chunks, geometric_median
from ava_np.indices import evenly_spaced

_MAX_COPIES = 100
_MAX_SAMPLES = 1 << 20


def pixel_distance(a: Floats, b: Floats) -> Floats:
    """Half the Euclidean distance of two colours, pixel by pixel: the summand ½‖a[j] - b[j]‖₂ of AVA (17).

    Parameters
    ----------
    a, b : arrays (..., H, W, C), broadcast against each other
        Colours in [0, 1].

    Returns
    -------
    array (..., H, W)
        Distances, 0 to ½√C; in the precision of a - b.
    """
    difference = a - b
    return 0.5 * np.sqrt(np.einsum("...c,...c->...", difference, difference))


def reconstruction_errors(pictures: Floats, reconstructions: Floats) -> Floats:
    """The error of each picture against its own reconstruction: mean over pixels j of ½‖x[j] - x'[j]‖₂.

    Parameters
    ----------
    pictures, reconstructions : arrays (N, H, W, C)
        x and x', in [0, 1].

    Returns
    -------
    array (N,), float64
        Mean distance per pixel of each picture, 0 to ½√C.

    Raises
    ------
    PictureError
        If there is no picture.
    ValueError
        If the shapes are not the same (N, H, W, C).
    """
    _check_pictures(pictures)
    if reconstructions.shape != pictures.shape:
        raise ValueError(f"reconstructions of shape {reconstructions.shape} for pictures of {pictures.shape}")
    errors = np.empty(len(pictures))
    for part in chunks(len(pictures), values_each=pictures[0].size):
        distance = pixel_distance(pictures[part], reconstructions[part])
        errors[part] = distance.mean(axis=(1, 2), dtype=np.float64)
    return errors


def reconstruction_error(pictures: Floats, reconstructions: Floats) -> float:
    """The mean of `reconstruction_errors` (which see) over the pictures, 0 to ½√C: 0 for a perfect autoencoder."""
    return float(reconstruction_errors(pictures, reconstructions).mean())


def rmse(image: Floats, pictures: Floats) -> float:
    """The measure of AVA (17): mean over pictures i and pixels j of ½‖image[j] - pictures[i][j]‖₂.

    The paper calls it a root mean square error; it is a mean of distances.

    Parameters
    ----------
    image : array (H, W, C)
        One image, in [0, 1], at the full size of the pictures.
    pictures : array (N, H, W, C)
        All pictures, in [0, 1].

    Returns
    -------
    float
        Mean distance per pixel, 0 to ½√C.

    Raises
    ------
    PictureError
        If there is no picture.
    ValueError
        If the image does not have the shape of one picture.
    """
    _check_pictures(pictures)
    if image.shape != pictures.shape[1:]:
        raise ValueError(f"an image of shape {image.shape} for pictures of {pictures.shape[1:]}")
    return sum(
        float(pixel_distance(image, pictures[part]).sum(dtype=np.float64))
        for part in chunks(len(pictures), values_each=image.size)
    ) / math.prod(pictures.shape[:3])


def floor(pictures: Floats, zoom: int) -> float:
    """The least value that AVA (17) can take for an image of zoom x zoom blocks of one colour each.

    It is the value of the image that has, in each block, the geometric median of the block's N·zoom² colours.

    Parameters
    ----------
    pictures : array (N, H, W, C)
        All pictures, in [0, 1].
    zoom : int
        Side of a block in pixels; 1 bounds every image from below.

    Returns
    -------
    float
        Mean distance per pixel, within a relative 1e-7 of the least.

    Raises
    ------
    PictureError
        If there is no picture, or zoom is less than 1 or does not divide both H and W.
    """
    _check_pictures(pictures, zoom)
    N, H, W, C = pictures.shape
    h, w = H // zoom, W // zoom
    blocks = pictures.reshape(N, h, zoom, w, zoom, C).transpose(0, 2, 4, 1, 3, 5)
    best = geometric_median(blocks.reshape(N * zoom * zoom, h * w, C))
    return rmse(_zoom_in(best.reshape(h, w, C), zoom), pictures)


def baselines(pictures: Floats, zoom: int) -> dict[str, float]:
    """What images that no model has made reach under AVA (17), on pictures of full size.

    Parameters
    ----------
    pictures : array (N, H, W, C)
        All pictures, in [0, 1].
    zoom : int
        The model's zoom: side in pixels of the one-coloured blocks that its images consist of.

    Returns
    -------
    dict
        Mean distance per pixel of each baseline:

        - ``grey``: 0.5 everywhere, what an untrained decoder shows;
        - ``copy_mean``, ``copy_best``: a perfect copy of one of the pictures, mean and least over them; of
          more than 100 pictures, 100 evenly spaced ones are copied (and compared with all);
        - ``single_colour``: the best single colour, the geometric median of all pixels; of more than 2²⁰
          pixels, evenly spaced ones choose the colour (and all are compared with it);
        - ``mean_image``: the mean picture, zoomed out by block means and in again;
        - ``floor``: the least value of any image, `floor`, at this zoom;
        - ``mean_image_full_size``, ``floor_full_size``: the same at zoom 1.

    Raises
    ------
    PictureError
        If there is no picture, or zoom is less than 1 or does not divide both H and W.
    """
    _check_pictures(pictures, zoom)
    shape = pictures.shape[1:]
    mean = pictures.mean(axis=0, dtype=np.float64)
    copied = evenly_spaced(len(pictures), _MAX_COPIES)
    copies = [rmse(pictures[i], pictures) for i in copied]
    floor_full_size = floor(pictures, 1)
    return {
        "grey": rmse(np.full(shape, 0.5), pictures),
        "copy_mean": float(np.mean(copies)),
        "copy_best": min(copies),
        "single_colour": rmse(np.broadcast_to(_single_colour(pictures), shape), pictures),
        "mean_image": rmse(_zoom_in(_zoom_out(mean, zoom), zoom), pictures),
        "floor": floor_full_size if zoom == 1 else floor(pictures, zoom),
        "mean_image_full_size": rmse(mean, pictures),
        "floor_full_size": floor_full_size,
    }


def _single_colour(pictures: Floats) -> Floats:
    """The geometric median (C,) of the pictures' pixels, or of evenly spaced ones if they are many."""
    _, H, W, C = pictures.shape
    pixels = pictures.reshape(-1, C)
    stride = -(-len(pixels) // _MAX_SAMPLES)
    # A stride that shared a factor with the width, say, would see some columns only.
    while math.gcd(stride, H * W) > 1:
        stride += 1
    return geometric_median(pixels[::stride, None])[0]


def _zoom_out(image: Floats, zoom: int) -> Floats:
    """Means of zoom x zoom blocks: (H, W, C) to (H/zoom, W/zoom, C)."""
    H, W, C = image.shape
    return image.reshape(H // zoom, zoom, W // zoom, zoom, C).mean(axis=(1, 3))


def _zoom_in(image: Floats, zoom: int) -> Floats:
    """Each pixel repeated as a zoom x zoom block: (h, w, C) to (h·zoom, w·zoom, C)."""
    return image.repeat(zoom, axis=0).repeat(zoom, axis=1)


def _check_pictures(pictures: Floats, zoom: int = 1) -> None:
    if pictures.ndim != 4:
        raise ValueError(f"pictures must have the shape (N, H, W, C), not {pictures.shape}")
    if pictures.size == 0:
        raise PictureError("there is no picture to measure: give at least one")
    _, H, W, _ = pictures.shape
    if zoom < 1 or H % zoom or W % zoom:
        raise PictureError(
            f"pictures of {W} x {H} pixels cannot be cut into blocks of {zoom} x {zoom}: "
            "crop them, or choose a zoom that divides both sides"
        )
