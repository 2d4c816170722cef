"""The gradient of a convolution's weights, the same for both directions:

    dW[p,q,c,o] += Σ_{n,i,j} field[n, stride i + p - padding, stride j + q - padding, c] windows[n,i,j,o]

As in kernels/machine/direct_conv.py, the (q, c) pairs of one kernel row are contiguous in the field: a *run*. So for
each p this is a matrix product whose k are the pixels of the windows (implicit GEMM, Chetlur et al. 2014). A tile of
the micro-kernel is some of the run by some of the window channels o; k goes from pixel to pixel, from row to row and
from picture to picture.

The pictures are processed in groups that fit the scratch. First the field is copied with zeros around it
(kernels/machine/padding.py) and the windows are packed into panels; then the threads share the tiles. Each tile adds
the pictures in their order, and the slices of k depend on the geometry alone. So the number of threads does not change
a bit."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from ava_np.kernels.machine.compile import kernel
from ava_np.kernels.machine.direct_conv import STORE_COST
from ava_np.kernels.machine.geometry import Geometry
from ava_np.kernels.machine.llvm import CACHE_LINE
from ava_np.kernels.machine.micro_kernel import Tile, host_tile, multiply_tile
from ava_np.kernels.machine.packing import copy_run, pack_panel, register_tile_and_packing
from ava_np.kernels.machine.padding import Frame, Reach, copy_frame, make_frame
from ava_np.kernels.machine.parallel import compile_part, cores, part_count, run_parts
from ava_np.kernels.machine.records import read, write

KC = 256  # pixels (k) in a slice, about: a panel of the windows takes 32 kB with AVX-512 and fits the L1 cache
BLOCK_TILES = 16  # tiles of a run in a packed block: 240 kB in float32 with AVX-512, which fits the L2 cache
MIN_PACKED_STRIDE = 2048  # bytes between pixels; from here on they share few sets of the L1 cache, so blocks are packed
GROUP_SCRATCH = 1 << 20  # scratch elements for a group of pictures, 4 MB in float32, unless one picture needs more


class Call(NamedTuple):
    """Record of a group of pictures: the number of parts and of pictures, and addresses."""

    parts: int
    pictures: int
    field: int
    windows: int
    dW: int  # noqa: N815
    copies: int
    panels: int
    blocks: int
    layout: int


class Layout(NamedTuple):
    """Record of what all calls of one geometry share.

    Attributes
    ----------
    windows_across, window_channels : int
        Pixels of a row of windows, and channels of a pixel.
    windows_are_panels : int
        1 if the windows are read where they lie, because they already have the layout of one panel.
    slice_pictures, slice_rows : int
        Of a slice of k: whole pictures, or rows of one picture.
    kernel_rows, run, tiles : int
        Taps down; (q, c) pairs of each; and tiles that cover the pairs.
    pixel : int
        Bytes from a field pixel to the one that the next window reads with the same tap.
    block : int
        Bytes of a part's packed block, or 0 if the field is read directly.
    frame : Frame
        Field pixels that the windows read.
    """

    windows_across: int
    window_channels: int
    windows_are_panels: int
    slice_pictures: int
    slice_rows: int
    kernel_rows: int
    run: int
    tiles: int
    pixel: int
    block: int
    frame: Frame


class Plan(NamedTuple):
    """What follows from a geometry.

    Attributes
    ----------
    words : ndarray
        The record, which lives as long as the plan.
    layout : int
        Address of the record.
    group : int
        Pictures in a group.
    multiply_adds : int
        For one picture.
    tiles : int
        Tiles of dW, each a sum that is not split.
    copy_size : int
        Bytes of one picture's copy.
    group_scratch, part_scratch : int
        Scratch elements for a group, and for each part.
    """

    words: np.ndarray
    layout: int
    group: int
    multiply_adds: int
    tiles: int
    copy_size: int
    group_scratch: int
    part_scratch: int


def add_weight_gradient(
    geometry: Geometry, dW: np.ndarray, windows: np.ndarray, field: np.ndarray, scratch: np.ndarray
) -> None:
    """Add the derivative of ⟨windows, A field⟩ to dW."""
    planned = plan(geometry, dW.dtype)
    prepare, multiply = part_addresses(dW.dtype)
    max_parts = min(planned.tiles, (scratch.size - planned.group_scratch) // planned.part_scratch)
    copies = -(-scratch.ctypes.data // CACHE_LINE) * CACHE_LINE
    for first in range(0, len(field), planned.group):
        pictures = min(planned.group, len(field) - first)
        parts = part_count(planned.multiply_adds * pictures, max_parts)
        call = Call(
            parts=parts,
            pictures=pictures,
            field=field[first:].ctypes.data,
            windows=windows[first:].ctypes.data,
            dW=dW.ctypes.data,
            copies=copies,
            panels=copies + planned.group * planned.copy_size,
            blocks=copies + planned.group_scratch * dW.itemsize,
            layout=planned.layout,
        )
        record = write(call)
        run_parts(prepare, parts, record)
        run_parts(multiply, parts, record)


def scratch_size(geometry: Geometry, dtype: np.dtype) -> int:
    """Return the number of scratch elements with which every core can help."""
    planned = plan(geometry, dtype)
    return planned.group_scratch + planned.part_scratch * cores()


@cache
def plan(geometry: Geometry, dtype: np.dtype) -> Plan:
    """Lay out field and windows in the scratch, and the slices of k."""
    size, tile, stride, padding = dtype.itemsize, host_tile(dtype.itemsize), geometry.stride, geometry.padding
    assert tile is not None
    (height, width, field_channels), (rows, columns, window_channels) = geometry.field, geometry.windows
    (kernel_rows, kernel_columns), run = geometry.weights[:2], geometry.row_fan_in
    field_pixel, pixels = field_channels * size, rows * columns
    down, across = Reach(padding, kernel_rows, stride, rows), Reach(padding, kernel_columns, stride, columns)
    frame = make_frame(height, width, field_pixel, down, across)
    rest = window_channels % tile.NR
    padded_channels = window_channels - rest + (0 if rest == 0 else tile.lanes if rest <= tile.lanes else tile.NR)
    windows_are_panels = padded_channels == window_channels <= tile.NR
    copy_size = (frame.picture + frame.left) * frame.is_copy
    picture_scratch = copy_size + (0 if windows_are_panels else padded_channels * pixels * size)
    group = max(1, GROUP_SCRATCH * size // max(1, picture_scratch))
    slice_pictures, slice_rows = max(1, KC // pixels), -(-rows // -(-pixels // KC))
    tiles = -(-run // tile.MR)
    # A block pays for its copy if more than two panels read it.
    is_packed = stride * field_pixel >= MIN_PACKED_STRIDE and window_channels > 2 * tile.NR
    slice_pixels = max(slice_pictures * pixels, slice_rows * columns)
    block = slice_pixels * (BLOCK_TILES * tile.MR * size + CACHE_LINE) if is_packed else 0
    layout = Layout(
        windows_across=columns,
        window_channels=window_channels,
        windows_are_panels=int(windows_are_panels),
        slice_pictures=slice_pictures,
        slice_rows=slice_rows,
        kernel_rows=kernel_rows,
        run=run,
        tiles=tiles,
        pixel=stride * field_pixel,
        block=block,
        frame=frame,
    )
    words = write(layout)
    return Plan(
        words=words,
        layout=words.ctypes.data,
        group=group,
        multiply_adds=pixels * padded_channels * (kernel_rows * run + STORE_COST),
        tiles=kernel_rows * tiles,
        copy_size=copy_size,
        group_scratch=-(-(group * picture_scratch + CACHE_LINE) // size),
        part_scratch=max(block, CACHE_LINE) // size,
    )


@cache
def part_addresses(dtype: np.dtype) -> tuple[int, int]:
    """Return the addresses of the machine code that prepares a group and that multiplies it."""
    tile = register_tile_and_packing(dtype)
    return compile_part(_prepare(dtype.type, tile)), compile_part(_multiply(dtype.type, tile))


def _prepare(scalar: type[np.floating], tile: Tile) -> Callable[..., None]:
    """Return the function that copies the fields of some pictures and packs their windows."""
    NR, lanes, size = tile.NR, tile.lanes, np.dtype(scalar).itemsize

    def prepare(index, record):  # type: ignore[no-untyped-def]
        call = read(Call, record)
        layout = read(Layout, call.layout)
        rows, channels = layout.frame.positions, layout.window_channels
        pixels = rows * layout.windows_across
        for n in range(index * call.pictures // call.parts, (index + 1) * call.pictures // call.parts):
            if layout.frame.is_copy:
                copy_frame(call.copies, call.field, n * rows, (n + 1) * rows, layout.frame)
            if layout.windows_are_panels:
                continue
            for o in range(0, channels, NR):
                columns = min(NR, channels - o)
                panel_row = (lanes if columns <= lanes else NR) * size
                panel = call.panels + o * size * call.pictures * pixels + n * pixels * panel_row
                source = call.windows + (n * pixels * channels + o) * size
                pack_panel(scalar, panel, panel_row, source, channels * size, size, pixels, columns)

    return prepare


def _multiply(scalar: type[np.floating], tile: Tile) -> Callable[..., None]:
    """Return the function that adds to some of the tiles of dW."""
    MR, NR, lanes, size = tile.MR, tile.NR, tile.lanes, np.dtype(scalar).itemsize

    def multiply(index, record):  # type: ignore[no-untyped-def]
        call = read(Call, record)
        layout = read(Layout, call.layout)
        frame, run, tiles, channels = layout.frame, layout.run, layout.tiles, layout.window_channels
        rows, across = frame.positions, layout.windows_across
        field = call.copies if frame.is_copy else call.field
        panels = call.windows if layout.windows_are_panels else call.panels
        pixels, dW_row = rows * across, channels * size
        block, block_pixel = call.blocks + index * layout.block, BLOCK_TILES * MR * size + CACHE_LINE
        begin = index * layout.kernel_rows * tiles // call.parts
        end = (index + 1) * layout.kernel_rows * tiles // call.parts
        for n in range(0, call.pictures, layout.slice_pictures):
            pictures = min(layout.slice_pictures, call.pictures - n)
            for i in range(0, rows, layout.slice_rows):
                lines = min(layout.slice_rows, rows - i)
                for p in range(begin // tiles, (end + tiles - 1) // tiles):
                    first, last = max(0, begin - p * tiles), min(tiles, end - p * tiles)
                    for start in range(first, last, BLOCK_TILES if layout.block else tiles):
                        stop = min(last, start + BLOCK_TILES) if layout.block else last
                        pair = start * run // tiles  # the first of the block
                        a = field + n * frame.picture + (frame.step * i + p) * frame.row + pair * size
                        a_pixel, a_line, a_picture = layout.pixel, frame.step * frame.row, frame.picture
                        if layout.block:
                            _pack_block(
                                block, block_pixel, a, a_pixel, a_line, a_picture, across, lines, pictures,
                                (stop * run // tiles - pair) * size,
                            )  # fmt: skip
                            a, a_pixel = block, block_pixel
                            a_line, a_picture = across * block_pixel, lines * across * block_pixel
                        for o in range(0, channels, NR):
                            columns = min(NR, channels - o)
                            panel_row = (lanes if columns <= lanes else NR) * size
                            panel = panels + o * size * call.pictures * pixels + (n * pixels + i * across) * panel_row
                            for t in range(start, stop):  # of nearly equal height
                                first_pair = t * run // tiles
                                c = call.dW + ((p * run + first_pair) * channels + o) * size
                                multiply_tile(
                                    scalar, a + (first_pair - pair) * size, size, a_pixel, a_line, a_picture,
                                    across, lines, pictures, panel, panel_row, panel, panel_row, c, dW_row, c, dW_row,
                                    (t + 1) * run // tiles - first_pair, columns,
                                )  # fmt: skip

    return multiply


@kernel
def _pack_block(  # type: ignore[no-untyped-def]
    block, block_pixel, source, pixel, row, picture, columns, rows, pictures, count
):  # fmt: skip
    """Copy ``count`` bytes of each pixel of a slice, one pixel after the other."""
    for n in range(pictures):
        for i in range(rows):
            for j in range(columns):
                copy_run(block, source + n * picture + i * row + j * pixel, count)
                block += block_pixel
