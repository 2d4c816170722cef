"""Arrays back to pictures: contact sheets and PNG files."""

import io
import math
from pathlib import Path

import numpy as np
from PIL import Image

from ava_np.files import write_atomically


def to_image(array: np.ndarray) -> Image.Image:
    """Make an 8-bit picture, mode L or RGB, of floats in [0, 1], which are clipped and rounded to 0..255.

    Parameters
    ----------
    array : (H, W), (H, W, 1) or (H, W, 3)

    Raises
    ------
    ValueError
        The array has another shape.
    """
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim != 2 and (array.ndim != 3 or array.shape[-1] != 3):
        raise ValueError(f"a picture has shape (H, W), (H, W, 1) or (H, W, 3), not {array.shape}")
    return Image.fromarray(np.rint(np.clip(array, 0, 1) * 255).astype(np.uint8))


def grid(arrays: np.ndarray, columns: int | None = None, padding: int = 2) -> np.ndarray:
    """Lay pictures (N, H, W, C) out row by row on one white contact sheet (H', W', C).

    Parameters
    ----------
    arrays : (N, H, W, C)
        Pictures in [0, 1], N at least 1.
    columns : int, optional
        Pictures in a row; by default the square root of N, rounded up.
    padding : int
        White pixels between pictures and around the sheet.

    Returns
    -------
    (rows * (H + padding) + padding, columns * (W + padding) + padding, C)
        Of the dtype of `arrays`; cells without a picture are white.
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


def save_png(path: str | Path, array: np.ndarray) -> None:
    """Write an array, as `to_image` takes it, to a PNG file: whole or not at all, with fixed bytes.

    Raises
    ------
    AvaError
        The file cannot be written.
    """
    file = io.BytesIO()
    to_image(array).save(file, format="PNG")
    write_atomically(Path(path), file.getvalue())
