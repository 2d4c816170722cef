"""A single row times a matrix (gemv): each element of the matrix is needed once, and memory bandwidth sets the speed.

    C[n] = base[n] + Σ_k A[k] B[k,n]

With a single row, a tile of the micro-kernel would leave most registers empty. Plain loops are as fast, if they read B
in the order in which it lies: four rows at a time, or one column after the other.

A part is a range of columns. Ranges begin at multiples of UNIT, so that the same elements share a vector for any number
of parts, and each sum has the same order of terms.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from ava_np.kernels.machine.parallel import compile_part
from ava_np.kernels.machine.records import Product, array_at, read

UNIT = 128
"""Parts begin at multiples of this many columns, which whole vectors fill, even in an unrolled loop."""

MAX_COLUMNS = 512
"""Columns of C at a time, 4 kB in float64: they stay in the level-1 cache while the rows of B pass through it."""

MIN_ELEMENTS = 1 << 18
"""Elements of B per part, about 0.1 ms of memory access: waking a sleeping thread takes 0.08 ms."""


@cache
def part_address(dtype: np.dtype) -> int:
    """Return the address of the code of a part, whose record is a ``Product``."""
    return compile_part(_part(dtype.type))


def _part(scalar: type[np.floating]) -> Callable[..., None]:
    """Return the code of a part. A is contiguous, and so are the rows or the columns of B."""
    size, zero = np.dtype(scalar).itemsize, scalar(0)

    def part(index, record):  # type: ignore[no-untyped-def]
        p = read(Product, record)
        A = array_at(scalar, p.A, p.depth)
        units = (p.columns + UNIT - 1) // UNIT
        last = min(p.columns, (index + 1) * units // p.parts * UNIT)
        for first in range(index * units // p.parts * UNIT, last, MAX_COLUMNS):
            width = min(MAX_COLUMNS, last - first)
            C, B = array_at(scalar, p.C + first * size, width), p.B + first * p.B_column
            for j in range(width):
                C[j] = zero if p.base == 0 else array_at(scalar, p.base + first * size, width)[j]
            if p.B_column == size:
                for k in range(0, p.depth - 3, 4):
                    B0 = array_at(scalar, B + k * p.B_row, width)
                    B1 = array_at(scalar, B + (k + 1) * p.B_row, width)
                    B2 = array_at(scalar, B + (k + 2) * p.B_row, width)
                    B3 = array_at(scalar, B + (k + 3) * p.B_row, width)
                    A0, A1, A2, A3 = A[k], A[k + 1], A[k + 2], A[k + 3]
                    for j in range(width):
                        C[j] += A0 * B0[j] + A1 * B1[j] + A2 * B2[j] + A3 * B3[j]
                for k in range(p.depth // 4 * 4, p.depth):
                    B0, A0 = array_at(scalar, B + k * p.B_row, width), A[k]
                    for j in range(width):
                        C[j] += A0 * B0[j]
            else:
                for j in range(width):
                    column, total = array_at(scalar, B + j * p.B_column, p.depth), zero
                    for k in range(p.depth):
                        total += A[k] * column[k]
                    C[j] += total

    return part
