"""Zoom whole arrays of pictures in and out by a fixed factor, as the paper does; the kernels are in kernels/zoom.py."""

import numpy as np

from ava_np.data.stored import StoredArray
from ava_np.kernels.zoom import zoom_in_forward, zoom_out_forward


def zoom_out(pictures: np.ndarray | StoredArray, zoom: int) -> np.ndarray:
    """Shrink pictures: each output pixel is the mean of a block of ``zoom`` x ``zoom`` pixels.

    Parameters
    ----------
    pictures : ndarray or StoredArray, (N, zoom·h, zoom·w, C)
        Pictures of any float type.
    zoom : int
        Side of a block in pixels, at least 1.

    Returns
    -------
    ndarray, (N, h, w, C)
        A new array of the same float type.

    Raises
    ------
    ValueError
        If ``pictures`` does not have four axes, or ``zoom`` is less than 1 or does not divide both sides.

    See Also
    --------
    zoom_in : Enlarges pictures again.

    Examples
    --------
    >>> import numpy as np
    >>> import ava_np
    >>> pictures = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    >>> ava_np.zoom_out(pictures, 2)[0, :, :, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]], dtype=float32)
    """
    pictures = np.asarray(pictures)  # read, if they are in the file of a cache
    check_zoom(pictures, zoom)
    count, height, width, channels = pictures.shape
    small = np.empty((count, height // zoom, width // zoom, channels), pictures.dtype)
    zoom_out_forward(small, pictures, zoom)
    return small


def zoom_in(pictures: np.ndarray, zoom: int) -> np.ndarray:
    """Enlarge pictures: each pixel is repeated as a block of ``zoom`` x ``zoom`` pixels.

    Parameters
    ----------
    pictures : ndarray, (N, h, w, C)
        Pictures of any float type.
    zoom : int
        Side of a block in pixels, at least 1.

    Returns
    -------
    ndarray, (N, zoom·h, zoom·w, C)
        A new array of the same float type.

    See Also
    --------
    zoom_out : Shrinks pictures.

    Examples
    --------
    >>> import numpy as np
    >>> import ava_np
    >>> pictures = np.array([[1, 2]], dtype=np.float32).reshape(1, 1, 2, 1)
    >>> ava_np.zoom_in(pictures, 2)[0, :, :, 0]
    array([[1., 1., 2., 2.],
           [1., 1., 2., 2.]], dtype=float32)
    """
    count, height, width, channels = pictures.shape
    large = np.empty((count, height * zoom, width * zoom, channels), pictures.dtype)
    zoom_in_forward(large, pictures, zoom)
    return large


def check_zoom(pictures: np.ndarray | StoredArray, zoom: int) -> None:
    """Raise a ``ValueError`` if pictures (N, H, W, C) cannot be divided into blocks of ``zoom`` x ``zoom`` pixels."""
    if pictures.ndim != 4 or zoom < 1 or pictures.shape[1] % zoom or pictures.shape[2] % zoom:
        raise ValueError(
            f"pictures of shape {pictures.shape} cannot be zoomed out by {zoom}: "
            "give (N, H, W, C) with H and W multiples of the zoom"
        )
