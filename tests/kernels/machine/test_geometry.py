"""Sizes of convolutions and sub-pixel grids, compared with lists of every window and tap."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ava_np.kernels.machine.geometry import Geometry, output_size, subpixel_grids, transposed_output_size
from tests.kernels.convolution_cases import WIDE, Case, small_cases

sizes = {
    "size": st.integers(1, 40),
    "kernel": st.integers(1, 7),
    "stride": st.integers(1, 5),
    "padding": st.integers(0, 3),
}
examples = settings(max_examples=60, deadline=None, derandomize=True)


@given(**sizes)
@examples
def test_output_size_counts_the_windows_that_fit_into_the_padded_field(
    size: int, kernel: int, stride: int, padding: int
) -> None:
    starts = [start for start in range(-padding, size + padding, stride) if start + kernel <= size + padding]
    assert max(output_size(size, kernel, stride, padding), 0) == len(starts)


@given(**sizes)
@examples
def test_transposed_output_size_inverts_output_size(size: int, kernel: int, stride: int, padding: int) -> None:
    """``stride`` field sizes have the same number of windows; the output padding selects one of them."""
    windows = output_size(size, kernel, stride, padding)
    fields = [transposed_output_size(windows, kernel, stride, padding, more) for more in range(stride)]
    assert size in fields
    assert {output_size(field, kernel, stride, padding) for field in fields} == {windows}


def test_geometry_derives_windows_and_fan_in() -> None:
    assert WIDE.geometry.windows == (10, 9, 40)
    assert WIDE.geometry.row_fan_in == 4 * 70


def test_equal_geometries_are_one_key_of_a_cache() -> None:
    first, second = (Geometry((4, 4, 1), (3, 3, 1, 2), 1, 1) for _ in range(2))
    assert first is not second
    assert len({first, second}) == 1


def steps(geometry: Geometry, transposed: bool) -> tuple[int, int, int]:
    """Input step, output step and tap step of the equation in kernels/machine/direct_conv.py."""
    return (1, geometry.stride, -geometry.stride) if transposed else (geometry.stride, 1, 1)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("axis", [0, 1])
@given(case=small_cases)
@examples
def test_subpixel_grids_partition_the_output(axis: int, transposed: bool, case: Case) -> None:
    geometry = case.geometry
    _, output_step, _ = steps(geometry, transposed)
    grids = subpixel_grids(geometry, axis, transposed=transposed)
    written = [grid.first + output_step * i for grid in grids for i in range(grid.positions)]
    size = geometry.field[axis] if transposed else geometry.windows[axis]
    assert sorted(written) == list(range(size))


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("axis", [0, 1])
@given(case=small_cases)
@examples
def test_subpixel_grids_cover_every_window_and_tap_once(axis: int, transposed: bool, case: Case) -> None:
    """Among the terms (window, field pixel, tap) whose window and pixel exist; the others read zeros."""
    geometry, terms = case.geometry, []
    input_step, output_step, tap_step = steps(geometry, transposed)
    for grid in subpixel_grids(geometry, axis, transposed=transposed):
        for i in range(grid.positions):
            for t in range(grid.taps):
                output = output_step * i + grid.first
                input = input_step * i + grid.start + t
                window, pixel = (input, output) if transposed else (output, input)
                terms.append((window, pixel, grid.first_tap + tap_step * t))
    windows, field = range(geometry.windows[axis]), range(geometry.field[axis])
    expected = [
        (window, geometry.stride * window + tap - geometry.padding, tap)
        for window in windows
        for tap in range(geometry.weights[axis])
        if geometry.stride * window + tap - geometry.padding in field
    ]
    assert sorted(term for term in terms if term[0] in windows and term[1] in field) == expected
