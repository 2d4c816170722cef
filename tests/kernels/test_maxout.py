"""Maxout: twin, central differences, the rectifier as a special case, ties, NaN, PyTorch."""

from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_np.kernels.maxout import maxout_backward, maxout_forward
from ava_np.kernels.twins import maxout as twin
from tests.oracles import FLOATS, assert_close, batches, check_gradient, doubles, few_examples, normal, seeds, widths

every_float = pytest.mark.parametrize("dtype", FLOATS)
pieces_ = st.integers(1, 4)


@every_float
@given(batch=batches, width=widths, pieces=pieces_, seed=seeds)
@few_examples
def test_forward_and_backward_match_the_twin(
    dtype: type[np.floating], batch: int, width: int, pieces: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    x, dy = normal(generator, (batch, width * pieces), dtype), normal(generator, (batch, width), dtype)
    y, dx = np.full_like(dy, np.nan), np.full_like(x, np.nan)
    maxout_forward(y, x)
    maxout_backward(dx, dy, x, y)
    groups, errors = (array.reshape(batch * width, -1) for array in doubles(x, dy))
    expected_y, expected_dx = np.empty(batch * width), np.empty_like(groups)
    twin.maxout_forward(expected_y, groups)
    twin.maxout_backward(expected_dx, errors.reshape(-1), groups)
    assert_close(y.reshape(-1), expected_y, dtype)
    assert_close(dx.reshape(-1, pieces), expected_dx, dtype)


@given(batch=batches, width=widths, pieces=pieces_, seed=seeds)
@few_examples
def test_backward_matches_central_differences(batch: int, width: int, pieces: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    x = generator.permutation(batch * width * pieces).reshape(batch, -1) / 10  # no two are near each other
    weight, y, dx = normal(generator, (batch, width), np.float64), np.empty((batch, width)), np.empty_like(x)

    def objective() -> float:
        maxout_forward(y, x)
        return float(np.sum(weight * y))

    objective()
    maxout_backward(dx, weight, x, y)
    check_gradient(objective, x, dx)


def test_a_group_of_a_neuron_and_zero_is_a_rectifier() -> None:
    t = np.array([-2.0, -0.5, 0.5, 2.0])
    x, y, dx = np.stack([t, np.zeros(4)], axis=1).reshape(1, 8), np.empty((1, 4)), np.empty((1, 8))
    maxout_forward(y, x)
    maxout_backward(dx, np.ones((1, 4)), x, y)
    assert y.tolist() == [np.maximum(t, 0).tolist()]
    assert dx[0, ::2].tolist() == (t > 0).astype(float).tolist()


def test_equal_neurons_give_the_error_to_the_first() -> None:
    x, y, dx = np.array([[1.0, 3.0, 3.0]]), np.empty((1, 1)), np.full((1, 3), np.nan)
    maxout_forward(y, x)
    maxout_backward(dx, np.array([[5.0]]), x, y)
    assert dx.tolist() == [[0, 5, 0]]


@pytest.mark.parametrize("place", range(3))
def test_nan_stays_nan(place: int) -> None:
    x, y, dx = np.array([[1.0, 2.0, 3.0]]), np.empty((1, 1)), np.empty((1, 3))
    x[0, place] = np.nan
    maxout_forward(y, x)
    assert np.isnan(y).all()
    x[0, place] = 1.0
    maxout_forward(y, x)
    maxout_backward(dx, np.array([[np.nan]]), x, y)
    assert np.isnan(dx).any()


def test_matches_torch() -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    torch = import_module("torch")
    generator = np.random.default_rng(0)
    x, dy = normal(generator, (4, 3, 3, 12), np.float64), normal(generator, (4, 3, 3, 4), np.float64)
    y, dx = np.empty_like(dy), np.empty_like(x)
    maxout_forward(y, x)
    maxout_backward(dx, dy, x, y)
    t = torch.tensor(x, requires_grad=True)
    theirs = t.unflatten(-1, (4, 3)).max(-1).values
    theirs.backward(torch.tensor(dy))
    np.testing.assert_array_equal(y, theirs.detach().numpy())
    np.testing.assert_array_equal(dx, t.grad.numpy())
