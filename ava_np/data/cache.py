"""Folders of pictures that are larger than memory: decoded once into one .npy file, which is then mapped.

A cache folder holds two files for each folder of pictures and way of reading it, both called after a key:

    KEY.npy    the array (N, H, W, C), float32, as ``load_pictures`` would have it
    KEY.json   names, files left out, sizes, and the SHA-256 of the values

The key is a fingerprint of where the folder is, of every file's name, size and time of change, and of the options:
where anything differs, the cache is built anew. It is built under a name of its own, and the .json is written last:
what an interrupted build leaves is never taken for whole. All files in it may be deleted at any time.
"""

import hashlib
import io
import os
from contextlib import suppress
from pathlib import Path
from typing import IO

import msgspec
import numpy as np

from ava_np.data.decoding import Size, reason
from ava_np.data.folder import Colour, Pictures, Progress, Reader
from ava_np.errors import PictureError
from ava_np.files import write_atomically

FORMAT = 1  # raised when pictures are read otherwise, or stored otherwise
PIECE = 1 << 20  # bytes read at once for the SHA-256


class _Stored(msgspec.Struct):
    """What KEY.json holds."""

    names: tuple[str, ...]
    skipped: tuple[str, ...]
    sizes: tuple[Size, ...]
    size: Size
    sha256: str


def cached_pictures(
    folder: str | Path,
    cache: str | Path,
    *,
    size: Size | None = None,
    zoom: int = 1,
    colour: Colour = "auto",
    strict: bool = False,
    limit: int = 0,
    progress: Progress | None = None,
) -> Pictures:
    """``load_pictures`` by way of a file in ``cache``: the same values, as a read-only ``np.memmap``.

    The first call decodes, with memory for one picture; later ones open the file at once, and `progress` is not called.

    Raises
    ------
    PictureError
        As ``load_pictures`` does; or the cache cannot be written.
    """
    reader = Reader(Path(folder), size=size, zoom=zoom, colour=colour, strict=strict, limit=limit)
    path = Path(cache) / _key(reader, (size, zoom, colour, limit))
    pictures = _open(path)
    if pictures is None:
        _build(reader, path, progress)
        pictures = _open(path)
    if pictures is None:
        raise PictureError(f"{path.with_suffix('.npy')}: was removed or damaged as soon as it was built; try again")
    if strict and pictures.skipped:
        raise PictureError(f"{reader.root}: {pictures.skipped[0]}; repair or remove it")
    return pictures


def _key(reader: Reader, options: object) -> str:
    """Fingerprint of everything that the result depends on."""
    digest = hashlib.sha256(ascii((FORMAT, str(reader.root.resolve()), options)).encode())
    for path in reader.paths:
        try:
            status = path.stat()
            state = (status.st_size, status.st_mtime_ns)
        except OSError:  # such as a broken link: it is left out when it is read
            state = None
        digest.update(ascii((str(path.relative_to(reader.root)), state)).encode())
    return digest.hexdigest()[:32]


def _open(path: Path) -> Pictures | None:
    """The pictures of a finished build, or None if there is no such, or not whole."""
    try:
        stored = msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=_Stored)
        array = np.load(path.with_suffix(".npy"), mmap_mode="r")
    except (OSError, ValueError, EOFError):  # msgspec's faults are ValueErrors
        return None
    if array.dtype != np.float32 or array.ndim != 4 or not len(array) == len(stored.names) == len(stored.sizes):
        return None
    return Pictures(array, stored.names, stored.skipped, stored.sizes, stored.size, stored.sha256)


def _build(reader: Reader, path: Path, progress: Progress | None) -> None:
    """Decode into a file under another name, and give it its own when it is whole."""
    height, width = reader.survey()
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w+b") as file:
            sha256 = _write(file, reader, height, width, progress)
            os.fsync(file.fileno())
        partial.replace(path.with_suffix(".npy"))
    except OSError as error:  # written with write, because a map of a full disk would end the process
        raise PictureError(f"{path.parent}: the cache cannot be written ({reason(error)})") from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    result = reader.result(np.empty(0))  # the pictures are in the file
    stored = _Stored(result.names, result.skipped, result.sizes, result.size, sha256)
    write_atomically(path.with_suffix(".json"), msgspec.json.encode(stored))


def _write(file: IO[bytes], reader: Reader, height: int, width: int, progress: Progress | None) -> str:
    """Write all pictures as .npy, one at a time, and return the SHA-256 of their values."""
    channels = reader.channels
    start = file.write(_header((0, height, width, channels)))
    for count, pixels in enumerate(reader.decoded(progress)):
        if pixels.shape[-1] > channels:  # the first picture in colour
            _repeat_channels(file, start, count, height * width)
            channels = 3
        file.write(np.broadcast_to(pixels, (height, width, channels)).tobytes())
    file.seek(0)
    file.write(_header((len(reader.names), height, width, channels)))  # as long as before: NumPy pads for this
    digest = hashlib.sha256()  # of what follows in the file, since a colour picture may have come late
    while piece := file.read(PIECE):
        digest.update(piece)
    file.flush()
    return digest.hexdigest()


def _header(shape: tuple[int, ...]) -> bytes:
    """The beginning of a .npy file of float32."""
    header = io.BytesIO()
    fields = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.float32)), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, fields)
    return header.getvalue()


def _repeat_channels(file: IO[bytes], start: int, count: int, pixels: int) -> None:
    """Make ``count`` grey pictures RGB in place, from the last to the first: none is overwritten before it is read."""
    for index in reversed(range(count)):
        file.seek(start + 4 * pixels * index)
        grey = np.frombuffer(file.read(4 * pixels), np.float32)
        file.seek(start + 12 * pixels * index)
        file.write(np.repeat(grey, 3).tobytes())
    file.seek(start + 12 * pixels * count)
