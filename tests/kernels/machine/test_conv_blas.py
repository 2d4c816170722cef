"""The convolution of machines without a micro-kernel."""

import numpy as np
import pytest
from hypothesis import example, given, settings

from ava_np.kernels.machine import conv_blas
from tests.kernels.convolution_cases import (
    STRIDED,
    WINDOW_BESIDE_THE_PICTURE,
    Case,
    blas_results,
    random_arrays,
    small_cases,
    twin_results,
)
from tests.oracles import FLOATS, assert_close, few_examples, seeds


@pytest.mark.parametrize("dtype", FLOATS)
@given(case=small_cases, seed=seeds)
@example(case=WINDOW_BESIDE_THE_PICTURE, seed=0)
@settings(few_examples, max_examples=40)
def test_all_results_agree_with_the_twins(dtype: type[np.floating], case: Case, seed: int) -> None:
    for actual, expected in zip(blas_results(case, seed, dtype), twin_results(case, seed, dtype), strict=True):
        assert_close(actual, expected, dtype)


def test_no_bias_is_a_bias_of_zero() -> None:
    field, windows, W, *_ = random_arrays(STRIDED, 0, np.float64)
    y, other_y, x, other_x = (np.empty_like(array) for array in (windows, windows, field, field))
    conv_blas.correlate(STRIDED.geometry, y, field, W, None)
    conv_blas.correlate(STRIDED.geometry, other_y, field, W, np.zeros(W.shape[3]))
    np.testing.assert_array_equal(y, other_y)
    conv_blas.correlate_transposed(STRIDED.geometry, x, windows, W, None)
    conv_blas.correlate_transposed(STRIDED.geometry, other_x, windows, W, np.zeros(W.shape[2]))
    np.testing.assert_array_equal(x, other_x)
