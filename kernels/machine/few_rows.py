"""A few rows times a matrix whose columns are contiguous, such as errors times the transpose of a layer's weights.

    C[m,n] = base[m,n] + Σ_k A[m,k] B[k,n]

``blocking`` would pack B, which takes longer than the product if B is read once. This code computes the transpose, C' =
B' A': the rows of B' are the columns of B, and the micro-kernel may read its left factor with any strides. Only A' is
packed, which is small, and the sums are turned round when they are done.

A part is a range of columns of C. Each element is the sum over k from 0 up, KC terms at a time, whatever the number of
parts.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from ava_np.kernels.machine.blocking import MC, PACKED_SIZE, range_of
from ava_np.kernels.machine.micro_kernel import Tile, multiply_tile
from ava_np.kernels.machine.packing import pack_panel, register_tile_and_packing
from ava_np.kernels.machine.parallel import compile_part
from ava_np.kernels.machine.records import Product, array_at, read

KC = 1024
"""Terms at a time: the processor loads MR columns of B side by side, each from one run of 4 kB."""

MIN_DEPTH = 64
"""Terms of a sum from which this is faster: turning the sums round takes as long as a few terms."""


@cache
def part_address(dtype: np.dtype) -> int:
    """Return the address of the code of a part, whose record is a ``Product``."""
    return compile_part(_part(dtype.type, register_tile_and_packing(dtype)))


def _part(scalar: type[np.floating], tile: Tile) -> Callable[..., None]:
    """Return the code of a part."""
    MR, NR, lanes, size = tile.MR, tile.NR, tile.lanes, np.dtype(scalar).itemsize

    def part(index, record):  # type: ignore[no-untyped-def]
        p = read(Product, record)
        first, last = range_of(p.columns, index, p.parts, MR)
        panel, width = p.scratch + index * PACKED_SIZE * size, lanes if p.rows <= lanes else NR
        sums, row = panel + KC * NR * size, width * size
        for n in range(first, last, MC):
            count = min(MC, last - n)
            tiles = (count + MR - 1) // MR
            for k in range(0, p.depth, KC):
                depth = min(KC, p.depth - k)
                if n == first or p.depth > KC:
                    pack_panel(scalar, panel, row, p.A + k * p.A_column, p.A_column, p.A_row, depth, p.rows)
                for t in range(tiles):  # of nearly equal height
                    i, end = t * count // tiles, (t + 1) * count // tiles
                    column, c = p.B + (n + i) * p.B_column + k * size, sums + i * row
                    base = c if k else 0
                    multiply_tile(
                        scalar, column, p.B_column, size, 0, 0, depth, 1, 1, panel, row,
                        column + MR * p.B_column, MR * size, c, row, base, row, end - i, p.rows,
                    )  # fmt: skip
            for m in range(p.rows):
                C = array_at(scalar, p.C + m * p.C_row + n * size, count)
                turned = array_at(scalar, sums + m * size, count * width)
                if p.base == 0:
                    for i in range(count):
                        C[i] = turned[i * width]
                else:
                    base = array_at(scalar, p.base + m * p.base_row + n * size, count)
                    for i in range(count):
                        C[i] = base[i] + turned[i * width]

    return part
