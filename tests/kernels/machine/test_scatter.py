"""Fields of few channels, written by scattering the contributions of their windows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ava_np.kernels.machine import scatter
from ava_np.kernels.machine.micro_kernel import host_tile
from tests.kernels.convolution_cases import (
    STRIDED,
    WIDE,
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

COLOURS = with_channels(WIDE, 3, 40)


def run(case: Case, seed: int, dtype: type[np.floating], copies: int = 1) -> np.ndarray:
    """Aᵀ windows + bias, with scratch for ``copies`` times the cores."""
    field, windows, W, field_bias, _ = random_arrays(case, seed, dtype)
    result = np.full_like(field, np.nan)
    scratch = np.full(copies * scatter.scratch_size(case.geometry, W.dtype), np.nan, dtype)
    scatter.correlate_transposed(case.geometry, result, windows, W, field_bias, scratch)
    return result


@every_float
@given(case=small_cases, seed=seeds)
@few_examples
def test_field_agrees_with_the_twin(dtype: type[np.floating], case: Case, seed: int) -> None:
    assert_close(run(case, seed, dtype), twin_results(case, seed, dtype).field, dtype)


@every_float
@given(case=large_cases, channels=st.integers(1, 8), seed=seeds)
@settings(few_examples, max_examples=30)
def test_large_fields_agree_with_blas(dtype: type[np.floating], case: Case, channels: int, seed: int) -> None:
    case = with_channels(case, channels, case.geometry.weights[3])
    assert_close_by_size(run(case, seed, dtype), blas_results(case, seed, np.float64).field, dtype)


def test_without_a_bias_the_field_starts_at_zero() -> None:
    field, windows, W, *_ = random_arrays(STRIDED, 0, np.float64)
    scratch = np.full(scatter.scratch_size(STRIDED.geometry, W.dtype), np.nan)
    without, zero = np.empty_like(field), np.empty_like(field)
    scatter.correlate_transposed(STRIDED.geometry, without, windows, W, None, scratch)
    scatter.correlate_transposed(STRIDED.geometry, zero, windows, W, np.zeros(3), scratch)
    np.testing.assert_array_equal(without, zero)


@every_float
@pytest.mark.parametrize("case", [STRIDED, COLOURS])
def test_number_of_threads_does_not_change_a_bit(
    monkeypatch: pytest.MonkeyPatch, dtype: type[np.floating], case: Case
) -> None:
    results = []
    for parts in range(1, 5):
        monkeypatch.setattr(scatter, "part_count", lambda work, max_parts, parts=parts: min(parts, max_parts))
        results.append(run(case, 0, dtype, copies=4))
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


def test_scratch_of_large_pictures_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer threads then share the work, but at least one has its scratch."""
    dtype = np.dtype(np.float32)
    one = scatter.plan(COLOURS.geometry, dtype).part_scratch
    monkeypatch.setattr(scatter, "cores", lambda: 8)
    assert scatter.scratch_size(COLOURS.geometry, dtype) == 8 * one
    monkeypatch.setattr(scatter, "MAX_SCRATCH", 3 * one)
    assert scatter.scratch_size(COLOURS.geometry, dtype) == 3 * one
    monkeypatch.setattr(scatter, "MAX_SCRATCH", one - 1)
    assert scatter.scratch_size(COLOURS.geometry, dtype) == one
