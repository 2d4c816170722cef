"""Padded copies of pictures, compared with ``numpy.pad``."""

from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ava_np.kernels.machine.padding import Reach, copy_frame, make_frame
from tests.oracles import few_examples

reaches = st.builds(
    Reach,
    before=st.integers(0, 4),
    extent=st.integers(1, 4),
    step=st.integers(1, 3),
    positions=st.integers(1, 5),
)


class Pictures(NamedTuple):
    """A batch of pictures, and a range of grid rows, counted over the batch."""

    batch: np.ndarray
    down: Reach
    across: Reach
    begin: int
    end: int


@st.composite
def pictures(draw: st.DrawFn) -> Pictures:
    """Draw pictures in which each pixel has a value of its own."""
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 8), st.integers(1, 8), st.integers(1, 2)))
    down, across = draw(reaches), draw(reaches)
    rows = shape[0] * down.positions
    begin = draw(st.integers(0, rows - 1))
    return Pictures(
        1.0 + np.arange(np.prod(shape)).reshape(shape), down, across, begin, draw(st.integers(begin + 1, rows))
    )


def padded(batch: np.ndarray, down: Reach, across: Reach) -> np.ndarray:
    """The rectangle that the grid reads from each picture, by ``numpy.pad``."""
    _, height, width, _ = batch.shape
    after = max(0, down.length - down.before - height), max(0, across.length - across.before - width)
    whole = np.pad(batch, ((0, 0), (down.before, after[0]), (across.before, after[1]), (0, 0)))
    return whole[:, : down.length, : across.length]


@given(case=pictures())
@settings(few_examples, max_examples=100)
def test_a_copy_holds_the_pictures_with_zeros_around_them(case: Pictures) -> None:
    batch, down, across, begin, end = case
    _, height, width, channels = batch.shape
    frame = make_frame(height, width, channels * batch.itemsize, down, across)
    expected = padded(batch, down, across)
    if not frame.is_copy:
        np.testing.assert_array_equal(expected, batch[:, : down.length, : across.length])
        assert frame.copy_size(end - begin) == 0
        return

    margin = 8
    memory = np.full(frame.copy_size(end - begin) // 8 + 2 * margin, np.nan)
    first_byte = begin // down.positions * frame.picture + begin % down.positions * down.step * frame.row
    copy_frame(memory.ctypes.data + 8 * margin - first_byte, batch.ctypes.data, begin, end, frame)

    for row in range(begin, end):
        n, i = divmod(row, down.positions)
        for u in range(down.step * i, down.step * i + down.extent):
            start = margin + (n * frame.picture + u * frame.row - first_byte) // 8
            copied = memory[start : start + frame.row // 8].reshape(across.length, channels)
            np.testing.assert_array_equal(copied, expected[n, u])
    np.testing.assert_array_equal(memory[:margin], np.nan)
    np.testing.assert_array_equal(memory[-margin:], np.nan)


def test_a_grid_within_the_picture_is_read_without_a_copy() -> None:
    inside = Reach(before=0, extent=3, step=2, positions=3)
    assert not make_frame(7, 7, 8, inside, inside).is_copy
    assert make_frame(6, 7, 8, inside, inside).is_copy
    assert make_frame(7, 7, 8, inside._replace(before=1), inside).is_copy
