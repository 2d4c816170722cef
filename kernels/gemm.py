"""General matrix multiplication (gemm): the products that dense layers are made of.

Write    C[m,n] = Σ_k A[m,k] B[k,n]
Bias     C[m,n] = Σ_k A[m,k] B[k,n] + b[n]
Add      C[m,n] += Σ_k A[m,k] B[k,n]

Shapes: A (rows, depth), B (depth, columns), b (columns,), C (rows, columns), all of one float type. A and B may be any
views, such as transposes. The rows of C are contiguous, and C overlaps neither A nor B.

Large products are computed by loops around a micro-kernel (kernels/machine/blocking.py), products of a single row by
loops of their own (kernels/machine/gemv.py), and so are sums of few terms (kernels/machine/few_terms.py). Products of
few rows and large depth are computed in slices of the depth (kernels/machine/split_k.py), and products of few rows and
a transpose as the transposed product (kernels/machine/few_rows.py). BLAS, called through NumPy, computes those that
would not profit: small products, products that fill their panels badly, and, on a machine without a micro-kernel, all
except large products of a single row.
"""

from collections.abc import Callable
from functools import cache

import numba
import numpy as np
from numba import types

from ava_np.kernels.machine import blocking, few_rows, few_terms, gemv, split_k
from ava_np.kernels.machine.compile import kernel_for
from ava_np.kernels.machine.llvm import CACHE_LINE
from ava_np.kernels.machine.micro_kernel import host_tile
from ava_np.kernels.machine.parallel import call_part, cores, part_count, run_parts
from ava_np.kernels.machine.records import Product, address_of, store, word_count

MIN_OWN_MULTIPLY_ADDS = 300_000
"""Multiply-adds of a product: with fewer, about 10 µs of work, a call of BLAS is faster than the calls made here."""

MIN_PANEL_FILL = 0.8
"""Share of the panels' columns that C has: with less, BLAS is faster, because the micro-kernel multiplies zeros."""

PRODUCT_WORDS = word_count(Product)  # counted once: it takes longer than a small product

MIN_SCRATCH = split_k.MAX_SUMS + blocking.PACKED_SIZE
"""Elements of scratch for one thread."""


def scratch_size(threads: int | None = None) -> int:
    """Return the number of scratch elements with which all cores, or ``threads`` threads, can take part."""
    return split_k.MAX_SUMS + blocking.PACKED_SIZE * (threads or cores())


_NO_BIAS = {np.dtype(scalar): np.empty(0, scalar) for scalar in (np.float32, np.float64)}


def gemm(C: np.ndarray, A: np.ndarray, B: np.ndarray, scratch: np.ndarray) -> None:
    """Write C = A B.

    Parameters
    ----------
    C : ndarray, (rows, columns)
        Written; its rows are contiguous.
    A : ndarray, (rows, depth)
    B : ndarray, (depth, columns)
    scratch : ndarray
        Flat, ``scratch_size()`` elements of any value; with fewer, down to ``MIN_SCRATCH``, fewer threads take
        part.

    Raises
    ------
    ValueError
        If shapes or strides do not fit.
    """
    if _suits_blas(C, A, B):
        np.matmul(A, B, out=C)
    else:
        _multiply(C, A, B, _NO_BIAS[C.dtype], False, scratch)


def gemm_bias(C: np.ndarray, A: np.ndarray, B: np.ndarray, b: np.ndarray, scratch: np.ndarray) -> None:
    """Write C = A B + b, with b added to every row; otherwise like ``gemm``."""
    if _suits_blas(C, A, B):
        np.matmul(A, B, out=C)
        C += b
    else:
        _multiply(C, A, B, b, False, scratch)


def gemm_add(C: np.ndarray, A: np.ndarray, B: np.ndarray, scratch: np.ndarray) -> None:
    """Add A B to C; otherwise like ``gemm``."""
    if _suits_blas(C, A, B):
        product = (scratch[: C.size] if C.size <= scratch.size else np.empty(C.size, C.dtype)).reshape(C.shape)
        np.matmul(A, B, out=product)
        C += product
    else:
        _multiply(C, A, B, _NO_BIAS[C.dtype], True, scratch)


def _suits_blas(C: np.ndarray, A: np.ndarray, B: np.ndarray) -> bool:
    """Return whether BLAS is faster; not at depth 1, for which NumPy does not call it."""
    (rows, columns), depth = C.shape, A.shape[1]
    if depth > 1 and rows * columns * depth < MIN_OWN_MULTIPLY_ADDS:
        return True
    if rows == 1 and depth > 1:
        return not _suits_gemv(A, B)
    tile = host_tile(C.itemsize)
    if tile is None:
        return True
    fill = columns / (-(-columns // tile.NR) * tile.NR or 1)
    return depth > 1 and fill < MIN_PANEL_FILL


def _suits_gemv(A: np.ndarray, B: np.ndarray) -> bool:
    """Return whether a product of one row has a contiguous A, and a B with contiguous rows or columns."""
    return A.strides[1] == A.itemsize and B.itemsize in B.strides


def _multiply(C: np.ndarray, A: np.ndarray, B: np.ndarray, b: np.ndarray, add: bool, scratch: np.ndarray) -> None:
    """Check what compiled code does not, split the work into parts, and run them."""
    (rows, columns), depth = C.shape, A.shape[1]
    if A.shape[0] != rows or B.shape != (depth, columns) or b.size not in (0, columns):
        raise ValueError(f"cannot write {A.shape} times {B.shape} plus {b.shape} to an array of shape {C.shape}")
    if C.size == 0:
        return
    if C.strides[1] != C.itemsize and columns > 1:
        raise ValueError("the rows of the product must be contiguous")
    if scratch.size < MIN_SCRATCH:
        raise ValueError(f"a product needs {MIN_SCRATCH} elements of scratch, not {scratch.size}")
    product, write_product = np.empty(PRODUCT_WORDS, np.int64), _write_product(C.dtype)
    threads = (scratch.size - split_k.MAX_SUMS) // blocking.PACKED_SIZE
    if rows == 1 and depth > 1 and _suits_gemv(A, B):
        address = gemv.part_address(C.dtype)
        parts = part_count(columns * depth, -(-columns // gemv.UNIT), gemv.MIN_ELEMENTS)
    elif depth <= few_terms.MAX_DEPTH and B.strides[1] == B.itemsize:
        address = few_terms.part_address(C.dtype)
        parts = part_count(C.size, rows, gemv.MIN_ELEMENTS)
    else:
        tile = host_tile(C.itemsize)
        assert tile is not None
        turned = rows <= tile.NR and depth >= few_rows.MIN_DEPTH and B.strides[0] == B.itemsize != B.strides[1]
        address = (few_rows if turned else blocking).part_address(C.dtype)
        tiles = max(-(-rows // tile.MR), -(-columns // tile.NR), 1)
        # few rows wait for B to be read, and more threads read faster
        parts = max(part_count(rows * columns * depth, tiles), part_count(columns * depth, tiles, gemv.MIN_ELEMENTS))
        parts = min(parts, threads)
    slices = split_k.slice_count(rows, columns, depth) if B.strides[1] == B.itemsize else 1
    if slices > 1:
        sums = scratch[: slices * C.size].reshape(slices, rows, columns)
        write_product(product, C, A, B, b, add, scratch, threads, 0)
        split_k.multiply(address, Product(*product.tolist()), C, b, add, sums)
    elif parts == 1:
        write_product(product, C, A, B, b, add, scratch, 1, address)
    else:
        write_product(product, C, A, B, b, add, scratch, parts, 0)
        run_parts(address, parts, product)


@cache
def _write_product(dtype: np.dtype) -> Callable[..., None]:
    """Return the function that writes the record of a product, and runs it as one part if it gets the code's address.

    Python alone would take longer than a small product does.
    """
    element = numba.from_dtype(dtype)
    matrix, vector = types.Array(element, 2, "A", readonly=True), types.Array(element, 1, "C", readonly=True)
    arrays = (types.int64[::1], types.Array(element, 2, "A"), matrix, matrix, vector)
    signature = types.void(*arrays, types.boolean, types.Array(element, 1, "C"), types.intp, types.intp)

    @kernel_for(signature)
    def write_product(words, C, A, B, b, add, scratch, parts, code):  # type: ignore[no-untyped-def]
        base, base_row = 0, 0
        if add:
            base, base_row = address_of(C), C.strides[0]
        elif b.size:
            base = address_of(b)
        product = Product(
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
            scratch=(address_of(scratch[split_k.MAX_SUMS :]) + CACHE_LINE - 1) // CACHE_LINE * CACHE_LINE,
        )
        store(address_of(words), product)
        if code:
            call_part(code, 0, address_of(words))

    return write_product
