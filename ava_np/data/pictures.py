"""``Pictures``, the result of reading any source, and the options that all sources share."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from ava_np.errors import PictureError
from ava_np.specification import Fit, parse_size

MAX_SIDE = 8192  # in pixels: a mistyped size above this would need gigabytes per picture

Size = tuple[int, int]
"""(width, height) in pixels."""

AnySize = Size | str | int
"""A size as ``read_pictures`` takes it: (width, height), "180x250", or the side of a square."""

Colour = Literal["auto", "grey", "rgb"]

Progress = Callable[[int, int], None]
"""Called as ``progress(done, total)``."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of one common size, with their names and original sizes.

    Attributes
    ----------
    array : ndarray, (N, H, W, C) float32
        Values in [0, 1]; C is 1 (grey) or 3 (RGB). The points of a toy distribution are the exception: their values
        are any real numbers. With a cache, it is an ``ava_np.data.stored.StoredArray``, which reads the pictures that
        are indexed.
    names : tuple of str, length N
        Path of each picture relative to the folder, with forward slashes; a number or a label for other sources.
    skipped : tuple of str
        One line for each picture that could not be read: its name and the reason.
    sizes : tuple of (width, height), length N
        Original size of each picture in pixels, after its EXIF orientation has been applied.
    size : (width, height)
        The common size in pixels, before the crop to (W, H).
    left_out : dict of str to tuple of str
        Names of the files that are no pictures, by kind: ".txt", "HEIC" without pillow-heif, "without a suffix".
        ``ava_np.data.formats.left_out_line`` counts them in one line.
    stored_sha256 : str, optional
        Value of ``sha256``, if it is known without reading the array.

    See Also
    --------
    ava_np.read_pictures : Returns this.

    Examples
    --------
    >>> import ava_np
    >>> pictures = ava_np.read_pictures(None, size=(60, 80), zoom=3, limit=2)
    >>> pictures.array.shape, pictures.array.dtype
    ((2, 78, 60, 3), dtype('float32'))
    >>> pictures.names, pictures.skipped
    (('label-1', 'label-2'), ())
    >>> pictures.size
    (60, 80)
    """

    array: np.ndarray
    names: tuple[str, ...]
    skipped: tuple[str, ...]
    sizes: tuple[Size, ...]
    size: Size
    left_out: dict[str, tuple[str, ...]] = field(default_factory=dict)
    stored_sha256: str | None = None

    def __repr__(self) -> str:
        """Return the number of the pictures, their size and their colours."""
        count, (height, width, channels) = len(self.names), self.array.shape[1:]
        colours = {1: ", grey", 3: ", RGB"}.get(channels, "")
        out = f", {len(self.skipped)} skipped" if self.skipped else ""
        return f"<Pictures: {count} of {width}x{height}{colours}{out}>"

    def _repr_html_(self) -> str:
        """Return the first pictures as a sheet for a notebook; points as text."""
        from ava_np.notebook import MOST, sheet_html

        text = repr(self).strip("<>")
        if self.array.shape[3] not in (1, 3) or min(self.array.shape[1:3]) < 2:  # points, not pictures
            return sheet_html(np.empty((0, 1, 1, 1)), text)
        return sheet_html(np.asarray(self.array[: min(MOST, len(self.names))]), text)

    @property
    def sha256(self) -> str:
        """SHA-256 of the array's values in hexadecimal: it changes if any value changes.

        Examples
        --------
        >>> import ava_np
        >>> first, second = (ava_np.read_pictures("toy:ring", limit=limit) for limit in (5, 6))
        >>> len(first.sha256), first.sha256 == second.sha256
        (64, False)
        """
        return self.stored_sha256 or hashlib.sha256(np.ascontiguousarray(self.array).data).hexdigest()


def check_options(source: object, size: AnySize | None, fit: Fit, zoom: int, colour: str, limit: int) -> Size | None:
    """Return the size as (width, height), if there is one.

    Raises
    ------
    PictureError
        If an option is out of range, whatever the source; the message begins with it.
    """
    try:
        parsed = None if size is None else parse_size(size)
    except ValueError as error:
        raise PictureError(f"{source}: {error}") from None
    if parsed is not None and not all(1 <= side <= MAX_SIDE for side in parsed):
        allowed = f"1 to {MAX_SIDE} pixels"
        raise PictureError(f"{source}: width and height must be {allowed}, not {parsed[0]} x {parsed[1]}")
    if fit not in get_args(Fit):
        raise PictureError(f'{source}: fit must be "crop", "pad" or "stretch", not {fit!r}')
    if zoom < 1:
        raise PictureError(f"{source}: zoom must be at least 1, not {zoom}")
    if colour not in ("auto", "grey", "rgb"):
        raise PictureError(f'{source}: colour must be "auto", "grey" or "rgb", not {colour!r}')
    if limit < 0:
        raise PictureError(f"{source}: the limit must be a number of pictures, or 0 for all, not {limit}")
    return parsed


def central_crop(source: object, size: Size, zoom: int) -> tuple[int, int, int, int]:
    """Return (left, top, width, height) of the largest central part whose sides are multiples of ``zoom``.

    Raises
    ------
    PictureError
        If a side is less than ``zoom``.
    """
    width, height = (side - side % zoom for side in size)
    if not width or not height:
        raise PictureError(
            f"{source}: {size[0]} x {size[1]} pixels are less than one block of {zoom} x {zoom}; "
            "give a larger size or a smaller zoom"
        )
    return (size[0] - width) // 2, (size[1] - height) // 2, width, height
