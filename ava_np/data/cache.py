"""Read a folder that is larger than memory: decode it once into a .npy file, then read from that file.

A cache folder holds two files for each combination of a folder of pictures and options, both named after a key:

    KEY.npy    the array (N, H, W, C), float32, equal to that of ``load_pictures``
    KEY.json   names, skipped files, sizes, and the SHA-256 of the values

The key is a hash of the folder's path, of every file's name, size and modification time, and of the options. If any of
these changes, the pictures are decoded again; but a copy of the default size and colours also serves those who ask for
what these turned out to be, as a resumed training does. The array is built under a temporary name, and the .json is
written last, so the remains of an interrupted build are never used. A copy whose values do not have its SHA-256 is not
used either. Files in the cache may be deleted at any time.
"""

import hashlib
import io
from pathlib import Path
from typing import IO, cast

import msgspec
import numpy as np

from ava_np.data.folder import Reader, decode_all
from ava_np.data.messages import reason
from ava_np.data.pictures import AnySize, Colour, Pictures, Progress, Size, central_crop
from ava_np.data.stored import StoredArray
from ava_np.errors import PictureError
from ava_np.files import atomic_file, write_atomically
from ava_np.specification import MAX_PIXELS, Fit

FORMAT = 3  # to be increased when pictures are decoded or stored differently
CHUNK_BYTES = 1 << 20  # read at once for the SHA-256


class _Stored(msgspec.Struct):
    """Content of KEY.json."""

    names: tuple[str, ...]
    skipped: tuple[str, ...]
    sizes: tuple[Size, ...]
    size: Size
    left_out: dict[str, tuple[str, ...]]
    sha256: str


def cached_pictures(
    folder: str | Path,
    cache: str | Path,
    *,
    size: AnySize | None = None,
    fit: Fit = "crop",
    zoom: int = 1,
    colour: Colour = "auto",
    strict: bool = False,
    limit: int = 0,
    by_folder: bool = True,
    max_pixels: int = MAX_PIXELS,
    build: bool = True,
    progress: Progress | None = None,
) -> Pictures:
    """Return the result of ``load_pictures`` with its array in a file: a ``StoredArray``.

    The first call decodes the pictures and needs memory for only one. Later calls read the file once, to compare its
    SHA-256 with the one that was stored, and do not call ``progress``. A file that does not fit is built again.

    Parameters
    ----------
    folder, size, fit, zoom, colour, strict, limit, by_folder, max_pixels, progress
        Those of ``load_pictures``.
    cache : path
        Folder of the cache; created if it is missing.
    build : bool
        Write the file if there is no valid one. If not, a valid one is used, and otherwise the pictures are decoded
        into memory, as ``load_pictures`` does; nothing is written.

    Returns
    -------
    Pictures
        Values equal to those of ``load_pictures``, in a ``StoredArray``, which reads what is indexed.

    Raises
    ------
    PictureError
        If ``load_pictures`` would raise it, or the pictures cannot be written into the cache.
    AvaError
        If their names cannot be written into it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from ava_np.data.cache import cached_pictures
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("L", (8, 6), 255).save(Path(folder) / "white.png")
    ...     pictures = cached_pictures(folder, Path(folder) / "cache")
    ...     print(type(pictures.array).__name__, pictures.array.shape, pictures.array[0].mean())
    StoredArray (1, 6, 8, 1) 1.0
    """
    reader = Reader(
        Path(folder),
        size=size,
        fit=fit,
        zoom=zoom,
        colour=colour,
        strict=strict,
        limit=limit,
        by_folder=by_folder,
        max_pixels=max_pixels,
    )
    path, default = (Path(cache) / key for key in _keys(reader))
    pictures = _open(path, reader)
    if pictures is None:
        pictures = _open(default, reader)
    if pictures is None:
        return _build(reader, path, progress) if build else decode_all(reader, progress)
    if strict and pictures.skipped:
        raise PictureError(f"{reader.root}: {pictures.skipped[0]}; repair or remove it")
    return pictures


def _keys(reader: Reader) -> tuple[str, str]:
    """Return a hash of everything that the result depends on, for a reader that has not yet chosen a size.

    The second one is that of the default size and colours.
    """
    options = (reader.fit, reader.zoom, reader.limit, reader.by_folder, reader.max_pixels)
    digest = hashlib.sha256(ascii((FORMAT, str(reader.root.resolve()), options)).encode())
    for path in reader.paths:
        try:
            status = path.stat()
            state = (status.st_size, status.st_mtime_ns)
        except OSError:  # for example a broken link, which is skipped when it is read
            state = None
        digest.update(ascii((str(path.relative_to(reader.root)), state)).encode())
    files = digest.hexdigest()
    asked = ((reader.size, reader.colour), ((0, 0), "auto"))
    first, second = (hashlib.sha256(ascii((files, *choice)).encode()).hexdigest()[:32] for choice in asked)
    return first, second


def _open(path: Path, reader: Reader) -> Pictures | None:
    """Return the pictures of a finished build; None if it is missing, incomplete or damaged, or does not fit."""
    try:
        stored = msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=_Stored)
        array = StoredArray(path.with_suffix(".npy"))
        _, _, width, height = central_crop(reader.root, stored.size, reader.zoom)
        channels = {"grey": (1,), "rgb": (3,), "auto": (1, 3)}[reader.colour]
        fits = (
            reader.size in ((0, 0), stored.size)
            and len(stored.names) == len(stored.sizes)
            and array.shape in [(len(stored.names), height, width, count) for count in channels]
        )
        if not fits or array.sha256() != stored.sha256:
            return None
    except (OSError, ValueError, EOFError, PictureError):  # the errors of msgspec are ValueErrors
        return None
    return _pictures(stored, array)


def _pictures(stored: _Stored, array: StoredArray) -> Pictures:
    """Return pictures whose array is in a file. Its type says ndarray, of which it has what pictures are used for."""
    values = cast(np.ndarray, array)
    return Pictures(values, stored.names, stored.skipped, stored.sizes, stored.size, stored.left_out, stored.sha256)


def _build(reader: Reader, path: Path, progress: Progress | None) -> Pictures:
    """Decode the pictures into a temporary file, rename it when it is complete, and open it."""
    height, width = reader.survey()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path.with_suffix(".npy")) as file:
            sha256 = _write(file, reader, height, width, progress)
    except OSError as error:  # the file is written, not mapped: on a full disk, writing to a map kills the process
        raise PictureError(
            f"{path.parent}: the cache cannot be written ({reason(error)}); choose another folder for it"
        ) from None
    result = reader.result(np.empty(0))  # an empty array, since the pictures are in the file
    stored = _Stored(result.names, result.skipped, result.sizes, result.size, result.left_out, sha256)
    write_atomically(path.with_suffix(".json"), msgspec.json.encode(stored))
    try:
        return _pictures(stored, StoredArray(path.with_suffix(".npy")))
    except (OSError, ValueError):
        raise PictureError(
            f"{path.with_suffix('.npy')}: was removed or damaged right after it was built; try again"
        ) from None


def _write(file: IO[bytes], reader: Reader, height: int, width: int, progress: Progress | None) -> str:
    """Write all pictures in .npy format, one at a time, and return the SHA-256 of their values."""
    channels = reader.channels
    start = file.write(_header((0, height, width, channels)))
    for count, pixels in enumerate(reader.decoded(progress)):
        if pixels.shape[-1] > channels:  # the first picture in colour
            _repeat_channels(file, start, count, height * width)
            channels = 3
        file.write(np.broadcast_to(pixels, (height, width, channels)).tobytes())
    file.seek(0)
    file.write(_header((len(reader.names), height, width, channels)))  # as long as the first: NumPy pads it
    digest = hashlib.sha256()  # over the finished file, since a late colour picture changes everything before it
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
    file.flush()
    return digest.hexdigest()


def _header(shape: tuple[int, ...]) -> bytes:
    """Return the header of a .npy file of float32."""
    header = io.BytesIO()
    fields = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.float32)), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, fields)
    return header.getvalue()


def _repeat_channels(file: IO[bytes], start: int, count: int, pixels: int) -> None:
    """Convert ``count`` grey pictures to RGB in place, the last first: none is overwritten before it is read."""
    for index in reversed(range(count)):
        file.seek(start + 4 * pixels * index)
        grey = np.frombuffer(file.read(4 * pixels), np.float32)
        file.seek(start + 12 * pixels * index)
        file.write(np.repeat(grey, 3).tobytes())
    file.seek(start + 12 * pixels * count)
