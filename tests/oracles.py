"""Shared by the tests: central differences, tolerances, and hypothesis strategies for random shapes."""

from collections.abc import Callable

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

STEP = 1e-5
"""Step of the central differences, in float64. The truncation error, about STEP², and the rounding error, about
1e-16 / STEP, are nearly balanced here: about 1e-11 for a function of size 1."""

TINY = 1e-3
"""Errors of smaller gradients are measured relative to this: central differences have a fixed absolute error."""

TOLERANCE = {np.dtype(np.float64): 1e-12, np.dtype(np.float32): 1e-5}
"""Allowed difference between a kernel and the same sums in another order: relative, or absolute for values below 1."""

FLOATS = (np.float64, np.float32)
"""The float types that every kernel accepts."""

few_examples = settings(max_examples=20, deadline=None, derandomize=True)
"""No deadline, because the first example includes the compilation; derandomised, so that every run draws the same."""

batches = st.integers(1, 4)
widths = st.integers(1, 20)
lengths = st.integers(1, 70)
seeds = st.integers(0, 2**32 - 1)


def central_differences(function: Callable[[], float], array: np.ndarray) -> np.ndarray:
    """Return the numerical gradient of ``function`` with respect to ``array``, one entry at a time.

    Parameters
    ----------
    function : callable
        Returns a scalar that depends on the current contents of ``array``.
    array : ndarray of float64
        Of any shape; may be a view. Each entry is changed in place and restored.

    Returns
    -------
    ndarray
        (f(a + h) - f(a - h)) / 2h for each entry a of ``array``; same shape as ``array``.

    Raises
    ------
    TypeError
        If ``array`` is not float64: in float32 the differences are mostly rounding error.
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
    """Assert that ``gradient`` is the gradient of ``function`` with respect to ``array``.

    The error is max |analytic - numeric| / max(|numeric|, TINY), with both maxima over all entries. A NaN fails.

    Parameters
    ----------
    function, array
        As in ``central_differences``.
    gradient : ndarray
        The analytic gradient; same shape as ``array``.
    tolerance : float
        The error must be smaller than this.
    """
    assert gradient.shape == array.shape
    numeric = central_differences(function, array)
    difference = np.abs(gradient - numeric)
    error = difference.max() / max(np.abs(numeric).max(), TINY)
    worst = np.unravel_index(np.argmax(difference), difference.shape)
    assert error < tolerance, (
        f"relative error {error:.1e}; worst at {worst}: analytic {gradient[worst]}, numeric {numeric[worst]}"
    )


def assert_close(actual: np.ndarray | float, expected: np.ndarray | float, dtype: type[np.floating]) -> None:
    """Assert that ``actual``, computed in ``dtype``, equals ``expected``, computed in float64, up to rounding."""
    tolerance = TOLERANCE[np.dtype(dtype)]
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


def normal(generator: np.random.Generator, shape: tuple[int, ...], dtype: type[np.floating]) -> np.ndarray:
    """Draw standard normal values of ``shape``, rounded to ``dtype``."""
    return generator.standard_normal(shape).astype(dtype)


def doubles(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return float64 copies of the arrays, for the twins."""
    return tuple(array.astype(np.float64) for array in arrays)
