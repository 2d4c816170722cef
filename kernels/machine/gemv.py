"""One row times a matrix, where every number of the matrix is needed once and memory sets the pace.

    C[n] = base[n] + Σ_k A[k] B[k,n]

With a single row a tile of the micro-kernel would leave most registers empty. Plain loops do as well: they read B
in the order in which it lies, either rows of it, four at a time, or columns.

Parts are segments of columns, in units that hold every vector whole, so that each number is the same sum for any
number of threads.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from numba import types
from numba.extending import intrinsic

from ava_np.kernels.machine.elementwise import array_value
from ava_np.kernels.machine.parallel import compile_part

UNIT = 128  # columns
STRETCH = 512  # at most, of which C stays in the nearest cache
MIN_ELEMENTS = 1 << 18
"""Numbers of B for a thread."""


@intrinsic
def array_at(context, number, address, count):  # type: ignore[no-untyped-def]
    """``count`` numbers that lie at an address."""
    array = types.Array(number.dtype, 1, "C")

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return array_value(context, builder, array, *arguments[1:])

    return array(number, types.intp, types.intp), generate


@cache
def part_address(dtype: np.dtype) -> int:
    """Where the code of a part begins, for a record of kernels/gemm.py."""
    return compile_part(_part(dtype.type))


def _part(number: type[np.floating]) -> Callable[..., None]:
    """The code of a part; A is contiguous, and so are the rows or the columns of B."""
    size, unit, most, zero = np.dtype(number).itemsize, UNIT, STRETCH, number(0)

    def part(index, record):  # type: ignore[no-untyped-def]
        N, K, parts, c, a, b, b_step, b_column, base = (
            record[1], record[2], record[3], record[4], record[6], record[9], record[10], record[11], record[12],
        )  # fmt: skip
        A = array_at(number, a, K)
        units = (N + unit - 1) // unit
        last = min(N, (index + 1) * units // parts * unit)
        for left in range(index * units // parts * unit, last, most):
            width = min(most, last - left)
            C, B = array_at(number, c + left * size, width), b + left * b_column
            for j in range(width):
                C[j] = zero if base == 0 else array_at(number, base + left * size, width)[j]
            if b_column == size:
                for k in range(0, K - 3, 4):
                    B0, B1 = array_at(number, B + k * b_step, width), array_at(number, B + (k + 1) * b_step, width)
                    B2, B3 = (
                        array_at(number, B + (k + 2) * b_step, width),
                        array_at(number, B + (k + 3) * b_step, width),
                    )
                    A0, A1, A2, A3 = A[k], A[k + 1], A[k + 2], A[k + 3]
                    for j in range(width):
                        C[j] += A0 * B0[j] + A1 * B1[j] + A2 * B2[j] + A3 * B3[j]
                for k in range(K // 4 * 4, K):
                    B0, A0 = array_at(number, B + k * b_step, width), A[k]
                    for j in range(width):
                        C[j] += A0 * B0[j]
            else:
                for j in range(width):
                    column, total = array_at(number, B + j * b_column, K), zero
                    for k in range(K):
                        total += A[k] * column[k]
                    C[j] += total

    return part
