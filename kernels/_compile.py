"""How every kernel is compiled: the one place where numba's flags stand."""

from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")

# nogil: threads may run kernels side by side.
# error_model: NumPy's division, without the check for zero that stops LLVM from vectorising.
# fastmath: sums may be reordered and multiplications fused; unlike fastmath=True, NaN and infinity keep their
# meaning, because training must notice them.
FASTMATH = {"contract", "reassoc", "nsz", "arcp", "afn"}


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` for each type that it meets, and cache the machine code where there is room for it.

    A cached kernel is looked up by its own file's date, so a kernel calls no kernel of another file.
    """
    compiled = numba.njit(nogil=True, error_model="numpy", fastmath=FASTMATH)(function)
    with suppress(RuntimeError):  # a read-only install without a writable home: compile once in each process
        compiled.enable_caching()
    return compiled
