"""The product of two matrices, which dense layers are made of.

Write    C[m,n] = Σ_k A[m,k] B[k,n]
Bias     C[m,n] = Σ_k A[m,k] B[k,n] + b[n]
Add      C[m,n] += Σ_k A[m,k] B[k,n]

Shapes: A (rows, depth), B (depth, columns), b (columns,), C (rows, columns), all of one type. A and B may be any
views; a transpose costs nothing but another way of copying. The rows of C are contiguous, and C is neither A nor B.

The micro-kernel (kernels/machine/micro_kernel.py) computes a tile of C. Around it stand loops that keep in the caches
what it reads again: a block of B of DEPTH × WIDTH is packed in panels once for all rows, and one panel of it is in the
nearest cache while it meets up to HEIGHT rows of A. Each number of C is the sum over k from 0 up, DEPTH terms at a
time, wherever its tile lies. So it does not depend on the number of threads.

A single row has loops of its own (kernels/machine/gemv.py). What has no use for a tile goes to BLAS: columns that do
not fill their panels, and products so small that calling them is most of the work; everything, on a machine without a
micro-kernel."""

from collections.abc import Callable
from functools import cache

import numba
import numpy as np
from numba import types

from ava_np.kernels.machine import gemv, split_k
from ava_np.kernels.machine.compile import kernel, kernel_for
from ava_np.kernels.machine.micro_kernel import Tile, host_tile, multiply_tile
from ava_np.kernels.machine.packing import copy_run, pack_panel, register_tile_and_packing
from ava_np.kernels.machine.parallel import call_part, compile_part, cores, part_count, run_parts
from ava_np.kernels.machine.records import Product, address_of, on_stack, read, write

DEPTH = 256  # a panel of two vectors is then 32 kB with AVX-512, 16 kB with AVX2: it fits the nearest cache
HEIGHT = 252  # a multiple of 14 and of 6, the rows of tiles
WIDTH = 512
SHALLOW = 64  # a product of at most this depth writes more than it reads: it goes through C row by row
SMALL = 300_000  # multiply-adds; with fewer, a call of ours takes longer than the work
FILLED = 0.8  # of the panels' columns; with fewer, too much of the work is on zeros
LINE = 64  # bytes of a cache line
PACKED = DEPTH * WIDTH + HEIGHT * (DEPTH + LINE) + LINE
SCRATCH = PACKED + split_k.ROOM
"""Numbers of scratch for one thread."""


def scratch_size() -> int:
    """Numbers of scratch with which every core can help."""
    return SCRATCH * cores()


_NO_BIAS = {np.dtype(kind): np.empty(0, kind) for kind in (np.float32, np.float64)}


def gemm(C: np.ndarray, A: np.ndarray, B: np.ndarray, scratch: np.ndarray) -> None:
    """Write C = A B. ``scratch`` holds at least SCRATCH numbers of any value; with more, more threads can help."""
    if _is_for_blas(C, A, B):
        np.matmul(A, B, out=C)
    else:
        _multiply(C, A, B, _NO_BIAS[C.dtype], False, scratch)


def gemm_bias(C: np.ndarray, A: np.ndarray, B: np.ndarray, b: np.ndarray, scratch: np.ndarray) -> None:
    """Write C = A B + b, with b added to every row."""
    if _is_for_blas(C, A, B):
        np.matmul(A, B, out=C)
        _add_row(C, b)
    else:
        _multiply(C, A, B, b, False, scratch)


def gemm_add(C: np.ndarray, A: np.ndarray, B: np.ndarray, scratch: np.ndarray) -> None:
    """Add A B to C."""
    if _is_for_blas(C, A, B):
        product = (scratch[: C.size] if C.size <= scratch.size else np.empty(C.size, C.dtype)).reshape(C.shape)
        np.matmul(A, B, out=product)
        _add_matrix(C, product)
    else:
        _multiply(C, A, B, _NO_BIAS[C.dtype], True, scratch)


def _is_for_blas(C: np.ndarray, A: np.ndarray, B: np.ndarray) -> bool:
    """Whether BLAS is the faster: it loses, however, at depth 1, which NumPy does not give it."""
    (rows, columns), depth = C.shape, A.shape[1]
    if depth > 1 and rows * columns * depth < SMALL:
        return True
    if rows == 1 and depth > 1:
        return not _is_for_gemv(A, B)
    tile = host_tile(C.itemsize)
    if tile is None:
        return True
    filled = columns / (-(-columns // tile.NR) * tile.NR or 1)
    return depth > 1 and filled < FILLED


def _is_for_gemv(A: np.ndarray, B: np.ndarray) -> bool:
    """Whether a product of one row has numbers that follow one another."""
    return A.strides[1] == A.itemsize and B.itemsize in B.strides


@kernel
def _add_row(C: np.ndarray, b: np.ndarray) -> None:
    """C[m,n] += b[n]."""
    for m in range(C.shape[0]):
        for n in range(C.shape[1]):
            C[m, n] += b[n]


@kernel
def _add_matrix(C: np.ndarray, product: np.ndarray) -> None:
    """C[m,n] += product[m,n]."""
    for m in range(C.shape[0]):
        for n in range(C.shape[1]):
            C[m, n] += product[m, n]


def _multiply(C: np.ndarray, A: np.ndarray, B: np.ndarray, b: np.ndarray, add: bool, scratch: np.ndarray) -> None:
    """Check what the machine code would not, split the work, and start it."""
    (rows, columns), depth = C.shape, A.shape[1]
    if A.shape[0] != rows or B.shape != (depth, columns) or b.size not in (0, columns):
        raise ValueError(f"{A.shape} times {B.shape} plus {b.shape} is no {C.shape}")
    if C.size == 0:
        return
    if C.strides[1] != C.itemsize and columns > 1:
        raise ValueError("the rows of the product must be contiguous")
    if scratch.size < SCRATCH:
        raise ValueError(f"a product needs {SCRATCH} numbers of scratch, not {scratch.size}")
    product, run = _compiled(C.dtype)
    threads = scratch.size // SCRATCH
    if rows == 1 and depth > 1 and _is_for_gemv(A, B):
        address = gemv.part_address(C.dtype)
        parts = part_count(columns * depth, -(-columns // gemv.UNIT), gemv.MIN_ELEMENTS)
    else:
        tile, address = _tile(C.dtype), part_address(C.dtype)
        most = max(-(-rows // tile.MR), -(-columns // tile.NR), 1)
        parts = min(part_count(rows * columns * depth, most), threads)
    pieces = split_k.pieces(rows, columns, depth) if B.strides[1] == B.itemsize else 1
    if pieces > 1:
        sums = scratch[PACKED : PACKED + pieces * C.size].reshape(pieces, rows, columns)
        split_k.multiply(address, product(C, A, B, b, add, scratch, threads), C, b, add, sums, SCRATCH)
    elif parts == 1:
        run(address, C, A, B, b, add, scratch)
    else:
        run_parts(address, parts, write(product(C, A, B, b, add, scratch, parts)))


def _tile(dtype: np.dtype) -> Tile:
    tile = host_tile(dtype.itemsize)
    assert tile is not None
    return tile


@cache
def part_address(dtype: np.dtype) -> int:
    """Where the code of a part begins, for callers that have a ``Product`` record."""
    register_tile_and_packing(dtype)
    return compile_part(_part(dtype.type, _tile(dtype)))


@cache
def _compiled(dtype: np.dtype) -> tuple[Callable[..., Product], Callable[..., None]]:
    """Return the functions that make the record of a product, and that make it and run the product as one part."""
    element = numba.from_dtype(dtype)
    given, bias = types.Array(element, 2, "A", readonly=True), types.Array(element, 1, "C", readonly=True)
    arrays = (types.Array(element, 2, "A"), given, given, bias, types.boolean, types.Array(element, 1, "C"))
    product = types.NamedUniTuple(types.intp, len(Product._fields), Product)
    return kernel_for(product(*arrays, types.intp))(_product), kernel_for(types.void(types.intp, *arrays))(_run)


def _product(C, A, B, b, add, scratch, parts):  # type: ignore[no-untyped-def]
    base, base_row = 0, 0
    if add:
        base, base_row = address_of(C), C.strides[0]
    elif b.size:
        base = address_of(b)
    return Product(
        rows=C.shape[0],
        columns=C.shape[1],
        depth=A.shape[1],
        parts=parts,
        C=address_of(C),
        C_row=C.strides[0],
        A=address_of(A),
        A_row=A.strides[0],
        A_column=A.strides[1],
        B=address_of(B),
        B_row=B.strides[0],
        B_column=B.strides[1],
        base=base,
        base_row=base_row,
        scratch=(address_of(scratch) + LINE - 1) // LINE * LINE,
    )


_compiled_product = kernel(_product)


def _run(address, C, A, B, b, add, scratch):  # type: ignore[no-untyped-def]
    call_part(address, 0, on_stack(_compiled_product(C, A, B, b, add, scratch, 1)))


def _part(number: type[np.floating], tile: Tile) -> Callable[..., None]:
    """The code that computes one of the parts, a range of rows or of columns of C."""
    height, panel, size = tile.MR, tile.NR, np.dtype(number).itemsize
    deep, tall, wide = DEPTH, HEIGHT, WIDTH

    def part(index, record):  # type: ignore[no-untyped-def]
        p = read(Product, record)
        top, bottom, left, right = 0, p.rows, 0, p.columns
        if p.rows > p.columns:
            top, bottom = _share(p.rows, index, p.parts, height)
        else:
            left, right = _share(p.columns, index, p.parts, panel)
        packed_b = p.scratch + index * SCRATCH * size
        packed_a = packed_b + deep * wide * size
        few = bottom - top
        # Each number of B is read by few tiles: copying it first would take longer than finding it.
        in_place = p.B_column == size and (few <= 4 or (few <= 3 * height and p.B_row <= 4096))
        block = tall if p.depth > SHALLOW else height
        pack_a = (
            p.depth > SHALLOW
            and 2 * panel < p.columns
            and ((p.A_row == size and p.A_column >= 2048) or p.A_row % 4096 == 0)
        )
        for n in range(left, right, wide):
            width = min(wide, right - n)
            for k in range(0, max(p.depth, 1), deep):
                depth = min(deep, p.depth - k)
                b_block = p.B + k * p.B_row + n * p.B_column
                whole = width // panel * panel if in_place else 0
                offset, target = whole * p.B_column, packed_b + whole * depth * size
                _pack_b(number, size, panel, target, b_block + offset, p.B_row, p.B_column, depth, width - whole)
                for m in range(top, bottom, block):
                    rows = min(block, bottom - m)
                    a_block, row, step = p.A + m * p.A_row + k * p.A_column, p.A_row, p.A_column
                    if pack_a:
                        row, step = _pack_a(size, packed_a, a_block, p.A_row, p.A_column, rows, depth)
                        a_block = packed_a
                    tiles = (rows + height - 1) // height
                    for j in range(0, width, panel):
                        columns = min(panel, width - j)
                        b_panel, b_row = packed_b + j * depth * size, panel * size
                        if j < whole:
                            b_panel, b_row = b_block + j * size, p.B_row
                        for t in range(tiles):  # of nearly equal height
                            i = t * rows // tiles
                            count = (t + 1) * rows // tiles - i
                            here = p.C + (m + i) * p.C_row + (n + j) * size
                            added, added_row = here, p.C_row
                            if k == 0:
                                added, added_row = 0, p.base_row
                                if p.base != 0:
                                    added = p.base + (m + i) * p.base_row + (n + j) * size
                            multiply_tile(
                                number, a_block + i * row, row, step, 0, 0, depth, 1, 1, b_panel, b_row,
                                here, p.C_row, added, added_row, count, columns,
                            )  # fmt: skip

    return part


@kernel
def _share(length, index, parts, unit):  # type: ignore[no-untyped-def]
    """Where a part begins and ends, in whole units."""
    units = (length + unit - 1) // unit
    return index * units // parts * unit, min(length, (index + 1) * units // parts * unit)


@kernel
def _pack_a(size, target, source, row, step, rows, depth):  # type: ignore[no-untyped-def]
    """Copy a block of A, so that its parts do not meet in the same places of the cache; return its new strides."""
    if row == size:
        distance = HEIGHT * size + LINE
        for k in range(depth):
            copy_run(target + k * distance, source + k * step, rows * size)
        return row, distance
    distance = DEPTH * size + LINE
    run = depth if step == size else 1
    for i in range(rows):
        for k in range(0, depth, run):
            copy_run(target + i * distance + k * size, source + i * row + k * step, run * size)
    return distance, size


@kernel
def _pack_b(number, size, panel, target, source, step, column, depth, width):  # type: ignore[no-untyped-def]
    """Copy a block of B into panels."""
    for j in range(0, width, panel):
        columns = min(panel, width - j)
        to, origin = target + j * depth * size, source + j * column
        pack_panel(number, to, panel * size, origin, step, column, depth, columns)
