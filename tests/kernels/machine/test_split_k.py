"""Products in slices of the depth: their number depends on the shape alone, and they are added in one order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_np.kernels.machine import blocking, gemv, parallel, split_k
from ava_np.kernels.machine.micro_kernel import host_tile
from tests.kernels.machine.products import assert_sums_close, nan_scratch, product_record
from tests.oracles import FLOATS, few_examples, normal

every_float = pytest.mark.parametrize("dtype", FLOATS)


@given(rows=st.integers(1, 100), columns=st.integers(1, 5000), depth=st.integers(1, 100_000))
@few_examples
def test_slices_fit_the_scratch_and_are_long(rows: int, columns: int, depth: int) -> None:
    slices = split_k.slice_count(rows, columns, depth)
    assert 1 <= slices <= split_k.MAX_SLICES
    if slices > 1:
        assert slices * rows * columns <= split_k.MAX_SUMS
        assert depth / slices >= split_k.MIN_DEPTH / split_k.MAX_SLICES


def test_only_few_rows_of_great_depth_are_split() -> None:
    assert split_k.slice_count(10, 256, 14_940) == split_k.MAX_SLICES
    assert split_k.slice_count(split_k.MAX_ROWS + 1, 256, 14_940) == 1
    assert split_k.slice_count(10, 256, split_k.MIN_DEPTH - 1) == 1
    assert split_k.slice_count(10, 256, split_k.MIN_DEPTH_PER_COLUMN * 256) == 1
    assert split_k.slice_count(10, 8000, 64_000) == 1


@every_float
@pytest.mark.parametrize(("rows", "columns", "depth"), [(10, 130, 5003), (28, 70, 4777), (1, 255, 4100)])
@pytest.mark.skipif(host_tile(4) is None, reason="this machine has no micro-kernel")
def test_number_of_threads_does_not_change_a_bit(
    monkeypatch: pytest.MonkeyPatch, dtype: type[np.floating], rows: int, columns: int, depth: int
) -> None:
    monkeypatch.setattr(parallel, "cores", lambda: 5)
    monkeypatch.setattr(gemv, "MIN_ELEMENTS", 1)
    generator, results = np.random.default_rng(0), []
    A, B, b = (normal(generator, shape, dtype) for shape in ((rows, depth), (depth, columns), (columns,)))
    expected, slices = A.astype(float) @ B, split_k.slice_count(rows, columns, depth)
    assert slices > 1
    code, sums = blocking.part_address(np.dtype(dtype)), np.empty((slices, rows, columns), dtype)
    try:
        for threads in (1, 2, 5):
            parallel.use_threads(threads)
            scratch, C = nan_scratch(dtype, 5), np.full((rows, columns), np.nan, dtype)
            record = product_record(C, A, B, None, 5, scratch)
            sums.fill(np.nan)
            split_k.multiply(code, record, C, b[:0], False, sums)
            assert_sums_close(C, expected, A, B)
            split_k.multiply(code, record, C, b, True, sums)
            assert_sums_close(C, 2 * expected + b, A, B)
            results.append(C)
    finally:
        parallel.use_threads(0)
    for C in results[1:]:
        np.testing.assert_array_equal(C, results[0])
