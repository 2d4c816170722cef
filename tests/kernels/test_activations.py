"""Every activation against its textbook form on the pre-activation, its differences and its limits."""

import math

import numpy as np
import pytest
from hypothesis import given

from ava_np.kernels.activations import ACTIVATIONS, LEAK
from ava_np.kernels.machine import elementwise, parallel
from ava_np.kernels.twins import activations as twin
from tests.oracles import FLOATS, assert_close, check_gradient, doubles, few_examples, lengths, normal, seeds

NAMES = sorted(ACTIVATIONS)
LANES = 37  # long enough for the vectorised loop and its tail

every_activation = pytest.mark.parametrize("name", NAMES)
every_float = pytest.mark.parametrize("dtype", FLOATS)


def test_twin_has_the_same_activations() -> None:
    assert sorted(twin.ACTIVATIONS) == NAMES
    assert twin.LEAK == LEAK


@every_activation
@every_float
@given(length=lengths, seed=seeds)
@few_examples
def test_both_passes_are_the_textbook_functions_of_the_pre_activation(
    name: str, dtype: type[np.floating], length: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    t, dy = 3 * normal(generator, (length,), dtype), normal(generator, (length,), dtype)
    y = t.copy()
    expected_y, expected_dt, t = doubles(t, dy, t)

    ACTIVATIONS[name].forward(y)
    ACTIVATIONS[name].backward(dy, y)

    twin.forward(name, expected_y)
    twin.backward(name, expected_dt, t)
    # A slope of exp is as large as e^t, so rounding is compared on the scale of the largest.
    scale = max(1.0, np.abs(expected_y).max())
    assert_close(y / scale, expected_y / scale, dtype)
    assert_close(dy / scale, expected_dt / scale, dtype)


@every_activation
@given(length=lengths, seed=seeds)
@few_examples
def test_backward_is_the_gradient(name: str, length: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    t, weight = normal(generator, (length,), np.float64), normal(generator, (length,), np.float64)
    t += np.copysign(0.01, t)  # no difference may straddle a kink

    def objective() -> float:
        y = t.copy()
        ACTIVATIONS[name].forward(y)
        return float(weight @ y)

    y, error = t.copy(), weight.copy()
    ACTIVATIONS[name].forward(y)
    ACTIVATIONS[name].backward(error, y)
    check_gradient(objective, t, error)


@pytest.mark.parametrize(("name", "slope"), [("relu", 0.0), ("leaky_relu", LEAK), ("elu", 1.0)])
def test_slope_at_zero_is_the_one_from_the_left(name: str, slope: float) -> None:
    y, error = np.zeros(LANES), np.ones(LANES)
    ACTIVATIONS[name].forward(y)
    ACTIVATIONS[name].backward(error, y)
    np.testing.assert_array_equal(error, slope)


@pytest.mark.parametrize(
    ("name", "t", "y", "slope"),
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
def test_far_out_both_passes_reach_their_limits(
    name: str, t: float, y: float, slope: float, dtype: type[np.floating]
) -> None:
    values, error = np.full(LANES, t, dtype), np.ones(LANES, dtype)
    with np.errstate(all="raise"):
        ACTIVATIONS[name].forward(values)
        ACTIVATIONS[name].backward(error, values)
    np.testing.assert_array_equal(values, np.full(LANES, y, dtype))
    np.testing.assert_array_equal(error, np.full(LANES, slope, dtype))


def test_small_values_keep_their_digits() -> None:
    """Where a naive e^t - 1 or log(1 + e^t) would round to 0."""
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
def test_a_nan_stays_a_nan(name: str, dtype: type[np.floating]) -> None:
    y = np.zeros(LANES, dtype)
    y[::3] = np.nan
    ACTIVATIONS[name].forward(y)
    np.testing.assert_array_equal(np.isnan(y), np.arange(LANES) % 3 == 0)


@every_activation
def test_a_nan_error_stays_a_nan_where_the_neuron_is_open(name: str) -> None:
    y, error = np.full(LANES, 0.5), np.full(LANES, np.nan)
    ACTIVATIONS[name].backward(error, y)
    assert np.isnan(error).all()


def test_the_shape_does_not_matter() -> None:
    flat = normal(np.random.default_rng(0), (60,), np.float64)
    cube = flat.reshape(3, 4, 5).copy()
    error = np.ones_like(cube)
    ACTIVATIONS["tanh"].forward(cube)
    ACTIVATIONS["tanh"].backward(error, cube)
    assert_close(cube, np.tanh(flat).reshape(3, 4, 5), np.float64)
    assert_close(error, (1 / np.cosh(flat) ** 2).reshape(3, 4, 5), np.float64)


@every_activation
@every_float
def test_the_number_of_threads_changes_no_bit(
    monkeypatch: pytest.MonkeyPatch, name: str, dtype: type[np.floating]
) -> None:
    """Nor, up to rounding, does it matter whether the loop is called or its address."""
    monkeypatch.setattr(parallel, "cores", lambda: 3)
    t, dy = normal(np.random.default_rng(0), (2, 5 * 1024 + 17), dtype)
    whole, parts = (t.copy(), dy.copy()), []
    ACTIVATIONS[name].forward(whole[0])
    ACTIVATIONS[name].backward(whole[1], whole[0])
    monkeypatch.setattr(elementwise, "MIN_ELEMENTS", 1)
    for threads in (1, 2, 3):
        monkeypatch.setattr(parallel, "_count", threads)
        y, error = t.copy(), dy.copy()
        ACTIVATIONS[name].forward(y)
        ACTIVATIONS[name].backward(error, y)
        parts.append((y, error))
    np.testing.assert_array_equal(parts[0], parts[1])
    np.testing.assert_array_equal(parts[0], parts[2])
    assert_close(np.array(parts[0]), np.array(whole), dtype)
