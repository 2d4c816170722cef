"""Packing: copies of parts of a matrix in the layout that the micro-kernel reads, at the speed of memory.

A panel of B with contiguous rows is copied vector by vector. One with contiguous columns is transposed, in squares of
lanes × lanes elements that lie in as many vectors. log2(lanes) rounds transpose a square; each round interleaves the
vectors of its upper half with those of its lower half, lane by lane.

All functions here are for compiled code. Addresses and strides are in bytes, and ``scalar`` is ``np.float32`` or
``np.float64``.
"""

from functools import cache

import numpy as np
from llvmlite import ir
from llvmlite.binding import add_symbol
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ava_np.kernels.machine.compile import compiled_address
from ava_np.kernels.machine.llvm import (
    BYTE,
    INT32,
    INT64,
    first_lanes,
    load,
    load_masked,
    store,
    store_masked,
)
from ava_np.kernels.machine.micro_kernel import Tile, element_and_tile, host_tile, register_tile


@intrinsic
def copy_run(context, target, source, count):  # type: ignore[no-untyped-def]
    """Copy ``count`` bytes."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        to, origin = (builder.inttoptr(address, BYTE.as_pointer()) for address in arguments[:2])
        cgutils.raw_memcpy(builder, to, origin, arguments[2], INT64(1))
        return context.get_dummy_value()

    return types.void(*[types.intp] * 3), generate


@intrinsic
def clear_run(context, target, count):  # type: ignore[no-untyped-def]
    """Set ``count`` bytes to 0."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        cgutils.memset(builder, builder.inttoptr(arguments[0], BYTE.as_pointer()), arguments[1], 0)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 2), generate


@intrinsic
def copy_element(context, scalar, target, source):  # type: ignore[no-untyped-def]
    """Copy one element."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        _, target, source = arguments
        store(builder, load(builder, source, element_and_tile(scalar)[0]), target)
        return context.get_dummy_value()

    return types.void(scalar, *[types.intp] * 2), generate


@intrinsic
def add_run(context, scalar, target, source, count):  # type: ignore[no-untyped-def]
    """Add ``count`` contiguous elements to as many others; a negative ``count`` is 0."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        _, target, source, count = arguments
        element, tile = element_and_tile(scalar)
        vector = ir.VectorType(element, tile.lanes)
        size = scalar.dtype.bitwidth // 8
        whole = builder.sdiv(count, INT64(tile.lanes))
        with cgutils.for_range(builder, whole) as loop:
            offset = builder.mul(loop.index, INT64(tile.lanes * size))
            to = builder.add(target, offset)
            total = builder.fadd(load(builder, to, vector), load(builder, builder.add(source, offset), vector))
            store(builder, total, to)
        done = builder.mul(whole, INT64(tile.lanes))
        offset = builder.mul(done, INT64(size))
        to = builder.add(target, offset)
        rest = first_lanes(builder, builder.sub(count, done), tile.lanes)
        before, more = (load_masked(builder, address, vector, rest) for address in (to, builder.add(source, offset)))
        store_masked(builder, builder.fadd(before, more), to, rest)
        return context.get_dummy_value()

    return types.void(scalar, *[types.intp] * 3), generate


@intrinsic(prefer_literal=True)
def copy_vectors(context, scalar, vectors, target, target_row, source, source_row, depth):  # type: ignore[no-untyped-def]
    """Copy ``depth`` rows of ``vectors`` vectors each; ``vectors`` is a constant."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        *_, target, target_row, source, source_row, depth = arguments
        element, tile = element_and_tile(scalar)
        vector = ir.VectorType(element, tile.lanes)
        width = tile.lanes * scalar.dtype.bitwidth // 8
        with cgutils.for_range(builder, depth) as loop:
            origin = builder.add(source, builder.mul(loop.index, source_row))
            to = builder.add(target, builder.mul(loop.index, target_row))
            for offset in range(0, vectors.literal_value * width, width):
                values = load(builder, builder.add(origin, INT64(offset)), vector)
                store(builder, values, builder.add(to, INT64(offset)))
        return context.get_dummy_value()

    return types.void(scalar, vectors, *[types.intp] * 5), generate


@intrinsic
def transpose_blocks(context, scalar, target, target_row, source, column, count, squares):  # type: ignore[no-untyped-def]
    """Write ``squares`` · lanes rows of one vector each, whose columns are contiguous and ``column`` bytes apart.

    From column ``count`` on, at least 1, the vector is filled with zeros.
    """

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        _, target, target_row, source, column, count, squares = arguments
        element, tile = element_and_tile(scalar)
        vector = ir.VectorType(element, tile.lanes)
        width = tile.lanes * scalar.dtype.bitwidth // 8
        zero = ir.Constant(vector, [0.0] * tile.lanes)
        inside = [builder.icmp_signed("<", INT64(lane), count) for lane in range(tile.lanes)]
        columns = [
            builder.select(inside[lane], builder.mul(column, INT64(lane)), INT64(0)) for lane in range(tile.lanes)
        ]
        with cgutils.for_range(builder, squares) as loop:
            origin = builder.add(source, builder.mul(loop.index, INT64(width)))
            first = builder.mul(loop.index, INT64(tile.lanes))
            square = [load(builder, builder.add(origin, offset), vector) for offset in columns]
            square = [builder.select(is_in, values, zero) for is_in, values in zip(inside, square, strict=True)]
            for lane, values in enumerate(_transposed(builder, square)):
                row = builder.mul(builder.add(first, INT64(lane)), target_row)
                store(builder, values, builder.add(target, row))
        return context.get_dummy_value()

    return types.void(scalar, *[types.intp] * 6), generate


@intrinsic
def pack_panel(context, scalar, target, row, source, step, column, depth, columns):  # type: ignore[no-untyped-def]
    """Copy ``depth`` rows of up to NR columns of B into a panel, and fill its rows with zeros up to ``row`` bytes.

    ``step`` and ``column`` are the strides of B, from a k to the next and from a column to the next. The micro-kernel
    multiplies what lies beyond the last column, though it does not write the result: the zeros are there because
    subnormal numbers would be slow. ``register_tile_and_packing`` must have been called before the caller is compiled
    or loaded.
    """

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        kind = ir.FunctionType(ir.VoidType(), [INT64] * 7)
        function = cgutils.get_or_insert_function(builder.module, kind, _symbol(np.dtype(str(scalar.dtype))))
        builder.call(function, arguments[1:])
        return context.get_dummy_value()

    return types.void(scalar, *[types.intp] * 7), generate


@cache
def register_tile_and_packing(dtype: np.dtype) -> Tile:
    """Compile the micro-kernel and ``pack_panel`` once and tell the linker their addresses; return the tile.

    Call this before a kernel that calls one of them is compiled or loaded.
    """
    register_tile(dtype)
    tile, scalar, size = host_tile(dtype.itemsize), dtype.type, dtype.itemsize
    assert tile is not None
    lanes, vectors, NR = tile.lanes, tile.vectors, tile.NR

    def pack(target, row, source, step, column, depth, columns):  # type: ignore[no-untyped-def]
        if columns == NR and column == size:
            copy_vectors(scalar, vectors, target, row, source, step, depth)
            return
        for v in range(0, row // size, lanes):
            to, origin = target + v * size, source + v * column
            width, done = max(0, min(lanes, columns - v)), 0
            if width == lanes and column == size:
                copy_vectors(scalar, 1, to, row, origin, step, depth)
                done = depth
            elif width > 0 and step == size:
                transpose_blocks(scalar, to, row, origin, column, width, depth // lanes)
                done = depth // lanes * lanes
            for k in range(done, depth):
                clear_run(to + k * row + width * size, (lanes - width) * size)
                for q in range(width):
                    copy_element(scalar, to + k * row + q * size, origin + k * step + q * column)

    add_symbol(_symbol(dtype), compiled_address(pack, types.void(*[types.intp] * 7)))
    return tile


def _symbol(dtype: np.dtype) -> str:
    return f"ava_np_pack_panel_{dtype.name}"


def _transposed(builder: ir.IRBuilder, square: list[ir.Value]) -> list[ir.Value]:
    """Return the columns of a square of vectors."""
    lanes = len(square)

    def interleaved(upper: ir.Value, lower: ir.Value, first: int) -> ir.Value:
        order = [i for lane in range(first, first + lanes // 2) for i in (lane, lane + lanes)]
        return builder.shuffle_vector(upper, lower, ir.Constant(ir.VectorType(INT32, lanes), order))

    for _ in range(lanes.bit_length() - 1):
        pairs = zip(square[: lanes // 2], square[lanes // 2 :], strict=True)
        square = [interleaved(*pair, first) for pair in pairs for first in (0, lanes // 2)]
    return square
