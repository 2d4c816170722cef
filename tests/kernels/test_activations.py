"""Activations: textbook form, central differences, limits, NaN, threads."""

import math

import numpy as np
import pytest
from hypothesis import given

from ava_np.kernels.activations import ACTIVATIONS, LEAK
from ava_np.kernels.machine import elementwise, parallel
from ava_np.kernels.twins import activations as twin
from tests.oracles import FLOATS, assert_close, check_gradient, doubles, few_examples, lengths, normal, seeds

NAMES = ["elu", "exp", "leaky_relu", "linear", "relu", "sigmoid", "softplus", "tanh"]
LENGTH = 37  # long enough for the vectorised loop and its remainder

every_activation = pytest.mark.parametrize("name", NAMES)
every_float = pytest.mark.parametrize("dtype", FLOATS)


def test_kernels_and_twin_define_the_same_activations() -> None:
    assert sorted(ACTIVATIONS) == sorted(twin.ACTIVATIONS) == NAMES
    assert twin.LEAK == LEAK


@every_activation
@every_float
@given(length=lengths, seed=seeds)
@few_examples
def test_forward_and_backward_match_the_twin(name: str, dtype: type[np.floating], length: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    t, dy = 3 * normal(generator, (length,), dtype), normal(generator, (length,), dtype)
    y = t.copy()
    expected_y, expected_dt, t = doubles(t, dy, t)

    ACTIVATIONS[name].forward(y)
    ACTIVATIONS[name].backward(dy, y)

    twin.forward(name, expected_y)
    twin.backward(name, expected_dt, t)
    # Values of exp can be as large as e^t, so errors are measured relative to the largest value.
    scale = max(1.0, np.abs(expected_y).max())
    assert_close(y / scale, expected_y / scale, dtype)
    assert_close(dy / scale, expected_dt / scale, dtype)


@every_activation
@given(length=lengths, seed=seeds)
@few_examples
def test_backward_matches_central_differences(name: str, length: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    t, weight = normal(generator, (length,), np.float64), normal(generator, (length,), np.float64)
    t += np.copysign(0.01, t)  # so that no difference crosses a kink

    def objective() -> float:
        y = t.copy()
        ACTIVATIONS[name].forward(y)
        return float(weight @ y)

    y, error = t.copy(), weight.copy()
    ACTIVATIONS[name].forward(y)
    ACTIVATIONS[name].backward(error, y)
    check_gradient(objective, t, error)


@pytest.mark.parametrize(("name", "derivative"), [("relu", 0.0), ("leaky_relu", LEAK), ("elu", 1.0)])
def test_derivative_at_zero_is_the_left_derivative(name: str, derivative: float) -> None:
    y, error = np.zeros(LENGTH), np.ones(LENGTH)
    ACTIVATIONS[name].forward(y)
    ACTIVATIONS[name].backward(error, y)
    np.testing.assert_array_equal(error, derivative)


@pytest.mark.parametrize(
    ("name", "t", "y", "derivative"),
    [
        ("sigmoid", 1000, 1, 0),
        ("sigmoid", -1000, 0, 0),
        ("sigmoid", math.inf, 1, 0),
        ("sigmoid", -math.inf, 0, 0),
        ("tanh", 1000, 1, 0),
        ("tanh", -1000, -1, 0),
        ("relu", math.inf, math.inf, 1),
        ("relu", -math.inf, 0, 0),
        ("leaky_relu", 1000, 1000, 1),
        ("leaky_relu", -1000, -200, LEAK),
        ("elu", 1000, 1000, 1),
        ("elu", -1000, -1, 0),
        ("softplus", 1000, 1000, 1),
        ("softplus", -1000, 0, 0),
        ("softplus", math.inf, math.inf, 1),
        ("softplus", -math.inf, 0, 0),
        ("exp", -1000, 0, 0),
    ],
)
@every_float
def test_large_inputs_give_the_limits_of_both_passes(
    name: str, t: float, y: float, derivative: float, dtype: type[np.floating]
) -> None:
    values, error = np.full(LENGTH, t, dtype), np.ones(LENGTH, dtype)
    with np.errstate(all="raise"):
        ACTIVATIONS[name].forward(values)
        ACTIVATIONS[name].backward(error, values)
    np.testing.assert_array_equal(values, np.full(LENGTH, y, dtype))
    np.testing.assert_array_equal(error, np.full(LENGTH, derivative, dtype))


def test_small_values_keep_full_precision() -> None:
    """Computed directly, e^t - 1 and log(1 + e^t) would round to 0 here."""
    t = np.array([-1e-20])
    ACTIVATIONS["elu"].forward(t)
    assert t[0] == -1e-20
    t = np.array([-50.0])
    ACTIVATIONS["softplus"].forward(t)
    np.testing.assert_allclose(t, math.exp(-50), rtol=1e-14)
    error = np.ones(1)
    ACTIVATIONS["softplus"].backward(error, t)
    np.testing.assert_allclose(error, math.exp(-50), rtol=1e-14)


@every_activation
@every_float
def test_nan_stays_nan(name: str, dtype: type[np.floating]) -> None:
    y = np.zeros(LENGTH, dtype)
    y[::3] = np.nan
    ACTIVATIONS[name].forward(y)
    np.testing.assert_array_equal(np.isnan(y), np.arange(LENGTH) % 3 == 0)


@every_activation
def test_nan_error_stays_nan_where_the_derivative_is_not_zero(name: str) -> None:
    y, error = np.full(LENGTH, 0.5), np.full(LENGTH, np.nan)
    ACTIVATIONS[name].backward(error, y)
    assert np.isnan(error).all()


def test_results_do_not_depend_on_the_array_shape() -> None:
    flat = normal(np.random.default_rng(0), (60,), np.float64)
    cube = flat.reshape(3, 4, 5).copy()
    error = np.ones_like(cube)
    ACTIVATIONS["tanh"].forward(cube)
    ACTIVATIONS["tanh"].backward(error, cube)
    assert_close(cube, np.tanh(flat).reshape(3, 4, 5), np.float64)
    assert_close(error, (1 / np.cosh(flat) ** 2).reshape(3, 4, 5), np.float64)


@every_activation
@every_float
def test_results_are_bit_identical_for_any_number_of_threads(
    monkeypatch: pytest.MonkeyPatch, name: str, dtype: type[np.floating]
) -> None:
    """Calling the loop directly and through its address gives the same results up to rounding."""
    monkeypatch.setattr(parallel, "cores", lambda: 3)
    t, dy = normal(np.random.default_rng(0), (2, 5 * 1024 + 17), dtype)
    direct, threaded = (t.copy(), dy.copy()), []
    ACTIVATIONS[name].forward(direct[0])
    ACTIVATIONS[name].backward(direct[1], direct[0])
    monkeypatch.setattr(elementwise, "MIN_ELEMENTS", 1)
    for threads in (1, 2, 3):
        monkeypatch.setattr(parallel, "_max_threads", threads)
        y, error = t.copy(), dy.copy()
        ACTIVATIONS[name].forward(y)
        ACTIVATIONS[name].backward(error, y)
        threaded.append((y, error))
    np.testing.assert_array_equal(threaded[0], threaded[1])
    np.testing.assert_array_equal(threaded[0], threaded[2])
    assert_close(np.array(threaded[0]), np.array(direct), dtype)
