"""Records and arrays at an address: the arguments of compiled code that is called by its address.

The launcher calls each part of parallel work as ``part(index, record)``, with the address of a list of int64 words. A
record gives names to the words. It is declared once, as a ``NamedTuple`` whose fields are

    int                a length, a count, a stride in bytes, or an address: one word
    another record     all words of that one, in its order

Python writes it, and compiled code reads it by the same names:

    class Work(NamedTuple):
        parts: int
        source: int

    def part(index, record):
        work = read(Work, record)
        ...                          # work.parts, work.source

    run_parts(compile_part(part), parts, write(Work(parts, array.ctypes.data)))

The compiler loads only the fields that are used. Compiled code that calls other compiled code keeps the record for it
on its own stack: ``call_part(address, index, on_stack(Work(...)))``.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, get_type_hints

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np import arrayobj

from ava_np.kernels.machine.llvm import INT64


class Product(NamedTuple):
    """Record of a matrix product, C = base + A B; the code in ``blocking`` and in ``gemv`` reads it.

    Attributes
    ----------
    rows, columns, depth, parts : int
        Size of C, number of terms of each sum, and number of parts that share the work.
    C, A, B : int
        Addresses of the first elements.
    C_row, A_row, A_column, B_row, B_column : int
        Strides in bytes, from one row or column to the next.
    base, base_row : int
        Address and row stride of the values that the sums are added to: C itself, or the bias with a row stride of 0.
        Address 0 stands for zeros.
    scratch : int
        Address of the scratch of all parts, at the start of a cache line; ``blocking.PACKED_SIZE`` elements for each.
    """

    rows: int
    columns: int
    depth: int
    parts: int
    C: int
    C_row: int
    A: int
    A_row: int
    A_column: int
    B: int
    B_row: int
    B_column: int
    base: int
    base_row: int
    scratch: int


def write(*records: tuple[Any, ...]) -> np.ndarray:
    """Return the words of one or more records, one after the other, as an array of int64."""
    words: list[int] = []
    _append_words(records, words)
    return np.array(words, np.int64)


def word_count(record: type[tuple[Any, ...]]) -> int:
    """Return the number of words of a record."""
    return sum(1 if kind is int else word_count(kind) for kind in get_type_hints(record).values())


def _append_words(values: Iterable[Any], words: list[int]) -> None:
    for value in values:
        if isinstance(value, tuple):
            _append_words(value, words)
        else:
            words.append(value)


def _numba_type(record: type[tuple[Any, ...]]) -> Any:
    """Return the type that numba gives to a record whose fields are int64."""
    kinds = [types.intp if kind is int else _numba_type(kind) for kind in get_type_hints(record).values()]
    return types.BaseTuple.from_types(kinds, record)


@intrinsic
def address_of(context, array):  # type: ignore[no-untyped-def]
    """Return the address of an array's first element, in compiled code.

    It is a signed integer. ``array.ctypes.data`` is unsigned there, and becomes a float beside other integers.
    """

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        value = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.ptrtoint(value.data, INT64)

    return types.intp(array), generate


@intrinsic
def read(context, record, address):  # type: ignore[no-untyped-def]
    """Return the record at an address, in compiled code: ``read(Work, address)``."""
    result = _numba_type(record.instance_class)

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return _load(context, builder, result, _pointer(builder, arguments[1]))

    return result(record, address), generate


@intrinsic
def read_row(context, record, table, index):  # type: ignore[no-untyped-def]
    """Return one of several records that follow one another from the address ``table`` on, in compiled code."""
    result, size = _numba_type(record.instance_class), word_count(record.instance_class)

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        first = builder.mul(arguments[2], INT64(size))
        return _load(context, builder, result, builder.gep(_pointer(builder, arguments[1]), [first]))

    return result(record, table, types.intp), generate


@intrinsic
def store(context, address, record):  # type: ignore[no-untyped-def]
    """Write the words of a record to an address, in compiled code."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        _store_words(builder, _pointer(builder, arguments[0]), _words(context, builder, record, arguments[1]))
        return context.get_dummy_value()

    return types.void(types.intp, record), generate


@intrinsic
def on_stack(context, record):  # type: ignore[no-untyped-def]
    """Return the address of a record's words on the stack, in compiled code; valid until the function returns."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        pointer = cgutils.alloca_once(builder, INT64, word_count(record.instance_class))
        _store_words(builder, pointer, _words(context, builder, record, arguments[0]))
        return builder.ptrtoint(pointer, INT64)

    return types.intp(record), generate


@intrinsic
def array_at(context, scalar, address, count):  # type: ignore[no-untyped-def]
    """Return the array of ``count`` contiguous elements at an address, in compiled code."""
    array = types.Array(scalar.dtype, 1, "C")

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return array_value(context, builder, array, *arguments[1:])

    return array(scalar, types.intp, types.intp), generate


def array_value(context: Any, builder: ir.IRBuilder, array: Any, address: ir.Value, count: ir.Value) -> Any:
    """Return what ``array_at`` does, for the code of another intrinsic."""
    value, size = context.make_array(array)(context, builder), INT64(array.dtype.bitwidth // 8)
    arrayobj.populate_array(
        value,
        data=builder.inttoptr(address, value.data.type),
        shape=cgutils.pack_array(builder, [count]),
        strides=cgutils.pack_array(builder, [size]),
        itemsize=size,
        meminfo=None,
    )
    return value._getvalue()


def _is_record(kind: Any) -> bool:
    return isinstance(kind, types.BaseTuple)


def _pointer(builder: ir.IRBuilder, address: ir.Value) -> ir.Value:
    """Return a pointer to words; an address is either an integer or a pointer already."""
    return builder.inttoptr(address, INT64.as_pointer()) if isinstance(address.type, ir.IntType) else address


def _load(context: Any, builder: ir.IRBuilder, kind: Any, pointer: ir.Value) -> ir.Value:
    """Return the word or the record that begins at a pointer."""
    if not _is_record(kind):
        return builder.load(pointer)
    values, offset = [], 0
    for field in kind:
        values.append(_load(context, builder, field, builder.gep(pointer, [INT64(offset)])))
        offset += word_count(field.instance_class) if _is_record(field) else 1
    return context.make_tuple(builder, kind, values)


def _words(context: Any, builder: ir.IRBuilder, kind: Any, value: ir.Value) -> Iterator[ir.Value]:
    """Yield every word of a record."""
    if _is_record(kind):
        for field, inner in zip(kind, cgutils.unpack_tuple(builder, value), strict=True):
            yield from _words(context, builder, field, inner)
    else:
        yield context.cast(builder, value, kind, types.intp)


def _store_words(builder: ir.IRBuilder, pointer: ir.Value, words: Iterable[ir.Value]) -> None:
    for i, word in enumerate(words):
        builder.store(word, builder.gep(pointer, [INT64(i)]))
