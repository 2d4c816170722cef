"""The dense layer against its twin and central differences."""

import numpy as np
import pytest
from hypothesis import given

from ava_np.kernels import dense
from ava_np.kernels.gemm import MIN_SCRATCH
from ava_np.kernels.twins import dense as twin
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


def scratch_of(dtype: type[np.floating]) -> np.ndarray:
    """Return scratch full of NaN, which must not reach a result."""
    return np.full(MIN_SCRATCH, np.nan, dtype)


@every_float
@given(batch=batches, inputs=widths, outputs=widths, seed=seeds)
@few_examples
def test_every_pass_matches_its_twin(
    dtype: type[np.floating], batch: int, inputs: int, outputs: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    x, W, b = (normal(generator, s, dtype) for s in ((batch, inputs), (inputs, outputs), (outputs,)))
    dy, dW, db = (normal(generator, s, dtype) for s in ((batch, outputs), (inputs, outputs), (outputs,)))
    y, dx, scratch = np.full_like(dy, np.nan), np.full_like(x, np.nan), scratch_of(dtype)
    expected_y, expected_dx, expected_dW, expected_db = doubles(y, dx, dW, db)

    dense.dense_forward(y, x, W, b, scratch)
    dense.dense_backward_input(dx, dy, W, scratch)
    dense.dense_backward_parameters(dW, db, dy, x, scratch)

    x, W, b, dy = doubles(x, W, b, dy)
    twin.dense_forward(expected_y, x, W, b)
    twin.dense_backward_input(expected_dx, dy, W)
    twin.dense_backward_parameters(expected_dW, expected_db, dy, x)
    # y and dx were NaN before and are overwritten; dW and db had values, to which both sides add.
    assert_close(y, expected_y, dtype)
    assert_close(dx, expected_dx, dtype)
    assert_close(dW, expected_dW, dtype)
    assert_close(db, expected_db, dtype)


@given(batch=batches, inputs=widths, outputs=widths, seed=seeds)
@few_examples
def test_gradients_match_central_differences(batch: int, inputs: int, outputs: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    shapes = ((batch, inputs), (inputs, outputs), (outputs,), (batch, outputs))
    x, W, b, weight = (normal(generator, shape, np.float64) for shape in shapes)
    y, dx, dW, db = np.empty_like(weight), np.empty_like(x), np.zeros_like(W), np.zeros_like(b)
    scratch = scratch_of(np.float64)

    def objective() -> float:
        dense.dense_forward(y, x, W, b, scratch)
        return float(np.sum(weight * y))

    dense.dense_backward_input(dx, weight, W, scratch)
    dense.dense_backward_parameters(dW, db, weight, x, scratch)
    check_gradient(objective, x, dx)
    check_gradient(objective, W, dW)
    check_gradient(objective, b, db)


def test_parameter_gradients_are_added_and_input_gradients_overwritten() -> None:
    generator = np.random.default_rng(0)
    x, dy, W = (normal(generator, shape, np.float64) for shape in ((3, 4), (3, 2), (4, 2)))
    once, twice = (np.zeros((4, 2)), np.zeros(2)), (np.zeros((4, 2)), np.zeros(2))
    first, second = np.empty_like(x), np.full_like(x, np.nan)
    dense.dense_backward_parameters(*once, dy, x, scratch_of(np.float64))
    for _ in range(2):
        dense.dense_backward_parameters(*twice, dy, x, scratch_of(np.float64))
    np.testing.assert_array_equal(twice[0], 2 * once[0])
    np.testing.assert_array_equal(twice[1], 2 * once[1])

    dense.dense_backward_input(first, dy, W, scratch_of(np.float64))
    for _ in range(2):
        dense.dense_backward_input(second, dy, W, scratch_of(np.float64))
    np.testing.assert_array_equal(second, first)


def test_identity_weights_copy_the_input_and_the_error() -> None:
    x = normal(np.random.default_rng(0), (3, 5), np.float64)
    y, dx = np.empty_like(x), np.empty_like(x)
    dense.dense_forward(y, x, np.eye(5), np.zeros(5), scratch_of(np.float64))
    dense.dense_backward_input(dx, x, np.eye(5), scratch_of(np.float64))
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(dx, x)


def test_output_for_zero_input_is_the_bias() -> None:
    generator = np.random.default_rng(0)
    W, b, y = normal(generator, (4, 3), np.float64), normal(generator, (3,), np.float64), np.empty((5, 3))
    dense.dense_forward(y, np.zeros((5, 4)), W, b, scratch_of(np.float64))
    np.testing.assert_array_equal(y, np.tile(b, (5, 1)))


def test_error_of_one_neuron_of_one_sample_reaches_only_its_weights() -> None:
    x = normal(np.random.default_rng(0), (3, 4), np.float64)
    dy, dW, db = np.zeros((3, 2)), np.zeros((4, 2)), np.zeros(2)
    dy[1, 0] = 1
    dense.dense_backward_parameters(dW, db, dy, x, scratch_of(np.float64))
    np.testing.assert_array_equal(dW, np.stack([x[1], np.zeros(4)], axis=1))
    np.testing.assert_array_equal(db, [1, 0])


def test_nan_reaches_only_the_outputs_of_its_sample() -> None:
    x, y = np.ones((3, 4)), np.empty((3, 2))
    x[1, 2] = np.nan
    dense.dense_forward(y, x, np.ones((4, 2)), np.zeros(2), scratch_of(np.float64))
    np.testing.assert_array_equal(np.isnan(y), [[False] * 2, [True] * 2, [False] * 2])
