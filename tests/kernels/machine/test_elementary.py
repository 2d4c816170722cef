"""e^t and its kin in float32 against the same in float64, over all exponents, and where they end."""

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from ava_np.kernels.machine import elementary
from ava_np.kernels.machine.compile import kernel

LEAST_NORMAL = 1.1754944e-38
DIGITS = 2
"""By how many units of the last one a result may be off."""

FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log1p": np.log1p,
    "tanh": np.tanh,
}
every_function = pytest.mark.parametrize("name", FUNCTIONS)


@cache
def compiled(name: str) -> Callable[[np.ndarray, np.ndarray], None]:
    """A loop that calls it."""
    function = getattr(elementary, name)

    def loop(y: np.ndarray, t: np.ndarray) -> None:
        for i in range(t.size):
            y[i] = function(t[i])

    loop.__qualname__ = f"loop_{name}"
    return kernel(loop)


def values(name: str, t: np.ndarray) -> np.ndarray:
    """Of a function, at many numbers."""
    y = np.full_like(t, 7)
    compiled(name)(y, t)
    return y


def numbers(name: str) -> np.ndarray:
    """Of every exponent and both signs, and densely where the function is neither t itself nor a constant."""
    bits = np.arange(0, 2**32, 2003, dtype=np.uint64).astype(np.uint32).view(np.float32)
    every = bits[np.isfinite(bits)]
    dense = [np.linspace(-limit, limit, 500_001, dtype=np.float32) for limit in (1e-3, 1, 20, 105)]
    found = np.concatenate([every, *dense])
    return found[(found >= 0) & (found <= 1)] if name == "log1p" else found


@every_function
def test_float32_is_right_to_the_last_digits(name: str) -> None:
    t = numbers(name)
    with np.errstate(over="ignore", under="ignore"):
        expected = FUNCTIONS[name](t.astype(np.float64))
        rounded = expected.astype(np.float32)
    found = values(name, t)
    infinite, small = np.isinf(rounded), np.abs(expected) < LEAST_NORMAL
    np.testing.assert_array_equal(found[infinite], rounded[infinite])
    assert np.all(np.abs(found[small]) <= LEAST_NORMAL)
    normal = ~infinite & ~small
    units = np.abs(found[normal] - expected[normal]) / np.spacing(np.abs(rounded[normal])).astype(np.float64)
    assert units.max() <= DIGITS, f"{units.max():.2f} at {t[normal][units.argmax()]}"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "at_0", "at_infinity", "at_minus_infinity"),
    [("exp", 1, math.inf, 0), ("expm1", 0, math.inf, -1), ("tanh", 0, 1, -1), ("log1p", 0, None, None)],
)
def test_special_values(
    name: str, at_0: float, at_infinity: float | None, at_minus_infinity: float | None, dtype: type[np.floating]
) -> None:
    """In a vector and in the rest that does not fill one."""
    for t, y in ((0, at_0), (math.inf, at_infinity), (-math.inf, at_minus_infinity), (math.nan, math.nan)):
        if y is not None:
            np.testing.assert_array_equal(values(name, np.full(37, t, dtype)), np.full(37, y, dtype))


def test_an_infinity_begins_where_it_should() -> None:
    """At the last e^t that is finite, and at the next number."""
    last = np.float32(88.72283)
    t = np.array([last, np.nextafter(last, np.float32(100))] * 20, np.float32)
    for name in ("exp", "expm1"):
        np.testing.assert_array_equal(np.isfinite(values(name, t)), [True, False] * 20)


@every_function
def test_float64_is_the_systems(name: str) -> None:
    t = np.linspace(0, 1, 1001)
    np.testing.assert_allclose(values(name, t), FUNCTIONS[name](t), rtol=1e-15)


@every_function
def test_outside_of_compiled_code_it_is_the_systems_too(name: str) -> None:
    assert getattr(elementary, name)(0.25) == getattr(math, name)(0.25)
