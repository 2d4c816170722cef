"""What the tests hold the code against: central differences, tolerances, and strategies for random shapes."""

from collections.abc import Callable

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

STEP = 1e-5
"""Of central differences in float64: STEP² of error from the curvature and 1e-16 / STEP from rounding balance
about here, at some 1e-11 of a function of size 1."""

TINY = 1e-3
"""Smaller gradients are judged by their absolute error, which cannot fall below that of the differences."""

TOLERANCE = {np.dtype(np.float64): 1e-12, np.dtype(np.float32): 1e-5}
"""How far a kernel may be from the same sums in another order, relative, or absolute below 1."""

FLOATS = (np.float64, np.float32)
"""The types that every kernel takes."""

few_examples = settings(max_examples=20, deadline=None, derandomize=True)
"""Without a deadline, because the first example pays for the compilation; each run draws the same."""

batches = st.integers(1, 4)
widths = st.integers(1, 20)
lengths = st.integers(1, 70)
seeds = st.integers(0, 2**32 - 1)


def central_differences(function: Callable[[], float], array: np.ndarray) -> np.ndarray:
    """Differentiate by nudging, one entry after the other.

    Parameters
    ----------
    function : callable
        Returns a scalar that depends on ``array``, read anew in each call.
    array : ndarray of float64
        Any shape, may be a view; nudged in place and put back.

    Returns
    -------
    ndarray
        (f(a + h) - f(a - h)) / 2h for each entry a of ``array``, of its shape.

    Raises
    ------
    TypeError
        If ``array`` is not of float64: in float32 the differences are mostly rounding.
    """
    if array.dtype != np.float64:
        raise TypeError(f"central differences need float64, got {array.dtype}")
    numeric = np.zeros(array.shape)
    for index in np.ndindex(array.shape):
        value = array[index]
        array[index] = value + STEP
        above = function()
        array[index] = value - STEP
        below = function()
        array[index] = value
        numeric[index] = (above - below) / (2 * STEP)
    return numeric


def check_gradient(
    function: Callable[[], float], array: np.ndarray, gradient: np.ndarray, tolerance: float = 1e-7
) -> None:
    """Assert that ``gradient`` is that of ``function`` with respect to ``array``.

    The error is max |analytic - numeric| / max(|numeric|, TINY), both maxima over all entries; a NaN fails.

    Parameters
    ----------
    function, array
        As for ``central_differences``.
    gradient : ndarray
        The analytic gradient, of ``array``'s shape.
    tolerance : float
        Largest error that passes.
    """
    assert gradient.shape == array.shape
    numeric = central_differences(function, array)
    gap = np.abs(gradient - numeric)
    error = gap.max() / max(np.abs(numeric).max(), TINY)
    worst = np.unravel_index(np.argmax(gap), gap.shape)
    assert error < tolerance, (
        f"relative error {error:.1e}; worst at {worst}: analytic {gradient[worst]}, numeric {numeric[worst]}"
    )


def assert_close(actual: np.ndarray | float, expected: np.ndarray | float, dtype: type[np.floating]) -> None:
    """Assert that a result computed in ``dtype`` is ``expected``, computed in float64, up to rounding."""
    tolerance = TOLERANCE[np.dtype(dtype)]
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


def normal(generator: np.random.Generator, shape: tuple[int, ...], dtype: type[np.floating]) -> np.ndarray:
    """Draw N(0, 1) numbers of ``shape`` that are exact in ``dtype``."""
    return generator.standard_normal(shape).astype(dtype)


def doubles(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """Copy arrays to float64, exactly: what a twin computes on."""
    return tuple(array.astype(np.float64) for array in arrays)
