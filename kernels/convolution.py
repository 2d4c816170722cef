"""Convolution and its transpose: one small array of weights, applied at every place of a picture.

A window of kh x kw neurons moves over a *field* in steps of the stride s. It starts P neurons outside of the field, and
outside the field is 0. Window (i, j) covers u = s i + p - P and v = s j + q - P for p < kh, q < kw, unflipped, as
everywhere in deep learning (a cross-correlation):

    windows[n,i,j,o] = Σ_{p,q,c} field[n,u,v,c] W[p,q,c,o]          in short, windows = A field

The transpose adds each window back to where it was cut out, field = Aᵀ windows. A convolution reads the field and a
transposed convolution writes it; all else is the same, with the two directions exchanged:

==========  ================================  ================================
            convolution                       transposed convolution
==========  ================================  ================================
Forward     y  = A x + b                      y  = Aᵀ x + b
Backward    dx = Aᵀ dy                        dx = A dy                         written
            dW += ∂⟨dy, A x⟩/∂W               dW += ∂⟨A dy, x⟩/∂W               added
            db[o] += Σ_{n,i,j} dy[n,i,j,o]    the same                          added
==========  ================================  ================================

and both dW are one sum, dW[p,q,c,o] += Σ_{n,i,j} field[n,u,v,c] windows[n,i,j,o].

Shapes: W, dW (kh, kw, field channels, window channels), which is (kh, kw, in, out) for a convolution and
(kh, kw, out, in) for a transposed one; b, db (out,); x, dx, y, dy (batch, height, width, channels). All C-contiguous
and of one float type; ``output_size`` and ``transposed_output_size`` say which sizes belong together.

Method: the windows of a tile of consecutive pixels, across rows and pictures, are unfolded into rows of a scratch that
stays in the cache; each tile is then one product of kernels/gemm.py.
"""

from collections.abc import Iterator
from math import prod

import numpy as np

from ava_np.kernels._compile import kernel
from ava_np.kernels.gemm import SCRATCH, gemm, gemm_add

TILE_VALUES = 2**16
"""Of unfolded windows at a time: 256 KB in float32 and 512 KB in float64 fit into a level-2 cache."""

TILE_PIXELS = 64
"""At least, however large the window: with fewer rows a product spends its time on loading the weights."""


def output_size(input: int, kernel: int, stride: int, padding: int) -> int:
    """Windows along one axis of a field of ``input`` neurons; below 1 where the window is larger than all of it."""
    return (input + 2 * padding - kernel) // stride + 1


def transposed_output_size(input: int, kernel: int, stride: int, padding: int, output_padding: int) -> int:
    """Neurons along one axis of the field that ``input`` windows are added to.

    A convolution's windows stop short of the last (input + 2 padding - kernel) mod stride neurons of its padded field.
    An ``output_padding`` of as many gives them back: then this inverts ``output_size``.
    """
    return (input - 1) * stride + kernel - 2 * padding + output_padding


def scratch_size(weights: tuple[int, ...]) -> int:
    """Values in a scratch that holds what a product packs into, and a full tile for W of shape ``weights``.

    A longer scratch is not used; a shorter one makes the tiles smaller, down to one pixel.
    """
    window = prod(weights[:3])
    return SCRATCH + window * max(TILE_PIXELS, TILE_VALUES // window)


@kernel
def _inside(corner: int, window: int, size: int) -> tuple[int, int]:
    """From which to before which of its neurons a window at ``corner`` is inside a field of ``size``; maybe none."""
    return max(-corner, 0), min(window, size - corner)


@kernel
def _next(n: int, i: int, j: int, height: int, width: int) -> tuple[int, int, int]:
    """The window after (n, i, j): to the right, in the next row, in the next picture."""
    if j + 1 < width:
        return n, i, j + 1
    if i + 1 < height:
        return n, i + 1, 0
    return n + 1, 0, 0


@kernel
def _unfold(
    tile: np.ndarray,
    field: np.ndarray,
    first: int,
    windows: tuple[int, ...],
    window: tuple[int, ...],
    stride: int,
    padding: int,
) -> None:
    """Write tile[t] = the neurons under window ``first`` + t, row by row.

    ``windows`` is their (height, width) over the field, ``window`` (kh, kw) the size of each.
    """
    height, width, channels = field.shape[1:]
    source, target = field.reshape(-1), tile.reshape(-1)
    target[:] = 0
    n, place = divmod(first, windows[0] * windows[1])
    i, j = divmod(place, windows[1])
    for t in range(tile.shape[0]):
        top, left = stride * i - padding, stride * j - padding
        p_first, p_end = _inside(top, window[0], height)
        q_first, q_end = _inside(left, window[1], width)
        run = (q_end - q_first) * channels  # a row of a window is contiguous in both arrays
        for p in range(p_first, p_end):
            start = ((n * height + top + p) * width + left + q_first) * channels
            into = ((t * window[0] + p) * window[1] + q_first) * channels
            row, unfolded = source[start : start + run], target[into : into + run]
            for k in range(run):
                unfolded[k] = row[k]
        n, i, j = _next(n, i, j, windows[0], windows[1])


@kernel
def _fold(
    field: np.ndarray,
    tile: np.ndarray,
    first: int,
    windows: tuple[int, ...],
    window: tuple[int, ...],
    stride: int,
    padding: int,
) -> None:
    """Add tile[t] to the neurons under window ``first`` + t: the transpose of ``_unfold``, with its arguments."""
    height, width, channels = field.shape[1:]
    target, source = field.reshape(-1), tile.reshape(-1)
    n, place = divmod(first, windows[0] * windows[1])
    i, j = divmod(place, windows[1])
    for t in range(tile.shape[0]):
        top, left = stride * i - padding, stride * j - padding
        p_first, p_end = _inside(top, window[0], height)
        q_first, q_end = _inside(left, window[1], width)
        run = (q_end - q_first) * channels
        for p in range(p_first, p_end):
            into = ((n * height + top + p) * width + left + q_first) * channels
            start = ((t * window[0] + p) * window[1] + q_first) * channels
            row, unfolded = target[into : into + run], source[start : start + run]
            for k in range(run):
                row[k] += unfolded[k]
        n, i, j = _next(n, i, j, windows[0], windows[1])


@kernel
def _add_bias(y: np.ndarray, b: np.ndarray) -> None:
    """y[n,i,j,o] += b[o]."""
    pixels = y.reshape(-1, b.size)
    for m in range(pixels.shape[0]):
        for o in range(b.size):
            pixels[m, o] += b[o]


@kernel
def _add_channel_sums(db: np.ndarray, dy: np.ndarray) -> None:
    """db[o] += Σ_{n,i,j} dy[n,i,j,o], in double precision: there are many pixels."""
    pixels = dy.reshape(-1, db.size)
    for o in range(db.size):
        total = 0.0
        for m in range(pixels.shape[0]):
            total += pixels[m, o]
        db[o] += total


def _tiles(windows: np.ndarray, W: np.ndarray, scratch: np.ndarray) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield, tile by tile, the first pixel's number, the pixels (m, o) and a scratch for their windows (m, p q c)."""
    window, pixels = prod(W.shape[:3]), windows.reshape(-1, W.shape[3])
    rows = (min(scratch.size, scratch_size(W.shape)) - SCRATCH) // window
    if rows < 1:
        raise ValueError(f"a scratch of {scratch.size} values is too short for weights {W.shape}")
    unfolded = scratch[SCRATCH : SCRATCH + rows * window].reshape(rows, window)
    for first in range(0, len(pixels), rows):
        part = pixels[first : first + rows]
        yield first, part, unfolded[: len(part)]


def _correlate(
    windows: np.ndarray, field: np.ndarray, W: np.ndarray, stride: int, padding: int, scratch: np.ndarray
) -> None:
    """Write windows = A field."""
    matrix = W.reshape(-1, W.shape[3])
    for first, pixels, tile in _tiles(windows, W, scratch):
        _unfold(tile, field, first, windows.shape[1:3], W.shape[:2], stride, padding)
        gemm(pixels, tile, matrix, scratch[:SCRATCH])


def _correlate_transposed(
    field: np.ndarray, windows: np.ndarray, W: np.ndarray, stride: int, padding: int, scratch: np.ndarray
) -> None:
    """Write field = Aᵀ windows."""
    matrix = W.reshape(-1, W.shape[3])
    field.fill(0)
    for first, pixels, tile in _tiles(windows, W, scratch):
        gemm(tile, pixels, matrix.T, scratch[:SCRATCH])
        _fold(field, tile, first, windows.shape[1:3], W.shape[:2], stride, padding)


def _add_weight_gradient(
    dW: np.ndarray, windows: np.ndarray, field: np.ndarray, stride: int, padding: int, scratch: np.ndarray
) -> None:
    """Add the derivative of ⟨windows, A field⟩ to dW."""
    matrix = dW.reshape(-1, dW.shape[3])
    for first, pixels, tile in _tiles(windows, dW, scratch):
        _unfold(tile, field, first, windows.shape[1:3], dW.shape[:2], stride, padding)
        gemm_add(matrix, tile.T, pixels, scratch[:SCRATCH])


def convolution_forward(
    y: np.ndarray,
    x: np.ndarray,
    W: np.ndarray,
    b: np.ndarray,
    stride: int,
    padding: int,
    scratch: np.ndarray,
) -> None:
    """Write y = A x + b; ``scratch`` is flat, of ``scratch_size(W.shape)`` values."""
    _correlate(y, x, W, stride, padding, scratch)
    _add_bias(y, b)


def convolution_backward_input(
    dx: np.ndarray, dy: np.ndarray, W: np.ndarray, stride: int, padding: int, scratch: np.ndarray
) -> None:
    """Write dx = Aᵀ dy."""
    _correlate_transposed(dx, dy, W, stride, padding, scratch)


def convolution_backward_parameters(
    dW: np.ndarray,
    db: np.ndarray,
    dy: np.ndarray,
    x: np.ndarray,
    stride: int,
    padding: int,
    scratch: np.ndarray,
) -> None:
    """Add the derivative of ⟨dy, A x⟩ to dW and the channel sums of dy to db."""
    _add_weight_gradient(dW, dy, x, stride, padding, scratch)
    _add_channel_sums(db, dy)


def transposed_convolution_forward(
    y: np.ndarray,
    x: np.ndarray,
    W: np.ndarray,
    b: np.ndarray,
    stride: int,
    padding: int,
    scratch: np.ndarray,
) -> None:
    """Write y = Aᵀ x + b, a convolution's backward; the output padding is in the size of y."""
    _correlate_transposed(y, x, W, stride, padding, scratch)
    _add_bias(y, b)


def transposed_convolution_backward_input(
    dx: np.ndarray, dy: np.ndarray, W: np.ndarray, stride: int, padding: int, scratch: np.ndarray
) -> None:
    """Write dx = A dy, a convolution's forward."""
    _correlate(dx, dy, W, stride, padding, scratch)


def transposed_convolution_backward_parameters(
    dW: np.ndarray,
    db: np.ndarray,
    dy: np.ndarray,
    x: np.ndarray,
    stride: int,
    padding: int,
    scratch: np.ndarray,
) -> None:
    """Add the derivative of ⟨A dy, x⟩ to dW and the channel sums of dy to db."""
    _add_weight_gradient(dW, x, dy, stride, padding, scratch)
    _add_channel_sums(db, dy)
