"""Both directions of a convolution around the micro-kernel."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ava_np.kernels.machine import direct_conv
from ava_np.kernels.machine.micro_kernel import host_tile
from tests.kernels.convolution_cases import (
    STRIDED,
    WIDE,
    WINDOW_BESIDE_THE_PICTURE,
    Case,
    assert_close_by_size,
    blas_results,
    large_cases,
    random_arrays,
    small_cases,
    twin_results,
    with_channels,
)
from tests.oracles import FLOATS, assert_close, few_examples, seeds

pytestmark = pytest.mark.skipif(host_tile(4) is None, reason="this machine has no micro-kernel")
every_float = pytest.mark.parametrize("dtype", FLOATS)


def run(case: Case, seed: int, dtype: type[np.floating], copies: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """A field + bias and Aᵀ windows + bias, with scratch for ``copies`` times the cores."""
    field, windows, W, field_bias, window_bias = random_arrays(case, seed, dtype)
    there, back = np.full_like(windows, np.nan), np.full_like(field, np.nan)

    def scratch(transposed: bool) -> np.ndarray:
        size = direct_conv.scratch_size(case.geometry, W.dtype, transposed=transposed)
        return np.full(copies * size, np.nan, dtype)

    direct_conv.correlate(case.geometry, there, field, W, window_bias, scratch(False))
    direct_conv.correlate_transposed(case.geometry, back, windows, W, field_bias, scratch(True))
    return there, back


@every_float
@given(case=small_cases, seed=seeds)
@few_examples
def test_both_directions_agree_with_the_twins(dtype: type[np.floating], case: Case, seed: int) -> None:
    for actual, expected in zip(run(case, seed, dtype), twin_results(case, seed, dtype)[:2], strict=True):
        assert_close(actual, expected, dtype)


@every_float
@given(case=large_cases, seed=seeds)
@example(case=WINDOW_BESIDE_THE_PICTURE, seed=0)
@settings(few_examples, max_examples=40)
def test_large_pictures_agree_with_blas(dtype: type[np.floating], case: Case, seed: int) -> None:
    for actual, expected in zip(run(case, seed, dtype), blas_results(case, seed, np.float64)[:2], strict=True):
        assert_close_by_size(actual, expected, dtype)


@every_float
@pytest.mark.parametrize("case", [STRIDED, WIDE, with_channels(WIDE, 70, 3)])
def test_number_of_threads_does_not_change_a_bit(
    monkeypatch: pytest.MonkeyPatch, dtype: type[np.floating], case: Case
) -> None:
    results = []
    for parts in range(1, 5):
        monkeypatch.setattr(direct_conv, "part_count", lambda work, max_parts, parts=parts: min(parts, max_parts))
        results.append(run(case, 0, dtype, copies=4))
    for other in results[1:]:
        np.testing.assert_array_equal(other[0], results[0][0])
        np.testing.assert_array_equal(other[1], results[0][1])


@pytest.mark.parametrize("pixels", [1, 20, 90])
def test_size_of_blocks_does_not_change_a_bit(monkeypatch: pytest.MonkeyPatch, pixels: int) -> None:
    """Blocks that end within a picture, and blocks of several pictures."""
    expected = run(WIDE, 0, np.float64)
    monkeypatch.setattr(direct_conv, "BLOCK_PIXELS", pixels)
    direct_conv.plan.cache_clear()
    try:
        for actual, other in zip(run(WIDE, 0, np.float64), expected, strict=True):
            np.testing.assert_array_equal(actual, other)
    finally:
        direct_conv.plan.cache_clear()


@given(taps=st.integers(1, 12), run=st.integers(1, 1000), lanes=st.sampled_from([4, 8, 16]))
@settings(few_examples, max_examples=100)
def test_slices_contain_every_k_once_and_in_order(taps: int, run: int, lanes: int) -> None:
    slices = direct_conv.k_slices(taps, run, lanes)
    in_order = [
        (p, k)
        for tap, count, first, steps in slices
        for p in range(tap, tap + count)
        for k in range(first, first + steps)
    ]
    assert in_order == [(p, k) for p in range(taps) for k in range(run)]
    assert all(0 < count * steps <= direct_conv.KC for _, count, _, steps in slices)


@pytest.mark.parametrize(("taps", "run"), [(0, 0), (0, 5), (3, 0)])
def test_a_grid_that_no_tap_reaches_has_one_empty_slice(taps: int, run: int) -> None:
    assert direct_conv.k_slices(taps, run, 16) == [(0, 0, 0, 0)]
