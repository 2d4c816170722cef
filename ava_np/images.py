"""Arrays as pictures: contact sheets and PNG files."""

import io
import math
from pathlib import Path

import numpy as np
from PIL import Image

from ava_np.files import write_atomically


def to_image(array: np.ndarray) -> Image.Image:
    """Convert floats in [0, 1] to an 8-bit picture, mode L or RGB; values are clipped and rounded to 0..255.

    Parameters
    ----------
    array : ndarray, (H, W), (H, W, 1) or (H, W, 3)
        Values in [0, 1].

    Raises
    ------
    ValueError
        If the array has another shape.
    """
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim != 2 and (array.ndim != 3 or array.shape[-1] != 3):
        raise ValueError(f"a picture has shape (H, W), (H, W, 1) or (H, W, 3), not {array.shape}")
    return Image.fromarray(np.rint(np.clip(array, 0, 1) * 255).astype(np.uint8))


def to_png(array: np.ndarray, compression: int = 6) -> bytes:
    """Encode an array, as ``to_image`` takes it, as a PNG file; the same array gives the same bytes.

    ``compression`` is zlib's level: 1 takes a third of the time of 6, and a tenth more bytes.
    """
    file = io.BytesIO()
    to_image(array).save(file, format="PNG", compress_level=compression)
    return file.getvalue()


def save_png(path: str | Path, array: np.ndarray) -> None:
    """Write an array, as ``to_image`` takes it, to a PNG file.

    Raises
    ------
    AvaError
        If the file cannot be written.
    """
    write_atomically(Path(path), to_png(array))


def grid(arrays: np.ndarray, columns: int | None = None, padding: int = 2) -> np.ndarray:
    """Arrange pictures row by row on one white contact sheet.

    Parameters
    ----------
    arrays : ndarray, (N, H, W, C)
        Pictures in [0, 1], N at least 1.
    columns : int, optional
        Pictures in a row; by default the square root of N, rounded up.
    padding : int
        White pixels between pictures and around the sheet.

    Returns
    -------
    ndarray, (rows * (H + padding) + padding, columns * (W + padding) + padding, C)
        Same dtype as ``arrays``; cells without a picture are white.
    """
    count, height, width, channels = arrays.shape
    columns = math.ceil(math.sqrt(count)) if columns is None else columns
    rows = math.ceil(count / columns)
    step_down, step_right = height + padding, width + padding
    sheet = np.ones((rows * step_down + padding, columns * step_right + padding, channels), arrays.dtype)
    for index, picture in enumerate(arrays):
        top, left = padding + index // columns * step_down, padding + index % columns * step_right
        sheet[top : top + height, left : left + width] = picture
    return sheet
