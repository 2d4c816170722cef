"""The gradient of the weights around the micro-kernel."""

import numpy as np
import pytest
from hypothesis import example, given, settings

from ava_np.kernels.machine import weight_gradient
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

FAR_PIXELS = with_channels(WIDE, 130, 70)
"""Pixels so far apart, and read by so many panels, that the field is packed in blocks."""


def run(case: Case, seed: int, dtype: type[np.floating], copies: int = 1) -> np.ndarray:
    """W plus the gradient, with scratch for ``copies`` times the cores."""
    field, windows, W, *_ = random_arrays(case, seed, dtype)
    dW = W.copy()
    scratch = np.full(copies * weight_gradient.scratch_size(case.geometry, W.dtype), np.nan, dtype)
    weight_gradient.add_weight_gradient(case.geometry, dW, windows, field, scratch)
    return dW


@every_float
@given(case=small_cases, seed=seeds)
@few_examples
def test_gradient_agrees_with_the_twin(dtype: type[np.floating], case: Case, seed: int) -> None:
    assert_close(run(case, seed, dtype), twin_results(case, seed, dtype).dW, dtype)


@every_float
@given(case=large_cases, seed=seeds)
@example(case=WINDOW_BESIDE_THE_PICTURE, seed=0)
@example(case=FAR_PIXELS, seed=0)
@settings(few_examples, max_examples=40)
def test_large_gradients_agree_with_blas(dtype: type[np.floating], case: Case, seed: int) -> None:
    assert_close_by_size(run(case, seed, dtype), blas_results(case, seed, np.float64).dW, dtype)


@every_float
@pytest.mark.parametrize("case", [STRIDED, WIDE, FAR_PIXELS, WIDE._replace(batch=1)])
def test_number_of_threads_does_not_change_a_bit(
    monkeypatch: pytest.MonkeyPatch, dtype: type[np.floating], case: Case
) -> None:
    results = []
    for parts in range(1, 5):
        monkeypatch.setattr(weight_gradient, "part_count", lambda work, max_parts, parts=parts: min(parts, max_parts))
        results.append(run(case, 0, dtype, copies=4))
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


@pytest.mark.parametrize(("kc", "group"), [(1, 1), (30, 1), (200, 80_000), (512, 80_000)])
@pytest.mark.parametrize("min_packed_stride", [0, 1 << 30])
def test_slices_groups_and_blocks_give_the_same_sums(
    monkeypatch: pytest.MonkeyPatch, kc: int, group: int, min_packed_stride: int
) -> None:
    """Slices of one row, some rows or several pictures; groups of one picture and of three; packed or not."""
    case = with_channels(WIDE, 20, 70)
    expected = run(case, 0, np.float64)
    monkeypatch.setattr(weight_gradient, "KC", kc)
    monkeypatch.setattr(weight_gradient, "GROUP_SCRATCH", group)
    monkeypatch.setattr(weight_gradient, "MIN_PACKED_STRIDE", min_packed_stride)
    weight_gradient.plan.cache_clear()
    try:
        assert_close(run(case, 0, np.float64), expected, np.float64)
    finally:
        weight_gradient.plan.cache_clear()
