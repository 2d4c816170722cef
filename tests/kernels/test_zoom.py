"""Zooming out and in: twin, central differences, transpose, identity, order of the axes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_np.kernels import zoom
from ava_np.kernels.twins import zoom as twin
from tests.oracles import FLOATS, assert_close, check_gradient, doubles, few_examples, normal, seeds

every_float = pytest.mark.parametrize("dtype", FLOATS)
every_direction = pytest.mark.parametrize("direction", ["zoom_out", "zoom_in"])
pictures = st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 3), st.sampled_from([1, 3]))
zooms = st.integers(1, 4)

Shape = tuple[int, int, int, int]


def enlarged(shape: Shape, k: int) -> Shape:
    """Return the shape of the large array for the small array's ``shape``."""
    return shape[0], k * shape[1], k * shape[2], shape[3]


def input_and_output_shape(direction: str, small: Shape, k: int) -> tuple[Shape, Shape]:
    """Return the shapes of input and output."""
    return (enlarged(small, k), small) if direction == "zoom_out" else (small, enlarged(small, k))


@every_direction
@every_float
@given(small=pictures, k=zooms, seed=seeds)
@few_examples
def test_forward_and_backward_match_the_twin(
    direction: str, dtype: type[np.floating], small: Shape, k: int, seed: int
) -> None:
    generator, (inputs, outputs) = np.random.default_rng(seed), input_and_output_shape(direction, small, k)
    x, dy = normal(generator, inputs, dtype), normal(generator, outputs, dtype)
    y, dx = np.full_like(dy, np.nan), np.full_like(x, np.nan)  # both are written, whatever they held before
    expected_y, expected_dx = doubles(y, dx)

    getattr(zoom, f"{direction}_forward")(y, x, k)
    getattr(zoom, f"{direction}_backward")(dx, dy, k)

    x, dy = doubles(x, dy)
    getattr(twin, f"{direction}_forward")(expected_y, x, k)
    getattr(twin, f"{direction}_backward")(expected_dx, dy, k)
    assert_close(y, expected_y, dtype)
    assert_close(dx, expected_dx, dtype)


@every_direction
@given(small=pictures, k=zooms, seed=seeds)
@few_examples
def test_backward_matches_central_differences(direction: str, small: Shape, k: int, seed: int) -> None:
    generator, (inputs, outputs) = np.random.default_rng(seed), input_and_output_shape(direction, small, k)
    x, weight = normal(generator, inputs, np.float64), normal(generator, outputs, np.float64)
    y, dx = np.empty_like(weight), np.empty_like(x)

    def objective() -> float:
        getattr(zoom, f"{direction}_forward")(y, x, k)
        return float(np.sum(weight * y))

    getattr(zoom, f"{direction}_backward")(dx, weight, k)
    check_gradient(objective, x, dx)


@every_direction
@given(small=pictures, k=zooms, seed=seeds)
@few_examples
def test_backward_is_the_transpose_of_forward(direction: str, small: Shape, k: int, seed: int) -> None:
    """⟨y, A x⟩ = ⟨Aᵀ y, x⟩."""
    generator, (inputs, outputs) = np.random.default_rng(seed), input_and_output_shape(direction, small, k)
    x, y = normal(generator, inputs, np.float64), normal(generator, outputs, np.float64)
    forward, transposed = np.empty_like(y), np.empty_like(x)
    getattr(zoom, f"{direction}_forward")(forward, x, k)
    getattr(zoom, f"{direction}_backward")(transposed, y, k)
    assert_close(np.vdot(y, forward), np.vdot(transposed, x), np.float64)


@given(small=pictures, k=zooms, seed=seeds)
@few_examples
def test_zooming_in_and_out_again_is_the_identity(small: Shape, k: int, seed: int) -> None:
    x = normal(np.random.default_rng(seed), small, np.float64)
    large, back = np.empty(enlarged(small, k)), np.empty(small)
    zoom.zoom_in_forward(large, x, k)
    zoom.zoom_out_forward(back, large, k)
    assert_close(back, x, np.float64)


def test_constant_pictures_stay_constant() -> None:
    small, large = np.empty((2, 3, 2, 3)), np.full((2, 9, 6, 3), 0.7)
    zoom.zoom_out_forward(small, large, 3)
    assert_close(small, 0.7, np.float64)
    zoom.zoom_in_forward(large, np.full((2, 3, 2, 3), 0.7), 3)
    np.testing.assert_array_equal(large, 0.7)


def test_zoom_in_sums_the_errors_and_zoom_out_divides_them() -> None:
    """A mean instead of the sum would make the errors of every layer below k² times too small."""
    small, large = np.empty((1, 2, 2, 1)), np.empty((1, 6, 6, 1))
    zoom.zoom_in_backward(small, np.ones((1, 6, 6, 1)), 3)
    np.testing.assert_array_equal(small, 9)
    zoom.zoom_out_backward(large, np.ones((1, 2, 2, 1)), 3)
    assert_close(large, 1 / 9, np.float64)


def test_blocks_rows_columns_and_channels_keep_their_order() -> None:
    """Two neighbouring blocks with two channels; all values differ."""
    x = np.arange(16.0).reshape(1, 2, 4, 2)  # x[0, i, j, c] = 8 i + 2 j + c
    y = np.empty((1, 1, 2, 2))
    zoom.zoom_out_forward(y, x, 2)
    np.testing.assert_array_equal(y, [[[[5, 6], [9, 10]]]])
    zoom.zoom_in_forward(x, y, 2)
    np.testing.assert_array_equal(x, [[[[5, 6], [5, 6], [9, 10], [9, 10]]] * 2])


def test_nan_stays_in_its_block() -> None:
    x, y = np.zeros((1, 4, 4, 1)), np.empty((1, 2, 2, 1))
    x[0, 3, 0, 0] = np.nan
    zoom.zoom_out_forward(y, x, 2)
    np.testing.assert_array_equal(np.isnan(y[0, :, :, 0]), [[False, False], [True, False]])
