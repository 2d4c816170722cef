"""Decode one picture file to pixels in [0, 1], whatever its format, mode and EXIF orientation.

Every error of a decoder becomes a ``PictureError`` that holds only the reason; the caller adds the name of the file.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from ava_np.data.fitting import to_pixels
from ava_np.data.formats import HEIC, HEIC_HINT, formats, is_unread_heic
from ava_np.data.messages import reason
from ava_np.data.orientation import UPRIGHT, orientation
from ava_np.data.pictures import Size
from ava_np.errors import PictureError
from ava_np.specification import Fit

DEEP_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I")
"""Pillow's modes of grey pictures with more than 8 bits."""

TILE = 1024
"""Side of the parts of a picture that are laid over white, or compared, at once."""


@contextmanager
def opened(source: Path | bytes, max_pixels: int) -> Iterator[Image.Image]:
    """Open a picture, a file or its content; any error before it is closed becomes a ``PictureError``: the reason."""
    try:
        if isinstance(source, Path) and not source.is_file():
            raise PictureError("not a regular file")
        if not (source.stat().st_size if isinstance(source, Path) else source):
            raise PictureError("the file is empty")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns about damage that it can ignore
            # Pillow chooses a decoder by content, not by suffix. The list keeps it from running Ghostscript on an EPS
            # file that is named .png.
            file = source if isinstance(source, Path) else io.BytesIO(source)
            with _without_limit(), Image.open(file, formats=formats()) as picture:
                pixels = picture.width * picture.height
                if pixels > max_pixels:
                    raise PictureError(f"has {pixels:,} pixels, more than {max_pixels:,}: raise --max-pixels")
                yield picture
    except PictureError:
        raise
    except PermissionError as error:
        raise PictureError(f"cannot be read ({reason(error)})") from None
    except UnidentifiedImageError:
        if isinstance(source, Path) and is_unread_heic(source):  # with the suffix of another format
            raise PictureError(f"is {HEIC}; {HEIC_HINT}") from None
        raise PictureError("not a picture of a known format, or its header is damaged") from None
    except MemoryError:
        raise PictureError("does not fit in memory") from None
    except Exception as error:  # damaged files make decoders raise anything: SyntaxError, struct.error, KeyError
        raise PictureError(f"cannot be decoded ({reason(error)})") from error


@contextmanager
def _without_limit() -> Iterator[None]:
    """Lift Pillow's limit of pixels, which is the same for all pictures of a process."""
    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def header_size(path: Path, max_pixels: int) -> Size:
    """Return (width, height) in pixels after EXIF orientation, without decoding the picture."""
    with opened(path, max_pixels) as picture:
        return (picture.height, picture.width) if orientation(picture) >= 5 else picture.size


def decode(source: Path | bytes, size: Size, fit: Fit, *, grey: bool, max_pixels: int) -> tuple[np.ndarray, Size]:
    """Return one picture, (height, width, C) float32 in [0, 1], and its original size; C is 1 if it is grey, else 3."""
    with opened(source, max_pixels) as picture:
        original, turned = picture.size, orientation(picture)  # before decoding, so that it is that of header_size
        # Pillow can decode a JPEG at reduced resolution; at twice the final size or more, this is not visible.
        picture.draft(None, (2 * max(size), 2 * max(size)))
        picture.load()
        flat = _flatten(picture)
        if turned in UPRIGHT:
            flat = flat.transpose(UPRIGHT[turned])
        if grey and flat.mode == "RGB":
            flat = flat.convert("L")
        original = original[::-1] if turned >= 5 else original
        return to_pixels(flat, size, fit, original), original


def _flatten(picture: Image.Image) -> Image.Image:
    """Convert any mode to L or RGB of 8 bits, or F in [0, 1]: transparency over white, three equal channels to one."""
    if picture.mode == "F" or picture.mode in DEEP_MODES:
        return _flatten_deep(picture)
    if picture.has_transparency_data:
        flat = _over_white(picture)
    elif picture.mode in ("1", "L"):
        return picture.convert("L")
    else:
        flat = picture if picture.mode == "RGB" else picture.convert("RGB")
    return flat.getchannel(0) if all(_is_grey(tile) for _, tile in _tiles(flat)) else flat


def _over_white(picture: Image.Image) -> Image.Image:
    """Lay a picture with transparency over white."""
    flat = Image.new("RGB", picture.size)
    for corner, tile in _tiles(picture):
        opaque = tile.convert("RGBA")
        white = Image.new("RGBA", opaque.size, "white")
        flat.paste(Image.alpha_composite(white, opaque).convert("RGB"), corner)
    return flat


def _is_grey(picture: Image.Image) -> bool:
    """Return whether the three channels are equal."""
    red, green, blue = (channel.tobytes() for channel in picture.split())
    return red == green == blue


def _tiles(picture: Image.Image) -> Iterator[tuple[tuple[int, int], Image.Image]]:
    """Yield parts of a picture with their corners (left, top): copies of the whole could take a gigabyte each."""
    for top in range(0, picture.height, TILE):
        for left in range(0, picture.width, TILE):
            right, bottom = min(left + TILE, picture.width), min(top + TILE, picture.height)
            yield (left, top), picture.crop((left, top, right, bottom))


def _flatten_deep(picture: Image.Image) -> Image.Image:
    """Convert grey of 16 bits or float to mode F in [0, 1]; not by way of 8 bits, to which Pillow would clip."""
    flat = Image.new("F", picture.size)
    for corner, tile in _tiles(picture):
        values = np.asarray(tile).astype(np.float32)
        if picture.mode in DEEP_MODES:
            if "transparency" in picture.info:  # the one value that a 16-bit PNG may declare transparent
                values[values == picture.info["transparency"]] = 65535
            values /= 65535
        if not (values.min() >= 0 and values.max() <= 1):  # NaN fails too
            scale = "[0, 1]" if picture.mode == "F" else "16 bits"
            raise PictureError(f"holds values outside {scale}, whose white is unknown; save it as 8 or 16 bits")
        flat.paste(Image.fromarray(values), corner)
    return flat
