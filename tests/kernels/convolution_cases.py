"""Random convolutions for the tests: sizes, arrays, and the results of the plain-loop twins."""

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from ava_np.kernels import convolution
from ava_np.kernels.machine import conv_blas
from ava_np.kernels.machine.geometry import Geometry
from ava_np.kernels.twins import convolution as twin
from tests.oracles import assert_close, doubles, normal


class Case(NamedTuple):
    """A batch of fields, and the windows over each."""

    batch: int
    geometry: Geometry

    @property
    def field(self) -> tuple[int, ...]:
        """Shape of the fields."""
        return self.batch, *self.geometry.field

    @property
    def windows(self) -> tuple[int, ...]:
        """Shape of the windows."""
        return self.batch, *self.geometry.windows

    @property
    def step(self) -> tuple[int, int]:
        """Stride and padding, the arguments of every pass."""
        return self.geometry.stride, self.geometry.padding

    def scratch(self, dtype: type[np.floating], copies: int = 1) -> np.ndarray:
        """Scratch filled with NaN, which must not reach a result."""
        return np.full(copies * convolution.scratch_size(*self.geometry), np.nan, dtype)


def make_case(
    batch: int,
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: int,
    padding: int,
    field_channels: int,
    window_channels: int,
) -> Case:
    """Return the case of these sizes."""
    weights = (*kernel, field_channels, window_channels)
    return Case(batch, Geometry((*size, field_channels), weights, stride, padding))


def _has_windows(case: Case) -> bool:
    return min(case.geometry.windows) >= 1


small_cases = st.builds(
    make_case,
    batch=st.integers(1, 3),
    size=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=st.integers(1, 3) | st.integers(1, 20),
    padding=st.integers(0, 3) | st.integers(0, 9),
    field_channels=st.integers(1, 4),
    window_channels=st.integers(1, 4),
).filter(_has_windows)
"""Small enough for the twins. Some fields have pixels that no window covers: those need an output padding."""

large_cases = st.builds(
    make_case,
    batch=st.integers(1, 9),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    kernel=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    stride=st.integers(1, 3) | st.integers(1, 20),
    padding=st.integers(0, 3) | st.integers(0, 15),
    field_channels=st.integers(1, 150),
    window_channels=st.integers(1, 70),
).filter(_has_windows)
"""Too large for the twins, but large enough for several slices of k, panels of channels, tiles of a row and blocks."""

STRIDED = make_case(2, (8, 6), (3, 4), 2, 1, 3, 2)
"""Even and odd sizes, not square; as a transposed convolution it has an output padding of 1 down and 0 across."""

WIDE = make_case(5, (20, 17), (5, 4), 2, 2, 70, 40)
"""Several slices of k, panels of channels and tiles of a row, and more pictures than threads."""

WINDOW_BESIDE_THE_PICTURE = make_case(2, (4, 1), (2, 2), 6, 3, 64, 16)
"""Across, a window ends before the picture begins; down, it reaches the picture."""


def with_channels(case: Case, field_channels: int, window_channels: int) -> Case:
    """Return the case with other numbers of channels."""
    field, weights, stride, padding = case.geometry
    weights = (*weights[:2], field_channels, window_channels)
    return Case(case.batch, Geometry((*field[:2], field_channels), weights, stride, padding))


class Arrays(NamedTuple):
    """Normally distributed operands of a convolution."""

    field: np.ndarray
    windows: np.ndarray
    W: np.ndarray
    field_bias: np.ndarray
    window_bias: np.ndarray


def random_arrays(case: Case, seed: int, dtype: type[np.floating]) -> Arrays:
    """Draw all operands."""
    generator, (field, weights, *_) = np.random.default_rng(seed), case.geometry
    shapes = case.field, case.windows, weights, field[2:], weights[3:]
    return Arrays(*(normal(generator, shape, dtype) for shape in shapes))


class Results(NamedTuple):
    """A field + bias, Aᵀ windows + bias, and W plus the gradient of the weights."""

    windows: np.ndarray
    field: np.ndarray
    dW: np.ndarray  # noqa: N815


def empty_results(case: Case, seed: int, dtype: type[np.floating]) -> Results:
    """Results that are not computed yet: NaN where they are written, W where they are added."""
    arrays = random_arrays(case, seed, dtype)
    return Results(np.full_like(arrays.windows, np.nan), np.full_like(arrays.field, np.nan), arrays.W.copy())


def twin_results(case: Case, seed: int, dtype: type[np.floating]) -> Results:
    """The results of the plain loops, computed in float64 from the same operands."""
    field, windows, W, field_bias, window_bias = doubles(*random_arrays(case, seed, dtype))
    results = Results(np.empty_like(windows), np.empty_like(field), W.copy())
    twin.convolution_forward(results.windows, field, W, window_bias, *case.step)
    twin.transposed_convolution_forward(results.field, windows, W, field_bias, *case.step)
    twin.convolution_backward_parameters(results.dW, np.empty_like(window_bias), windows, field, *case.step)
    return results


def blas_results(case: Case, seed: int, dtype: type[np.floating]) -> Results:
    """The results of conv_blas, computed in ``dtype``: the reference where the twins are too slow."""
    field, windows, W, field_bias, window_bias = random_arrays(case, seed, dtype)
    results = empty_results(case, seed, dtype)
    conv_blas.correlate(case.geometry, results.windows, field, W, window_bias)
    conv_blas.correlate_transposed(case.geometry, results.field, windows, W, field_bias)
    conv_blas.add_weight_gradient(case.geometry, results.dW, windows, field)
    return results


def assert_close_by_size(actual: np.ndarray, expected: np.ndarray, dtype: type[np.floating]) -> None:
    """Assert that long sums agree, relative to the largest of them: single ones may cancel."""
    size = 1 + np.abs(expected).max()
    assert_close(actual / size, expected / size, dtype)
