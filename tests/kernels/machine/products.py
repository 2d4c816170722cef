"""Matrices for the tests of products, their records, and scratch that must not reach a result."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from ava_np.kernels import gemm
from ava_np.kernels.machine import split_k
from ava_np.kernels.machine.llvm import CACHE_LINE
from ava_np.kernels.machine.records import Product
from tests.oracles import TOLERANCE, normal

LAYOUTS = ("rows", "columns", "neither")


def matrix(
    generator: np.random.Generator, rows: int, columns: int, dtype: type[np.floating], layout: str = "rows"
) -> np.ndarray:
    """Draw normal values in an array whose rows or columns are contiguous, or neither."""
    if layout == "columns":
        return normal(generator, (columns, rows), dtype).T
    if layout == "neither":
        return normal(generator, (2 * rows, 3 * columns), dtype)[::2, ::3]
    return normal(generator, (rows, columns), dtype)


def nan_scratch(dtype: type[np.floating], threads: int = 1) -> np.ndarray:
    """Return scratch for a number of threads, full of NaN."""
    return np.full(gemm.scratch_size(threads), np.nan, dtype)


def product_record(
    C: np.ndarray, A: np.ndarray, B: np.ndarray, base: np.ndarray | None, parts: int, scratch: np.ndarray
) -> Product:
    """Return the record of C = base + A B; ``base`` is a matrix, or one row for all rows of C, or missing."""
    packing = scratch[split_k.MAX_SUMS :].ctypes.data
    return Product(
        rows=C.shape[0],
        columns=C.shape[1],
        depth=A.shape[1],
        parts=parts,
        C=C.ctypes.data,
        C_row=C.strides[0],
        A=A.ctypes.data,
        A_row=A.strides[0],
        A_column=A.strides[1],
        B=B.ctypes.data,
        B_row=B.strides[0],
        B_column=B.strides[1],
        base=0 if base is None else base.ctypes.data,
        base_row=0 if base is None or base.ndim == 1 else base.strides[0],
        scratch=-(-packing // CACHE_LINE) * CACHE_LINE,
    )


def assert_sums_close(C: np.ndarray, expected: np.ndarray, A: np.ndarray, B: np.ndarray) -> None:
    """Assert that C is A B plus something of size 1, with an error that is small beside the terms of each sum."""
    size = np.abs(A).astype(float) @ np.abs(B) + 1
    assert np.all(np.abs(C - expected) <= TOLERANCE[C.dtype] * size)


def record_part_address(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> list[np.dtype]:
    """Return a list that grows whenever the code of ``module`` is asked for."""
    asked: list[np.dtype] = []
    address = module.part_address

    def part_address(dtype: np.dtype) -> int:
        asked.append(dtype)
        return int(address(dtype))

    monkeypatch.setattr(module, "part_address", part_address)
    return asked


def assert_products_match(multiply: Callable[..., None], C: np.ndarray, A: np.ndarray, B: np.ndarray) -> None:
    """Assert that ``multiply(C, A, B, base)`` is right without a base, with C itself, and with one row for all rows."""
    expected, bias = A.astype(float) @ B.astype(float), np.linspace(-2, 2, C.shape[1]).astype(C.dtype)
    C.fill(np.nan)
    multiply(C, A, B)
    assert_sums_close(C, expected, A, B)
    multiply(C, A, B, C)
    assert_sums_close(C, 2 * expected, A, B)
    multiply(C, A, B, bias)
    assert_sums_close(C, expected + bias, A, B)
