"""The gradient of a convolution's weights, the same for both directions:

    dW[p,q,c,o] += Σ_{n,i,j} field[n, s i + p - P, s j + q - P, c] windows[n,i,j,o]

A row of a window is a run of (q, c) pairs in the field, as in kernels/machine/direct_conv.py. So for each p this is a
product of matrices, with the windows' pixels for k: the micro-kernel's tile is some of the run by some of the channels
o, and k goes from pixel to pixel, from row to row, and from picture to picture.

Pictures come in groups that the scratch holds. First the field is copied with zeros around it
(kernels/machine/padding.py), and the windows' channels are laid in panels; then the tiles are shared among the threads.
Each tile goes through the pictures in their order, and the passes depend on the shapes alone: the threads change no
bit."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numba
import numpy as np

from ava_np.kernels.machine.compile import kernel
from ava_np.kernels.machine.micro_kernel import Tile, host_tile, multiply_tile
from ava_np.kernels.machine.packing import copy_run, pack_panel, register_tile_and_packing
from ava_np.kernels.machine.padding import LINE, STORE_COST, Frame, Reach, copy_frame, frame
from ava_np.kernels.machine.parallel import compile_part, cores, part_count, run_parts

DEEP = 256  # pixels of a pass, about: a panel is then 32 kB with AVX-512, and fits the nearest cache
TALL = 16  # tiles of a block that is copied
MAX_DIRECT_STRIDE = (
    2048  # bytes from a pixel to the next; with more, pixels meet in few places of the cache, and are copied first
)
GROUP = 1 << 20  # numbers of scratch for a group of pictures, unless a single one needs more


class Shapes(NamedTuple):
    """(height, width, channels) of field and windows, and the size of a window."""

    field: tuple[int, ...]
    windows: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: int
    padding: int


class Plan(NamedTuple):
    """What the shapes decide: a record but for its addresses; pictures of a group, their work, tiles, and scratch.

    ``scratch`` is for a group, ``block`` for a part besides.
    """

    record: np.ndarray
    group: int
    work: int
    tiles: int
    scratch: int
    block: int


ADDRESSES, SIZES, FRAME = 8, 11, len(Frame._fields)
HEADER = ADDRESSES + SIZES + FRAME


def add_weight_gradient(
    dW: np.ndarray, windows: np.ndarray, field: np.ndarray, stride: int, padding: int, scratch: np.ndarray
) -> None:
    """Add the derivative of ⟨windows, A field⟩ to dW."""
    found = plan(Shapes(field.shape[1:], windows.shape[1:], dW.shape[:2], stride, padding), dW.dtype)
    prepare, multiply = _codes(dW.dtype)
    record, start = found.record.copy(), -(-scratch.ctypes.data // LINE) * LINE
    for first in range(0, len(field), found.group):
        pictures = min(found.group, len(field) - first)
        most = min(found.tiles, (scratch.size - found.scratch) // found.block)
        parts = part_count(found.work * pictures, most)
        record[:ADDRESSES] = (
            parts, pictures, field[first:].ctypes.data, windows[first:].ctypes.data, dW.ctypes.data,
            start, start + found.group * int(record[-1]), start + found.scratch * dW.itemsize,
        )  # fmt: skip
        run_parts(prepare, parts, record)
        run_parts(multiply, parts, record)


@cache
def plan(shapes: Shapes, dtype: np.dtype) -> Plan:
    """Say how field and windows lie in the scratch, and what a pass is."""
    size, tile, stride, padding = dtype.itemsize, host_tile(dtype.itemsize), shapes.stride, shapes.padding
    assert tile is not None
    (height, width, inputs), (rows, across, outputs), (down, wide) = shapes.field, shapes.windows, shapes.kernel
    pixel, run, pixels = inputs * size, wide * inputs, rows * across
    framed = frame(height, width, pixel, Reach(padding, down, stride, rows), Reach(padding, wide, stride, across))
    rest = outputs % tile.NR
    filled = outputs - rest + (0 if rest == 0 else tile.lanes if rest <= tile.lanes else tile.NR)
    in_place = filled == outputs <= tile.NR  # the windows are a panel as they are
    held = (framed.picture + framed.left) * framed.copied, 0 if in_place else filled * pixels * size
    group = max(1, GROUP * size // max(1, sum(held)))
    together = max(1, DEEP // pixels)
    lines = -(-rows // -(-pixels // DEEP))
    tiles = -(-run // tile.MR)
    far = stride * pixel >= MAX_DIRECT_STRIDE and outputs > 2 * tile.NR
    block = max(together * pixels, lines * across) * (TALL * tile.MR * size + LINE) if far else LINE
    sizes = (across, outputs, int(in_place), together, lines, run, tiles, down, stride * pixel, block * far, held[0])
    record = np.array([*[0] * ADDRESSES, *framed, *sizes], np.int64)
    return Plan(
        record,
        group,
        pixels * filled * (down * run + STORE_COST),
        down * tiles,
        -(-(group * sum(held) + LINE) // size),
        block // size,
    )


def scratch_size(shapes: Shapes, dtype: np.dtype) -> int:
    """Numbers of scratch with which every core can help."""
    found = plan(shapes, dtype)
    return found.scratch + found.block * cores()


@cache
def _codes(dtype: np.dtype) -> tuple[int, int]:
    """Where the code that prepares a group begins, and where the code that multiplies."""
    register_tile_and_packing(dtype)
    tile = host_tile(dtype.itemsize)
    assert tile is not None
    return compile_part(_prepare(dtype.type, tile)), compile_part(_multiply(dtype.type, tile))


def _prepare(number: type[np.floating], tile: Tile) -> Callable[..., None]:
    """The code that copies some of the pictures into the scratch."""
    panel, lanes, size = tile.NR, tile.lanes, np.dtype(number).itemsize
    header, sizes_at = HEADER, ADDRESSES + FRAME

    def prepare(index, record):  # type: ignore[no-untyped-def]
        whole = numba.carray(record, header)
        parts, pictures, field, windows, _, copy, panels, _ = whole[:ADDRESSES]
        framed = whole[ADDRESSES:sizes_at]
        copied, _, _, rows = framed[:4]
        across, outputs, in_place = whole[sizes_at : sizes_at + 3]
        pixels = rows * across
        for n in range(index * pictures // parts, (index + 1) * pictures // parts):
            if copied:
                copy_frame(copy, field, n * rows, (n + 1) * rows, framed)
            for o in range(0, 0 if in_place else outputs, panel):
                width = min(panel, outputs - o)
                b_step = (lanes if width <= lanes else panel) * size
                pack_panel(
                    number, panels + o * size * pictures * pixels + n * pixels * b_step, b_step,
                    windows + (n * pixels * outputs + o) * size, outputs * size, size, pixels, width,
                )  # fmt: skip

    return prepare


def _multiply(number: type[np.floating], tile: Tile) -> Callable[..., None]:
    """The code that adds to some of the tiles of dW."""
    tall, height, panel, lanes, size = TALL, tile.MR, tile.NR, tile.lanes, np.dtype(number).itemsize
    header, sizes_at = HEADER, ADDRESSES + FRAME

    def multiply(index, record):  # type: ignore[no-untyped-def]
        whole = numba.carray(record, header)
        parts, pictures, field, windows, dW, copy, panels, blocks = whole[:ADDRESSES]
        copied, picture, row, rows, stride = whole[ADDRESSES : ADDRESSES + 5]
        across, outputs, in_place, together, lines, run, tiles, down, step, block, _ = whole[sizes_at:header]
        if not copied:
            copy = field
        if in_place:
            panels = windows
        pixels, packed, pitch = rows * across, blocks + index * block, tall * height * size + LINE
        begin, end = index * down * tiles // parts, (index + 1) * down * tiles // parts
        for n in range(0, pictures, together):
            several = min(together, pictures - n)
            for i in range(0, rows, lines):
                runs = min(lines, rows - i)
                for p in range(begin // tiles, (end + tiles - 1) // tiles):
                    first, last = max(0, begin - p * tiles), min(tiles, end - p * tiles)
                    for start in range(first, last, tall if block else tiles):
                        stop = min(last, start + tall) if block else last
                        k = start * run // tiles
                        a = copy + n * picture + (stride * i + p) * row + k * size
                        a_step, a_run, a_picture = step, stride * row, picture
                        if block:
                            _copy_block(
                                packed, pitch, a, a_step, a_run, a_picture, across, runs, several,
                                (stop * run // tiles - k) * size,
                            )  # fmt: skip
                            a, a_step, a_run, a_picture = packed, pitch, across * pitch, runs * across * pitch
                        for o in range(0, outputs, panel):
                            width = min(panel, outputs - o)
                            b_step = (lanes if width <= lanes else panel) * size
                            b = panels + o * size * pictures * pixels + (n * pixels + i * across) * b_step
                            for t in range(start, stop):
                                here = t * run // tiles
                                c = dW + ((p * run + here) * outputs + o) * size
                                multiply_tile(
                                    number, a + (here - k) * size, size, a_step, a_run, a_picture, across, runs,
                                    several, b, b_step, c, outputs * size, c, outputs * size,
                                    (t + 1) * run // tiles - here, width,
                                )  # fmt: skip

    return multiply


@kernel
def _copy_block(target, pitch, source, step, run, picture, steps, runs, pictures, size):  # type: ignore[no-untyped-def]
    """Copy ``size`` bytes of each pixel, one after the other."""
    for n in range(pictures):
        for i in range(runs):
            for j in range(steps):
                copy_run(target, source + n * picture + i * run + j * step, size)
                target += pitch
