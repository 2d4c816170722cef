"""Loops over flat arrays, element by element, shared by the threads.

``@flat`` compiles such a loop. With few elements it is called directly. With enough for two threads its code is called
by address, for one range of elements per part. Each part begins at a multiple of UNIT, so only the last one has
elements that do not fill a vector, and those are the same for any number of threads. Which of the two ways is taken
depends on the number of elements alone. So the results do not depend on the number of threads.
"""

import inspect
from collections.abc import Callable, Sequence
from functools import cache, update_wrapper
from typing import Any, Generic, NamedTuple, ParamSpec

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, register_jitable

from ava_np.kernels.machine.compile import FLAGS, kernel
from ava_np.kernels.machine.llvm import INT64
from ava_np.kernels.machine.parallel import compile_part, part_count, run_parts
from ava_np.kernels.machine.records import array_value, read, word_count

P = ParamSpec("P")

UNIT = 1024
"""Parts begin at multiples of this many elements, which whole vectors fill, even in an unrolled loop."""

MIN_ELEMENTS = 1 << 17
"""Elements of each array per part, about 0.1 ms of memory access: waking a sleeping thread takes 0.08 ms."""


class Loop(NamedTuple):
    """Record of a loop: after these words follow the addresses of its arrays and the bits of its float64 numbers."""

    size: int
    parts: int


ARRAYS = word_count(Loop)
"""Index of the word with the address of the first array."""


class Flat(Generic[P]):
    """A loop over flat arrays, shared by the threads.

    Its arguments are C-contiguous arrays of one size and float type, and then numbers.
    """

    def __init__(self, function: Callable[P, None]) -> None:
        update_wrapper(self, function)
        self._function = function
        self._whole: Callable[..., None] = kernel(function)
        is_array = [parameter.annotation is np.ndarray for parameter in inspect.signature(function).parameters.values()]
        self.arrays, self.numbers = is_array.count(True), is_array.count(False)

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> None:
        """Run the loop; all arguments are positional.

        Raises
        ------
        TypeError
            If the number of arguments is wrong.
        ValueError
            If the arrays differ in size or type, or are not contiguous, or the first is read-only.
        """
        name = self._function.__name__
        if named or len(arguments) != self.arrays + self.numbers:
            raise TypeError(f"{name} takes {self.arrays} arrays and {self.numbers} numbers, by position")
        arrays: Any = arguments[: self.arrays]
        if not arrays[0].flags.writeable:
            raise ValueError(f"{name} writes to its first array, which is read-only: pass a copy")
        size, dtype = arrays[0].size, arrays[0].dtype
        for array in arrays:
            if array.size != size or array.dtype != dtype or not array.flags.c_contiguous:
                raise ValueError(f"{name} takes contiguous arrays of one size and type")
        numbers: Any = map(float, arguments[self.arrays :])  # type: ignore[arg-type]
        if size < 2 * MIN_ELEMENTS:
            self._whole(*[array.ravel() for array in arrays], *numbers)
        else:
            parts = part_count(size, -(-size // UNIT), MIN_ELEMENTS)
            addresses = [array.ctypes.data for array in arrays]
            run_parts(self.address(dtype), parts, loop_record(Loop(size, parts), addresses, list(numbers)))

    def address(self, dtype: np.dtype) -> int:
        """Return the address of the code of a part."""
        return _address(self, dtype)


flat = Flat


def loop_record(loop: Loop, addresses: Sequence[int], numbers: Sequence[float]) -> np.ndarray:
    """Return the record of a loop."""
    record = np.empty(ARRAYS + len(addresses) + len(numbers), np.int64)
    record[:ARRAYS] = loop
    record[ARRAYS : ARRAYS + len(addresses)] = addresses
    record[ARRAYS + len(addresses) :].view(np.float64)[:] = numbers
    return record


@cache
def _address(loop: Flat[Any], dtype: np.dtype) -> int:
    # Not njit: numba's cache key contains what a part encloses, and a compiled function differs in each process.
    function, scalar = register_jitable(**FLAGS)(loop._function), dtype.type
    arrays, numbers = loop.arrays, loop.numbers

    def part(index, record):  # type: ignore[no-untyped-def]
        work = read(Loop, record)
        units = (work.size + UNIT - 1) // UNIT
        first, last = index * units // work.parts * UNIT, min(work.size, (index + 1) * units // work.parts * UNIT)
        function(*_arguments(scalar, arrays, numbers, record, first, last - first))

    part.__name__ = f"{part.__name__}_{loop._function.__name__}"
    return compile_part(part)


@intrinsic(prefer_literal=True)
def _arguments(context, scalar, arrays, numbers, record, first, count):  # type: ignore[no-untyped-def]
    """Return the arrays of a record from element ``first`` on, ``count`` elements of each, and its numbers."""
    array = types.Array(scalar.dtype, 1, "C")
    result = types.Tuple([array] * arrays.literal_value + [types.float64] * numbers.literal_value)
    size = scalar.dtype.bitwidth // 8

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        *_, record, first, count = arguments
        values = []
        for i, kind in enumerate(result):
            word = builder.load(builder.gep(record, [INT64(ARRAYS + i)]))
            if kind is array:
                start = builder.add(word, builder.mul(first, INT64(size)))
                values.append(array_value(context, builder, array, start, count))
            else:
                values.append(builder.bitcast(word, ir.DoubleType()))
        return context.make_tuple(builder, result, values)

    return result(scalar, arrays, numbers, record, first, count), generate
