"""A field of few channels from its windows, field = Aᵀ windows, by scattering (col2im): colours, or their error.

kernels/machine/direct_conv.py keeps the channels of its output side by side in vectors, which would be mostly empty
here. This file keeps the windows of a picture side by side instead. For each kernel row p, each (tap q, channel c) pair
gives a picture of contributions,

    contributions[q,c][i,j] = Σ_o W[p,q,c,o] windows[i,j,o]            one matrix product for each p

which belong to the field pixels u = stride i + p - padding and v = stride j + q - padding. Pixels that are ``stride``
apart, down and across, are a *sub-pixel grid* (Shi et al. 2016). The scratch holds the stride² grids of each channel
apart from each other, each as a contiguous picture. So a picture of contributions is added as a whole to
grids[p mod stride, q mod stride, c], moved down by p div stride rows and right by q div stride pixels. The rows end
with enough zeros for every move, so this is one addition of two vectors. Finally the grids are interleaved to the field
(pixel shuffle)."""

from collections.abc import Callable
from functools import cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from ava_np.kernels.machine.compile import kernel
from ava_np.kernels.machine.direct_conv import STORE_COST
from ava_np.kernels.machine.geometry import Geometry
from ava_np.kernels.machine.llvm import CACHE_LINE
from ava_np.kernels.machine.micro_kernel import Tile, host_tile, multiply_tile
from ava_np.kernels.machine.packing import (
    add_run,
    clear_run,
    copy_element,
    copy_run,
    pack_panel,
    register_tile_and_packing,
)
from ava_np.kernels.machine.padding import Frame, Reach, copy_frame, make_frame
from ava_np.kernels.machine.parallel import compile_part, cores, part_count, run_parts
from ava_np.kernels.machine.records import read, write

MAX_SCRATCH = 1 << 24  # scratch elements for all threads, 64 MB in float32, unless one thread alone needs more


class Call(NamedTuple):
    """Record of a call: the number of parts and of pictures, and addresses; ``bias`` 0 means no bias."""

    parts: int
    pictures: int
    windows: int
    field: int
    W: int
    bias: int
    scratch: int
    layout: int


class Layout(NamedTuple):
    """Record of what all calls of one geometry share.

    Attributes
    ----------
    scratch : int
        Bytes of scratch for a part. It starts with a copy of the windows, with zeros at the end of each row.
    panels, contributions, grids : int
        Bytes from there to the same windows in panels, to the contributions and to the sub-pixel grids.
    field_rows, field_columns, field_channels : int
        Shape of the field.
    window_channels : int
        Channels of the windows.
    kernel_rows, kernel_columns, stride, padding : int
        Taps, and pixels between windows and before the first.
    row, picture, grid : int
        Elements of a row with its zeros, of a picture of windows in whole panels, and of a sub-pixel grid.
    frame : Frame
        Windows with zeros at the end of each row.
    """

    scratch: int
    panels: int
    contributions: int
    grids: int
    field_rows: int
    field_columns: int
    field_channels: int
    window_channels: int
    kernel_rows: int
    kernel_columns: int
    stride: int
    padding: int
    row: int
    picture: int
    grid: int
    frame: Frame


class Plan(NamedTuple):
    """What follows from a geometry.

    Attributes
    ----------
    words : ndarray
        The record, which lives as long as the plan.
    layout : int
        Address of the record.
    part_scratch : int
        Scratch elements for each part.
    multiply_adds : int
        For one picture.
    """

    words: np.ndarray
    layout: int
    part_scratch: int
    multiply_adds: int


def correlate_transposed(
    geometry: Geometry,
    field: np.ndarray,
    windows: np.ndarray,
    W: np.ndarray,
    b: np.ndarray | None,
    scratch: np.ndarray,
) -> None:
    """Write field = Aᵀ windows, plus b."""
    planned, pictures = plan(geometry, W.dtype), len(field)
    parts = min(part_count(planned.multiply_adds * pictures, pictures), scratch.size // planned.part_scratch)
    call = Call(
        parts=parts,
        pictures=pictures,
        windows=windows.ctypes.data,
        field=field.ctypes.data,
        W=W.ctypes.data,
        bias=0 if b is None else b.ctypes.data,
        scratch=scratch.ctypes.data,
        layout=planned.layout,
    )
    run_parts(part_address(W.dtype), parts, write(call))


def scratch_size(geometry: Geometry, dtype: np.dtype) -> int:
    """Return the number of scratch elements with which every core can help; fewer cores if it were > MAX_SCRATCH."""
    part_scratch = plan(geometry, dtype).part_scratch
    return part_scratch * max(1, min(cores(), MAX_SCRATCH // part_scratch))


@cache
def plan(geometry: Geometry, dtype: np.dtype) -> Plan:
    """Lay out the scratch of a part."""
    size, tile = dtype.itemsize, host_tile(dtype.itemsize)
    assert tile is not None
    (height, width, field_channels), (rows, columns, window_channels) = geometry.field, geometry.windows
    (kernel_rows, kernel_columns), stride, padding = geometry.weights[:2], geometry.stride, geometry.padding
    grid_row = max(columns + (kernel_columns - 1) // stride, (width - 1 + padding) // stride + 1)
    grid_rows = max(rows + (kernel_rows - 1) // stride, (height - 1 + padding) // stride + 1)
    grid = grid_rows * grid_row + (kernel_columns - 1) // stride
    picture = -(-rows * grid_row // tile.NR) * tile.NR
    lengths = (  # the windows, the same in panels, the contributions, the grids
        picture * window_channels,
        picture * window_channels,
        picture * geometry.row_fan_in,
        grid * field_channels * stride * stride,
    )
    line = CACHE_LINE // size
    _, panels, contributions, grids, end = accumulate((-(-length // line) * line for length in lengths), initial=0)
    layout = Layout(
        scratch=(end + line) * size,
        panels=panels * size,
        contributions=contributions * size,
        grids=grids * size,
        field_rows=height,
        field_columns=width,
        field_channels=field_channels,
        window_channels=window_channels,
        kernel_rows=kernel_rows,
        kernel_columns=kernel_columns,
        stride=stride,
        padding=padding,
        row=grid_row,
        picture=picture,
        grid=grid,
        frame=make_frame(rows, columns, window_channels * size, Reach(0, 1, 1, rows), Reach(0, 1, 1, grid_row)),
    )
    multiply_adds = picture * kernel_rows * geometry.row_fan_in * (window_channels + STORE_COST)
    words = write(layout)
    return Plan(words, words.ctypes.data, end + line, multiply_adds)


@cache
def part_address(dtype: np.dtype) -> int:
    """Return the address of the machine code of a part."""
    return compile_part(_part(dtype.type, register_tile_and_packing(dtype)))


def _part(scalar: type[np.floating], tile: Tile) -> Callable[..., None]:
    """Return the function that writes some of the pictures."""
    MR, NR, size = tile.MR, tile.NR, np.dtype(scalar).itemsize

    def part(index, record):  # type: ignore[no-untyped-def]
        call = read(Call, record)
        layout = read(Layout, call.layout)
        frame, stride, row, picture = layout.frame, layout.stride, layout.row, layout.picture
        channels, window_channels = layout.field_channels, layout.window_channels
        copy = (call.scratch + index * layout.scratch + CACHE_LINE - 1) // CACHE_LINE * CACHE_LINE
        panels, contributions, grids = copy + layout.panels, copy + layout.contributions, copy + layout.grids
        run, pixel, used = layout.kernel_columns * channels, window_channels * size, frame.positions * row
        tiles = (run + MR - 1) // MR
        for n in range(index * call.pictures // call.parts, (index + 1) * call.pictures // call.parts):
            source = call.windows + n * frame.source_picture
            if frame.is_copy:
                copy_frame(copy, source, 0, frame.positions, frame)
            else:
                copy_run(copy, source, used * pixel)
            clear_run(copy + used * pixel, (picture - used) * pixel)
            for j in range(0, picture, NR):
                pack_panel(scalar, panels + j * pixel, NR * size, copy + j * pixel, size, pixel, window_channels, NR)
            _fill_grids(scalar, size, grids, call.bias, layout)
            for p in range(layout.kernel_rows):
                for j in range(0, picture, NR):
                    for t in range(tiles):  # of nearly equal height
                        pair = t * run // tiles
                        multiply_tile(
                            scalar, call.W + (p * run + pair) * pixel, pixel, size, 0, 0, window_channels, 1, 1,
                            panels + j * pixel, NR * size, panels + j * pixel, NR * size,
                            contributions + (pair * picture + j) * size, picture * size, 0, 0,
                            (t + 1) * run // tiles - pair, NR,
                        )  # fmt: skip
                for q in range(layout.kernel_columns):
                    first_grid = (p % stride * stride + q % stride) * channels
                    for c in range(channels):
                        target = grids + ((first_grid + c) * layout.grid + p // stride * row + q // stride) * size
                        add_run(scalar, target, contributions + (q * channels + c) * picture * size, used)
            field_picture = layout.field_rows * layout.field_columns * channels * size
            _interleave(scalar, size, call.field + n * field_picture, grids, layout)

    return part


@kernel
def _fill_grids(scalar, size, grids, bias, layout):  # type: ignore[no-untyped-def]
    """Write the bias, or 0, to every element."""
    count = layout.stride * layout.stride
    clear_run(grids, count * layout.field_channels * layout.grid * size)
    if bias:
        for grid in range(count):
            for c in range(layout.field_channels):
                for k in range(layout.grid):
                    target = grids + ((grid * layout.field_channels + c) * layout.grid + k) * size
                    copy_element(scalar, target, bias + c * size)


@kernel
def _interleave(scalar, size, field, grids, layout):  # type: ignore[no-untyped-def]
    """Copy every pixel of a field from its sub-pixel grid."""
    stride, channels, width = layout.stride, layout.field_channels, layout.field_columns
    for u in range(layout.field_rows):
        down, i = (u + layout.padding) % stride, (u + layout.padding) // stride
        for first in range(min(stride, width)):
            across, j = (first + layout.padding) % stride, (first + layout.padding) // stride
            for c in range(channels):
                grid = (down * stride + across) * channels + c
                source = grids + (grid * layout.grid + i * layout.row + j) * size
                target = field + ((u * width + first) * channels + c) * size
                for k in range((width - first + stride - 1) // stride):
                    copy_element(scalar, target + k * stride * channels * size, source + k * size)
