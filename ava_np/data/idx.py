"""Pictures in an idx file, the format of MNIST: a short header, then every pixel as one byte.

    magic    4 bytes: 0, 0, the type of a value (8: unsigned byte), the number of dimensions (3: count, height, width)
    sides    4 bytes for each dimension, big-endian
    values   in C order

Plain or gzipped, which the content tells and not the name. Source: LeCun, Cortes and Burges, the MNIST database, "File
formats for the MNIST database", yann.lecun.com/exdb/mnist.
"""

import gzip
import math
import re
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ava_np.data.decoding import printable, reason
from ava_np.data.folder import SUFFIXES
from ava_np.errors import PictureError

TYPES = {8: "bytes", 9: "signed bytes", 11: "int16", 12: "int32", 13: "float32", 14: "float64"}
BYTES, PICTURES, LABELS = 8, 3, 1  # the type and the dimensions of pictures; the dimensions of labels

GZIP = b"\x1f\x8b"
CALLED_IDX = re.compile(r"[.-]idx([0-9]-[a-z]+)?(\.gz)?$", re.IGNORECASE)  # train-images-idx3-ubyte.gz, digits.idx
PIECE = 1 << 20  # bytes read at once: a header may claim more than there is, or more than memory holds


def is_idx(path: Path) -> bool:
    """Whether a file claims to be idx, by its first four bytes or by a name such as train-images-idx3-ubyte.gz."""
    try:
        if not path.is_file():
            return False
    except OSError:  # such as a folder above that may not be entered
        return False
    magic = _magic(path)
    return bool(CALLED_IDX.search(path.name)) or (
        len(magic) == 4 and magic[:2] == b"\0\0" and magic[2] in TYPES and 1 <= magic[3] <= PICTURES + 1
    )


def idx_files(folder: Path) -> list[Path]:
    """The idx files of a folder, of pictures or not, by name; none if it cannot be read."""
    try:
        return sorted(
            path
            for path in folder.iterdir()
            if not path.name.startswith(".") and path.suffix.lower() not in SUFFIXES and is_idx(path)
        )
    except (OSError, ValueError):
        return []


def choose_idx(folder: Path, files: list[Path]) -> Path:
    """Which of a folder's idx files the pictures are taken from.

    The first whose name begins with "train-images"; otherwise the only one that does not hold labels.

    Raises
    ------
    PictureError
        If there are several, or none but labels.
    """
    training = [path for path in files if path.name.startswith("train-images")]
    others = [path for path in files if _magic(path)[3:] != bytes([LABELS])]
    if not training and len(others) != 1:
        names = ", ".join(printable(path.name) for path in others or files)
        which = "holds several idx files: name one of them" if others else "holds labels, but no pictures"
        raise PictureError(f"{folder}: {which} ({names})")
    return (training or others)[0]


def read_idx(path: str | Path) -> np.ndarray:
    """Read the pictures of an idx file, plain or gzipped.

    Returns
    -------
    (N, H, W) uint8
        At least one picture of at least one pixel.

    Raises
    ------
    PictureError
        The file cannot be read; is no idx file, or one of labels or of anything but bytes in three dimensions; is
        empty, truncated or longer than its header says; or its gzip is damaged.
    """
    path = Path(path)
    try:
        with _opened(path) as file:
            shape = _shape(file)
            size = math.prod(shape)
            values = _read(file, size)
            surplus = bool(file.read(1))
    except PictureError as error:
        raise PictureError(f"{printable(str(path))}: {error}") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise PictureError(f"{printable(str(path))}: the gzip is damaged or truncated ({reason(error)})") from None
    except (OSError, ValueError) as error:
        raise PictureError(f"{printable(str(path))}: cannot be read ({reason(error)})") from None
    except MemoryError:
        raise PictureError(f"{printable(str(path))}: does not fit in memory") from None
    claim = f"its header says {shape[0]} pictures of {shape[2]} x {shape[1]} pixels, {size} bytes"
    if len(values) < size:
        raise PictureError(f"{printable(str(path))}: truncated: {claim}, and {len(values)} follow")
    if surplus:
        raise PictureError(f"{printable(str(path))}: damaged: {claim}, and more follow")
    return np.frombuffer(values, np.uint8).reshape(shape)


def _opened(path: Path) -> BinaryIO | gzip.GzipFile:
    with path.open("rb") as file:
        zipped = file.read(2) == GZIP
    return gzip.open(path) if zipped else path.open("rb")


def _magic(path: Path) -> bytes:
    """The first four bytes, unzipped; fewer if there are no more, none if they cannot be read."""
    try:
        with _opened(path) as file:
            return file.read(4)
    except (OSError, EOFError, zlib.error):
        return b""


def _read(file: BinaryIO | gzip.GzipFile, size: int) -> bytearray:
    """So many bytes, or as many as there are."""
    values = bytearray()
    while len(values) < size and (piece := file.read(min(PIECE, size - len(values)))):
        values += piece
    return values


def _shape(file: BinaryIO | gzip.GzipFile) -> tuple[int, int, int]:
    """(N, H, W) from the header."""
    magic = _read(file, 4)
    if not magic:
        raise PictureError("the file is empty")
    if len(magic) < 4:
        raise PictureError(f"truncated: {len(magic)} bytes are no idx file")
    if magic[:2] != b"\0\0" or magic[2] not in TYPES:
        raise PictureError(f"not an idx file: it begins with {magic.hex()}, and idx pictures with 00000803")
    if (magic[2], magic[3]) == (BYTES, LABELS):
        raise PictureError("holds labels, not pictures: name the file of images")
    if (magic[2], magic[3]) != (BYTES, PICTURES):
        what = f"{TYPES[magic[2]]} in {magic[3]} dimensions"
        raise PictureError(f"holds {what}; pictures are bytes in 3 dimensions (count, height, width)")
    sides = _read(file, 12)
    if len(sides) < 12:
        raise PictureError("truncated within its header")
    count, height, width = (int.from_bytes(sides[i : i + 4], "big") for i in (0, 4, 8))
    if not count or not height or not width:
        raise PictureError(f"empty: its header says {count} pictures of {width} x {height} pixels")
    return count, height, width
