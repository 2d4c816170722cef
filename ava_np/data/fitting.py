"""Bring pictures of any size to one size, and choose this size for pictures of many.

There are three ways to fit a picture whose ratio of width to height is another:

    crop       the largest central part of the ratio; the rest is cut off
    pad        the whole picture, as large as it fits, in the middle of the median colour of its own edge
    stretch    the whole picture, distorted

A picture already has the ratio if some scale makes its sides, rounded to whole pixels, those of the size. It is then
only resized, to the same bytes in all three ways.
"""

from itertools import count

import numpy as np
from PIL import Image

from ava_np.data.pictures import Size
from ava_np.specification import Fit

MAX_DEFAULT_SIDE = 256
NOTICEABLE = 1.05  # quotient of two ratios
MIXED = 0.25  # a folder with larger shares of portraits and of landscapes is mixed

WAYS: dict[Fit, str] = {
    "crop": "cropped to {} at the centre (--fit pad keeps all of each, --fit stretch distorts)",
    "pad": "padded to {} with the colour of their edges (--fit crop keeps the centre of each, --fit stretch distorts)",
    "stretch": "stretched to {}, which distorts (--fit crop keeps the centre of each, --fit pad keeps all of each)",
}
"""What is done to pictures of another ratio, and what else could be done."""


def to_pixels(picture: Image.Image, size: Size, fit: Fit, original: Size) -> np.ndarray:
    """Fit an upright picture of mode L or RGB, or F in [0, 1], to a size: (height, width, C) float32 in [0, 1].

    Its ratio is that of ``original``, its size in the file: decoding at reduced resolution rounds the sides.
    """
    if fit == "stretch" or _has_ratio(original, size):
        return _resized(picture, size)
    if fit == "crop":
        return _resized(picture, size, _central_part(picture.size, size))
    return _padded(_resized(picture, _largest_within(original, size)), size)


def median_size(sizes: list[Size]) -> Size:
    """Return the median width and median height, scaled down so that the longer side is at most 256 pixels.

    If more than a quarter of the pictures are portraits and more than a quarter landscapes, each with a ratio more than
    5 % from 1, it is a square, whose side is the median of all sides: a crop to 3:2 keeps only 44 % of a portrait of
    2:3, and a crop to a square 67 % of both.

    Examples
    --------
    >>> from ava_np.data.fitting import median_size
    >>> median_size([(120, 80), (90, 60), (150, 100)])
    (120, 80)
    >>> median_size([(120, 80), (120, 80), (80, 120)])
    (100, 100)
    """
    ratios = np.divide(*np.transpose(sizes))
    median = np.median(sizes, axis=0)
    if np.mean(ratios > NOTICEABLE) > MIXED and np.mean(ratios < 1 / NOTICEABLE) > MIXED:
        median[:] = np.median(sizes)
    width, height = np.floor(median * min(1.0, MAX_DEFAULT_SIDE / median.max()) + 0.5)
    return max(1, int(width)), max(1, int(height))


def fit_line(sizes: tuple[Size, ...], size: Size, fit: Fit) -> str | None:
    """Return what is done to pictures of these original sizes, if the ratio of one differs by more than 5 %.

    Examples
    --------
    >>> from ava_np.data.fitting import fit_line
    >>> print(fit_line(((640, 480), (600, 900)), (128, 96), "crop"))  # doctest: +ELLIPSIS
    pictures have ratios from 2:3 to 4:3: cropped to 4:3 at the centre (--fit pad keeps all of each, ...)
    >>> print(fit_line(((640, 480), (600, 450)), (128, 96), "crop"))
    None
    """
    ratios, wanted = [width / height for width, height in sizes], size[0] / size[1]
    low, high = min(ratios), max(ratios)
    if max(high / wanted, wanted / low) <= NOTICEABLE:
        return None
    first, last = _ratio_text(low), _ratio_text(high)
    have = f"the ratio {first}" if first == last else f"ratios from {first} to {last}"
    return f"pictures have {have}: {WAYS[fit].format(_ratio_text(wanted))}"


def _has_ratio(original: Size, size: Size) -> bool:
    """Return whether there is a scale s with |s·W - w| <= ½ and |s·H - h| <= ½, for W x H in the file."""
    (W, H), (w, h) = original, size
    return 2 * abs(w * H - h * W) <= W + H


def _central_part(original: Size, size: Size) -> tuple[float, float, float, float]:
    """Return the largest central box (left, top, right, bottom) of the ratio of ``size``.

    It begins at a whole pixel, so that a picture of the right width or height is cut and not resampled.
    """
    (W, H), (w, h) = original, size
    width, height = (H * w / h, H) if W * h > H * w else (W, W * h / w)
    left, top = (W - width) // 2, (H - height) // 2
    return left, top, left + width, top + height


def _largest_within(original: Size, size: Size) -> Size:
    """Return the largest size of the ratio of ``original`` that fits into ``size``, rounded to whole pixels."""
    (W, H), (w, h) = original, size
    return (w, max(1, int(H * w / W + 0.5))) if W * h > H * w else (max(1, int(W * h / H + 0.5)), h)


def _resized(picture: Image.Image, size: Size, box: tuple[float, float, float, float] | None = None) -> np.ndarray:
    """Resize a picture, or a part of it, to a size."""
    if picture.size != size or box is not None:
        picture = picture.resize(size, Image.Resampling.BICUBIC, box)
    pixels = np.asarray(picture, np.float32) / (1 if picture.mode == "F" else 255)
    return np.clip(pixels, 0, 1).reshape(size[1], size[0], -1)  # bicubic overshoots at edges


def _padded(pixels: np.ndarray, size: Size) -> np.ndarray:
    """Put a picture into the middle of the median colour of its edge.

    A logo on white stays on white. For other pictures this is the colour with the least contrast to the edge, so that a
    model spends little on the frame; a fixed one, such as black, would be a strong line that most pictures share.
    """
    height, width, channels = pixels.shape
    edge = np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])
    padded = np.empty((size[1], size[0], channels), np.float32)
    padded[:] = np.median(edge, axis=0)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    padded[top : top + height, left : left + width] = pixels
    return padded


def _ratio_text(ratio: float) -> str:
    """Return the simplest ratio that is right to one per cent, such as 3:2."""
    long = max(ratio, 1 / ratio)
    short = next(side for side in count(1) if abs(round(side * long) / (side * long) - 1) < 0.01)
    sides = (round(short * long), short)
    return "{}:{}".format(*(sides if ratio > 1 else sides[::-1]))
