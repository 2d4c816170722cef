"""The EXIF orientation of a picture, found without decoding it."""

import os
from contextlib import suppress
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngImageFile

ORIENTATION_TAG = 0x0112

# The transposition that turns a picture of EXIF orientation 2 to 8 upright; from 5 on it swaps width and height.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

PNG_SIGNATURE_BYTES = 8
PNG_METADATA = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")  # chunks that may hold an orientation


def orientation(picture: Image.Image) -> int:
    """Return the EXIF orientation of a picture that is open but not decoded, 1 to 8.

    1 (upright) if the EXIF is malformed, since the pixels may be intact, and for TIFF, which Pillow turns by itself.
    """
    if picture.format == "TIFF":
        return 1
    with suppress(Exception):  # as with pixels, Pillow may raise anything on damaged bytes
        if isinstance(picture, PngImageFile) and "exif" not in picture.info:
            _read_late_metadata(picture)
    try:
        # The method of the base class: that of PNG would decode the whole picture to find a late EXIF chunk.
        value = Image.Image.getexif(picture).get(ORIENTATION_TAG)
    except Exception:
        return 1
    return value if isinstance(value, int) and value in UPRIGHT else 1


def _read_late_metadata(picture: PngImageFile) -> None:
    """Read the metadata that follow the pixels of a PNG, which Pillow reads after decoding them."""
    stream, pixels = picture.png, picture.tile[0].offset
    assert picture.fp is not None
    assert stream is not None
    # A file of its own without a buffer: with one, each step from chunk to chunk would read thousands of bytes.
    with Path(os.fsdecode(picture.filename)).open("rb", buffering=0) as file:
        start = file.seek(PNG_SIGNATURE_BYTES)
        while len(header := file.read(8)) == 8 and header[4:] != b"IEND":
            length, kind = int.from_bytes(header[:4], "big"), header[4:]
            if start > pixels and kind in PNG_METADATA:
                picture.fp.seek(start + 8)
                stream.call(kind, start + 8, length)
            start = file.seek(start + 12 + length)
