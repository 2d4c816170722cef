"""Copies of pieces of a matrix, laid out as the micro-kernel reads them: loops that must run at the speed of memory.

A panel of B whose rows lie contiguous is copied, vector by vector. One whose columns do is turned, a square of
lanes × lanes numbers at a time. log2(lanes) rounds turn the square that lies in as many vectors: each round
shuffles the vectors like a pack of cards, one of the upper half after one of the lower half, lane by lane.

Addresses and distances are in bytes; ``number`` is ``np.float32`` or ``np.float64``.
"""

from functools import cache

import numpy as np
from llvmlite import ir
from llvmlite.binding import add_symbol
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ava_np.kernels.machine.compile import compiled_address
from ava_np.kernels.machine.micro_kernel import (
    INDEX,
    INTEGER,
    first_lanes,
    host_tile,
    load,
    load_masked,
    number_of,
    register_tile,
    store,
    store_masked,
)

BYTES = ir.IntType(8).as_pointer()


@intrinsic
def copy_run(context, target, source, count):  # type: ignore[no-untyped-def]
    """Copy ``count`` bytes."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        to, origin = (builder.inttoptr(address, BYTES) for address in arguments[:2])
        cgutils.raw_memcpy(builder, to, origin, arguments[2], INTEGER(1))
        return context.get_dummy_value()

    return types.void(*[types.intp] * 3), generate


@intrinsic
def clear_run(context, target, count):  # type: ignore[no-untyped-def]
    """Set ``count`` bytes to 0."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        cgutils.memset(builder, builder.inttoptr(arguments[0], BYTES), arguments[1], 0)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 2), generate


@intrinsic
def copy_element(context, number, target, source):  # type: ignore[no-untyped-def]
    """Copy one number."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        kind = number_of(number)[0]
        pointers = [builder.inttoptr(address, kind.as_pointer()) for address in arguments[1:]]
        builder.store(builder.load(pointers[1]), pointers[0])
        return context.get_dummy_value()

    return types.void(number, *[types.intp] * 2), generate


@intrinsic
def add_run(context, number, target, source, count):  # type: ignore[no-untyped-def]
    """Add ``count`` numbers to as many others, none where ``count`` is negative."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        _, target, source, count = arguments
        kind, tile = number_of(number)
        vector = ir.VectorType(kind, tile.lanes)
        size = number.dtype.bitwidth // 8
        whole = builder.sdiv(count, INTEGER(tile.lanes))
        with cgutils.for_range(builder, whole) as loop:
            offset = builder.mul(loop.index, INTEGER(tile.lanes * size))
            to = builder.add(target, offset)
            total = builder.fadd(load(builder, to, vector), load(builder, builder.add(source, offset), vector))
            store(builder, total, to)
        done = builder.mul(whole, INTEGER(tile.lanes))
        offset = builder.mul(done, INTEGER(size))
        to = builder.add(target, offset)
        inside = first_lanes(builder, builder.sub(count, done), tile.lanes)
        there, more = (load_masked(builder, address, vector, inside) for address in (to, builder.add(source, offset)))
        store_masked(builder, builder.fadd(there, more), to, inside)
        return context.get_dummy_value()

    return types.void(number, *[types.intp] * 3), generate


@intrinsic(prefer_literal=True)
def copy_vectors(context, number, vectors, target, target_row, source, source_row, depth):  # type: ignore[no-untyped-def]
    """Copy ``depth`` rows of so many vectors."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        *_, target, target_row, source, source_row, depth = arguments
        kind, tile = number_of(number)
        vector = ir.VectorType(kind, tile.lanes)
        width = tile.lanes * number.dtype.bitwidth // 8
        with cgutils.for_range(builder, depth) as loop:
            origin = builder.add(source, builder.mul(loop.index, source_row))
            to = builder.add(target, builder.mul(loop.index, target_row))
            for offset in range(0, vectors.literal_value * width, width):
                found = load(builder, builder.add(origin, INTEGER(offset)), vector)
                store(builder, found, builder.add(to, INTEGER(offset)))
        return context.get_dummy_value()

    return types.void(number, vectors, *[types.intp] * 5), generate


@intrinsic
def transpose_blocks(context, number, target, target_row, source, column, squares):  # type: ignore[no-untyped-def]
    """Write ``squares`` · lanes rows of one vector whose columns are contiguous and ``column`` bytes apart."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        _, target, target_row, source, column, squares = arguments
        kind, tile = number_of(number)
        vector = ir.VectorType(kind, tile.lanes)
        width = tile.lanes * number.dtype.bitwidth // 8
        with cgutils.for_range(builder, squares) as loop:
            origin = builder.add(source, builder.mul(loop.index, INTEGER(width)))
            first = builder.mul(loop.index, INTEGER(tile.lanes))
            columns = [builder.mul(column, INTEGER(lane)) for lane in range(tile.lanes)]
            square = [load(builder, builder.add(origin, offset), vector) for offset in columns]
            for lane, values in enumerate(_turned(builder, square)):
                row = builder.mul(builder.add(first, INTEGER(lane)), target_row)
                store(builder, values, builder.add(target, row))
        return context.get_dummy_value()

    return types.void(number, *[types.intp] * 5), generate


@intrinsic
def pack_panel(context, number, target, row, source, step, column, depth, columns):  # type: ignore[no-untyped-def]
    """Copy ``columns`` columns of a block of B into a panel whose rows, of ``row`` bytes, are filled up with zeros.

    Nothing of the zeros is written to C, but whatever lies there is multiplied, and subnormal numbers are slow. To be
    called, like ``multiply_tile``, once ``register_tile_and_packing`` has made it known.
    """

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        kind = ir.FunctionType(ir.VoidType(), [INTEGER] * 7)
        code = cgutils.get_or_insert_function(builder.module, kind, _symbol(np.dtype(str(number.dtype))))
        builder.call(code, arguments[1:])
        return context.get_dummy_value()

    return types.void(number, *[types.intp] * 7), generate


@cache
def register_tile_and_packing(dtype: np.dtype) -> None:
    """Compile the micro-kernel and ``pack_panel`` once, and let the linker know them: no loop need contain them.

    To be called before a kernel that calls them is compiled or loaded.
    """
    register_tile(dtype)
    tile, number, size = host_tile(dtype.itemsize), dtype.type, dtype.itemsize
    assert tile is not None
    lanes, vectors, panel = tile.lanes, tile.vectors, tile.NR

    def pack(target, row, source, step, column, depth, columns):  # type: ignore[no-untyped-def]
        if columns == panel and column == size:
            copy_vectors(number, vectors, target, row, source, step, depth)
            return
        for v in range(0, row // size, lanes):
            to, origin = target + v * size, source + v * column
            width, done = max(0, min(lanes, columns - v)), 0
            if width == lanes and column == size:
                copy_vectors(number, 1, to, row, origin, step, depth)
                done = depth
            elif width == lanes and step == size:
                transpose_blocks(number, to, row, origin, column, depth // lanes)
                done = depth // lanes * lanes
            for k in range(done, depth):
                clear_run(to + k * row + width * size, (lanes - width) * size)
                for q in range(width):
                    copy_element(number, to + k * row + q * size, origin + k * step + q * column)

    add_symbol(_symbol(dtype), compiled_address(pack, types.void(*[types.intp] * 7)))


def _symbol(dtype: np.dtype) -> str:
    return f"ava_np_pack_panel_{dtype.name}"


def _turned(builder: ir.IRBuilder, square: list[ir.Value]) -> list[ir.Value]:
    """The columns of a square of vectors."""
    lanes = len(square)

    def shuffled(left: ir.Value, right: ir.Value, first: int) -> ir.Value:
        order = [i for lane in range(first, first + lanes // 2) for i in (lane, lane + lanes)]
        return builder.shuffle_vector(left, right, ir.Constant(ir.VectorType(INDEX, lanes), order))

    for _ in range(lanes.bit_length() - 1):
        split_mean_logvar = zip(square[: lanes // 2], square[lanes // 2 :], strict=True)
        square = [shuffled(*pair, first) for pair in split_mean_logvar for first in (0, lanes // 2)]
    return square
