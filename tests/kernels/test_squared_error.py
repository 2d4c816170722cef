"""Half the squared error: twin, central differences, meaning as a log density, precision, NaN."""

import math

import numpy as np
import pytest
from hypothesis import given

from ava_np.kernels.squared_error import squared_error_backward, squared_error_forward
from ava_np.kernels.twins import squared_error as twin
from tests.oracles import (
    FLOATS,
    assert_close,
    batches,
    check_gradient,
    doubles,
    few_examples,
    normal,
    seeds,
    widths,
)

every_float = pytest.mark.parametrize("dtype", FLOATS)


@every_float
@given(batch=batches, neurons=widths, seed=seeds)
@few_examples
def test_forward_and_backward_match_the_twin(dtype: type[np.floating], batch: int, neurons: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, x_, dx_ = (normal(generator, (batch, neurons), dtype) for _ in range(3))
    expected_x, expected_x_, expected_dx_ = doubles(x, x_, dx_)

    assert_close(squared_error_forward(x_, x), twin.squared_error_forward(expected_x_, expected_x), dtype)
    squared_error_backward(dx_, x_, x)  # dx' held values: kernel and twin both add
    twin.squared_error_backward(expected_dx_, expected_x_, expected_x)
    assert_close(dx_, expected_dx_, dtype)


@given(batch=batches, neurons=widths, seed=seeds)
@few_examples
def test_backward_matches_central_differences(batch: int, neurons: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, x_ = (normal(generator, (batch, neurons), np.float64) for _ in range(2))
    dx_ = np.zeros_like(x)
    squared_error_backward(dx_, x_, x)
    check_gradient(lambda: squared_error_forward(x_, x), x_, dx_)


def test_descent_step_of_1_reaches_the_data() -> None:
    x, x_, dx_ = np.array([[1.0, 0.0]]), np.array([[0.25, 0.75]]), np.zeros((1, 2))
    squared_error_backward(dx_, x_, x)
    np.testing.assert_array_equal(x_ - dx_, x)  # one step of size 1 reaches the minimum of ½‖·‖²


def test_errors_are_added() -> None:
    x, x_, dx_ = np.zeros((2, 3)), np.ones((2, 3)), np.full((2, 3), 5.0)
    squared_error_backward(dx_, x_, x)
    np.testing.assert_array_equal(dx_, 6)


def test_equal_arrays_have_loss_0_and_error_0() -> None:
    x, dx_ = normal(np.random.default_rng(0), (2, 3), np.float64), np.zeros((2, 3))
    assert squared_error_forward(x.copy(), x) == 0
    squared_error_backward(dx_, x.copy(), x)
    np.testing.assert_array_equal(dx_, 0)


def test_loss_is_the_negative_log_density_of_a_unit_gaussian_up_to_a_constant() -> None:
    """½ ‖x - x'‖² + m/2 · log 2π = -log N(x; x', I)."""
    generator = np.random.default_rng(0)
    x, x_ = (normal(generator, (2, 3), np.float64) for _ in range(2))
    density = np.prod(np.exp(-((x - x_) ** 2) / 2) / math.sqrt(2 * math.pi))
    nats = squared_error_forward(x_, x) + x.size / 2 * math.log(2 * math.pi)
    assert_close(nats, -math.log(density), np.float64)


def test_sum_is_accumulated_in_double_precision() -> None:
    """Adding 1 to 2^24, the first square, changes nothing in float32."""
    x, x_ = np.ones((1, 100_001), np.float32), np.zeros((1, 100_001), np.float32)
    x[0, 0] = 4096
    assert squared_error_forward(x_, x) == (4096**2 + 100_000) / 2


@every_float
def test_nan_stays_nan(dtype: type[np.floating]) -> None:
    x, x_, dx_ = np.zeros((3, 37), dtype), np.zeros((3, 37), dtype), np.zeros((3, 37), dtype)
    x_[1, 5] = np.nan
    assert math.isnan(squared_error_forward(x_, x))
    assert math.isnan(squared_error_forward(x, x_))
    squared_error_backward(dx_, x_, x)
    np.testing.assert_array_equal(np.isnan(dx_), np.isnan(x_))
