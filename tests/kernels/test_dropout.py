"""Dropout: twin, central differences, fraction of kept neurons, mean and variance, NaN, PyTorch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_np.kernels.dropout import dropout_backward, dropout_forward
from ava_np.kernels.twins import dropout as twin
from tests.oracles import (
    FLOATS,
    assert_close,
    batches,
    check_gradient,
    doubles,
    few_examples,
    lengths,
    normal,
    seeds,
    widths,
)

every_float = pytest.mark.parametrize("dtype", FLOATS)
rates = st.floats(0, 0.95)


@every_float
@given(length=lengths, rate=rates, seed=seeds)
@few_examples
def test_forward_and_backward_match_the_twin(dtype: type[np.floating], length: int, rate: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, dy = (normal(generator, (length,), dtype) for _ in range(2))
    noise = generator.random(length, dtype)
    y, dx = np.full_like(x, np.nan), np.full_like(x, np.nan)  # both are written, whatever they held before
    expected_y, expected_dx = doubles(y, dx)

    dropout_forward(y, x, noise, rate)
    dropout_backward(dx, dy, noise, rate)

    x, dy, noise = doubles(x, dy, noise)
    twin.dropout_forward(expected_y, x, noise, rate)
    twin.dropout_backward(expected_dx, dy, noise, rate)
    assert_close(y, expected_y, dtype)
    assert_close(dx, expected_dx, dtype)


@given(batch=batches, neurons=widths, rate=rates, seed=seeds)
@few_examples
def test_backward_matches_central_differences(batch: int, neurons: int, rate: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, weight = (normal(generator, (batch, neurons), np.float64) for _ in range(2))
    noise = generator.random((batch, neurons))
    y, dx = np.empty_like(x), np.empty_like(x)

    def objective() -> float:
        dropout_forward(y, x, noise, rate)
        return float(np.sum(weight * y))

    dropout_backward(dx, weight, noise, rate)
    check_gradient(objective, x, dx)


@every_float
def test_rate_0_is_the_identity_in_both_passes(dtype: type[np.floating]) -> None:
    generator = np.random.default_rng(0)
    x, noise = normal(generator, (3, 37), dtype), generator.random((3, 37), dtype)
    noise[0] = 0  # the smallest possible noise
    y, dx = np.empty_like(x), np.empty_like(x)
    dropout_forward(y, x, noise, 0.0)
    dropout_backward(dx, x, noise, 0.0)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(dx, x)


@every_float
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_output_has_the_mean_of_the_input_and_the_expected_variance(rate: float, dtype: type[np.floating]) -> None:
    """E y = x and Var y = x² rate / (1 - rate): y is x / (1 - rate) with probability 1 - rate, else 0."""
    draws = 200_000
    x = np.tile(np.array([-2.0, 0.5, 3.0], dtype), (draws, 1))
    y = np.empty_like(x)
    dropout_forward(y, x, np.random.default_rng(0).random((draws, 3), dtype), rate)
    kept = np.mean(y != 0, axis=0)
    assert np.all(np.abs(kept - (1 - rate)) < 5 * np.sqrt(rate * (1 - rate) / draws))  # five standard errors
    (y,) = doubles(y)
    variance = x[0] ** 2 * rate / (1 - rate)
    assert np.all(np.abs(y.mean(axis=0) - x[0]) < 5 * np.sqrt(variance / draws))
    np.testing.assert_allclose(y.var(axis=0), variance, rtol=0.02)


@pytest.mark.parametrize(("noise", "y"), [(0.0, 0), (0.2499999, 0), (0.25, 4 / 3), (0.75, 4 / 3), (0.9999999, 4 / 3)])
@every_float
def test_neuron_is_kept_if_its_noise_is_at_least_the_rate(noise: float, y: float, dtype: type[np.floating]) -> None:
    out = np.empty(37, dtype)
    dropout_forward(out, np.ones(37, dtype), np.full(37, noise, dtype), 0.25)
    np.testing.assert_allclose(out, y, rtol=1e-7)


def test_only_kept_neurons_get_an_error() -> None:
    generator = np.random.default_rng(0)
    noise, ones = generator.random((20, 37)), np.ones((20, 37))
    y, dx = np.empty_like(ones), np.empty_like(ones)
    dropout_forward(y, ones, noise, 0.5)
    dropout_backward(dx, ones, noise, 0.5)
    np.testing.assert_array_equal(dx, y)
    assert set(np.unique(y)) == {0, 2}


def test_output_may_overwrite_the_input() -> None:
    generator = np.random.default_rng(0)
    x, noise = normal(generator, (3, 37), np.float64), generator.random((3, 37))
    y = np.empty_like(x)
    dropout_forward(y, x, noise, 0.3)
    dropout_forward(x, x, noise, 0.3)
    np.testing.assert_array_equal(x, y)


def test_results_do_not_depend_on_the_array_shape() -> None:
    generator = np.random.default_rng(0)
    x, noise = normal(generator, (60,), np.float64), generator.random(60)
    y, cube = np.empty(60), np.empty((3, 4, 5))
    dropout_forward(y, x, noise, 0.3)
    dropout_forward(cube, x.reshape(3, 4, 5), noise.reshape(3, 4, 5), 0.3)
    np.testing.assert_array_equal(cube.reshape(-1), y)


@every_float
@pytest.mark.parametrize("noise", [0.0, 0.9])
def test_nan_stays_nan_even_if_dropped(noise: float, dtype: type[np.floating]) -> None:
    x, y, dx = np.zeros(37, dtype), np.zeros(37, dtype), np.zeros(37, dtype)
    x[::3] = np.nan
    dropout_forward(y, x, np.full(37, noise, dtype), 0.5)
    dropout_backward(dx, x, np.full(37, noise, dtype), 0.5)
    np.testing.assert_array_equal(np.isnan(y), np.isnan(x))
    np.testing.assert_array_equal(np.isnan(dx), np.isnan(x))


def test_matches_torch() -> None:
    """PyTorch does not expose its noise; its output shows which neurons it kept, and ours keeps the same ones."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    generator = np.random.default_rng(0)
    x, dy = (normal(generator, (50, 37), np.float64) for _ in range(2))
    theirs = torch.tensor(x, requires_grad=True)
    expected = torch.nn.functional.dropout(theirs, 0.3)
    expected.backward(torch.tensor(dy))

    noise = np.where(expected.detach().numpy() != 0, 0.5, 0.0)
    assert 0.6 < np.mean(noise > 0) < 0.8
    y, dx = np.empty_like(x), np.empty_like(x)
    dropout_forward(y, x, noise, 0.3)
    dropout_backward(dx, dy, noise, 0.3)
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(dx, theirs.grad.numpy(), rtol=1e-9, atol=1e-9)
