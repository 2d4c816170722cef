"""Split-K: products of few rows and of far more depth than columns; a large picture times a dense layer's weights.

    C[m,n] = base[m,n] + Σ_s Σ_{k in slice s} A[m,k] B[k,n]

Each element of B is needed once, so memory bandwidth sets the speed, and a thread is fastest where it reads consecutive
rows of B. Therefore the threads share the depth, not the columns. The number of slices depends on the shape alone. Each
slice is summed by itself, and the sums are added in order, so the result does not depend on the number of threads.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from ava_np.kernels.machine import gemv
from ava_np.kernels.machine.blocking import PACKED_SIZE
from ava_np.kernels.machine.parallel import call_part, compile_part, part_count, run_parts
from ava_np.kernels.machine.records import Product, on_stack, read, write

MAX_ROWS = 112
"""Rows of A, eight tiles: with more, a thread multiplies for longer than it waits for B, and shares of the columns are
as good."""

MIN_DEPTH, MIN_DEPTH_PER_COLUMN = 4096, 8
"""Depth, and depth per column: with less, rows of B are long, and the sums of the slices take a larger share."""

MAX_SLICES = 16
"""Slices of the depth: enough to share out evenly to up to 16 threads; more would need more sums."""

MAX_SUMS = 1 << 16
"""Elements of the sums of all slices, which stay in the level-2 cache: 256 kB in float32."""


class Split(NamedTuple):
    """Record of a product in slices: slice s writes the s-th matrix of ``sums``.

    ``code`` is the address of the code that computes a ``Product``.
    """

    slices: int
    parts: int
    code: int
    sums: int
    product: Product


def slice_count(rows: int, columns: int, depth: int) -> int:
    """Return the number of slices for a product of this shape; 1 means that it is not split."""
    if rows > MAX_ROWS or depth < max(MIN_DEPTH, MIN_DEPTH_PER_COLUMN * columns):
        return 1
    return max(1, min(MAX_SLICES, MAX_SUMS // (rows * columns)))


def multiply(code: int, product: Product, C: np.ndarray, b: np.ndarray, add: bool, sums: np.ndarray) -> None:
    """Run ``code`` on each slice of a product, and write or add the total and ``b``, if it has elements, to C.

    ``sums``, (slices, rows, columns), is written. At most ``product.parts`` parts share the slices.
    """
    slices = len(sums)
    parts = min(part_count(product.depth * product.columns, slices, gemv.MIN_ELEMENTS), product.parts)
    run_parts(part_address(C.dtype), parts, write(Split(slices, parts, code, sums.ctypes.data, product)))
    if add:
        C += sums.sum(axis=0)
    else:
        sums.sum(axis=0, out=C)
    if b.size:
        C += b


@cache
def part_address(dtype: np.dtype) -> int:
    """Return the address of the code of a part, whose record is a ``Split``."""
    return compile_part(_part(dtype.itemsize))


def _part(size: int) -> Callable[..., None]:
    """Return the code of a part, a range of slices, for elements of ``size`` bytes."""

    def part(index, record):  # type: ignore[no-untyped-def]
        split = read(Split, record)
        whole = split.product
        for s in range(index * split.slices // split.parts, (index + 1) * split.slices // split.parts):
            first, last = s * whole.depth // split.slices, (s + 1) * whole.depth // split.slices
            product = Product(
                rows=whole.rows,
                columns=whole.columns,
                depth=last - first,
                parts=1,
                C=split.sums + s * whole.rows * whole.columns * size,
                C_row=whole.columns * size,
                A=whole.A + first * whole.A_column,
                A_row=whole.A_row,
                A_column=whole.A_column,
                B=whole.B + first * whole.B_row,
                B_row=whole.B_row,
                B_column=whole.B_column,
                base=0,
                base_row=0,
                scratch=whole.scratch + index * PACKED_SIZE * size,
            )
            call_part(split.code, 0, on_stack(product))

    return part
