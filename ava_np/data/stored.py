"""An array in a .npy file that is read picture by picture: ``Pictures.array`` with a cache."""

import hashlib
import os
import weakref
from pathlib import Path
from threading import Lock

import numpy as np

from ava_np.data.messages import reason
from ava_np.errors import PictureError

CHUNK_BYTES = 1 << 20  # read at once for the SHA-256

WITHOUT_PREAD = Lock()  # on Windows, where two threads that read one file would move each other's position


class StoredArray:
    """Pictures (N, H, W, C) in a .npy file. Indexing reads them into a new array; nothing else is in memory.

    The file is not memory-mapped. If a mapped file is truncated, or its disk fails, the system kills the process; here
    it is an error like any other.

    Parameters
    ----------
    path : Path
        A .npy file of float32, or of 8-bit values, which are divided by 255, in C order with four axes. It stays open
        until the array is no longer used.

    Attributes
    ----------
    shape : tuple of int
    ndim : int
    dtype : dtype
        As in NumPy.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is not such a file, or its length does not fit its header.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from ava_np.data.stored import StoredArray
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(Path(folder, "pictures.npy"), np.arange(24, dtype=np.float32).reshape(3, 2, 2, 2))
    ...     stored = StoredArray(Path(folder, "pictures.npy"))
    ...     stored.shape, stored[[2, 0]].mean(axis=(1, 2, 3)).tolist()
    ((3, 2, 2, 2), [19.5, 3.5])
    """

    dtype = np.dtype(np.float32)
    ndim = 4

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        weakref.finalize(self, os.close, self._descriptor)
        with open(self._descriptor, "rb", closefd=False) as file:
            if np.lib.format.read_magic(file) != (1, 0):
                raise ValueError("not a .npy file of version 1.0")
            shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(file)
            self._start = file.tell()
        if len(shape) != self.ndim or fortran_order or dtype not in (self.dtype, np.uint8):
            raise ValueError(f"not pictures: {dtype}, {shape}")
        self.shape, self._stored = shape, dtype
        self._picture_bytes = dtype.itemsize * shape[1] * shape[2] * shape[3]
        if os.fstat(self._descriptor).st_size != self._start + len(self) * self._picture_bytes:
            raise ValueError("truncated, or longer than its header says")
        self._numbers = np.arange(len(self))

    def __len__(self) -> int:
        """Return the number of pictures."""
        return self.shape[0]

    def __getitem__(self, index: object) -> np.ndarray:
        """Return the pictures that an index chooses: a number, a slice, or an array of numbers or truth values.

        Raises
        ------
        IndexError
            If the index is out of range, or reaches into pictures.
        PictureError
            If the file can no longer be read.
        """
        if isinstance(index, tuple):
            raise IndexError("a stored array is indexed by whole pictures; np.asarray reads all of them")
        numbers = np.asarray(self._numbers[index])  # type: ignore[call-overload]
        pictures = np.empty((*numbers.shape, *self.shape[1:]), self.dtype)
        for number, picture in zip(numbers.flat, pictures.reshape(-1, *self.shape[1:]), strict=True):
            self.read(int(number), picture)
        return pictures

    def take(self, indices: np.ndarray, axis: int) -> np.ndarray:
        """Return pictures in a new array, as ``ndarray.take`` does for axis 0, the only one here."""
        if axis != 0:
            raise ValueError(f"pictures are on axis 0, not {axis}")
        return self[indices]

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        """Read all pictures into memory, for ``np.asarray``."""
        if copy is False:
            raise ValueError("pictures in a file cannot be an array without a copy")
        return self[:] if dtype is None else self[:].astype(dtype, copy=False)

    def sha256(self) -> str:
        """Read the whole file once, and return the SHA-256 of the values in hexadecimal."""
        digest, start = hashlib.sha256(), self._start
        while part := read_at(self._descriptor, CHUNK_BYTES, start):
            digest.update(part)
            start += len(part)
        return digest.hexdigest()

    def __reduce__(self) -> tuple[type["StoredArray"], tuple[Path]]:
        """Copy and pickle the path: a copy opens the file again."""
        return type(self), (self.path,)

    def sampled(self, count: int) -> bytes:
        """Return at most ``count`` bytes from the start, the middle and the end of the values."""
        total = len(self) * self._picture_bytes
        places = (0, max(0, total // 2 - count // 2), max(0, total - count))
        return b"".join(read_at(self._descriptor, count, self._start + place) for place in places)

    def read(self, number: int, picture: np.ndarray) -> None:
        """Fill an array (H, W, C) of float32 with the values of one picture.

        Raises
        ------
        PictureError
            If the file can no longer be read.
        """
        if self._stored == self.dtype:
            self._fill(number, picture)
            return
        values = np.empty(picture.shape, self._stored)
        self._fill(number, values)
        np.divide(values, np.float32(255), out=picture)

    def _fill(self, number: int, array: np.ndarray) -> None:
        """Fill an array with the bytes of one picture. A system call may return less than was asked for."""
        values, start, done = array.data.cast("B"), self._start + number * self._picture_bytes, 0
        while done < len(values):
            try:
                part = read_at(self._descriptor, len(values) - done, start + done)
            except OSError as error:
                raise PictureError(f"{self.path}: cannot be read ({reason(error)}); delete it, and try again") from None
            if not part:
                raise PictureError(f"{self.path}: was truncated while in use; start again, to decode the pictures anew")
            values[done : done + len(part)] = part
            done += len(part)


def read_at(descriptor: int, count: int, start: int) -> bytes:
    """Read at most ``count`` bytes at a position of a file."""
    if hasattr(os, "pread"):
        return os.pread(descriptor, count, start)
    with WITHOUT_PREAD:
        os.lseek(descriptor, start, os.SEEK_SET)
        return os.read(descriptor, count)
