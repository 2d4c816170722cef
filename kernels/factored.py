"""Gradients kept as their factors: what a dense layer's weights need to learn, and never the whole of it.

The gradient of a dense layer's weights is a sum of products, one for each application t of the layer in a step,

    G[i,o] = Σ_t Σ_n x_t[n,i] e_t[n,o]

of its inputs x and its errors e. With few samples, x and e are far smaller than G: to write G, and to read it again for
its norm and for the optimiser, takes longer than all else. So the factors are kept, and

Norm      ‖G‖² = Σ_{t,u} Σ_{n,m} (Σ_i x_t[n,i] x_u[m,i]) (Σ_o e_t[n,o] e_u[m,o])
Step      a block of G at a time is multiplied in the cache, and a step of an optimiser follows there at once

Shapes: x_t (samples, inputs), e_t (samples, outputs), each with contiguous rows; G (inputs, outputs).
"""

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from ava_np.kernels import gemm
from ava_np.kernels.machine.elementwise import ARRAYS, Flat, describe
from ava_np.kernels.machine.micro_kernel import host_tile
from ava_np.kernels.machine.parallel import call_part, compile_part, cores, part_count, run_parts

Factors = Sequence[tuple[np.ndarray, np.ndarray]]
Step = Flat[Any]

BLOCK = 1 << 16
"""Numbers of G at a time: 256 KB in float32."""

WIDE = 1 << 12
"""Columns of a block at most, so that it has rows for the tiles of the micro-kernel."""

MIN_ELEMENTS = 1 << 17
"""Numbers of G for a thread."""

LARGE = 1 << 18
"""Numbers of G from which on it does not stay in a cache."""

HEADER, FACTOR = 10, 5  # numbers in a record before the factors, and for each


def worthwhile(samples: int, inputs: int, outputs: int) -> bool:
    """Whether factors are better than G: it is large, its norm is cheaper by factors, and there is a micro-kernel."""
    size = inputs * outputs
    return size >= LARGE and samples**2 * (inputs + outputs) <= 64 * size and host_tile(4) is not None


OWN = gemm.SCRATCH + BLOCK
"""Numbers of scratch for one thread."""


def scratch_size() -> int:
    """Numbers of scratch with which every core can help."""
    return OWN * cores()


def factored_norm(factors: Factors) -> float:
    """‖G‖, the root of the sum of the squares."""
    total = 0.0
    for t, (x, e) in enumerate(factors):
        for u, (x2, e2) in enumerate(factors[: t + 1]):
            products = np.multiply(x @ x2.T, e @ e2.T, dtype=np.float64)
            total += float(products.sum()) * (2 if u < t else 1)
    if not math.isfinite(total):
        return math.nan
    return math.sqrt(max(total, 0.0))  # of errors that cancel, rounding may be left


def factored_step(
    step: Step, arrays: Sequence[np.ndarray], factors: Factors, numbers: Sequence[float], scratch: np.ndarray
) -> None:
    """Call ``step(*arrays, G, *numbers)`` without G.

    Parameters
    ----------
    step : Flat
        From kernels/optimisers.py; G is the last of the arrays that it takes.
    arrays : sequence of ndarray, (inputs · outputs,)
        The parameters, and what the optimiser remembers of them: contiguous, and changed in place.
    factors : sequence of (ndarray, ndarray)
        x_t and e_t.
    numbers : sequence of float
        The numbers that ``step`` takes.
    scratch : ndarray
        Flat, of ``OWN`` numbers for each thread that is to help.

    Raises
    ------
    ValueError
        If shapes or types do not fit.
    """
    (inputs, outputs), dtype = (factors[0][0].shape[1], factors[0][1].shape[1]), scratch.dtype
    for x, e in factors:
        if x.shape[1] != inputs or e.shape != (len(x), outputs) or x.dtype != dtype or e.dtype != dtype:
            raise ValueError(f"factors {x.shape} and {e.shape} of a gradient of {inputs} x {outputs} {dtype}")
        if x.strides[1] != dtype.itemsize or e.strides[1] != dtype.itemsize:
            raise ValueError("the rows of factors must be contiguous")
    for array in arrays:
        if array.size != inputs * outputs or array.dtype != dtype or not array.flags.c_contiguous:
            raise ValueError(f"a step with {inputs} x {outputs} {dtype} takes arrays of that size and type")
    if scratch.size < OWN:
        raise ValueError(f"a factored step needs {OWN} numbers of scratch, not {scratch.size}")
    wide = min(outputs, WIDE)
    tall = BLOCK // wide
    blocks = -(-inputs // tall) * -(-outputs // wide)
    parts = min(part_count(inputs * outputs, blocks, MIN_ELEMENTS), scratch.size // OWN)
    code, multiply = _address(dtype), gemm.part_address(dtype)
    lines = [n for x, e in factors for n in (x.ctypes.data, x.strides[0], e.ctypes.data, e.strides[0], len(x))]
    inner = describe(0, 1, [array.ctypes.data for array in arrays] + [0], numbers)
    start = -(-scratch.ctypes.data // gemm.LINE) * gemm.LINE
    header = (inputs, outputs, parts, tall, wide, multiply, step.address(dtype), start, len(factors), len(arrays))
    run_parts(code, parts, np.array([*header, *lines, len(inner), *inner], np.int64))


@cache
def _address(dtype: np.dtype) -> int:
    return compile_part(_part(dtype.itemsize))


def _part(size: int) -> Callable[..., None]:
    """The code of a part, a range of blocks; ``size`` bytes to a number."""
    first_array, own, packing, first_line, per_line = ARRAYS, OWN, BLOCK, HEADER, FACTOR

    def part(index, record):  # type: ignore[no-untyped-def]
        M, N, parts, tall, wide = record[0], record[1], record[2], record[3], record[4]
        multiply, step, factors, arrays = record[5], record[6], record[8], record[9]
        # The block before what products pack into: the latter does not need the last of its numbers, and so leaves room
        # for the start to have been moved to a line of the cache.
        block = record[7] + index * own * size
        rest = first_line + factors * per_line
        length = record[rest]
        product, inner = np.zeros(16, np.int64), np.empty(length, np.int64)
        for i in range(length):
            inner[i] = record[rest + 1 + i]
        across = (N + wide - 1) // wide
        blocks = (M + tall - 1) // tall * across
        for b in range(index * blocks // parts, (index + 1) * blocks // parts):
            top, left = b // across * tall, b % across * wide
            rows, columns = min(tall, M - top), min(wide, N - left)
            for f in range(factors):  # the record of gemm.py: block = xᵀ e, and then block += xᵀ e
                line = first_line + f * per_line
                product[0], product[1], product[2], product[3] = rows, columns, record[line + 4], 1
                product[4], product[5] = block, columns * size
                product[6], product[7], product[8] = record[line] + top * size, size, record[line + 1]
                product[9], product[10], product[11] = record[line + 2] + left * size, record[line + 3], size
                product[12], product[13] = (block if f else 0), columns * size
                product[14] = block + packing * size
                call_part(multiply, 0, product.ctypes.data)
            runs = 1 if columns == N else rows  # of numbers that follow one another, in the block and in the arrays
            inner[0] = rows * columns // runs
            for r in range(runs):
                for i in range(arrays):
                    inner[first_array + i] = record[rest + 1 + first_array + i] + ((top + r) * N + left) * size
                inner[first_array + arrays] = block + r * columns * size
                call_part(step, 0, inner.ctypes.data)

    return part
