"""A field of few channels from its windows, field = Aᵀ windows: colours from features, or their error.

The sums of kernels/machine/direct_conv.py have the field's channels side by side in vectors, which would be mostly
empty. Here the windows of a picture are side by side. For each tap and channel they make a picture,

    stamps[q,c][i,j] = Σ_o W[p,q,c,o] windows[i,j,o]            one product of matrices for each p

which belongs to every s-th neuron, u + P = s i + p and v + P = s j + q. All such neurons are a *plane*, of s² for each
channel. In it the picture lies p div s rows down and q div s to the right, at planes[p mod s, q mod s, c], and with as
many zeros at the end of its rows as it can be moved, it is added in one run. At last the planes are woven to the field.
"""

from collections.abc import Callable
from functools import cache

import numba
import numpy as np

from ava_np.kernels.machine.compile import kernel
from ava_np.kernels.machine.micro_kernel import Tile, host_tile, multiply_tile
from ava_np.kernels.machine.packing import (
    add_run,
    clear_run,
    copy_element,
    copy_run,
    pack_panel,
    register_tile_and_packing,
)
from ava_np.kernels.machine.padding import LINE, STORE_COST, Frame, Reach, copy_frame, frame
from ava_np.kernels.machine.parallel import compile_part, cores, part_count, run_parts

MOST = 1 << 24  # numbers of scratch for all threads, if one does not need more: 64 MB in float32
ADDRESSES, SIZES, FRAME = 7, 15, len(Frame._fields)  # numbers of a record


def correlate_by_stamps(
    field: np.ndarray,
    windows: np.ndarray,
    W: np.ndarray,
    b: np.ndarray | None,
    stride: int,
    padding: int,
    scratch: np.ndarray,
) -> None:
    """Write field = Aᵀ windows, plus b."""
    record, room, work = _plan(field.shape[1:], windows.shape[1:], W.shape, stride, padding, W.dtype)
    parts = min(part_count(work * len(field), len(field)), scratch.size // room)
    record = record.copy()
    record[:ADDRESSES] = (
        parts, len(field), windows.ctypes.data, field.ctypes.data, W.ctypes.data, 0 if b is None else b.ctypes.data,
        scratch.ctypes.data,
    )  # fmt: skip
    run_parts(_code(W.dtype), parts, record)


def scratch_size(
    field: tuple[int, ...],
    windows: tuple[int, ...],
    weights: tuple[int, ...],
    stride: int,
    padding: int,
    dtype: np.dtype,
) -> int:
    """Numbers of scratch with which every core can help; fewer for pictures so large that it would take much memory."""
    room = _plan(field, windows, weights, stride, padding, dtype)[1]
    return room * max(1, min(cores(), MOST // room))


@cache
def _plan(
    field: tuple[int, ...],
    windows: tuple[int, ...],
    weights: tuple[int, ...],
    stride: int,
    padding: int,
    dtype: np.dtype,
) -> tuple[np.ndarray, int, int]:
    """A record without its addresses, numbers of scratch for a part, and multiply-adds for a picture."""
    size, tile = dtype.itemsize, host_tile(dtype.itemsize)
    assert tile is not None
    (height, width, channels), (rows, across, depth), (down, wide, *_) = field, windows, weights
    pitch = max(across + (wide - 1) // stride, (width - 1 + padding) // stride + 1)
    lines = max(rows + (down - 1) // stride, (height - 1 + padding) // stride + 1)
    framed = frame(rows, across, depth * size, Reach(0, 1, 1, rows), Reach(0, 1, 1, pitch))
    run = wide * channels
    places = -(-rows * pitch // tile.NR) * tile.NR  # of a picture with the zeros, in whole panels
    plane = lines * pitch + (wide - 1) // stride
    rounded = LINE // size
    # The picture of windows, the same in panels, the stamps, the planes.
    lengths = (places * depth, places * depth, places * run, plane * channels * stride * stride)
    starts = [0]
    for length in lengths:
        starts.append(starts[-1] + -(-length // rounded) * rounded)
    room = starts[-1] + rounded
    sizes = (
        room * size, height, width, channels, depth, down, wide, stride, padding, pitch, places, plane,
        starts[1] * size, starts[2] * size, starts[3] * size,
    )  # fmt: skip
    return np.array([*[0] * ADDRESSES, *framed, *sizes], np.int64), room, places * down * run * (depth + STORE_COST)


@cache
def _code(dtype: np.dtype) -> int:
    """Where the code of a part begins."""
    register_tile_and_packing(dtype)
    tile = host_tile(dtype.itemsize)
    assert tile is not None
    return compile_part(_part(dtype.type, tile))


def _part(number: type[np.floating], tile: Tile) -> Callable[..., None]:
    """The code that writes some of the pictures."""
    height, panel, size = tile.MR, tile.NR, np.dtype(number).itemsize
    sizes_at, header = ADDRESSES + FRAME, ADDRESSES + FRAME + SIZES

    def part(index, record):  # type: ignore[no-untyped-def]
        whole = numba.carray(record, header)
        framed = whole[ADDRESSES:sizes_at]
        parts, batch, windows, field, W, bias, scratch = whole[:ADDRESSES]
        copied, _, _, rows, _, _, _, _, _, _, picture, _, _ = framed
        (
            room, field_rows, field_width, channels, depth, down, wide, stride, padding, pitch, places, plane,
            panels_at, stamps_at, planes_at,
        ) = whole[sizes_at:]  # fmt: skip
        copy = (scratch + index * room + LINE - 1) // LINE * LINE
        panels, stamps, planes = copy + panels_at, copy + stamps_at, copy + planes_at
        run, pixel = wide * channels, depth * size
        tiles = (run + height - 1) // height
        for n in range(index * batch // parts, (index + 1) * batch // parts):
            source = windows + n * picture
            if copied:
                copy_frame(copy, source, 0, rows, framed)
            else:
                copy_run(copy, source, rows * pitch * pixel)
            clear_run(copy + rows * pitch * pixel, (places - rows * pitch) * pixel)
            for at in range(0, places, panel):
                pack_panel(number, panels + at * pixel, panel * size, copy + at * pixel, size, pixel, depth, panel)
            _fill_planes(number, size, planes, bias, channels, plane, stride * stride)
            for p in range(down):
                for at in range(0, places, panel):
                    for t in range(tiles):  # of nearly equal height
                        k = t * run // tiles
                        multiply_tile(
                            number, W + (p * run + k) * pixel, pixel, size, 0, 0, depth, 1, 1,
                            panels + at * pixel, panel * size, stamps + (k * places + at) * size, places * size, 0, 0,
                            (t + 1) * run // tiles - k, panel,
                        )  # fmt: skip
                for q in range(wide):
                    phase = p % stride * stride + q % stride
                    for c in range(channels):
                        to = planes + ((phase * channels + c) * plane + p // stride * pitch + q // stride) * size
                        add_run(number, to, stamps + (q * channels + c) * places * size, rows * pitch)
            _weave(
                number, size, field + n * field_rows * field_width * channels * size, planes, field_rows, field_width,
                channels, stride, padding, pitch, plane,
            )  # fmt: skip

    return part


@kernel
def _fill_planes(number, size, planes, bias, channels, plane, phases):  # type: ignore[no-untyped-def]
    """Begin with the bias, or with 0."""
    clear_run(planes, phases * channels * plane * size)
    if bias:
        for phase in range(phases):
            for c in range(channels):
                for at in range(plane):
                    copy_element(number, planes + ((phase * channels + c) * plane + at) * size, bias + c * size)


@kernel
def _weave(  # type: ignore[no-untyped-def]
    number, size, field, planes, rows, width, channels, stride, padding, pitch, plane
):  # fmt: skip
    """Take every neuron of a field from its plane."""
    for u in range(rows):
        down, i = (u + padding) % stride, (u + padding) // stride
        for first in range(min(stride, width)):
            across, j = (first + padding) % stride, (first + padding) // stride
            for c in range(channels):
                source = planes + (((down * stride + across) * channels + c) * plane + i * pitch + j) * size
                target = field + ((u * width + first) * channels + c) * size
                for k in range((width - first + stride - 1) // stride):
                    copy_element(number, target + k * stride * channels * size, source + k * size)
