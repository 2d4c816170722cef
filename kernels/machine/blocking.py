"""Blocking: the five loops around the micro-kernel that compute a matrix product, as in GotoBLAS and BLIS.

    C[m,n] = base[m,n] + Σ_k A[m,k] B[k,n]

The loops keep in a cache what is read again. The names of the block sizes are BLIS's:

    for n in steps of NC                             columns of C
        for k in steps of KC                         terms of the sums
            pack B[k : k+KC, n : n+NC]               in panels of NR columns; stays in the level-2 cache
            for m in steps of MC                     rows of C
                pack A[m : m+MC, k : k+KC]           only if its strides are bad for the cache
                for j in steps of NR                 a panel of B; stays in the level-1 cache
                    for i in steps of MR             a tile of C; stays in registers
                        micro-kernel: add KC terms to C[m+i : m+i+MR, n+j : n+j+NR]

If there are few rows, B is read in place, all columns at a time, and the micro-kernel loads ahead what comes next. Then
k goes on in steps of STREAMS, unless the rows of B follow one another. If there are few terms and many rows, it loads
the rows of C below the tile ahead.

A part of parallel work is a range of rows or of columns of C. Each element of C is the sum over k from 0 up, a number
of terms at a time that depends on the shape alone. So it does not depend on the number of threads.

References: Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34(3), 2008. Van Zee
and van de Geijn, "BLIS: a framework for rapidly instantiating BLAS functionality", ACM TOMS 41(3), 2015.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from ava_np.kernels.machine.compile import kernel
from ava_np.kernels.machine.llvm import CACHE_LINE
from ava_np.kernels.machine.micro_kernel import Tile, multiply_tile
from ava_np.kernels.machine.packing import copy_run, pack_panel, register_tile_and_packing
from ava_np.kernels.machine.parallel import compile_part
from ava_np.kernels.machine.records import Product, read

KC = 256
"""Rows of a panel of B: KC · NR elements are 32 kB with AVX-512 and 16 kB with AVX2, which fit a level-1 cache."""

MC = 252
"""Rows of a block of A: a multiple of 14 and of 6, so that all of its tiles have MR rows."""

NC = 512
"""Columns of a block of B: KC · NC elements are 512 kB in float32, which fit a level-2 cache with room for A and C."""

PREFETCH_ROWS = 16
"""Rows of a packed panel that are loaded ahead of k, from the level-2 cache."""

SHALLOW_DEPTH = 64
"""Terms of a sum: up to this depth, C is most of the memory traffic. So its rows are written in order, MR at a time
instead of MC, and A is not packed."""

UNPACKED_TILES = 10
"""Tiles of rows up to which B is read in place: packing takes longer than so few reads save. Then much of the time goes
to loading B from memory, and the micro-kernel is told what to load ahead."""

RUN_ROWS = 128
"""If B is read in place and its rows are one run of memory: rows that are in use while as many are loaded ahead. Both
fit a level-2 cache of 512 kB, with rows of 1 kB."""

STREAMS, STREAM_PANELS = 32, 4
"""If B is read in place and its rows are not one run of memory: rows that are read side by side, as many as a processor
can follow, and how many panels ahead of the one in use they are loaded."""

PAGE = 4096
"""Bytes of a memory page, and of the period of a level-1 cache with 64 sets. If the stride of A is a multiple, its rows
compete for one set of the cache, so A is packed."""

MIN_LOADED_C = 1 << 21
"""Bytes of C from which on its rows are loaded ahead: no level-2 cache holds them."""

MAX_DIRECT_STRIDE = 2048
"""Bytes from a k to the next in a transposed A, from which on A is packed: each k or every second one needs a page."""

PACKED_SIZE = KC * NC + MC * (KC + CACHE_LINE) + CACHE_LINE
"""Elements of scratch for a part: a block of B, a block of A with a cache line between its rows, and alignment."""


@cache
def part_address(dtype: np.dtype) -> int:
    """Return the address of the code of a part, whose record is a ``Product``."""
    return compile_part(_part(dtype.type, register_tile_and_packing(dtype)))


def _part(scalar: type[np.floating], tile: Tile) -> Callable[..., None]:
    """Return the code of a part, a range of rows or of columns of C."""
    MR, NR, size = tile.MR, tile.NR, np.dtype(scalar).itemsize

    def part(index, record):  # type: ignore[no-untyped-def]
        p = read(Product, record)
        top, bottom, left, right = 0, p.rows, 0, p.columns
        if p.rows > p.columns:
            top, bottom = range_of(p.rows, index, p.parts, MR)
        else:
            left, right = range_of(p.columns, index, p.parts, NR)
        packed_B = p.scratch + index * PACKED_SIZE * size
        packed_A = packed_B + KC * NC * size
        read_in_place = p.B_column == size and p.rows <= UNPACKED_TILES * MR
        kc, nc = KC, NC
        if read_in_place:
            kc, nc = RUN_ROWS if p.columns * size == p.B_row else STREAMS, max(right - left, 1)
        is_deep = p.depth > SHALLOW_DEPTH
        mc = MC if is_deep else MR
        far = (p.A_row == size and p.A_column >= MAX_DIRECT_STRIDE) or p.A_row % PAGE == 0
        pack_A = is_deep and p.columns > 2 * NR and far
        load_C = not is_deep and p.columns * size == p.C_row and p.rows > p.columns and p.rows * p.C_row > MIN_LOADED_C
        for n in range(left, right, nc):
            width = min(nc, right - n)
            whole = width // NR * NR if read_in_place else 0  # columns of whole panels, which are not packed
            for k in range(0, max(p.depth, 1), kc):
                depth = min(kc, p.depth - k)
                B = p.B + k * p.B_row + n * p.B_column
                rest = B + whole * p.B_column
                _pack_B(scalar, size, NR, packed_B, rest, p.B_row, p.B_column, depth, width - whole)
                for m in range(top, bottom, mc):
                    rows = min(mc, bottom - m)
                    A, A_row, A_column = p.A + m * p.A_row + k * p.A_column, p.A_row, p.A_column
                    if pack_A:
                        A_row, A_column = _pack_A(size, packed_A, A, A_row, A_column, rows, depth)
                        A = packed_A
                    tiles = (rows + MR - 1) // MR
                    for j in range(0, width, NR):
                        columns = min(NR, width - j)
                        panel, panel_row = packed_B + (j - whole) * depth * size, NR * size
                        ahead, ahead_step, ahead_tile = panel + PREFETCH_ROWS * panel_row, panel_row, 0
                        if j < whole:
                            panel, panel_row = B + j * size, p.B_row
                            if width * size == p.B_row:  # the next kc rows, from one end to the other
                                ahead_step = NR * size // tiles
                                ahead_tile = depth * ahead_step
                                ahead = B + kc * p.B_row + j // NR * tiles * ahead_tile
                            else:  # the panel that is used STREAM_PANELS later
                                later = j + STREAM_PANELS * NR
                                down = kc * p.B_row - whole * size if later >= whole else 0
                                ahead, ahead_step = B + down + later * size, p.B_row
                        elif load_C:  # the rows of C below the tile
                            ahead, ahead_step = p.C + (m + MR) * p.C_row + (n + j) * size, p.C_row
                        for t in range(tiles):  # of nearly equal height
                            i, end = t * rows // tiles, (t + 1) * rows // tiles
                            C = p.C + (m + i) * p.C_row + (n + j) * size
                            base, base_row = C, p.C_row
                            if k == 0:
                                base, base_row = 0, p.base_row
                                if p.base != 0:
                                    base = p.base + (m + i) * p.base_row + (n + j) * size
                            multiply_tile(
                                scalar, A + i * A_row, A_row, A_column, 0, 0, depth, 1, 1, panel, panel_row,
                                ahead + t * ahead_tile, ahead_step, C, p.C_row, base, base_row, end - i, columns,
                            )  # fmt: skip

    return part


@kernel
def range_of(length, index, parts, unit):  # type: ignore[no-untyped-def]
    """Return where a part begins and ends; all begin at multiples of ``unit``."""
    units = (length + unit - 1) // unit
    return index * units // parts * unit, min(length, (index + 1) * units // parts * unit)


@kernel
def _pack_A(size, target, source, row, column, rows, depth):  # type: ignore[no-untyped-def]
    """Copy a block of A, with strides that do not map many elements to one set of the cache; return the new strides."""
    if row == size:
        packed_column = MC * size + CACHE_LINE
        for k in range(depth):
            copy_run(target + k * packed_column, source + k * column, rows * size)
        return row, packed_column
    packed_row = KC * size + CACHE_LINE
    run = depth if column == size else 1
    for i in range(rows):
        for k in range(0, depth, run):
            copy_run(target + i * packed_row + k * size, source + i * row + k * column, run * size)
    return packed_row, size


@kernel
def _pack_B(scalar, size, NR, target, source, row, column, depth, width):  # type: ignore[no-untyped-def]
    """Copy a block of B into panels of NR columns."""
    for j in range(0, width, NR):
        columns = min(NR, width - j)
        pack_panel(scalar, target + j * depth * size, NR * size, source + j * column, row, column, depth, columns)
