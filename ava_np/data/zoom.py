"""The paper's fixed zoom, of whole sets of pictures: kernels/zoom.py with the output allocated."""

import numpy as np

from ava_np.kernels.zoom import zoom_in_forward, zoom_out_forward


def zoom_out(pictures: np.ndarray, zoom: int) -> np.ndarray:
    """Block means of ``pictures`` (n, zoom·h, zoom·w, channels), as (n, h, w, channels) of the same float type."""
    count, height, width, channels = pictures.shape
    small = np.empty((count, height // zoom, width // zoom, channels), pictures.dtype)
    zoom_out_forward(small, pictures, zoom)
    return small


def zoom_in(pictures: np.ndarray, zoom: int) -> np.ndarray:
    """``pictures`` (n, h, w, channels) with every pixel repeated to (n, zoom·h, zoom·w, channels)."""
    count, height, width, channels = pictures.shape
    large = np.empty((count, height * zoom, width * zoom, channels), pictures.dtype)
    zoom_in_forward(large, pictures, zoom)
    return large
