"""One picture file to pixels in [0, 1]: every format, mode and orientation, and a reason where that fails.

Whatever a decoder raises becomes a ``PictureError`` that holds the reason alone: who knows the folder names the file.
"""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from ava_np.errors import PictureError

# Pillow goes by content, not by suffix; naming the decoders keeps an EPS called .png away from Ghostscript.
DECODERS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")

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

Size = tuple[int, int]
"""(width, height) in pixels."""


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
        raise PictureError(f"cannot be read ({reason(error)})") from None
    except UnidentifiedImageError:
        raise PictureError("not a picture of a known format, or its header is damaged") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureError(f"claims more than {Image.MAX_IMAGE_PIXELS} pixels") from None
    except MemoryError:
        raise PictureError("does not fit in memory") from None
    except Exception as error:  # damage makes decoders raise anything: SyntaxError, struct.error, KeyError
        raise PictureError(f"cannot be decoded ({reason(error)})") from error


def header_size(path: Path) -> Size:
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


def decode(path: Path, size: Size, *, grey: bool) -> tuple[np.ndarray, Size]:
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
        return to_pixels(flat, size), original[::-1] if orientation >= 5 else original


def to_pixels(flat: Image.Image, size: Size) -> np.ndarray:
    """A picture of mode L or RGB, or F in [0, 1], stretched to a size: (height, width, C) float32 in [0, 1]."""
    if flat.size != size:
        flat = flat.resize(size, Image.Resampling.BICUBIC)
    pixels = np.asarray(flat, np.float32) / (1 if flat.mode == "F" else 255)
    return np.clip(pixels, 0, 1).reshape(size[1], size[0], -1)  # bicubic overshoots at edges


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


def printable(text: str) -> str:
    """Escape what neither terminal nor JSON takes: bytes that are not UTF-8, and control characters."""
    return re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", lambda found: ascii(found[0])[1:-1], text)


def reason(error: BaseException) -> str:
    """A fault of the system or of Pillow in one line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__
