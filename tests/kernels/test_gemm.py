"""The product against its twin; its machine code against what it must not touch."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_np.kernels import gemm
from ava_np.kernels.machine import blocking, gemv, micro_kernel, parallel, records, split_k
from ava_np.kernels.twins import gemm as twin
from tests.oracles import FLOATS, TOLERANCE, assert_close, doubles, few_examples, normal, seeds

every_float = pytest.mark.parametrize("dtype", FLOATS)
lengths = st.integers(0, 24)
LAYOUTS = ("rows", "columns", "neither")
TILED = [  # rows, columns, depth: large enough for tiles, with every kind of rest
    (14, 64, 300),  # whole tiles
    (10, 93, 300),  # few rows and a rest of columns: B is read in place
    (61, 95, 70),  # rests everywhere
    (300, 97, 65),  # more than one block of rows
    (37, 1055, 20),  # more than one block of columns
    (33, 126, 530),  # more than two blocks of depth
    (900, 400, 1),  # an outer product
    (1, 900, 1),
    (1, 1055, 303),  # a single row: segments of columns, and rests of them
    (1, 131, 2500),
    (10, 93, 4100),  # far deeper than wide: in pieces of the depth
    (28, 70, 5003),
    (1, 255, 4777),
]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    parallel.use_threads(1)
    yield
    parallel.use_threads(0)


def matrix(
    generator: np.random.Generator, rows: int, columns: int, dtype: type[np.floating], layout: str
) -> np.ndarray:
    """Normal numbers whose rows or columns are contiguous, or neither."""
    if layout == "columns":
        return normal(generator, (columns, rows), dtype).T
    if layout == "neither":
        return normal(generator, (2 * rows, 3 * columns), dtype)[::2, ::3]
    return normal(generator, (rows, columns), dtype)


def scratch_of(dtype: type[np.floating], parts: int = 1) -> np.ndarray:
    """Scratch full of NaN, none of which may reach a result."""
    return np.full(gemm.scratch_size(parts), np.nan, dtype)


def assert_sums_close(C: np.ndarray, expected: np.ndarray, A: np.ndarray, B: np.ndarray) -> None:
    """The error of a sum is judged by the size of its terms."""
    size = np.abs(A).astype(float) @ np.abs(B) + 1
    assert np.all(np.abs(C - expected) <= TOLERANCE[C.dtype] * size)


@every_float
@given(rows=lengths, columns=lengths, depth=lengths, layouts=st.tuples(*[st.sampled_from(LAYOUTS)] * 2), seed=seeds)
@few_examples
def test_every_product_is_its_twin(
    dtype: type[np.floating], rows: int, columns: int, depth: int, layouts: tuple[str, str], seed: int
) -> None:
    generator = np.random.default_rng(seed)
    A, B = matrix(generator, rows, depth, dtype, layouts[0]), matrix(generator, depth, columns, dtype, layouts[1])
    b, total, scratch = (
        normal(generator, (columns,), dtype),
        normal(generator, (rows, columns), dtype),
        scratch_of(dtype),
    )
    C, biased = np.full_like(total, np.nan), np.full_like(total, np.nan)
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
@pytest.mark.parametrize("shape", TILED)
@pytest.mark.parametrize("layouts", list(product(LAYOUTS, LAYOUTS)))
def test_tiles_sum_what_they_should_and_write_nothing_else(
    dtype: type[np.floating], shape: tuple[int, int, int], layouts: tuple[str, str]
) -> None:
    rows, columns, depth = shape
    generator = np.random.default_rng(0)
    A, B = matrix(generator, rows, depth, dtype, layouts[0]), matrix(generator, depth, columns, dtype, layouts[1])
    b, scratch = normal(generator, (columns,), dtype), scratch_of(dtype)
    frame = np.full((rows + 2, columns + 40), np.nan, dtype)
    C = frame[1:-1, 3 : 3 + columns]
    expected = A.astype(float) @ B.astype(float)
    gemm.gemm(C, A, B, scratch)
    assert_sums_close(C, expected, A, B)
    C.fill(np.nan)
    gemm._multiply(C, A, B, np.empty(0, dtype), False, scratch)  # also what gemm would leave to BLAS
    assert_sums_close(C, expected, A, B)
    gemm.gemm_bias(C, A, B, b, scratch)
    assert_sums_close(C, expected + b, A, B)
    gemm.gemm_add(C, A, B, scratch)
    assert_sums_close(C, 2 * expected + b, A, B)
    C.fill(np.nan)
    assert np.all(np.isnan(frame))


def test_every_number_of_rows_and_columns_of_a_tile() -> None:
    """Past the choice of BLAS: small products too go through the machine code."""
    generator, scratch = np.random.default_rng(0), scratch_of(np.float32)
    for rows, columns in product(range(1, 30), (1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40)):
        A, B = normal(generator, (rows, 5), np.float32), normal(generator, (5, columns), np.float32)
        C = np.ones((rows, columns), np.float32)
        gemm._multiply(C, A, B, np.empty(0, np.float32), True, scratch)
        assert_sums_close(C, 1 + A.astype(float) @ B, A, B)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is locked by a call of Linux")
def test_what_lies_beyond_an_array_is_neither_read_nor_written() -> None:
    """Every array ends where the next page of memory is locked: who goes on is ended by the system."""
    script = """
import ctypes, itertools, mmap
import numpy as np
from ava_np.kernels import gemm
lock, kept = ctypes.CDLL(None, use_errno=True).mprotect, []

def guarded(rows, columns):
    size = rows * columns * 4
    pages = -(-size // mmap.PAGESIZE)
    memory = mmap.mmap(-1, (pages + 1) * mmap.PAGESIZE)
    kept.append(memory)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    end = pages * mmap.PAGESIZE
    assert lock(ctypes.c_void_p(start + end), ctypes.c_size_t(mmap.PAGESIZE), 0) == 0
    array = np.frombuffer(memory, np.float32, rows * columns, end - size).reshape(rows, columns)
    array[:] = 1
    return array

scratch, b = np.empty(gemm.MIN_SCRATCH, np.float32), guarded(1, 70)[0]
for rows, depth in itertools.product((10, 61), (70, 300)):
    for turned, other in itertools.product((False, True), repeat=2):
        A = guarded(depth, rows).T if turned else guarded(rows, depth)
        B = guarded(70, depth).T if other else guarded(depth, 70)
        C = guarded(rows, 70)
        gemm._multiply(C, A, B, b, False, scratch)
        gemm._multiply(C, A, B, b[:0], True, scratch)
        assert (C == 2 * depth + 1).all()
"""
    subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], check=True)


def test_a_nan_reaches_its_row_and_column_alone() -> None:
    A, B, C = np.ones((20, 300)), np.ones((300, 70)), np.empty((20, 70))
    A[3, 5], B[7, 60] = np.nan, np.inf
    gemm.gemm(C, A, B, scratch_of(np.float64))
    expected = np.full((20, 70), 300.0)
    expected[:, 60] = np.inf
    expected[3] = np.nan
    np.testing.assert_array_equal(C, expected)


@every_float
@pytest.mark.parametrize("shape", [(10, 256, 3000), (3000, 256, 10), (300, 200, 300), (33, 1000, 257), (1, 1333, 300)])
def test_the_number_of_threads_changes_no_bit(dtype: type[np.floating], shape: tuple[int, int, int]) -> None:
    rows, columns, depth = shape
    generator = np.random.default_rng(0)
    A, B, b = (normal(generator, s, dtype) for s in ((rows, depth), (depth, columns), (columns,)))
    code = gemv if rows == 1 else blocking
    results, address, product = [], code.part_address(np.dtype(dtype)), gemm._compiled(np.dtype(dtype))[0]
    for parts in range(1, 6):
        C = np.empty((rows, columns), dtype)
        scratch = scratch_of(dtype, parts)  # the record names its address, but does not keep it
        parallel.run_parts(address, parts, records.write(product(C, A, B, b, False, scratch, parts)))
        results.append(C)
    for C in results[1:]:
        np.testing.assert_array_equal(C, results[0])


@every_float
@pytest.mark.parametrize("rows", [1, 10, 28])
def test_pieces_of_the_depth_are_added_in_one_order(
    monkeypatch: pytest.MonkeyPatch, dtype: type[np.floating], rows: int
) -> None:
    """Whoever sums them, and into whatever they are added; with more rows there are no pieces."""
    generator = np.random.default_rng(0)
    A, B, b = (normal(generator, s, dtype) for s in ((rows, 5000), (5000, 130), (130,)))
    assert split_k.slice_count(rows, 130, 5000) > 1
    assert split_k.slice_count(split_k.MAX_ROWS + 1, 130, 5000) == 1
    monkeypatch.setattr(parallel, "cores", lambda: 5)
    monkeypatch.setattr(gemv, "MIN_ELEMENTS", 1)
    expected, found = A.astype(float) @ B + b, []
    for threads in (1, 2, 5):
        parallel.use_threads(threads)
        C = np.full((rows, 130), np.nan, dtype)
        gemm.gemm_bias(C, A, B, b, scratch_of(dtype, 5))
        assert_sums_close(C, expected, A, B)
        found.append(C.copy())
        gemm.gemm_add(C, A, B, scratch_of(dtype, 5))
        assert_sums_close(C, 2 * expected - b, A, B)
    for C in found[1:]:
        np.testing.assert_array_equal(C, found[0])


def test_work_is_split_by_its_size_and_never_beyond_the_cores() -> None:
    assert parallel.part_count(parallel.MIN_MULTIPLY_ADDS, 100) == 1
    parallel.use_threads(0)
    assert parallel.part_count(1 << 40, 100) == min(100, parallel.cores())
    assert parallel.part_count(1 << 40, 1) == 1
    with pytest.raises(ValueError, match="at least 0"):
        parallel.use_threads(-1)


def test_wrong_arguments_are_refused_before_the_machine_code_sees_them() -> None:
    A, B, C, scratch = np.ones((40, 300)), np.ones((300, 64)), np.empty((40, 64)), scratch_of(np.float64)
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


def test_without_a_micro_kernel_blas_computes_the_same(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Unknown:
        """A machine with no vector instructions that we know."""

        class target_context:  # noqa: N801
            codegen = staticmethod(lambda: Unknown)

        magic_tuple = staticmethod(lambda: ("unknown", "abacus", ""))

    monkeypatch.setattr(micro_kernel, "cpu_target", Unknown)
    micro_kernel.host_tile.cache_clear()
    try:
        generator = np.random.default_rng(0)
        A, B, b = (normal(generator, s, np.float64) for s in ((40, 300), (300, 64), (64,)))
        C, scratch = np.empty((40, 64)), scratch_of(np.float64)
        with caplog.at_level(logging.WARNING):
            gemm.gemm_bias(C, A, B, b, scratch)
        gemm.gemm_add(C, A, B, scratch)
        assert_sums_close(C, 2 * A @ B + b, A, B)
        (line,) = caplog.messages
        assert "abacus" in line
        assert "BLAS" in line
    finally:
        micro_kernel.host_tile.cache_clear()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_computes_the_same_on_a_thread_of_its_own() -> None:
    script = """
import os
import numpy as np
from ava_np.kernels import gemm
from ava_np.kernels.machine import blocking, parallel, records
A, B, C = np.ones((600, 600)), np.ones((600, 600)), np.empty((600, 600))
scratch = np.empty(gemm.scratch_size(2))
address, product = blocking.part_address(np.dtype(np.float64)), gemm._compiled(np.dtype(np.float64))[0]
parallel.run_parts(address, 2, records.write(product(C, A, B, np.empty(0), False, scratch, 2)))
assert (C == 600).all()
child = os.fork()
if not child:
    C.fill(0)
    gemm.gemm(C, A, B, scratch)
    os._exit(0 if (C == 600).all() and parallel.part_count(1 << 40, 8) == 1 else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], cwd=Path(__file__).parents[2], check=True)
