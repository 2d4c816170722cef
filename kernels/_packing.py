"""Copies of pieces of a matrix, laid out as the micro-kernel reads them: loops that must run at the speed of memory.

A panel of B whose rows lie contiguous is copied, vector by vector. One whose columns do is turned, a square of
lanes × lanes numbers at a time. log2(lanes) rounds turn the square that lies in as many vectors: each round
shuffles the vectors like a pack of cards, one of the upper half after one of the lower half, lane by lane.

Addresses and distances are in bytes; ``number`` is ``np.float32`` or ``np.float64``.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ava_np.kernels._microkernel import INDEX, INTEGER, load, number_of, store

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
def copy_number(context, number, target, source):  # type: ignore[no-untyped-def]
    """Copy one number."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        kind = number_of(number)[0]
        pointers = [builder.inttoptr(address, kind.as_pointer()) for address in arguments[1:]]
        builder.store(builder.load(pointers[1]), pointers[0])
        return context.get_dummy_value()

    return types.void(number, *[types.intp] * 2), generate


@intrinsic
def copy_panel(context, number, target, source, row, depth):  # type: ignore[no-untyped-def]
    """Copy ``depth`` rows of a panel, ``row`` bytes apart, so that they follow one another."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        _, target, source, row, depth = arguments
        kind, tile = number_of(number)
        vector = ir.VectorType(kind, tile.lanes)
        width = tile.lanes * number.dtype.bitwidth // 8
        with cgutils.for_range(builder, depth) as loop:
            origin = builder.add(source, builder.mul(loop.index, row))
            to = builder.add(target, builder.mul(loop.index, INTEGER(width * tile.vectors)))
            for v in range(tile.vectors):
                offset = INTEGER(width * v)
                store(builder, load(builder, builder.add(origin, offset), vector), builder.add(to, offset))
        return context.get_dummy_value()

    return types.void(number, *[types.intp] * 4), generate


@intrinsic
def turn_panel(context, number, target, source, column, squares):  # type: ignore[no-untyped-def]
    """Write ``squares`` · lanes rows of a panel whose columns are contiguous and ``column`` bytes apart."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        _, target, source, column, squares = arguments
        kind, tile = number_of(number)
        vector = ir.VectorType(kind, tile.lanes)
        width = tile.lanes * number.dtype.bitwidth // 8
        with cgutils.for_range(builder, squares) as loop:
            origin = builder.add(source, builder.mul(loop.index, INTEGER(width)))
            to = builder.add(target, builder.mul(loop.index, INTEGER(width * tile.panel)))
            for v in range(tile.vectors):
                columns = [builder.mul(column, INTEGER(v * tile.lanes + lane)) for lane in range(tile.lanes)]
                square = [load(builder, builder.add(origin, offset), vector) for offset in columns]
                for lane, values in enumerate(_turned(builder, square)):
                    store(builder, values, builder.add(to, INTEGER(width * (lane * tile.vectors + v))))
        return context.get_dummy_value()

    return types.void(number, *[types.intp] * 4), generate


def _turned(builder: ir.IRBuilder, square: list[ir.Value]) -> list[ir.Value]:
    """The columns of a square of vectors."""
    lanes = len(square)

    def shuffled(left: ir.Value, right: ir.Value, first: int) -> ir.Value:
        order = [i for lane in range(first, first + lanes // 2) for i in (lane, lane + lanes)]
        return builder.shuffle_vector(left, right, ir.Constant(ir.VectorType(INDEX, lanes), order))

    for _ in range(lanes.bit_length() - 1):
        halves = zip(square[: lanes // 2], square[lanes // 2 :], strict=True)
        square = [shuffled(*pair, first) for pair in halves for first in (0, lanes // 2)]
    return square
