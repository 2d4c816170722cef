"""Pictures from files to one array (N, H, W, C) of float32 in [0, 1].

Reading takes two passes. The first reads headers alone, because the default size is the median over all pictures; the
second decodes one picture at a time, makes it the common size and hands on only that: to an array here, to a file in
``ava_np.data.cache``. A picture that cannot be used is named in ``Pictures.skipped`` with its reason: no decoder ends
in a traceback.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ava_np.data.decoding import Size, decode, header_size, printable, reason
from ava_np.errors import PictureError

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")

RUN_FILES = {"config.json", "metrics.jsonl"}
"""What tells a run folder: its pictures are results, and not read where it lies among the pictures."""

MAX_DEFAULT_SIDE = 256

# Beyond this, a slip of the keyboard would take gigabytes for each picture.
MAX_SIDE = 8192

Colour = Literal["auto", "grey", "rgb"]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of one size, and where they came from.

    Attributes
    ----------
    array : (N, H, W, C) float32
        Values in [0, 1]; C is 1 (grey) or 3 (RGB). A read-only ``np.memmap`` where they come from a cache, and plain
        real values where they are points of a toy distribution.
    names : tuple of str
        Path of each picture relative to the folder, with forward slashes.
    skipped : tuple of str
        One line for each file that could not be used: its name and the reason.
    sizes : tuple of (width, height)
        Size of each picture in its file, in pixels, after EXIF orientation.
    size : (width, height)
        The common size in pixels, before the crop to (W, H).
    stored_sha256 : str, optional
        ``sha256``, where it is known without reading the array.
    """

    array: np.ndarray
    names: tuple[str, ...]
    skipped: tuple[str, ...]
    sizes: tuple[Size, ...]
    size: Size
    stored_sha256: str | None = None

    @property
    def sha256(self) -> str:
        """Fingerprint of the values, for telling whether pictures have changed."""
        return self.stored_sha256 or hashlib.sha256(np.ascontiguousarray(self.array).data).hexdigest()


def load_pictures(
    folder: str | Path,
    *,
    size: Size | None = None,
    zoom: int = 1,
    colour: Colour = "auto",
    strict: bool = False,
    limit: int = 0,
    progress: Progress | None = None,
) -> Pictures:
    """Read every picture in a folder and its subfolders, in natural order (2 before 10), as one array.

    Hidden files and folders, run folders, and files of other suffixes are left out. Transparency is laid over white,
    EXIF orientation is applied, and of an animation the first frame is taken. Grey pictures of 16 bits keep their
    precision; of colour pictures with 16 bits a channel, Pillow reads the upper 8.

    Parameters
    ----------
    folder : path
        A folder, or one picture.
    size : (width, height), optional
        Common size in pixels, before the crop; a picture of another size is stretched to it, bicubic. By
        default the median width and the median height, scaled down so that the longer side is at most 256.
        No side may exceed 8192.
    zoom : int
        H and W are cropped to multiples of this, about the centre; an odd surplus pixel comes off the right
        or the bottom.
    colour : {"auto", "grey", "rgb"}
        "auto" gives grey when every picture is grey (one channel, or three equal ones), and RGB otherwise.
    strict : bool
        Raise at the first file that cannot be used, instead of skipping it.
    limit : int
        Take the first so many pictures; 0 for all.
    progress : callable, optional
        Called as ``progress(done, total)`` after each file of the second pass.

    Returns
    -------
    Pictures
        At least one picture, values in [0, 1].

    Raises
    ------
    PictureError
        The folder is missing, unreadable, neither folder nor picture, or without a usable picture; `size`,
        `zoom`, `colour` or `limit` make no sense; the size is less than one block of `zoom` pixels; or a file cannot
        be used and `strict` is set.
    """
    reader = Reader(Path(folder), size=size, zoom=zoom, colour=colour, strict=strict, limit=limit)
    height, width = reader.survey()
    count = len(reader.headers)
    try:
        array = np.empty((count, height, width, reader.channels), np.float32)
        for index, pixels in enumerate(reader.decoded(progress)):
            if pixels.shape[-1] > array.shape[-1]:  # the first picture in colour
                array = np.repeat(array, 3, axis=-1)
            array[index] = pixels  # grey fills all channels
    except MemoryError:
        pictures = f"{count} pictures of {width} x {height} pixels"
        raise PictureError(f"{reader.root}: {pictures} do not fit in memory; give a smaller size") from None
    return reader.result(array[: len(reader.names)])


class Reader:
    """The two passes over a folder: ``survey``, then ``decoded`` to its end, then ``result``.

    Parameters and faults are those of ``load_pictures``.

    Attributes
    ----------
    paths : list of Path
        Every file with a known suffix, in natural order.
    headers : dict of Path to (width, height)
        After the first pass: the files whose header can be read, and their upright size.
    size : (width, height)
        After the first pass: the common size, before the crop.
    channels : int
        How many at least; more if a picture turns out to have more.
    names : list of str
        Of the pictures decoded so far.
    """

    def __init__(
        self, root: Path, *, size: Size | None, zoom: int, colour: Colour, strict: bool = False, limit: int = 0
    ) -> None:
        check_options(root, size, zoom, colour, limit)
        self.root, self.zoom, self.colour, self.strict, self.limit = root, zoom, colour, strict, limit
        self.size = size or (0, 0)
        self.channels = 3 if colour == "rgb" else 1
        self.headers: dict[Path, Size] = {}
        self.names: list[str] = []
        self._sizes: list[Size] = []
        self._skipped: dict[Path, str] = {}
        self.paths = self._find()

    def survey(self) -> tuple[int, int]:
        """The first pass: read headers, settle the size, and return the (height, width) that is left by the crop."""
        for path in self.paths:
            try:
                self.headers[path] = header_size(path)
            except PictureError as error:
                self._skip(path, str(error))
            if self.limit and len(self.headers) == self.limit:
                break
        if not self.headers:
            raise self._nothing_usable()
        if self.size == (0, 0):
            self.size = _median_size(list(self.headers.values()))
        _, _, width, height = crop(self.root, self.size, self.zoom)
        return height, width

    def decoded(self, progress: Progress | None) -> Iterator[np.ndarray]:
        """The second pass: each usable picture, (height, width, 1 or 3) float32 in [0, 1]."""
        left, top, width, height = crop(self.root, self.size, self.zoom)
        for done, path in enumerate(self.headers, start=1):
            try:
                pixels, original = decode(path, self.size, grey=self.colour == "grey")
            except PictureError as error:
                self._skip(path, str(error))
            else:
                self.names.append(_name(path, self.root))
                self._sizes.append(original)
                yield pixels[top : top + height, left : left + width]
            if progress is not None:
                progress(done, len(self.headers))
        if not self.names:
            raise self._nothing_usable()

    def result(self, array: np.ndarray, sha256: str | None = None) -> Pictures:
        """What was read, with the array of all that was decoded."""
        paths = sorted(self._skipped, key=_natural)
        skipped = tuple(printable(f"{_name(path, self.root)}: {self._skipped[path]}") for path in paths)
        return Pictures(array, tuple(self.names), skipped, tuple(self._sizes), self.size, sha256)

    def _find(self) -> list[Path]:
        root, known = self.root, ", ".join(SUFFIXES)
        try:
            root.stat()
        except FileNotFoundError:
            raise PictureError(f"{root}: no such folder") from None
        except (OSError, ValueError) as error:
            raise PictureError(f"{root}: cannot be read ({reason(error)})") from None
        if not root.is_dir():
            if root.suffix.lower() not in SUFFIXES:
                raise PictureError(f"{root}: neither a folder nor a picture (known suffixes: {known})")
            return [root]
        paths, unread = walk(root)
        if not paths and not unread:
            raise PictureError(f"{root}: no pictures in this folder or below (known suffixes: {known})")
        for fault in unread:
            self._skip(Path(fault.filename), f"cannot be read ({reason(fault)})")
        return sorted(paths, key=_natural)

    def _skip(self, path: Path, why: str) -> None:
        if self.strict:
            raise PictureError(f"{printable(str(path))}: {why}; repair or remove it")
        self._skipped[path] = why

    def _nothing_usable(self) -> PictureError:
        first = min(self._skipped, key=_natural)
        why = f"{_name(first, self.root)}: {self._skipped[first]}"
        return PictureError(f"{self.root}: no usable picture; the first is {why}")


def check_options(source: object, size: Size | None, zoom: int, colour: str, limit: int) -> None:
    """Refuse options that make no sense for any source."""
    if size is not None and not all(1 <= side <= MAX_SIDE for side in size):
        limits = f"1 to {MAX_SIDE} pixels"
        raise PictureError(f"{source}: width and height must be {limits}, not {size[0]} x {size[1]}")
    if zoom < 1:
        raise PictureError(f"{source}: zoom must be at least 1, not {zoom}")
    if colour not in ("auto", "grey", "rgb"):
        raise PictureError(f'{source}: colour must be "auto", "grey" or "rgb", not {colour!r}')
    if limit < 0:
        raise PictureError(f"{source}: the limit must be a number of pictures, or 0 for all, not {limit}")


def crop(source: object, size: Size, zoom: int) -> tuple[int, int, int, int]:
    """(left, top, width, height) of the central part whose sides are multiples of zoom.

    Raises
    ------
    PictureError
        If that is nothing.
    """
    width, height = (side - side % zoom for side in size)
    if not width or not height:
        raise PictureError(
            f"{source}: {size[0]} x {size[1]} pixels are less than one block of {zoom} x {zoom}; "
            "give a larger size or a smaller zoom"
        )
    return (size[0] - width) // 2, (size[1] - height) // 2, width, height


def walk(root: Path) -> tuple[list[Path], list[OSError]]:
    """All files with a known suffix in a folder and below, in any order; and what kept subfolders from being read."""
    paths: list[Path] = []
    seen: set[Path] = set()
    unread: list[OSError] = []
    for directory, subfolders, files in os.walk(root, onerror=unread.append, followlinks=True):
        # Folders may be links, even to a folder above: each is visited once, and in natural order, so that
        # which of its names is met first does not depend on the file system.
        here = Path(directory).resolve()
        if here in seen:
            subfolders.clear()
            continue
        seen.add(here)
        if set(files) >= RUN_FILES:
            subfolders.clear()
            continue
        subfolders[:] = sorted((name for name in subfolders if not name.startswith(".")), key=_natural_text)
        paths += [Path(directory, name) for name in files if not name.startswith(".")]
    return [path for path in paths if path.suffix.lower() in SUFFIXES], unread


def _natural_text(text: str) -> tuple[list[str | int], str]:
    """Order that reads runs of digits as numbers and ignores case, except between names otherwise equal."""
    parts = re.split("([0-9]+)", text)
    return [int(part) if index % 2 else part.casefold() for index, part in enumerate(parts)], text


def _natural(path: Path) -> list[tuple[list[str | int], str]]:
    """Natural order of paths, folder by folder."""
    return [_natural_text(part) for part in path.parts]


def _median_size(sizes: list[Size]) -> Size:
    """Median width and median height, scaled down so that the longer side is at most 256 pixels."""
    middle = np.median(sizes, axis=0)
    width, height = np.floor(middle * min(1.0, MAX_DEFAULT_SIDE / middle.max()) + 0.5)
    return max(1, int(width)), max(1, int(height))


def _name(path: Path, root: Path) -> str:
    """Path relative to the folder, with forward slashes; the file's own name if it was given alone."""
    return printable(path.name if path == root else path.relative_to(root).as_posix())
