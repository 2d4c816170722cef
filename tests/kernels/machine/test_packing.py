"""Packing against plain loops: every width of a panel, both directions, and nothing read or written beyond."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ava_np.kernels.machine.compile import kernel
from ava_np.kernels.machine.micro_kernel import Tile, host_tile
from ava_np.kernels.machine.packing import (
    add_run,
    clear_run,
    copy_element,
    copy_run,
    copy_vectors,
    pack_panel,
    register_tile_and_packing,
    transpose_blocks,
)
from tests.kernels.machine import packing_in_guarded_memory
from tests.oracles import FLOATS, normal

pytestmark = pytest.mark.skipif(host_tile(4) is None, reason="this machine has no micro-kernel")
every_float = pytest.mark.parametrize("dtype", FLOATS)
every_layout = pytest.mark.parametrize("layout", ["rows", "columns", "neither"])


@pytest.fixture(autouse=True, scope="module")
def _registered() -> None:
    for scalar in FLOATS:
        register_tile_and_packing(np.dtype(scalar))


@kernel
def call_pack_panel(scalar, target, row, source, step, column, depth, columns):  # type: ignore[no-untyped-def]
    pack_panel(scalar, target, row, source, step, column, depth, columns)


@kernel
def call_transpose_blocks(scalar, target, target_row, source, column, count, squares):  # type: ignore[no-untyped-def]
    transpose_blocks(scalar, target, target_row, source, column, count, squares)


@kernel
def call_copy_two_vectors(scalar, target, target_row, source, source_row, depth):  # type: ignore[no-untyped-def]
    copy_vectors(scalar, 2, target, target_row, source, source_row, depth)


@kernel
def call_copy_run(target, source, count):  # type: ignore[no-untyped-def]
    copy_run(target, source, count)


@kernel
def call_clear_run(target, count):  # type: ignore[no-untyped-def]
    clear_run(target, count)


@kernel
def call_copy_element(scalar, target, source):  # type: ignore[no-untyped-def]
    copy_element(scalar, target, source)


@kernel
def call_add_run(scalar, target, source, count):  # type: ignore[no-untyped-def]
    add_run(scalar, target, source, count)


def tile_for(dtype: type[np.floating]) -> Tile:
    tile = host_tile(np.dtype(dtype).itemsize)
    assert tile is not None
    return tile


def block(depth: int, columns: int, dtype: type[np.floating], layout: str) -> np.ndarray:
    """Random elements, none of them 0, with contiguous rows or columns or neither, and NaN between them."""
    values = 1 + np.abs(normal(np.random.default_rng(0), (depth, columns), dtype))
    if layout == "rows":
        memory = np.full((depth, columns + 3), np.nan, dtype)
        view = memory[:, 1 : 1 + columns]
    elif layout == "columns":
        memory = np.full((columns, depth + 3), np.nan, dtype)
        view = memory[:, 1 : 1 + depth].T
    else:
        memory = np.full((2 * depth, 3 * columns), np.nan, dtype)
        view = memory[::2, ::3]
    view[:] = values
    return view


def plain_panel(B: np.ndarray, width: int) -> np.ndarray:
    """What ``pack_panel`` does, element by element."""
    panel = np.zeros((len(B), width), B.dtype)
    for k in range(B.shape[0]):
        for j in range(B.shape[1]):
            panel[k, j] = B[k, j]
    return panel


def widths(tile: Tile) -> list[tuple[int, int]]:
    """Columns of B and width of the panel: every number up to NR, and, where one vector suffices, up to its lanes."""
    return [(c, tile.NR) for c in range(1, tile.NR + 1)] + [(c, tile.lanes) for c in range(1, tile.lanes + 1)]


@every_float
@every_layout
def test_panels_match_a_plain_loop(dtype: type[np.floating], layout: str) -> None:
    tile, size = tile_for(dtype), np.dtype(dtype).itemsize
    for columns, width in widths(tile):
        for depth in (0, 1, tile.lanes - 1, tile.lanes, 2 * tile.lanes + 3):
            B = block(depth, columns, dtype, layout)
            step, column = B.strides
            frame = np.full((depth + 2, width), np.nan, dtype)  # a row before and one after the panel
            call_pack_panel(dtype, frame[1:].ctypes.data, width * size, B.ctypes.data, step, column, depth, columns)
            np.testing.assert_array_equal(frame[1:-1], plain_panel(B, width), f"{columns} of {width}, depth {depth}")
            assert np.all(np.isnan(frame[[0, -1]]))


@every_float
@pytest.mark.parametrize("squares", range(4))
def test_blocks_are_transposed(dtype: type[np.floating], squares: int) -> None:
    lanes = tile_for(dtype).lanes
    for count in (1, lanes - 1, lanes):
        columns = block(squares * lanes, count, dtype, "columns")
        frame = np.full((squares * lanes + 2, lanes + 3), np.nan, dtype)
        target = frame[1:-1, 2 : 2 + lanes]
        call_transpose_blocks(
            dtype, target.ctypes.data, target.strides[0], columns.ctypes.data, columns.strides[1], count, squares
        )
        np.testing.assert_array_equal(target[:, :count], columns)
        assert not target[:, count:].any()
        target[:] = np.nan
        assert np.all(np.isnan(frame))


@every_float
@pytest.mark.parametrize("depth", [0, 1, 7])
def test_two_vectors_of_each_row_are_copied(dtype: type[np.floating], depth: int) -> None:
    width = 2 * tile_for(dtype).lanes
    rows = block(depth, width, dtype, "rows")
    frame = np.full((depth + 2, width + 3), np.nan, dtype)
    target = frame[1:-1, 2 : 2 + width]
    call_copy_two_vectors(dtype, target.ctypes.data, target.strides[0], rows.ctypes.data, rows.strides[0], depth)
    np.testing.assert_array_equal(target, rows)
    target[:] = np.nan
    assert np.all(np.isnan(frame))


@pytest.mark.parametrize("count", [0, 1, 3, 8, 63, 64, 65, 1000])
def test_runs_of_bytes_are_copied_and_cleared(count: int) -> None:
    source = np.arange(1, count + 1).astype(np.uint8) | 1
    frame = np.full(count + 2, 7, np.uint8)
    call_copy_run(frame[1:].ctypes.data, source.ctypes.data, count)
    np.testing.assert_array_equal(frame, [7, *source, 7])
    call_clear_run(frame[1:].ctypes.data, count)
    np.testing.assert_array_equal(frame, [7, *[0] * count, 7])


@every_float
def test_one_element_is_copied(dtype: type[np.floating]) -> None:
    frame, source = np.zeros(3, dtype), np.array([0.1], dtype)
    call_copy_element(dtype, frame[1:].ctypes.data, source.ctypes.data)
    np.testing.assert_array_equal(frame, np.array([0, 0.1, 0], dtype))


@every_float
def test_runs_of_every_length_are_added(dtype: type[np.floating]) -> None:
    generator, lanes = np.random.default_rng(0), tile_for(dtype).lanes
    for count in range(-2, 3 * lanes + 2):
        length = max(count, 0)
        target, source = normal(generator, (length + 2,), dtype), normal(generator, (length,), dtype)
        expected = target.copy()
        expected[1 : 1 + length] += source
        call_add_run(dtype, target[1:].ctypes.data, source.ctypes.data, count)
        np.testing.assert_array_equal(target, expected)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="locks memory with a system call of Linux")
def test_memory_beyond_an_array_is_neither_read_nor_written() -> None:
    script = packing_in_guarded_memory.__name__
    subprocess.run([sys.executable, "-m", script], cwd=Path(__file__).parents[3], check=True)
