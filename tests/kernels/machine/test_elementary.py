"""The elementary functions in float32 against float64, over all exponents, and at the ends of their ranges."""

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from ava_np.kernels.machine import elementary
from ava_np.kernels.machine.compile import kernel

MIN_NORMAL = 1.1754944e-38
MAX_ULP = 2
"""Allowed error of a result, in units in the last place."""

FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log1p": np.log1p,
    "tanh": np.tanh,
}
every_function = pytest.mark.parametrize("name", FUNCTIONS)


@cache
def compiled(name: str) -> Callable[[np.ndarray, np.ndarray], None]:
    """Return a compiled loop that calls a function."""
    function = getattr(elementary, name)

    def loop(y: np.ndarray, t: np.ndarray) -> None:
        for i in range(t.size):
            y[i] = function(t[i])

    loop.__qualname__ = f"loop_{name}"
    return kernel(loop)


def values(name: str, t: np.ndarray) -> np.ndarray:
    """Return a function's values at every element of ``t``."""
    y = np.full_like(t, 7)
    compiled(name)(y, t)
    return y


def arguments(name: str) -> np.ndarray:
    """Return arguments of every exponent and sign, and dense ones where the function is neither t nor a constant."""
    bits = np.arange(0, 2**32, 2003, dtype=np.uint64).astype(np.uint32).view(np.float32)
    every = bits[np.isfinite(bits)]
    dense = [np.linspace(-limit, limit, 500_001, dtype=np.float32) for limit in (1e-3, 1, 20, 105)]
    t = np.concatenate([every, *dense])
    return t[(t >= 0) & (t <= 1)] if name == "log1p" else t


@every_function
def test_float32_is_within_two_units_in_the_last_place(name: str) -> None:
    t = arguments(name)
    with np.errstate(over="ignore", under="ignore"):
        expected = FUNCTIONS[name](t.astype(np.float64))
        rounded = expected.astype(np.float32)
    actual = values(name, t)
    infinite, small = np.isinf(rounded), np.abs(expected) < MIN_NORMAL
    np.testing.assert_array_equal(actual[infinite], rounded[infinite])
    assert np.all(np.abs(actual[small]) <= MIN_NORMAL)
    normal = ~infinite & ~small
    units = np.abs(actual[normal] - expected[normal]) / np.spacing(np.abs(rounded[normal])).astype(np.float64)
    assert units.max() <= MAX_ULP, f"{units.max():.2f} at {t[normal][units.argmax()]}"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "at_0", "at_infinity", "at_minus_infinity"),
    [("exp", 1, math.inf, 0), ("expm1", 0, math.inf, -1), ("tanh", 0, 1, -1), ("log1p", 0, None, None)],
)
def test_values_at_0_infinity_and_nan(
    name: str, at_0: float, at_infinity: float | None, at_minus_infinity: float | None, dtype: type[np.floating]
) -> None:
    """In whole vectors and in the remainder that does not fill one."""
    for t, y in ((0, at_0), (math.inf, at_infinity), (-math.inf, at_minus_infinity), (math.nan, math.nan)):
        if y is not None:
            np.testing.assert_array_equal(values(name, np.full(37, t, dtype)), np.full(37, y, dtype))


def test_results_are_infinite_from_the_first_t_that_overflows() -> None:
    """Not yet at the last t whose e^t is finite."""
    last = np.float32(88.72283)
    t = np.array([last, np.nextafter(last, np.float32(100))] * 20, np.float32)
    for name in ("exp", "expm1"):
        np.testing.assert_array_equal(np.isfinite(values(name, t)), [True, False] * 20)


@every_function
def test_float64_matches_numpy(name: str) -> None:
    t = np.linspace(0, 1, 1001)
    np.testing.assert_allclose(values(name, t), FUNCTIONS[name](t), rtol=1e-15)


@every_function
def test_uncompiled_functions_are_those_of_math(name: str) -> None:
    assert getattr(elementary, name)(0.25) == getattr(math, name)(0.25)
