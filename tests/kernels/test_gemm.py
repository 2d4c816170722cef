"""Products of matrices against their twins, and the choice between the ways to compute them."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_np.kernels import gemm
from ava_np.kernels.machine import gemv, parallel
from ava_np.kernels.machine.micro_kernel import host_tile
from ava_np.kernels.twins import gemm as twin
from tests.kernels import gemm_in_guarded_memory
from tests.kernels.machine.products import LAYOUTS, assert_sums_close, matrix, nan_scratch
from tests.oracles import FLOATS, assert_close, doubles, few_examples, normal, seeds

every_float = pytest.mark.parametrize("dtype", FLOATS)
lengths = st.integers(0, 24)
LARGE = [  # rows, columns, depth
    (61, 95, 170),  # the five loops
    (900, 400, 1),  # an outer product
    (1, 1055, 303),  # a single row
    (1, 900, 1),
    (10, 93, 4100),  # slices of the depth
    (40, 65, 300),  # columns that fill the panels badly: BLAS
]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    parallel.use_threads(1)
    yield
    parallel.use_threads(0)


@every_float
@given(rows=lengths, columns=lengths, depth=lengths, layouts=st.tuples(*[st.sampled_from(LAYOUTS)] * 2), seed=seeds)
@few_examples
def test_every_product_matches_its_twin(
    dtype: type[np.floating], rows: int, columns: int, depth: int, layouts: tuple[str, str], seed: int
) -> None:
    generator = np.random.default_rng(seed)
    A, B = matrix(generator, rows, depth, dtype, layouts[0]), matrix(generator, depth, columns, dtype, layouts[1])
    b, total = normal(generator, (columns,), dtype), normal(generator, (rows, columns), dtype)
    C, biased, scratch = np.full_like(total, np.nan), np.full_like(total, np.nan), nan_scratch(dtype)
    expected, expected_biased, expected_total = doubles(C, biased, total)

    gemm.gemm(C, A, B, scratch)
    gemm.gemm_bias(biased, A, B, b, scratch)
    gemm.gemm_add(total, A, B, scratch)

    A, B, b = doubles(A, B, b)
    twin.gemm(expected, A, B)
    twin.gemm_bias(expected_biased, A, B, b)
    twin.gemm_add(expected_total, A, B)
    assert_close(C, expected, dtype)
    assert_close(biased, expected_biased, dtype)
    assert_close(total, expected_total, dtype)


@every_float
@pytest.mark.parametrize("shape", LARGE)
def test_large_products_match_numpy_and_write_only_c(dtype: type[np.floating], shape: tuple[int, int, int]) -> None:
    rows, columns, depth = shape
    generator = np.random.default_rng(0)
    b, scratch = normal(generator, (columns,), dtype), nan_scratch(dtype)
    frame = np.full((rows + 2, columns + 40), np.nan, dtype)
    C = frame[1:-1, 3 : 3 + columns]
    for layouts in (("rows", "rows"), ("columns", "neither"), ("rows", "columns")):
        A, B = matrix(generator, rows, depth, dtype, layouts[0]), matrix(generator, depth, columns, dtype, layouts[1])
        expected = A.astype(float) @ B.astype(float)
        gemm.gemm(C, A, B, scratch)
        assert_sums_close(C, expected, A, B)
        gemm.gemm_bias(C, A, B, b, scratch)
        assert_sums_close(C, expected + b, A, B)
        gemm.gemm_add(C, A, B, scratch)
        assert_sums_close(C, 2 * expected + b, A, B)
    C.fill(np.nan)
    assert np.all(np.isnan(frame))


@every_float
@pytest.mark.parametrize("shape", [(10, 256, 3000), (300, 200, 300), (1, 1333, 300), (10, 93, 4100)])
def test_number_of_threads_does_not_change_a_bit(
    monkeypatch: pytest.MonkeyPatch, dtype: type[np.floating], shape: tuple[int, int, int]
) -> None:
    monkeypatch.setattr(parallel, "cores", lambda: 5)
    monkeypatch.setattr(parallel, "MIN_MULTIPLY_ADDS", 1)
    monkeypatch.setattr(gemv, "MIN_ELEMENTS", 1)
    rows, columns, depth = shape
    generator, results = np.random.default_rng(0), []
    A, B, b = (normal(generator, s, dtype) for s in ((rows, depth), (depth, columns), (columns,)))
    for threads in range(1, 6):
        parallel.use_threads(threads)
        results.append(np.full((rows, columns), np.nan, dtype))
        gemm.gemm_bias(results[-1], A, B, b, nan_scratch(dtype, 5))
    assert_sums_close(results[0], A.astype(float) @ B + b, A, B)
    for C in results[1:]:
        np.testing.assert_array_equal(C, results[0])


def test_nan_and_infinity_reach_their_row_and_column_only() -> None:
    A, B, C = np.ones((20, 300)), np.ones((300, 64)), np.empty((20, 64))
    A[3, 5], B[7, 60] = np.nan, np.inf
    gemm.gemm(C, A, B, nan_scratch(np.float64))
    expected = np.full((20, 64), 300.0)
    expected[:, 60] = np.inf
    expected[3] = np.nan
    np.testing.assert_array_equal(C, expected)


@pytest.mark.skipif(host_tile(8) is None, reason="this machine has no micro-kernel")
def test_arguments_that_do_not_fit_are_refused() -> None:
    """Compiled code would not notice."""
    A, B, C, scratch = np.ones((40, 300)), np.ones((300, 64)), np.empty((40, 64)), nan_scratch(np.float64)
    with pytest.raises(ValueError, match="cannot write"):
        gemm.gemm(C, A[:, :-1], B, scratch)
    with pytest.raises(ValueError, match="cannot write"):
        gemm.gemm_bias(C, A, B, np.ones(63), scratch)
    with pytest.raises(ValueError, match="contiguous"):
        gemm.gemm(np.empty((64, 40)).T, A, B, scratch)
    with pytest.raises(ValueError, match="scratch"):
        gemm.gemm(C, A, B, scratch[1:])
    with pytest.raises(TypeError):
        gemm.gemm(C, A.astype(np.float32), B, scratch)


def test_without_a_micro_kernel_blas_computes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gemm, "host_tile", lambda itemsize: None)
    generator = np.random.default_rng(0)
    A, B, b = (normal(generator, shape, np.float64) for shape in ((40, 300), (300, 64), (64,)))
    C, scratch = np.empty((40, 64)), nan_scratch(np.float64)
    gemm.gemm_bias(C, A, B, b, scratch)
    gemm.gemm_add(C, A, B, scratch)
    np.testing.assert_allclose(C, 2 * (A @ B) + b, rtol=1e-12)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="locks memory with a system call of Linux")
@pytest.mark.skipif(host_tile(4) is None, reason="this machine has no micro-kernel")
def test_memory_beyond_an_array_is_neither_read_nor_written() -> None:
    script = gemm_in_guarded_memory.__name__
    subprocess.run([sys.executable, "-m", script], cwd=Path(__file__).parents[2], check=True)
