"""The same sum compiled in each of the three ways; its copy is ava_np/kernels/user.py."""

import numpy as np
from ava_np.kernels.machine.helper import ones  # type: ignore[import-not-found]
from ava_np.kernels.neighbour import tens  # type: ignore[import-not-found]
from numba import types

from ava_np.kernels.machine.compile import compiled_address, kernel, kernel_for


@kernel
def add() -> int:
    """Return the answer."""
    return ones() + tens()


def _write(array: np.ndarray) -> None:
    array[0] = ones() + tens()


def _write_at(index, pointer):  # type: ignore[no-untyped-def]
    pointer[index] = ones() + tens()


write = kernel_for(types.void(types.int64[::1]))(_write)
address = compiled_address(_write_at, types.void(types.intp, types.CPointer(types.intp)))
