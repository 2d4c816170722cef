"""Work on flat arrays, number by number: one piece of code for all of it, run in parts side by side.

``@flat`` compiles a loop over whole arrays. With few numbers it is simply called. With enough for two threads it is
called by its address, for any stretch of them. All parts begin at a multiple of UNIT numbers, a multiple of every
vector's: only the last one has a rest that does not fill a vector, and that is the same for any number of threads. So
is every result, because the number of threads has no say in which way is taken.

A record of int64 describes the work: how many numbers, in how many parts, then the arrays' addresses, then the bits of
the float64 numbers that go with them.
"""

import inspect
from collections.abc import Callable
from functools import cache, update_wrapper
from typing import Any, Generic, ParamSpec

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, register_jitable
from numba.np import arrayobj

from ava_np.kernels.machine.compile import FLAGS, kernel
from ava_np.kernels.machine.parallel import compile_part, part_count, run_parts

P = ParamSpec("P")

UNIT = 1024
MIN_ELEMENTS = 1 << 17
"""Numbers of a part, some 0.1 ms: with fewer, waking a thread that sleeps takes longer than it saves."""

ARRAYS = 2
"""Where in a record the arrays begin."""


def array_value(context, builder, array, address, count):  # type: ignore[no-untyped-def]
    """An array, for an intrinsic, of ``count`` numbers that lie at an address."""
    made, size = context.make_array(array)(context, builder), ir.Constant(ir.IntType(64), array.dtype.bitwidth // 8)
    arrayobj.populate_array(
        made,
        data=builder.inttoptr(address, made.data.type),
        shape=cgutils.pack_array(builder, [count]),
        strides=cgutils.pack_array(builder, [size]),
        itemsize=size,
        meminfo=None,
    )
    return made._getvalue()


@intrinsic(prefer_literal=True)
def arguments(context, number, arrays, numbers, record, first, count):  # type: ignore[no-untyped-def]
    """The segments of ``count`` numbers from ``first`` on of a record's arrays, then its numbers, as a tuple."""
    array = types.Array(number.dtype, 1, "C")
    result = types.Tuple([array] * arrays.literal_value + [types.float64] * numbers.literal_value)
    size = number.dtype.bitwidth // 8

    def generate(context, builder, signature, given):  # type: ignore[no-untyped-def]
        *_, record, first, count = given
        word = ir.IntType(64)
        values = []
        for i, kind in enumerate(result):
            entry = builder.load(builder.gep(record, [ir.Constant(word, ARRAYS + i)]))
            if kind is not array:
                values.append(builder.bitcast(entry, ir.DoubleType()))
                continue
            start = builder.add(entry, builder.mul(first, ir.Constant(word, size)))
            values.append(array_value(context, builder, array, start, count))
        return context.make_tuple(builder, result, values)

    return result(number, arrays, numbers, record, first, count), generate


class Flat(Generic[P]):
    """A loop over flat arrays, split over the threads.

    Its arguments are arrays, C-contiguous and all of one size and float type, and then numbers.
    """

    def __init__(self, function: Callable[P, None]) -> None:
        update_wrapper(self, function)
        self._function = function
        self._whole: Callable[..., None] = kernel(function)
        kinds = [parameter.annotation is np.ndarray for parameter in inspect.signature(function).parameters.values()]
        self.arrays, self.numbers = kinds.count(True), kinds.count(False)

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> None:
        """Run it; arguments have places, and no names.

        Raises
        ------
        TypeError
            If there are too few or too many.
        ValueError
            If the arrays are not of one size and type, or not contiguous, or the first is read-only.
        """
        if named or len(arguments) != self.arrays + self.numbers:
            raise TypeError(
                f"{self._function.__name__} takes {self.arrays} arrays and {self.numbers} numbers, in place"
            )
        arrays: Any = arguments[: self.arrays]
        if not arrays[0].flags.writeable:
            raise ValueError(f"{self._function.__name__} writes to its first array, and it is read-only")
        size, dtype = arrays[0].size, arrays[0].dtype
        for array in arrays:
            if array.size != size or array.dtype != dtype or not array.flags.c_contiguous:
                raise ValueError(f"{self._function.__name__} takes contiguous arrays of one size and type")
        numbers: Any = map(float, arguments[self.arrays :])  # type: ignore[arg-type]
        if size < 2 * MIN_ELEMENTS:
            self._whole(*[array.ravel() for array in arrays], *numbers)
        else:
            parts = part_count(size, -(-size // UNIT), MIN_ELEMENTS)
            places = [array.ctypes.data for array in arrays]
            run_parts(self.address(dtype), parts, describe(size, parts, places, list(numbers)))

    def address(self, dtype: np.dtype) -> int:
        """Where the code of a part begins."""
        return _address(self, dtype)


flat = Flat


def describe(size: int, parts: int, places: list[int], numbers: Any) -> np.ndarray:
    """The record of some work."""
    record = np.empty(ARRAYS + len(places) + len(numbers), np.int64)
    record[:ARRAYS] = size, parts
    record[ARRAYS : ARRAYS + len(places)] = places
    record[ARRAYS + len(places) :].view(np.float64)[:] = numbers
    return record


@cache
def _address(loop: Flat[Any], dtype: np.dtype) -> int:
    # Not njit: the cache is asked for what a part encloses, and a compiled function is another one in each process.
    function, number = register_jitable(**FLAGS)(loop._function), dtype.type
    arrays, numbers, unit = loop.arrays, loop.numbers, UNIT

    def part(index, record):  # type: ignore[no-untyped-def]
        size, parts = record[0], record[1]
        units = (size + unit - 1) // unit
        first, last = index * units // parts * unit, min(size, (index + 1) * units // parts * unit)
        function(*arguments(number, arrays, numbers, record, first, last - first))

    part.__name__ = f"{part.__name__}_{loop._function.__name__}"
    return compile_part(part)
