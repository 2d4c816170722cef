"""Arrays that end where the next page of memory is locked: the system stops a process that goes on."""

import ctypes
import mmap

import numpy as np

_memory: list[mmap.mmap] = []
"""Keeps the memory of all arrays until the process ends."""


def guarded_ones(*shape: int) -> np.ndarray:
    """Return an array of float32 ones, followed by a page that may be neither read nor written. Linux only."""
    dtype = np.dtype(np.float32)
    count = int(np.prod(shape))
    size = -(-count * dtype.itemsize // mmap.PAGESIZE) * mmap.PAGESIZE
    memory = mmap.mmap(-1, size + mmap.PAGESIZE)
    _memory.append(memory)
    end = ctypes.addressof(ctypes.c_char.from_buffer(memory)) + size
    if ctypes.CDLL(None, use_errno=True).mprotect(ctypes.c_void_p(end), ctypes.c_size_t(mmap.PAGESIZE), 0) != 0:
        raise OSError(ctypes.get_errno(), "mprotect failed")
    array = np.frombuffer(memory, dtype, count, size - count * dtype.itemsize).reshape(shape)
    array[:] = 1
    return array
