"""Factored gradients: an optimiser step of a large dense layer without the gradient of its weights in memory.

The gradient of a dense layer's weights is a sum of products, one for each application k of the layer in a step,

    G[i,o] = Σ_k Σ_n x_k[n,i] e_k[n,o]

of its inputs x and its errors e. With few samples, x and e are far smaller than G, and writing G and reading it for its
norm and for the optimiser takes most of a step's time. So the factors are kept instead, and

Norm      ‖G‖² = Σ_{k,l} Σ_{n,m} (Σ_i x_k[n,i] x_l[m,i]) (Σ_o e_k[n,o] e_l[m,o])
Inner     ⟨F, G⟩ = Σ_{k,l} Σ_{n,m} (Σ_i x_k[n,i] y_l[m,i]) (Σ_o e_k[n,o] f_l[m,o]), for F of factors x, e and G of y, f
Step      one block of G at a time is computed in the cache, where the optimiser's step reads it at once
Descent   θ[i,o] += Σ_k Σ_n (-γ ρ x_k[n,i]) e_k[n,o]: plain gradient descent needs no G, not even a block

Shapes: x_k (samples, inputs), e_k (samples, outputs), each with contiguous rows; G (inputs, outputs).
"""

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ava_np.kernels.gemm import gemm, gemm_add
from ava_np.kernels.machine import blocking, elementwise
from ava_np.kernels.machine.compile import kernel
from ava_np.kernels.machine.elementwise import ARRAYS, Flat, Loop, loop_record
from ava_np.kernels.machine.llvm import CACHE_LINE
from ava_np.kernels.machine.micro_kernel import host_tile
from ava_np.kernels.machine.parallel import call_part, compile_part, cores, part_count, run_parts
from ava_np.kernels.machine.records import Product, array_at, on_stack, read, read_row, write

Factors = Sequence[tuple[np.ndarray, np.ndarray]]
Step = Flat[Any]

BLOCK_SIZE = 1 << 16
"""Elements of a block of G, 256 kB in float32: it stays in the level-2 cache until the step has read it."""

MAX_BLOCK_COLUMNS = 1 << 12
"""Columns of a block: BLOCK_SIZE of them leaves 16 rows, enough for a tile of the micro-kernel."""

MIN_SIZE = 1 << 18
"""Elements of G, 1 MB in float32: a smaller G stays in the level-2 cache, and writing it costs little."""

MAX_NORM_MULTIPLY_ADDS = 64
"""Multiply-adds of the norm per element of G: with more, computing it takes longer than writing and reading G."""

SCRATCH_PER_THREAD = blocking.PACKED_SIZE + BLOCK_SIZE


class Factor(NamedTuple):
    """Record of one pair of factors: addresses, row strides in bytes, and the number of samples."""

    x: int
    x_row: int
    e: int
    e_row: int
    samples: int


class Work(NamedTuple):
    """Record of a step: the size of G and of its blocks, the code and the tables that it needs.

    Attributes
    ----------
    inputs, outputs, parts, block_rows, block_columns : int
    multiply, step : int
        Addresses of the code that computes a ``Product``, and a ``Loop`` with the step.
    scratch : int
        Address of the scratch of all parts, at the start of a cache line.
    factors, factor_count : int
        Address of the table of ``Factor``, and its length.
    loop, loop_words, arrays : int
        Address and length of the record of the loop over all of G, and its number of arrays without G.
    """

    inputs: int
    outputs: int
    parts: int
    block_rows: int
    block_columns: int
    multiply: int
    step: int
    scratch: int
    factors: int
    factor_count: int
    loop: int
    loop_words: int
    arrays: int


def keeps_factors(samples: int, inputs: int, outputs: int) -> bool:
    """Return whether a layer should keep factors: G is large, and its norm is cheaper to compute from the factors."""
    size = inputs * outputs
    norm = samples**2 * (inputs + outputs)
    return size >= MIN_SIZE and norm <= MAX_NORM_MULTIPLY_ADDS * size and host_tile(4) is not None


def scratch_size() -> int:
    """Return the number of scratch elements with which all cores can take part."""
    return SCRATCH_PER_THREAD * cores()


MIN_GEMM_SAMPLES = 28
"""Samples from which the micro-kernel multiplies rows by rows faster than a plain loop."""

GEMM_DEPTH = 4096
"""Terms of such a product that are added in the type of the factors; the rest is added in float64."""

PRODUCT_BLOCK = 1024
"""Values of a row that are multiplied before the next row: ten rows of 1024 float32 stay in the level-1 cache."""


def _products(x: np.ndarray, y: np.ndarray, half: bool, scratch: np.ndarray) -> np.ndarray:
    """Return x yᵀ of rows in float64, (samples, others); with ``half`` only on and under the diagonal."""
    if len(x) < MIN_GEMM_SAMPLES or len(y) < MIN_GEMM_SAMPLES:
        return _row_products(x, y, half)
    products, block = np.zeros((len(x), len(y))), np.empty((len(x), len(y)), x.dtype)
    for start in range(0, x.shape[1], GEMM_DEPTH):
        part = slice(start, start + GEMM_DEPTH)
        gemm(block, x[:, part], y[:, part].T, scratch)
        products += block
    return np.tril(products) if half else products


def _row_products(x: np.ndarray, y: np.ndarray, half: bool) -> np.ndarray:
    """Do what ``_products`` does, for few rows."""
    products = np.zeros((len(x), len(y)))
    _add_row_products(products, x, y, half)
    return products


@kernel
def _add_row_products(products: np.ndarray, x: np.ndarray, y: np.ndarray, half: bool) -> None:
    """Add x yᵀ, a block of the rows at a time, to ``products``."""
    for start in range(0, x.shape[1], PRODUCT_BLOCK):
        for n in range(x.shape[0]):
            a = x[n, start : start + PRODUCT_BLOCK]
            for m in range(n + 1 if half else y.shape[0]):
                b = y[m, start : start + PRODUCT_BLOCK]
                total = x.dtype.type(0)
                for i in range(a.size):
                    total += a[i] * b[i]
                products[n, m] += total


def factored_norm(factors: Factors, scratch: np.ndarray) -> float:
    """Return ‖G‖, the root of the sum of the squares; NaN if it is not finite.

    Parameters
    ----------
    factors : sequence of (ndarray, ndarray)
        x_k and e_k.
    scratch : ndarray
        As for ``gemm``.
    """
    total, rows = 0.0, [(np.ascontiguousarray(x), np.ascontiguousarray(e)) for x, e in factors]
    for t, (x, e) in enumerate(rows):
        own = _products(x, x, True, scratch) * _products(e, e, True, scratch)
        total += 2 * float(own.sum()) - float(own.trace())
        for y, f in rows[:t]:
            total += 2 * float(np.vdot(_products(x, y, False, scratch), _products(e, f, False, scratch)))
    if not math.isfinite(total):
        return math.nan
    return math.sqrt(max(total, 0.0))  # rounding may leave a negative sum where errors cancel


def factored_inner(factors: Factors, others: Factors) -> float:
    """Return ⟨F, G⟩, the sum of the products of their entries."""
    total = 0.0
    for x, e in factors:
        for y, f in others:
            inputs = _row_products(np.ascontiguousarray(x), np.ascontiguousarray(y), False)
            outputs = _row_products(np.ascontiguousarray(e), np.ascontiguousarray(f), False)
            total += float(np.vdot(inputs, outputs))
    return total


def factored_step(
    step: Step, arrays: Sequence[np.ndarray], factors: Factors, numbers: Sequence[float], scratch: np.ndarray
) -> None:
    """Do what ``step(*arrays, G, *numbers)`` does, without G in memory.

    Parameters
    ----------
    step : Flat
        From kernels/optimisers.py; G is the last array that it takes.
    arrays : sequence of ndarray, (inputs · outputs,)
        The parameters and the state of the optimiser: contiguous, and changed in place.
    factors : sequence of (ndarray, ndarray)
        x_k and e_k.
    numbers : sequence of float
        The numbers that ``step`` takes.
    scratch : ndarray
        Flat, ``SCRATCH_PER_THREAD`` elements for each thread that takes part.

    Raises
    ------
    ValueError
        If shapes or types do not fit.
    """
    (inputs, outputs), dtype = (factors[0][0].shape[1], factors[0][1].shape[1]), scratch.dtype
    for x, e in factors:
        if x.shape[1] != inputs or e.shape != (len(x), outputs) or x.dtype != dtype or e.dtype != dtype:
            raise ValueError(f"factors {x.shape} and {e.shape} do not fit a {inputs} x {outputs} gradient of {dtype}")
        if x.strides[1] != dtype.itemsize or e.strides[1] != dtype.itemsize:
            raise ValueError("the rows of factors must be contiguous")
    for array in arrays:
        if array.size != inputs * outputs or array.dtype != dtype or not array.flags.c_contiguous:
            raise ValueError(f"a step needs contiguous arrays of {inputs} x {outputs} {dtype}")
    if scratch.size < SCRATCH_PER_THREAD:
        raise ValueError(f"a factored step needs {SCRATCH_PER_THREAD} elements of scratch, not {scratch.size}")
    block_columns = min(outputs, MAX_BLOCK_COLUMNS)
    block_rows = BLOCK_SIZE // block_columns
    blocks = -(-inputs // block_rows) * -(-outputs // block_columns)
    parts = part_count(inputs * outputs, blocks, elementwise.MIN_ELEMENTS)
    table = write(*(Factor(x.ctypes.data, x.strides[0], e.ctypes.data, e.strides[0], len(x)) for x, e in factors))
    loop = loop_record(Loop(inputs * outputs, 1), [*(array.ctypes.data for array in arrays), 0], numbers)
    work = Work(
        inputs=inputs,
        outputs=outputs,
        parts=min(parts, scratch.size // SCRATCH_PER_THREAD),
        block_rows=block_rows,
        block_columns=block_columns,
        multiply=blocking.part_address(dtype),
        step=step.address(dtype),
        scratch=-(-scratch.ctypes.data // CACHE_LINE) * CACHE_LINE,
        factors=table.ctypes.data,
        factor_count=len(factors),
        loop=loop.ctypes.data,
        loop_words=len(loop),
        arrays=len(arrays),
    )
    run_parts(part_address(dtype), work.parts, write(work))


def factored_descent(theta: np.ndarray, factors: Factors, rate: float, scratch: np.ndarray) -> None:
    """Subtract rate · G from parameters: the product goes straight into them, so that they are read and written once.

    Parameters
    ----------
    theta : ndarray, (inputs · outputs,)
        Contiguous, and changed in place.
    factors : sequence of (ndarray, ndarray)
        x_k and e_k.
    rate : float
        γ ρ.
    scratch : ndarray
        As for ``gemm``.
    """
    x = np.concatenate([x for x, _ in factors])
    x *= x.dtype.type(-rate)
    e = factors[0][1] if len(factors) == 1 else np.concatenate([e for _, e in factors])
    gemm_add(theta.reshape(x.shape[1], e.shape[1]), x.T, e, scratch)


@cache
def part_address(dtype: np.dtype) -> int:
    """Return the address of the code of a part, whose record is ``Work``."""
    return compile_part(_part(dtype.itemsize))


def _part(size: int) -> Callable[..., None]:
    """Return the code of a part, a range of blocks, for elements of ``size`` bytes."""

    def part(index, record):  # type: ignore[no-untyped-def]
        work = read(Work, record)
        block = work.scratch + index * SCRATCH_PER_THREAD * size
        whole = array_at(np.int64, work.loop, work.loop_words)
        loop = whole.copy()
        across = (work.outputs + work.block_columns - 1) // work.block_columns
        blocks = (work.inputs + work.block_rows - 1) // work.block_rows * across
        for b in range(index * blocks // work.parts, (index + 1) * blocks // work.parts):
            top, left = b // across * work.block_rows, b % across * work.block_columns
            rows, columns = min(work.block_rows, work.inputs - top), min(work.block_columns, work.outputs - left)
            for f in range(work.factor_count):  # block = xᵀ e, and then block += xᵀ e
                factor = read_row(Factor, work.factors, f)
                base = block if f else 0
                product = Product(
                    rows=rows,
                    columns=columns,
                    depth=factor.samples,
                    parts=1,
                    C=block,
                    C_row=columns * size,
                    A=factor.x + top * size,
                    A_row=size,
                    A_column=factor.x_row,
                    B=factor.e + left * size,
                    B_row=factor.e_row,
                    B_column=size,
                    base=base,
                    base_row=columns * size,
                    scratch=block + BLOCK_SIZE * size,
                )
                call_part(work.multiply, 0, on_stack(product))
            runs = 1 if columns == work.outputs else rows  # ranges that are contiguous in the block and in the arrays
            loop[0] = rows * columns // runs
            for r in range(runs):
                offset = ((top + r) * work.outputs + left) * size
                for i in range(ARRAYS, ARRAYS + work.arrays):
                    loop[i] = whole[i] + offset
                loop[ARRAYS + work.arrays] = block + r * columns * size
                call_part(work.step, 0, loop.ctypes.data)

    return part
