"""Building blocks of hand-written LLVM IR: scalar and vector types, memory access, masks, loops.

Addresses are 64-bit integers here, and turn into pointers only where memory is accessed. ``kind`` is an LLVM type, of a
scalar or of a vector.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

INT64, INT32, BYTE = ir.IntType(64), ir.IntType(32), ir.IntType(8)
FLOATS = {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}

CACHE_LINE = 64
"""Bytes of a cache line, on all processors that have a micro-kernel."""


def size_in_bytes(kind: ir.Type) -> int:
    """Return the size of a float or of an element of a vector."""
    return 4 if isinstance(getattr(kind, "element", kind), ir.FloatType) else 8


def load(builder: ir.IRBuilder, address: ir.Value, kind: ir.Type) -> ir.Value:
    """Load a scalar or a vector; a vector needs the alignment of its elements only."""
    return builder.load(builder.inttoptr(address, kind.as_pointer()), align=size_in_bytes(kind))


def store(builder: ir.IRBuilder, value: ir.Value, address: ir.Value) -> None:
    """Store a scalar or a vector."""
    pointer = builder.inttoptr(address, value.type.as_pointer())
    builder.store(value, pointer, align=size_in_bytes(value.type))


def prefetch(builder: ir.IRBuilder, address: ir.Value, *, write: bool) -> None:
    """Start to load a cache line into the level-1 cache, to be read or written later."""
    pointer = BYTE.as_pointer()
    signature = ir.FunctionType(ir.VoidType(), [pointer, INT32, INT32, INT32])
    function = cgutils.get_or_insert_function(builder.module, signature, "llvm.prefetch.p0")
    locality, data_cache = INT32(3), INT32(1)
    builder.call(function, [builder.inttoptr(address, pointer), INT32(int(write)), locality, data_cache])


def broadcast(builder: ir.IRBuilder, value: ir.Value, vector: ir.VectorType) -> ir.Value:
    """Return a vector with the same value in every lane."""
    empty = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(empty, value, INT32(0))
    return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(INT32, vector.count), [0] * vector.count))


def fused_multiply_add(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
    """Return a · b + c, rounded once."""
    vector = a.type
    name = f"llvm.fma.v{vector.count}{vector.element.intrinsic_name}"
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), name)
    return builder.call(function, [a, b, c])


def first_lanes(builder: ir.IRBuilder, count: ir.Value, lanes: int) -> ir.Value:
    """Return a mask of the first ``count`` lanes."""
    kind = ir.VectorType(INT64, lanes)
    return builder.icmp_signed("<", ir.Constant(kind, list(range(lanes))), broadcast(builder, count, kind))


def load_masked(builder: ir.IRBuilder, address: ir.Value, kind: ir.VectorType, mask: ir.Value) -> ir.Value:
    """Load the lanes of a mask, and zeros for the others, without access to their memory."""
    pointer, name = kind.as_pointer(), f"llvm.masked.load.v{kind.count}{kind.element.intrinsic_name}.p0"
    signature = ir.FunctionType(kind, [pointer, INT32, mask.type, kind])
    zero = ir.Constant(kind, [0.0] * kind.count)
    arguments = [builder.inttoptr(address, pointer), INT32(size_in_bytes(kind)), mask, zero]
    return builder.call(cgutils.get_or_insert_function(builder.module, signature, name), arguments)


def store_masked(builder: ir.IRBuilder, value: ir.Value, address: ir.Value, mask: ir.Value) -> None:
    """Store the lanes of a mask, without access to the memory of the others."""
    kind = value.type
    pointer, name = kind.as_pointer(), f"llvm.masked.store.v{kind.count}{kind.element.intrinsic_name}.p0"
    signature = ir.FunctionType(ir.VoidType(), [kind, pointer, INT32, mask.type])
    arguments = [value, builder.inttoptr(address, pointer), INT32(size_in_bytes(kind)), mask]
    builder.call(cgutils.get_or_insert_function(builder.module, signature, name), arguments)


def loop(
    builder: ir.IRBuilder, count: ir.Value, initial: list[ir.Value], body: Callable[[list[Any]], list[ir.Value]]
) -> list[ir.Value]:
    """Apply ``body`` to a list of values ``count`` times, at run time, and return the last list.

    The values stay in registers. ``count`` may be 0: then ``initial`` is the result.
    """
    start, inside, after = builder.block, builder.append_basic_block("loop"), builder.append_basic_block("after")
    builder.cbranch(builder.icmp_signed(">", count, INT64(0)), inside, after)
    builder.position_at_end(inside)
    left = builder.phi(INT64)
    carried = [builder.phi(value.type) for value in initial]
    following = body(carried)
    remaining = builder.sub(left, INT64(1))
    end = builder.block
    for value, before, later in zip([left, *carried], [count, *initial], [remaining, *following], strict=True):
        value.add_incoming(before, start)
        value.add_incoming(later, end)
    builder.cbranch(builder.icmp_signed(">", remaining, INT64(0)), inside, after)
    builder.position_at_end(after)
    last = []
    for before, later in zip(initial, following, strict=True):
        value = builder.phi(before.type)
        value.add_incoming(before, start)
        value.add_incoming(later, end)
        last.append(value)
    return last
