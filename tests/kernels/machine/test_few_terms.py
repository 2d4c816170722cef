"""Sums of few terms: every layout of A, several runs of a row, any number of threads."""

import numpy as np
import pytest

from ava_np.kernels import gemm
from ava_np.kernels.machine import few_terms
from ava_np.kernels.machine.parallel import run_parts
from ava_np.kernels.machine.records import write
from tests.kernels.machine.products import (
    LAYOUTS,
    assert_products_match,
    matrix,
    nan_scratch,
    product_record,
    record_part_address,
)
from tests.oracles import FLOATS, normal

every_float = pytest.mark.parametrize("dtype", FLOATS)


def multiply(C: np.ndarray, A: np.ndarray, B: np.ndarray, base: np.ndarray | None = None, parts: int = 1) -> None:
    record = product_record(C, A, B, base, parts, nan_scratch(C.dtype.type, parts))
    run_parts(few_terms.part_address(C.dtype), parts, write(record))


@every_float
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("depth", range(1, few_terms.MAX_DEPTH + 1))
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 17), (9, few_terms.RUN), (2, 2 * few_terms.RUN + 5)])
def test_products_match_numpy_and_write_only_c(
    dtype: type[np.floating], layout: str, depth: int, rows: int, columns: int
) -> None:
    generator = np.random.default_rng(0)
    A, B = matrix(generator, rows, depth, dtype, layout), matrix(generator, depth, columns, dtype, "rows")
    frame = np.full((rows + 2, columns + 4), np.nan, dtype)
    C = frame[1:-1, 2:-2]
    assert_products_match(multiply, C, A, B)
    C.fill(np.nan)
    assert np.all(np.isnan(frame))


@every_float
def test_number_of_threads_does_not_change_a_bit(dtype: type[np.floating]) -> None:
    generator = np.random.default_rng(0)
    A, B = normal(generator, (7, 3), dtype), normal(generator, (3, 500), dtype)
    results = [np.full((7, 500), np.nan, dtype) for _ in range(9)]
    for parts, C in enumerate(results, 1):  # more than there are rows, too
        multiply(C, A, B, None, parts)
        np.testing.assert_array_equal(C, results[0])


def test_gemm_takes_it_for_few_terms_and_contiguous_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = record_part_address(monkeypatch, few_terms)

    def is_taken(depth: int, layout: str) -> bool:
        generator, C = np.random.default_rng(0), np.zeros((300, 1000), np.float32)
        taken.clear()
        A, B = matrix(generator, 300, depth, np.float32, "columns"), matrix(generator, depth, 1000, np.float32, layout)
        gemm.gemm_add(C, A, B, nan_scratch(np.float32))
        return bool(taken)

    assert is_taken(1, "rows")
    assert is_taken(few_terms.MAX_DEPTH, "rows")
    assert not is_taken(few_terms.MAX_DEPTH, "columns")
    assert not is_taken(few_terms.MAX_DEPTH + 1, "rows")
