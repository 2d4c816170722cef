"""The loops around the micro-kernel that both directions of a convolution are made of.

Down a picture and across it, each of the two reads the neurons that lie under a few taps, and writes one:

    written[w i + first] = base + Σ_t read[r i + start + t] W[tap + t·turn]         t < taps,  outside is 0

* windows = A field: r is the stride, w = 1, and the taps are the window's, in its order.
* field = Aᵀ windows: a neuron u was under the windows i with u + P = s i + p. So only every s-th tap p reaches it, and
  the neurons u = first, first + s, ... are reached by the same: r = 1, w = s, and one such sum, or *phase*, for each
  of s values of first. The taps come backwards: a later window had the neuron at an earlier place.

In NHWC the (tap across, channel) pairs of one row lie one beside the other, in the picture as well as in W. Therefore
no window is copied: the micro-kernel is told where the runs of a window's rows begin. Its tile is some neurons of one
row by some channels; k runs through (tap down, tap across, channel), in passes short enough that a panel of W stays in
the nearest cache while all neurons of a unit meet it. A unit is a number of rows; what it reads is copied first, where
it needs zeros around it (kernels/machine/padding.py).

A sum lies within one unit, and the passes depend on the shapes alone: neither threads nor units change a bit.
"""

from collections.abc import Callable
from functools import cache
from itertools import pairwise, product
from typing import NamedTuple

import numba
import numpy as np

from ava_np.kernels.machine.compile import kernel
from ava_np.kernels.machine.micro_kernel import Tile, host_tile, multiply_tile
from ava_np.kernels.machine.packing import pack_panel, register_tile_and_packing
from ava_np.kernels.machine.padding import LINE, STORE_COST, Frame, Reach, copy_frame, frame
from ava_np.kernels.machine.parallel import compile_part, cores, part_count, run_parts

DEEP = 320  # k in a pass: 40 kB of a panel with AVX-512, 20 kB with AVX2
PIXELS = 512  # neurons of a unit: what they read and write fits the second cache


class Shapes(NamedTuple):
    """(height, width, channels) of the pictures that are read and written, the shape of W, and the direction."""

    read: tuple[int, ...]
    written: tuple[int, ...]
    weights: tuple[int, ...]
    stride: int
    padding: int
    transposed: bool


class Phase(NamedTuple):
    """One sum along one axis, in the terms of the equation above; ``places`` i."""

    first: int
    places: int
    taps: int
    start: int
    tap: int


class Pass(NamedTuple):
    """Some k of a phase, in the order in which the code reads it.

    Attributes
    ----------
    rows, across : int
        Places of the phase.
    written, read : int
        Bytes from a picture's first neuron to that of the place (0, 0), and, in the frame, to its first k.
    runs, k, steps : int
        Taps down; the first k of their runs, and how many.
    weights : int
        Bytes from the first of W to the first tap across of the first tap down.
    first : int
        Whether these are the first k, which are added to the bias.
    """

    rows: int
    across: int
    written: int
    read: int
    runs: int
    k: int
    steps: int
    weights: int
    first: int


class Plan(NamedTuple):
    """What the shapes decide: a record but for its addresses; a picture's rows of places and work; scratch."""

    record: np.ndarray
    rows: int
    work: int
    scratch: int


ADDRESSES, SIZES, FRAME, PASS = 7, 14, len(Frame._fields), len(Pass._fields)
HEADER = ADDRESSES + SIZES + FRAME


def correlate(
    written: np.ndarray,
    read: np.ndarray,
    W: np.ndarray,
    b: np.ndarray | None,
    stride: int,
    padding: int,
    scratch: np.ndarray,
    *,
    transposed: bool,
) -> None:
    """Write windows = A field, or field = Aᵀ windows, plus b."""
    shapes = Shapes(read.shape[1:], written.shape[1:], W.shape, stride, padding, transposed)
    found = plan(shapes, written.dtype)
    total = found.rows * len(written)
    parts = min(part_count(found.work * len(written), total), scratch.size // found.scratch)
    record = found.record.copy()
    record[:ADDRESSES] = (
        parts, total, read.ctypes.data, written.ctypes.data, W.ctypes.data, 0 if b is None else b.ctypes.data,
        scratch.ctypes.data,
    )  # fmt: skip
    run_parts(_code(written.dtype), parts, record)


def phases(shapes: Shapes, axis: int) -> list[Phase]:
    """The phases down (axis 0) or across (1) a picture."""
    size, kernel, stride, padding = shapes.written[axis], shapes.weights[axis], shapes.stride, shapes.padding
    if not shapes.transposed:
        return [Phase(0, size, kernel, -padding, 0)]
    found = []
    for first in range(min(stride, size)):
        window, tap = divmod(first + padding, stride)  # the last window over the first neuron, which is under its tap
        taps = max(0, -(-(kernel - tap) // stride))
        places = -(-(size - first) // stride)
        found.append(Phase(first, places, taps, window - taps + 1, tap + stride * (taps - 1)))
    return found


@cache
def plan(shapes: Shapes, dtype: np.dtype) -> Plan:
    """Lay down the passes over each phase, and the frame that all of them read."""
    size, tile = dtype.itemsize, host_tile(dtype.itemsize)
    assert tile is not None
    (height, width, channels), (rows, across, columns) = shapes.read, shapes.written
    read_step, write_step, turn = (1, shapes.stride, -shapes.stride) if shapes.transposed else (shapes.stride, 1, 1)
    down, aside = phases(shapes, 0), phases(shapes, 1)
    reach_down, reach_aside = _reach(down, read_step), _reach(aside, read_step)
    pixel = channels * size
    framed = frame(height, width, pixel, reach_down, reach_aside)

    _, wide, inputs, outputs = shapes.weights
    w_tap, w_row = inputs * outputs * size, wide * inputs * outputs * size
    k_step, k_column = (size, outputs * size) if shapes.transposed else (outputs * size, size)
    passes = []
    for vertical, horizontal in product(down, aside):
        to = (vertical.first * across + horizontal.first) * columns * size
        start = (vertical.start + reach_down.before) * framed.row + (horizontal.start + reach_aside.before) * pixel
        for number, (p, runs, k, steps) in enumerate(_pieces(vertical.taps, horizontal.taps * channels, tile.lanes)):
            weights = (vertical.tap + p * turn) * w_row + horizontal.tap * w_tap
            read = start + p * framed.row + k * size
            first = int(number == 0)
            passes.append(Pass(vertical.places, horizontal.places, to, read, runs, k, steps, weights, first))

    unit = max(1, PIXELS // reach_aside.places)
    room = -(-framed.room(unit) // LINE) * LINE + DEEP * tile.NR * size + LINE
    sizes = (
        room, unit, len(passes), read_step * pixel,
        rows * across * columns * size, write_step * across * columns * size, write_step * columns * size, columns,
        k_step, k_column, turn * w_row, turn * w_tap, channels, DEEP * tile.NR * size,
    )  # fmt: skip
    record = np.array([*[0] * ADDRESSES, *sizes, *framed, *[x for values in passes for x in values]], np.int64)
    lanes = -(-columns // tile.lanes) * tile.lanes
    work = lanes * sum(each.rows * each.across * (each.runs * each.steps + STORE_COST) for each in passes)
    return Plan(record, reach_down.places, work, room // size)


def scratch_size(shapes: Shapes, dtype: np.dtype) -> int:
    """Numbers of scratch with which every core can help."""
    return plan(shapes, dtype).scratch * cores()


def _reach(found: list[Phase], step: int) -> Reach:
    """What all phases read along an axis."""
    with_taps = [phase for phase in found if phase.taps]
    before = max([0, *(-phase.start for phase in with_taps)])
    extent = max([1, *(phase.start + before + phase.taps for phase in with_taps)])
    return Reach(before, extent, step, max(phase.places for phase in found))


def _pieces(taps: int, run: int, lanes: int) -> list[tuple[int, int, int, int]]:
    """Cut the k into passes: (first tap down, taps down, first k of their runs, how many); one, if there is no tap."""
    if taps * run == 0:
        return [(0, 0, 0, 0)]
    if run <= DEEP:
        count = -(-taps // (DEEP // run))
        ends = [n * taps // count for n in range(count + 1)]
        return [(p, end - p, 0, run) for p, end in pairwise(ends)]
    steps = -(-run // -(-run // DEEP) // lanes) * lanes
    return [(p, 1, k, min(steps, run - k)) for p in range(taps) for k in range(0, run, steps)]


@cache
def _code(dtype: np.dtype) -> int:
    """Where the code of a part begins."""
    register_tile_and_packing(dtype)
    tile = host_tile(dtype.itemsize)
    assert tile is not None
    return compile_part(_part(dtype.type, tile))


def _part(number: type[np.floating], tile: Tile) -> Callable[..., None]:
    """The code that writes some of the rows."""
    height, panel, lanes, size = tile.MR, tile.NR, tile.lanes, np.dtype(number).itemsize
    header, fields, frame_at = HEADER, PASS, ADDRESSES + SIZES

    def part(index, record):  # type: ignore[no-untyped-def]
        (
            parts, total, read, written, W, bias, scratch,
            room, unit, passes, a_row, c_picture, c_line, c_row, columns,
            k_step, k_column, w_row, w_tap, channels, panel_room,
        ) = numba.carray(record, frame_at)  # fmt: skip
        table = numba.carray(record, header + passes * fields)
        framed = table[frame_at:header]
        copied, picture, row, places, step = framed[:5]
        packed = (scratch + index * room + LINE - 1) // LINE * LINE
        end = (index + 1) * total // parts
        for begin in range(index * total // parts, end, unit):
            stop = min(begin + unit, end)
            origin = read
            if copied:
                origin = packed + panel_room - begin // places * picture - begin % places * step * row
                copy_frame(origin, read, begin, stop, framed)
            for at in range(header, header + passes * fields, fields):
                rows, across, c_first, a_first, runs, k, steps, w_first, is_first = table[at : at + fields]
                tiles = (across + height - 1) // height
                for o in range(0, columns, panel):
                    width = min(panel, columns - o)
                    b_step = (lanes if width <= lanes else panel) * size
                    _pack_taps(
                        number, packed, b_step, W + w_first + o * k_column, w_row, w_tap, k_step, k_column,
                        channels, runs, k, steps, width,
                    )  # fmt: skip
                    for line in range(begin, stop):
                        n, i = line // places, line % places
                        a = origin + n * picture + i * step * row + a_first
                        c = written + n * c_picture + i * c_line + c_first + o * size
                        for t in range(tiles if i < rows else 0):  # of nearly equal width
                            j = t * across // tiles
                            here = c + j * c_row
                            base, base_row = here, c_row
                            if is_first:
                                base, base_row = bias + o * size if bias else 0, 0
                            multiply_tile(
                                number, a + j * a_row, a_row, size, row, 0, steps, runs, 1, packed, b_step,
                                here, c_row, base, base_row, (t + 1) * across // tiles - j, width,
                            )  # fmt: skip

    return part


@kernel
def _pack_taps(  # type: ignore[no-untyped-def]
    number, target, row, W, w_row, w_tap, step, column, channels, runs, k, steps, width
):  # fmt: skip
    """Copy a panel of W: of ``runs`` taps down, those k from ``k`` on that are (tap across, channel)."""
    for p in range(runs):
        at = k
        while at < k + steps:
            q, c = at // channels, at % channels
            count = min(channels - c, k + steps - at)
            origin = W + p * w_row + q * w_tap + c * step
            pack_panel(number, target, row, origin, step, column, count, width)
            target, at = target + count * row, at + count
