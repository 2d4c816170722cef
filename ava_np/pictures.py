"""Pictures from files to one array (N, H, W, C) of float32 in [0, 1].

Reading takes two passes. The first reads headers alone, because the default size is the median over all
pictures; the second decodes one picture at a time, makes it the common size and keeps only that. A picture
that cannot be used is named in ``Pictures.skipped`` with its reason: no decoder ends in a traceback.
"""

import hashlib
import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, UnidentifiedImageError

from ava_np.errors import PictureError

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")

# Pillow goes by content, not by suffix; naming the decoders keeps an EPS called .png away from Ghostscript.
DECODERS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")

RUN_FILES = {"config.json", "metrics.jsonl"}
"""What tells a run folder: its pictures are results, and not read where it lies among the pictures."""

LONGEST_DEFAULT_SIDE = 256

# Beyond this, a slip of the keyboard would take gigabytes for each picture.
LONGEST_SIDE = 8192

ORIENTATION_TAG = 0x0112

# What turns a picture stored with EXIF orientation 2 to 8 upright; from 5 on, width and height change places.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

DEEP_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I")

Colour = Literal["auto", "grey", "rgb"]
Size = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of one size, and where they came from.

    Attributes
    ----------
    array : (N, H, W, C) float32
        Values in [0, 1]; C is 1 (grey) or 3 (RGB).
    names : tuple of str
        Path of each picture relative to the folder, with forward slashes.
    skipped : tuple of str
        One line for each file that could not be used: its name and the reason.
    sizes : tuple of (width, height)
        Size of each picture in its file, in pixels, after EXIF orientation.
    size : (width, height)
        The common size in pixels, before the crop to (W, H).
    """

    array: np.ndarray
    names: tuple[str, ...]
    skipped: tuple[str, ...]
    sizes: tuple[Size, ...]
    size: Size

    @property
    def sha256(self) -> str:
        """Fingerprint of the values, for telling whether pictures have changed."""
        return hashlib.sha256(np.ascontiguousarray(self.array).data).hexdigest()


def load_pictures(
    folder: str | Path,
    *,
    size: Size | None = None,
    zoom: int = 1,
    colour: Colour = "auto",
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
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
        `zoom` or `colour` make no sense; the size is less than one block of `zoom` pixels; or a file cannot
        be used and `strict` is set.
    """
    root = Path(folder)
    if size is not None and not all(1 <= side <= LONGEST_SIDE for side in size):
        limits = f"1 to {LONGEST_SIDE} pixels"
        raise PictureError(f"{root}: width and height must be {limits}, not {size[0]} x {size[1]}")
    if zoom < 1:
        raise PictureError(f"{root}: zoom must be at least 1, not {zoom}")
    if colour not in ("auto", "grey", "rgb"):
        raise PictureError(f'{root}: colour must be "auto", "grey" or "rgb", not {colour!r}')
    skipped: dict[Path, str] = {}

    def skip(path: Path, reason: str) -> None:
        if strict:
            raise PictureError(f"{_printable(str(path))}: {reason}; repair or remove it")
        skipped[path] = reason

    paths = _find(root, skip)
    headers: dict[Path, Size] = {}
    for path in paths:
        try:
            headers[path] = _header_size(path)
        except PictureError as error:
            skip(path, str(error))
    if not headers:
        raise _nothing_usable(root, skipped)

    size = _median_size(list(headers.values())) if size is None else size
    width, height = (side - side % zoom for side in size)
    if not width or not height:
        raise PictureError(
            f"{root}: {size[0]} x {size[1]} pixels are less than one block of {zoom} x {zoom}; "
            "give a larger size or a smaller zoom"
        )
    left, top = (size[0] - width) // 2, (size[1] - height) // 2

    names: list[str] = []
    sizes: list[Size] = []
    try:
        array = np.empty((len(headers), height, width, 3 if colour == "rgb" else 1), np.float32)
        for done, path in enumerate(headers, start=1):
            try:
                pixels, original = _decode(path, size, grey=colour == "grey")
            except PictureError as error:
                skip(path, str(error))
            else:
                if pixels.shape[-1] > array.shape[-1]:  # the first picture in colour
                    array = np.repeat(array, 3, axis=-1)
                array[len(names)] = pixels[top : top + height, left : left + width]  # grey fills all channels
                names.append(_name(path, root))
                sizes.append(original)
            if progress is not None:
                progress(done, len(headers))
    except MemoryError:
        pictures = f"{len(headers)} pictures of {width} x {height} pixels"
        raise PictureError(f"{root}: {pictures} do not fit in memory; give a smaller size") from None
    if not names:
        raise _nothing_usable(root, skipped)
    lines = tuple(f"{_name(path, root)}: {skipped[path]}" for path in sorted(skipped, key=_natural))
    return Pictures(array[: len(names)], tuple(names), lines, tuple(sizes), size)


def _find(root: Path, skip: Callable[[Path, str], None]) -> list[Path]:
    """Paths of all files with a known suffix, in natural order; unreadable subfolders go to `skip`."""
    known = ", ".join(SUFFIXES)
    try:
        root.stat()
    except FileNotFoundError:
        raise PictureError(f"{root}: no such folder") from None
    except (OSError, ValueError) as error:
        raise PictureError(f"{root}: cannot be read ({_reason(error)})") from None
    if not root.is_dir():
        if root.suffix.lower() not in SUFFIXES:
            raise PictureError(f"{root}: neither a folder nor a picture (known suffixes: {known})")
        return [root]

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
    paths = [path for path in paths if path.suffix.lower() in SUFFIXES]
    if not paths and not unread:
        raise PictureError(f"{root}: no pictures in this folder or below (known suffixes: {known})")
    for fault in unread:
        skip(Path(fault.filename), f"cannot be read ({_reason(fault)})")
    return sorted(paths, key=_natural)


def _natural_text(text: str) -> tuple[list[str | int], str]:
    """Order that reads runs of digits as numbers and ignores case, except between names otherwise equal."""
    parts = re.split("([0-9]+)", text)
    return [int(part) if index % 2 else part.casefold() for index, part in enumerate(parts)], text


def _natural(path: Path) -> list[tuple[list[str | int], str]]:
    """Natural order of paths, folder by folder."""
    return [_natural_text(part) for part in path.parts]


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open a picture; whatever goes wrong until it is closed becomes a PictureError that holds the reason."""
    try:
        if not path.is_file():
            raise PictureError("not a regular file")
        if not path.stat().st_size:
            raise PictureError("the file is empty")
        with warnings.catch_warnings():
            # Pillow only warns of pictures up to twice its limit, and of damage that it then reads over.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=DECODERS) as picture:
                yield picture
    except PictureError:
        raise
    except PermissionError as error:
        raise PictureError(f"cannot be read ({_reason(error)})") from None
    except UnidentifiedImageError:
        raise PictureError("not a picture of a known format, or its header is damaged") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureError(f"claims more than {Image.MAX_IMAGE_PIXELS} pixels") from None
    except MemoryError:
        raise PictureError("does not fit in memory") from None
    except Exception as error:  # damage makes decoders raise anything: SyntaxError, struct.error, KeyError
        raise PictureError(f"cannot be decoded ({_reason(error)})") from error


def _header_size(path: Path) -> Size:
    """Upright (width, height) in pixels, without decoding."""
    with _opened(path) as picture:
        # Pillow's TIFF reader turns the picture, and reports its turned size, by itself.
        turned = picture.format != "TIFF" and _orientation(picture) >= 5
        return (picture.height, picture.width) if turned else picture.size


def _orientation(picture: Image.Image) -> int:
    """EXIF orientation, 1 to 8; a malformed EXIF counts as upright, since the pixels may be sound."""
    try:
        # The base class, because PNG's own method would decode the whole picture to find a late EXIF chunk.
        value = Image.Image.getexif(picture).get(ORIENTATION_TAG)
    except Exception:  # as with pixels, Pillow raises anything on damaged bytes
        return 1
    return value if isinstance(value, int) and value in UPRIGHT else 1


def _median_size(sizes: list[Size]) -> Size:
    """Median width and median height, scaled down so that the longer side is at most 256 pixels."""
    middle = np.median(sizes, axis=0)
    width, height = np.floor(middle * min(1.0, LONGEST_DEFAULT_SIDE / middle.max()) + 0.5)
    return max(1, int(width)), max(1, int(height))


def _decode(path: Path, size: Size, *, grey: bool) -> tuple[np.ndarray, Size]:
    """One picture as (height, width, C) float32 in [0, 1], C as small as it can be, and its original size."""
    with _opened(path) as picture:
        original = picture.size
        # JPEG can leave out detail while it decodes; at twice the size it needs, this does not show.
        picture.draft(None, (2 * max(size), 2 * max(size)))
        picture.load()
        orientation = _orientation(picture)
        flat = _flatten(picture)
        if orientation in UPRIGHT:
            flat = flat.transpose(UPRIGHT[orientation])
        if grey and flat.mode == "RGB":
            flat = flat.convert("L")
        if flat.size != size:
            flat = flat.resize(size, Image.Resampling.BICUBIC)
        pixels = np.asarray(flat, np.float32) / (1 if flat.mode == "F" else 255)
        pixels = np.clip(pixels, 0, 1).reshape(size[1], size[0], -1)  # bicubic overshoots at edges
        return pixels, original[::-1] if orientation >= 5 else original


def _flatten(picture: Image.Image) -> Image.Image:
    """Any mode to L or RGB of 8 bits, or F in [0, 1]; transparency over white, equal channels to one."""
    if picture.mode == "F" or picture.mode in DEEP_MODES:
        return _flatten_deep(picture)
    if picture.has_transparency_data:
        opaque = picture.convert("RGBA")
        white = Image.new("RGBA", opaque.size, "white")
        flat = Image.alpha_composite(white, opaque).convert("RGB")
    elif picture.mode in ("1", "L"):
        return picture.convert("L")
    else:
        flat = picture.convert("RGB")
    red, green, blue = flat.split()
    return red if red.tobytes() == green.tobytes() == blue.tobytes() else flat


def _flatten_deep(picture: Image.Image) -> Image.Image:
    """Grey of 16 bits, or of float, as mode F in [0, 1]: never by way of 8 bits, where Pillow clips."""
    values = np.asarray(picture).astype(np.float32)
    if picture.mode in DEEP_MODES:
        if "transparency" in picture.info:  # the one value that a 16-bit PNG may declare transparent
            values[values == picture.info["transparency"]] = 65535
        values /= 65535
    if not (values.min() >= 0 and values.max() <= 1):  # NaN fails too
        scale = "[0, 1]" if picture.mode == "F" else "16 bits"
        raise PictureError(f"holds values outside {scale}, whose white is unknown; save it as 8 or 16 bits")
    return Image.fromarray(values)


def _name(path: Path, root: Path) -> str:
    """Path relative to the folder, with forward slashes; the file's own name if it was given alone."""
    return _printable(path.name if path == root else path.relative_to(root).as_posix())


def _printable(text: str) -> str:
    """Escape what neither terminal nor JSON takes: bytes that are not UTF-8, and control characters."""
    return re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", lambda found: ascii(found[0])[1:-1], text)


def _reason(error: BaseException) -> str:
    """A fault of the system or of Pillow in one line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__


def _nothing_usable(root: Path, skipped: dict[Path, str]) -> PictureError:
    first = min(skipped, key=_natural)
    return PictureError(f"{root}: no usable picture; the first is {_name(first, root)}: {skipped[first]}")
