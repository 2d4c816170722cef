"""Read an idx file, the format of MNIST: a short header, then one byte per pixel.

    magic    4 bytes: 0, 0, the type of a value (8: unsigned byte), the number of dimensions (3: count, height, width)
    sides    4 bytes for each dimension, big-endian
    values   in C order

The file may be gzipped; this is recognised by its content, not by its name.

References
----------
Y. LeCun, C. Cortes and C. Burges, The MNIST database of handwritten digits, section "File formats for the MNIST
database", yann.lecun.com/exdb/mnist.
"""

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ava_np.data.formats import suffixes
from ava_np.data.messages import reason
from ava_np.data.pictures import Size
from ava_np.errors import PictureError

TYPES = {8: "bytes", 9: "signed bytes", 11: "int16", 12: "int32", 13: "float32", 14: "float64"}
BYTE_TYPE, PICTURE_DIMENSIONS, LABEL_DIMENSIONS = 8, 3, 1

GZIP_MAGIC = b"\x1f\x8b"
IDX_NAME = re.compile(r"[.-]idx([0-9]-[a-z]+)?(\.gz)?$", re.IGNORECASE)  # train-images-idx3-ubyte.gz, digits.idx
CHUNK_BYTES = 1 << 20  # read at once: a damaged header may claim more bytes than the file, or memory, holds


def is_idx(path: Path) -> bool:
    """Return whether a file claims to be idx, by its first four bytes or a name like train-images-idx3-ubyte.gz."""
    try:
        if not path.is_file():
            return False
    except OSError:  # for example a parent folder without permission
        return False
    magic = _magic(path)
    return bool(IDX_NAME.search(path.name)) or (
        len(magic) == 4 and magic[:2] == b"\0\0" and magic[2] in TYPES and 1 <= magic[3] <= PICTURE_DIMENSIONS + 1
    )


def idx_files(folder: Path) -> list[Path]:
    """Return the idx files of a folder sorted by name, whatever they hold; an empty list if it cannot be read."""
    try:
        return sorted(
            path
            for path in folder.iterdir()
            if not path.name.startswith(".") and path.suffix.lower() not in suffixes() and is_idx(path)
        )
    except (OSError, ValueError):
        return []


def choose_idx(folder: Path, files: list[Path]) -> Path:
    """Return the idx file of a folder that holds its pictures.

    This is the first file whose name begins with "train-images", or else the only one that does not hold labels.

    Raises
    ------
    PictureError
        If several files could be meant, or all of them hold labels.
    """
    training = [path for path in files if path.name.startswith("train-images")]
    others = [path for path in files if _magic(path)[3:] != bytes([LABEL_DIMENSIONS])]
    if not training and len(others) != 1:
        names = ", ".join(path.name for path in others or files)
        problem = "holds several idx files: name one of them" if others else "holds labels, but no pictures"
        raise PictureError(f"{folder}: {problem} ({names})")
    return (training or others)[0]


def read_idx(path: str | Path, limit: int = 0) -> np.ndarray:
    """Read the pictures of an idx file, plain or gzipped.

    Parameters
    ----------
    path : path
        The file.
    limit : int
        Read only the first ``limit`` pictures, and the file only as far as these reach; 0 reads all.

    Returns
    -------
    ndarray, (N, H, W) uint8
        At least one picture of at least one pixel, values 0 to 255.

    Raises
    ------
    PictureError
        If the file cannot be read, is not an idx file, holds labels or anything else than bytes in three dimensions, is
        empty, truncated or longer than its header says, or if its gzip is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from ava_np.data.idx import read_idx
    >>> header = bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3])  # one picture, 2 pixels high and 3 wide
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tiny-idx3-ubyte"
    ...     _ = path.write_bytes(header + bytes(range(6)))
    ...     read_idx(path)
    array([[[0, 1, 2],
            [3, 4, 5]]], dtype=uint8)
    """
    path = Path(path)
    with _reading(path) as file:
        count, height, width = _shape(file)
        read = min(count, limit or count)
        size = read * height * width
        values = _read(file, size)
        surplus = read == count and bool(file.read(1))
    claim = f"its header says {count} pictures of {width} x {height} pixels, {count * height * width} bytes"
    if len(values) < size:
        raise PictureError(f"{path}: truncated: {claim}, and {len(values)} follow; download it again")
    if surplus:
        raise PictureError(f"{path}: damaged: {claim}, and more follow; download it again")
    return np.frombuffer(values, np.uint8).reshape(read, height, width)


def read_idx_labels(path: str | Path) -> np.ndarray:
    """Read the labels of an idx file, plain or gzipped, such as train-labels-idx1-ubyte.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    ndarray, (N,) uint8
        One label for each picture.

    Raises
    ------
    PictureError
        If the file cannot be read, does not hold labels, or is truncated or longer than its header says.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from ava_np.data.idx import read_idx_labels
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tiny-labels-idx1-ubyte"
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    ...     read_idx_labels(path)
    array([7, 2, 1], dtype=uint8)
    """
    path = Path(path)
    with _reading(path) as file:
        header = _read(file, 8)
        if header[:4] != bytes([0, 0, BYTE_TYPE, LABEL_DIMENSIONS]) or len(header) < 8:
            raise PictureError(f"not a file of labels: it begins with {header.hex()}, and labels with 00000801")
        count = int.from_bytes(header[4:], "big")
        labels = _read(file, count + 1)
    if len(labels) != count:
        found = f"{len(labels)} follow" if len(labels) < count else "more follow"
        raise PictureError(f"{path}: damaged: its header says {count} labels, and {found}; download it again")
    return np.frombuffer(labels, np.uint8)


def idx_size(path: Path) -> Size:
    """Return the (width, height) of the pictures of an idx file, from its header; errors are those of ``read_idx``."""
    with _reading(path) as file:
        _, height, width = _shape(file)
    return width, height


@contextmanager
def _reading(path: Path) -> Iterator[BinaryIO | gzip.GzipFile]:
    """Open an idx file; any error before it is closed becomes a ``PictureError`` that names it."""
    try:
        with _opened(path) as file:
            yield file
    except PictureError as error:
        raise PictureError(f"{path}: {error}") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise PictureError(f"{path}: the gzip is damaged or truncated ({reason(error)}); download it again") from None
    except (OSError, ValueError) as error:
        raise PictureError(f"{path}: cannot be read ({reason(error)})") from None
    except MemoryError:
        raise PictureError(f"{path}: does not fit in memory; set a limit, or free memory") from None


def _opened(path: Path) -> BinaryIO | gzip.GzipFile:
    """Open a file for reading, through gzip if its content is gzipped."""
    with path.open("rb") as file:
        zipped = file.read(2) == GZIP_MAGIC
    return gzip.open(path) if zipped else path.open("rb")


def _magic(path: Path) -> bytes:
    """Return the first four bytes, unzipped; fewer if the file is shorter, none if it cannot be read."""
    try:
        with _opened(path) as file:
            return file.read(4)
    except (OSError, EOFError, zlib.error):
        return b""


def _read(file: BinaryIO | gzip.GzipFile, size: int) -> bytearray:
    """Read ``size`` bytes, or fewer if the file ends before."""
    values = bytearray()
    while len(values) < size and (chunk := file.read(min(CHUNK_BYTES, size - len(values)))):
        values += chunk
    return values


def _shape(file: BinaryIO | gzip.GzipFile) -> tuple[int, int, int]:
    """Read the header and return (N, H, W)."""
    magic = _read(file, 4)
    if not magic:
        raise PictureError("the file is empty")
    if len(magic) < 4:
        raise PictureError(f"truncated: {len(magic)} bytes are too few for an idx file")
    if magic[:2] != b"\0\0" or magic[2] not in TYPES:
        raise PictureError(f"not an idx file: it begins with {magic.hex()}, and idx pictures with 00000803")
    if (magic[2], magic[3]) == (BYTE_TYPE, LABEL_DIMENSIONS):
        raise PictureError("holds labels, not pictures: name the file of images")
    if (magic[2], magic[3]) != (BYTE_TYPE, PICTURE_DIMENSIONS):
        content = f"{TYPES[magic[2]]} in {magic[3]} dimensions"
        raise PictureError(f"holds {content}; pictures are bytes in 3 dimensions (count, height, width)")
    sides = _read(file, 12)
    if len(sides) < 12:
        raise PictureError("truncated within its header")
    count, height, width = (int.from_bytes(sides[i : i + 4], "big") for i in (0, 4, 8))
    if not count or not height or not width:
        raise PictureError(f"empty: its header says {count} pictures of {width} x {height} pixels")
    return count, height, width
