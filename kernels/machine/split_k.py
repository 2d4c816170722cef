"""Products far deeper than wide, of few rows: a wide picture meets the first layer of a dense network.

    C[m,n] = base[m,n] + Σ_p Σ_{k in piece p} A[m,k] B[k,n]

Each number of B is needed once, so memory sets the pace, and a thread is fastest where it reads one row of B after the
other. Therefore the depth is shared out, not the columns. It is cut in pieces that depend on the shape alone, each
summed by itself and then added in order: the number of threads changes no bit here either.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numba
import numpy as np
from numba import types

from ava_np.kernels.machine.compile import kernel_for
from ava_np.kernels.machine.parallel import call_part, compile_part, part_count, run_parts
from ava_np.kernels.machine.records import Product, on_stack, read, write

ROWS = 28  # with more, sums take longer than reading
DEEP = 4096
TIMES = 8  # as deep as wide
PIECES = 16
ROOM = 1 << 16
"""Numbers of scratch for the sums of all pieces."""

MIN_ELEMENTS = 1 << 18
"""Numbers of B for a thread."""


def pieces(rows: int, columns: int, depth: int) -> int:
    """Into how many pieces a product of this shape is cut; 1 is none."""
    if rows > ROWS or depth < max(DEEP, TIMES * columns):
        return 1
    return max(1, min(PIECES, ROOM // (rows * columns)))


class Split(NamedTuple):
    """Record of a product whose sums are split: one of ``slices`` of the depth writes one matrix of ``sums``.

    ``code`` multiplies a ``Product``, in ``scratch_per_part`` bytes.
    """

    slices: int
    parts: int
    code: int
    scratch_per_part: int
    sums: int
    product: Product


def multiply(
    code: int, product: Product, C: np.ndarray, b: np.ndarray, add: bool, sums: np.ndarray, scratch_per_part: int
) -> None:
    """Run ``code`` on each slice of the depth of a product, and add the results up.

    ``sums``, (slices, rows, columns), is written; each part packs into ``scratch_per_part`` elements of the scratch.
    """
    slices = len(sums)
    parts = min(part_count(product.depth * product.columns, slices, MIN_ELEMENTS), product.parts)
    address, finish = _compiled(C.dtype)
    split = Split(slices, parts, code, scratch_per_part * C.itemsize, sums.ctypes.data, product)
    run_parts(address, parts, write(split))
    finish(C, sums, b, add)


@cache
def _compiled(dtype: np.dtype) -> tuple[int, Callable[..., None]]:
    """The code of a part, and what adds the pieces."""
    kind = numba.from_dtype(dtype)
    bias = types.Array(kind, 1, "C", readonly=True)
    signature = types.void(types.Array(kind, 2, "A"), types.Array(kind, 3, "C"), bias, types.boolean)
    address = compile_part(_part(dtype.itemsize))
    return address, kernel_for(signature)(_add_pieces)


def _part(size: int) -> Callable[..., None]:
    """The code of a part, some of the pieces; ``size`` bytes to a number."""

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
                scratch=whole.scratch + index * split.scratch_per_part,
            )
            call_part(split.code, 0, on_stack(product))

    return part


def _add_pieces(C, sums, b, add):  # type: ignore[no-untyped-def]
    """Write or add the sums of the pieces and b."""
    for m in range(C.shape[0]):
        for n in range(C.shape[1]):
            total = sums[0, m, n]
            for p in range(1, sums.shape[0]):
                total += sums[p, m, n]
            if b.size:
                total += b[n]
            C[m, n] = C[m, n] + total if add else total
