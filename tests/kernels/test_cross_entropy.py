"""Bernoulli cross-entropy: twin, central differences, meaning as a likelihood, limits, PyTorch."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given

from ava_np.kernels.cross_entropy import cross_entropy_backward, cross_entropy_forward
from ava_np.kernels.twins import cross_entropy as twin
from tests.oracles import FLOATS, assert_close, batches, check_gradient, doubles, few_examples, normal, seeds, widths

every_float = pytest.mark.parametrize("dtype", FLOATS)


@every_float
@given(batch=batches, neurons=widths, seed=seeds)
@few_examples
def test_forward_and_backward_match_the_twin(dtype: type[np.floating], batch: int, neurons: int, seed: int) -> None:
    """The twin is the textbook form -Σ (x log y + (1 - x) log(1 - y)) with y = sigmoid(t)."""
    generator = np.random.default_rng(seed)
    t, dt = 2 * normal(generator, (batch, neurons), dtype), normal(generator, (batch, neurons), dtype)
    x = generator.random((batch, neurons), dtype)
    x[0] = np.round(x[0])  # one row of 0 and 1, the others in between
    expected_t, expected_dt, expected_x = doubles(t, dt, x)

    assert_close(cross_entropy_forward(t, x), twin.cross_entropy_forward(expected_t, expected_x), dtype)
    cross_entropy_backward(dt, t, x)  # dt held values: kernel and twin both add
    twin.cross_entropy_backward(expected_dt, expected_t, expected_x)
    assert_close(dt, expected_dt, dtype)


@given(batch=batches, neurons=widths, seed=seeds)
@few_examples
def test_backward_matches_central_differences(batch: int, neurons: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    t, x = 2 * normal(generator, (batch, neurons), np.float64), generator.random((batch, neurons))
    dt = np.zeros_like(t)
    cross_entropy_backward(dt, t, x)
    check_gradient(lambda: cross_entropy_forward(t, x), t, dt)


def test_errors_are_added() -> None:
    t, x, dt = np.zeros((2, 3)), np.ones((2, 3)), np.full((2, 3), 5.0)
    cross_entropy_backward(dt, t, x)
    np.testing.assert_array_equal(dt, 4.5)


def test_descent_moves_the_probability_towards_the_data() -> None:
    t, x, dt = np.zeros((1, 3)), np.array([[0.0, 0.5, 1.0]]), np.zeros((1, 3))
    cross_entropy_backward(dt, t, x)
    np.testing.assert_array_equal(np.sign(-dt), [[-1, 0, 1]])


def test_probabilities_of_all_black_and_white_pictures_sum_to_1() -> None:
    """e^-cost is a likelihood, without a missing term or constant."""
    t = 2 * normal(np.random.default_rng(0), (1, 5), np.float64)
    costs = [cross_entropy_forward(t, np.array([x])) for x in itertools.product([0.0, 1.0], repeat=5)]
    assert_close(sum(math.exp(-cost) for cost in costs), 1.0, np.float64)


@pytest.mark.parametrize("x", [0.1, 0.5, 0.7])
def test_minimum_is_the_entropy_of_the_data(x: float) -> None:
    """The minimum is at y = x: there the error is 0, and any other logit costs more."""
    t, target, dt = np.array([[math.log(x / (1 - x))]]), np.array([[x]]), np.zeros((1, 1))
    cross_entropy_backward(dt, t, target)
    assert_close(dt, 0.0, np.float64)
    minimum = cross_entropy_forward(t, target)
    assert_close(minimum, -x * math.log(x) - (1 - x) * math.log(1 - x), np.float64)
    for step in (-0.1, 0.1):
        assert cross_entropy_forward(t + step, target) > minimum


def test_probability_one_half_costs_one_bit_per_neuron() -> None:
    x = np.random.default_rng(0).random((3, 7))
    assert_close(cross_entropy_forward(np.zeros((3, 7)), x), 21 * math.log(2), np.float64)


@pytest.mark.parametrize(
    ("t", "x", "cost", "error"),
    [
        (1000, 1, 0, 0),
        (1000, 0, 1000, 1),
        (1000, 0.25, 750, 0.75),
        (-1000, 1, 1000, -1),
        (-1000, 0, 0, 0),
        (-1000, 0.25, 250, -0.25),
        (1e30, 1, 0, 0),
        (-1e30, 1, 1e30, -1),
        (math.inf, 0, math.inf, 1),
        (-math.inf, 1, math.inf, -1),
    ],
)
@every_float
def test_large_logits_give_the_limits_of_both_passes(
    t: float, x: float, cost: float, error: float, dtype: type[np.floating]
) -> None:
    logits, targets, dt = np.full((1, 37), t, dtype), np.full((1, 37), x, dtype), np.zeros((1, 37), dtype)
    with np.errstate(all="raise"):
        total = cross_entropy_forward(logits, targets)
        cross_entropy_backward(dt, logits, targets)
    np.testing.assert_allclose(total, 37 * cost, rtol=1e-6)
    np.testing.assert_array_equal(dt, np.full((1, 37), error, dtype))


def test_small_costs_keep_full_precision() -> None:
    """At t = 40, 1 - y computed directly rounds to 0, and its logarithm is -∞."""
    t, one = np.array([[40.0]]), np.ones((1, 1))
    np.testing.assert_allclose(cross_entropy_forward(t, one), math.exp(-40), rtol=1e-14)
    np.testing.assert_allclose(cross_entropy_forward(-t, 0 * one), math.exp(-40), rtol=1e-14)


def test_huge_correct_logits_do_not_lose_the_costs_of_the_others() -> None:
    """Their cost, 0, must not be added up as a difference of huge values: the order of a sum may change."""
    t, x = np.zeros((1, 64)), np.ones((1, 64))
    t[0, ::2] = 1e30
    assert_close(cross_entropy_forward(t, x), 32 * math.log(2), np.float64)
    assert_close(cross_entropy_forward(-t, 1 - x), 32 * math.log(2), np.float64)


def test_sum_is_accumulated_in_double_precision() -> None:
    """Adding 100 to 2^40, the first cost, changes nothing in float32."""
    t, x = np.full((1, 100_001), 100, np.float32), np.zeros((1, 100_001), np.float32)
    t[0, 0] = 2**40
    assert cross_entropy_forward(t, x) == 2**40 + 100 * 100_000


@every_float
@pytest.mark.parametrize("argument", [0, 1])
def test_nan_stays_nan(argument: int, dtype: type[np.floating]) -> None:
    both, dt = np.ones((2, 3, 37), dtype), np.zeros((3, 37), dtype)
    both[argument, 1, 5] = np.nan
    assert math.isnan(cross_entropy_forward(both[0], both[1]))
    cross_entropy_backward(dt, both[0], both[1])
    np.testing.assert_array_equal(np.isnan(dt), np.isnan(both[argument]))


def test_results_do_not_depend_on_the_array_shape() -> None:
    generator = np.random.default_rng(0)
    t, x = normal(generator, (2, 3, 4, 5), np.float64), generator.random((2, 3, 4, 5))
    dt, flat = np.zeros((2, 3, 4, 5)), np.zeros(120)
    assert_close(cross_entropy_forward(t, x), cross_entropy_forward(t.reshape(-1), x.reshape(-1)), np.float64)
    cross_entropy_backward(dt, t, x)
    cross_entropy_backward(flat, t.reshape(-1), x.reshape(-1))
    np.testing.assert_array_equal(dt.reshape(-1), flat)


def test_matches_torch() -> None:
    torch = pytest.importorskip("torch")
    generator = np.random.default_rng(0)
    t, x = 5 * normal(generator, (4, 37), np.float64), generator.random((4, 37))
    t[0, :4] = [1000, -1000, 40, -40]
    dt, theirs = np.zeros_like(t), torch.tensor(t, requires_grad=True)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(theirs, torch.tensor(x), reduction="sum")
    expected.backward()
    cross_entropy_backward(dt, t, x)
    np.testing.assert_allclose(cross_entropy_forward(t, x), expected.item(), rtol=1e-9)
    np.testing.assert_allclose(dt, theirs.grad.numpy(), rtol=1e-9, atol=1e-9)
