"""Sums of few terms, such as the change of a large layer's weights by one sample: C is read and written once.

    C[m,n] = base[m,n] + Σ_k A[m,k] B[k,n]

A tile of C, as in ``blocking``, would be loaded and stored for a few multiplications. This code goes along the rows of
C, in the order in which they lie, and a run of a row stays in the level-1 cache until all terms are added. The rows of
B are contiguous.

A part is a range of rows. Each element is the sum over k from 0 up, whatever the number of parts.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from ava_np.kernels.machine.packing import clear_run, copy_run
from ava_np.kernels.machine.parallel import compile_part
from ava_np.kernels.machine.records import Product, array_at, read

MAX_DEPTH = 4
"""Terms of a sum up to which this is faster."""

RUN = 2048
"""Elements of a row at a time: these and those of B, 16 kB in float32, fit a level-1 cache."""


@cache
def part_address(dtype: np.dtype) -> int:
    """Return the address of the code of a part, whose record is a ``Product``."""
    return compile_part(_part(dtype.type))


def _part(scalar: type[np.floating]) -> Callable[..., None]:
    """Return the code of a part."""
    size = np.dtype(scalar).itemsize

    def part(index, record):  # type: ignore[no-untyped-def]
        p = read(Product, record)
        for m in range(index * p.rows // p.parts, (index + 1) * p.rows // p.parts):
            for n in range(0, p.columns, RUN):
                count = min(RUN, p.columns - n)
                start = p.C + m * p.C_row + n * size
                if p.base == 0:
                    clear_run(start, count * size)
                elif p.base != p.C:
                    copy_run(start, p.base + m * p.base_row + n * size, count * size)
                C = array_at(scalar, start, count)
                for k in range(p.depth):
                    a = array_at(scalar, p.A + m * p.A_row + k * p.A_column, 1)[0]
                    row = array_at(scalar, p.B + k * p.B_row + n * size, count)
                    for i in range(count):
                        C[i] += a * row[i]

    return part
