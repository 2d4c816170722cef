"""Both directions of a convolution as an implicit GEMM: loops around the micro-kernel that copy no windows.

Along each axis of a picture, both directions read input pixels under some taps of the kernel and write output pixels:

    output[output_step i + first] = bias + Σ_t input[input_step i + start + t] W[first_tap + tap_step t]      t < taps

The input is 0 outside the picture.

* windows = A field: input_step is the stride, output_step = tap_step = 1, and t counts all taps of the kernel.
* field = Aᵀ windows: window i covers field pixel u with its tap p where u + padding = stride i + p. So only one tap in
  ``stride`` reaches a pixel u, and the pixels u = first, first + stride, ... are reached by the same taps. Each of
  these *sub-pixel grids* is one sum as above, a convolution of stride 1 (Shi et al. 2016), with input_step = 1 and
  output_step = stride. Its taps run backwards, tap_step = -stride: a later window covers the pixel with an earlier tap.

In NHWC the (tap across, channel) pairs of one kernel row are contiguous, in the picture as well as in W. Therefore the
windows are not unfolded into a matrix (im2col): the micro-kernel gets the address of each kernel row. This is implicit
GEMM (Chetlur et al. 2014, cuDNN). A tile is some pixels of one output row by some output channels. k runs through
(tap down, tap across, channel) in slices of at most KC, so that a panel of W stays in the L1 cache while all pixels of
a block of output rows read it. The rows that a block reads are first copied with zeros around them where the windows
reach beyond the picture (kernels/machine/padding.py).

Every sum is computed within one block, and the slices depend on the geometry alone. So neither the number of threads
nor the size of blocks changes a bit."""

from collections.abc import Callable
from functools import cache
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np

from ava_np.kernels.machine.compile import kernel
from ava_np.kernels.machine.geometry import Geometry, SubPixelGrid, subpixel_grids
from ava_np.kernels.machine.llvm import CACHE_LINE
from ava_np.kernels.machine.micro_kernel import Tile, host_tile, multiply_tile
from ava_np.kernels.machine.packing import pack_panel, register_tile_and_packing
from ava_np.kernels.machine.padding import Frame, Reach, copy_frame, make_frame
from ava_np.kernels.machine.parallel import compile_part, cores, part_count, run_parts
from ava_np.kernels.machine.records import read, read_row, write

KC = 320  # k in a slice: a panel of W takes 40 kB with AVX-512 and 20 kB with AVX2, within the L1 cache
BLOCK_PIXELS = 512  # positions of a sub-pixel grid in a block: what they read and write fits the L2 cache
STORE_COST = 64  # multiply-adds that take as long as storing one element of the output, to estimate the work


class Call(NamedTuple):
    """Record of a call: the number of parts and of grid rows in the batch, and addresses; ``bias`` 0 means no bias."""

    parts: int
    rows: int
    input: int
    output: int
    W: int
    bias: int
    scratch: int
    layout: int
    slices: int


class Layout(NamedTuple):
    """Record of what all calls of one geometry share. Strides are in bytes.

    Attributes
    ----------
    scratch, panel : int
        Bytes of scratch for a part, and those of the panel of W at its start. The copied rows follow.
    block_rows : int
        Grid rows in a block.
    slices : int
        Number of ``KSlice`` records.
    input_pixel : int
        From the input pixels of a position to those of the next.
    output_picture, output_row, output_pixel : int
        From a picture, a grid row and a position to the next.
    W_row, W_tap, W_k, W_column : int
        In W, from a tap down, a tap across, an input channel and an output channel to the next.
    input_channels, output_channels : int
        Channels of a pixel.
    frame : Frame
        Input pixels that all sub-pixel grids read.
    """

    scratch: int
    panel: int
    block_rows: int
    slices: int
    input_pixel: int
    output_picture: int
    output_row: int
    output_pixel: int
    W_row: int
    W_tap: int
    W_k: int
    W_column: int
    input_channels: int
    output_channels: int
    frame: Frame


class KSlice(NamedTuple):
    """Record of a slice of the k of one sub-pixel grid.

    Attributes
    ----------
    rows, columns : int
        Positions of the grid, down and across.
    output, input : int
        Bytes from a picture's first output pixel to that of position (0, 0), and from the frame's first to its first k.
    taps, k, steps : int
        Taps down; for each of them, the first (tap across, channel) pair and the number of pairs.
    weights : int
        Bytes from the first element of W to the first tap across of the first tap down.
    is_first : int
        1 if these are the grid's first k, which are added to the bias.
    """

    rows: int
    columns: int
    output: int
    input: int
    taps: int
    k: int
    steps: int
    weights: int
    is_first: int


class Plan(NamedTuple):
    """What follows from a geometry.

    Attributes
    ----------
    words : tuple of ndarray
        The records, which live as long as the plan.
    layout, slices : int
        Addresses of the records.
    rows, multiply_adds : int
        Grid rows of one picture, and its work.
    part_scratch : int
        Scratch elements for each part.
    """

    words: tuple[np.ndarray, ...]
    layout: int
    slices: int
    rows: int
    multiply_adds: int
    part_scratch: int


def correlate(
    geometry: Geometry,
    windows: np.ndarray,
    field: np.ndarray,
    W: np.ndarray,
    b: np.ndarray | None,
    scratch: np.ndarray,
) -> None:
    """Write windows = A field, plus b."""
    _run(plan(geometry, W.dtype, False), windows, field, W, b, scratch)


def correlate_transposed(
    geometry: Geometry,
    field: np.ndarray,
    windows: np.ndarray,
    W: np.ndarray,
    b: np.ndarray | None,
    scratch: np.ndarray,
) -> None:
    """Write field = Aᵀ windows, plus b."""
    _run(plan(geometry, W.dtype, True), field, windows, W, b, scratch)


def scratch_size(geometry: Geometry, dtype: np.dtype, *, transposed: bool) -> int:
    """Return the number of scratch elements with which every core can help."""
    return plan(geometry, dtype, transposed).part_scratch * cores()


def _run(
    plan: Plan, output: np.ndarray, input: np.ndarray, W: np.ndarray, b: np.ndarray | None, scratch: np.ndarray
) -> None:
    """Split the rows of a batch into parts and run them."""
    rows = plan.rows * len(output)
    parts = min(part_count(plan.multiply_adds * len(output), rows), scratch.size // plan.part_scratch)
    call = Call(
        parts=parts,
        rows=rows,
        input=input.ctypes.data,
        output=output.ctypes.data,
        W=W.ctypes.data,
        bias=0 if b is None else b.ctypes.data,
        scratch=scratch.ctypes.data,
        layout=plan.layout,
        slices=plan.slices,
    )
    run_parts(part_address(W.dtype), parts, write(call))


def k_slices(taps: int, run: int, lanes: int) -> list[tuple[int, int, int, int]]:
    """Cut ``taps`` runs of ``run`` k into slices of at most KC.

    Returns
    -------
    list of (first tap, taps, first k of their runs, number of k)
        Whole runs where they fit; otherwise pieces of one run, in whole vectors. One empty slice if there is no k: it
        still writes the bias.
    """
    if taps * run == 0:
        return [(0, 0, 0, 0)]
    if run <= KC:
        count = -(-taps // (KC // run))
        ends = [n * taps // count for n in range(count + 1)]
        return [(p, end - p, 0, run) for p, end in pairwise(ends)]
    steps = -(-run // -(-run // KC) // lanes) * lanes
    return [(p, 1, k, min(steps, run - k)) for p in range(taps) for k in range(0, run, steps)]


@cache
def plan(geometry: Geometry, dtype: np.dtype, transposed: bool) -> Plan:
    """Lay out the slices of each sub-pixel grid, and the frame that all of them read."""
    size, tile = dtype.itemsize, host_tile(dtype.itemsize)
    assert tile is not None
    field, windows, stride = geometry.field, geometry.windows, geometry.stride
    (height, width, channels), (rows, columns, output_channels) = (windows, field) if transposed else (field, windows)
    input_step, output_step, tap_step = (1, stride, -stride) if transposed else (stride, 1, 1)
    grids_down, grids_across = (subpixel_grids(geometry, axis, transposed=transposed) for axis in (0, 1))
    down, across = _reach(grids_down, input_step), _reach(grids_across, input_step)
    input_pixel, output_pixel = channels * size, output_channels * size
    frame = make_frame(height, width, input_pixel, down, across)
    tap = channels * output_channels * size
    kernel_row = geometry.weights[1] * tap

    slices = []
    for vertical, horizontal in product(grids_down, grids_across):
        output = (vertical.first * columns + horizontal.first) * output_pixel
        start = (vertical.start + down.before) * frame.row + (horizontal.start + across.before) * input_pixel
        pieces = k_slices(vertical.taps, horizontal.taps * channels, tile.lanes)
        for p, taps, k, steps in pieces:
            piece = KSlice(
                rows=vertical.positions,
                columns=horizontal.positions,
                output=output,
                input=start + p * frame.row + k * size,
                taps=taps,
                k=k,
                steps=steps,
                weights=(vertical.first_tap + p * tap_step) * kernel_row + horizontal.first_tap * tap,
                is_first=int(p == k == 0),
            )
            slices.append(piece)

    panel, block_rows = KC * tile.NR * size, max(1, BLOCK_PIXELS // across.positions)
    copy = -(-frame.copy_size(block_rows) // CACHE_LINE) * CACHE_LINE
    layout = Layout(
        scratch=copy + panel + CACHE_LINE,
        panel=panel,
        block_rows=block_rows,
        slices=len(slices),
        input_pixel=input_step * input_pixel,
        output_picture=rows * columns * output_pixel,
        output_row=output_step * columns * output_pixel,
        output_pixel=output_step * output_pixel,
        W_row=tap_step * kernel_row,
        W_tap=tap_step * tap,
        W_k=size if transposed else output_pixel,
        W_column=input_pixel if transposed else size,
        input_channels=channels,
        output_channels=output_channels,
        frame=frame,
    )
    padded_channels = -(-output_channels // tile.lanes) * tile.lanes
    per_channel = sum(s.rows * s.columns * (s.taps * s.steps + STORE_COST) for s in slices)
    words = write(layout), write(*slices)
    return Plan(
        words=words,
        layout=words[0].ctypes.data,
        slices=words[1].ctypes.data,
        rows=down.positions,
        multiply_adds=padded_channels * per_channel,
        part_scratch=layout.scratch // size,
    )


def _reach(grids: list[SubPixelGrid], step: int) -> Reach:
    """Return the pixels that all grids read along an axis."""
    with_taps = [grid for grid in grids if grid.taps]
    before = max([0, *(-grid.start for grid in with_taps)])
    extent = max([1, *(grid.start + before + grid.taps for grid in with_taps)])
    return Reach(before, extent, step, max(grid.positions for grid in grids))


@cache
def part_address(dtype: np.dtype) -> int:
    """Return the address of the machine code of a part."""
    return compile_part(_part(dtype.type, register_tile_and_packing(dtype)))


def _part(scalar: type[np.floating], tile: Tile) -> Callable[..., None]:
    """Return the function that writes some of the rows."""
    MR, NR, lanes, size = tile.MR, tile.NR, tile.lanes, np.dtype(scalar).itemsize

    def part(index, record):  # type: ignore[no-untyped-def]
        call = read(Call, record)
        layout = read(Layout, call.layout)
        frame = layout.frame
        panel = (call.scratch + index * layout.scratch + CACHE_LINE - 1) // CACHE_LINE * CACHE_LINE
        end = (index + 1) * call.rows // call.parts
        for begin in range(index * call.rows // call.parts, end, layout.block_rows):
            stop = min(begin + layout.block_rows, end)
            input = call.input
            if frame.is_copy:
                n, i = begin // frame.positions, begin % frame.positions
                input = panel + layout.panel - n * frame.picture - i * frame.step * frame.row
                copy_frame(input, call.input, begin, stop, frame)
            for s in range(layout.slices):
                piece = read_row(KSlice, call.slices, s)
                tiles = (piece.columns + MR - 1) // MR
                for o in range(0, layout.output_channels, NR):
                    columns = min(NR, layout.output_channels - o)
                    panel_row = (lanes if columns <= lanes else NR) * size
                    _pack_taps(scalar, panel, panel_row, call.W + o * layout.W_column, layout, piece, columns)
                    for row in range(begin, stop):
                        n, i = row // frame.positions, row % frame.positions
                        if i >= piece.rows:
                            continue
                        a = input + n * frame.picture + i * frame.step * frame.row + piece.input
                        c = call.output + n * layout.output_picture + i * layout.output_row + piece.output + o * size
                        for t in range(tiles):  # of nearly equal height
                            j = t * piece.columns // tiles
                            c_tile = c + j * layout.output_pixel
                            base, base_row = c_tile, layout.output_pixel
                            if piece.is_first:
                                base, base_row = call.bias + o * size if call.bias else 0, 0
                            multiply_tile(
                                scalar, a + j * layout.input_pixel, layout.input_pixel, size, frame.row, 0,
                                piece.steps, piece.taps, 1, panel, panel_row, panel, panel_row,
                                c_tile, layout.output_pixel, base, base_row,
                                (t + 1) * piece.columns // tiles - j, columns,
                            )  # fmt: skip

    return part


@kernel
def _pack_taps(scalar, panel, panel_row, W, layout, piece, columns):  # type: ignore[no-untyped-def]
    """Copy the rows of a panel of W: for each tap down of a slice, its (tap across, input channel) pairs."""
    for p in range(piece.taps):
        k = piece.k
        while k < piece.k + piece.steps:
            q, c = k // layout.input_channels, k % layout.input_channels
            count = min(layout.input_channels - c, piece.k + piece.steps - k)
            source = W + piece.weights + p * layout.W_row + q * layout.W_tap + c * layout.W_k
            pack_panel(scalar, panel, panel_row, source, layout.W_k, layout.W_column, count, columns)
            panel, k = panel + count * panel_row, k + count
