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

Method: nothing is unfolded. Both directions are the loops of kernels/machine/direct_conv.py around the micro-kernel,
except that a field of few channels is written stamp by stamp (kernels/machine/scatter.py); the weights' gradient is
that of kernels/machine/weight_gradient.py. A machine without a micro-kernel takes kernels/machine/conv_blas.py."""

from functools import cache

import numpy as np

from ava_np.kernels.machine import conv_blas, direct_conv, scatter, weight_gradient
from ava_np.kernels.machine.compile import kernel
from ava_np.kernels.machine.micro_kernel import Tile, host_tile

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
SUMS, ROWS = 64, 8  # sums side by side, of which each channel has one or more; numbers added at a time


def output_size(input: int, kernel: int, stride: int, padding: int) -> int:
    """Windows along one axis of a field of ``input`` neurons; below 1 where the window is larger than all of it."""
    return (input + 2 * padding - kernel) // stride + 1


def transposed_output_size(input: int, kernel: int, stride: int, padding: int, output_padding: int) -> int:
    """Neurons along one axis of the field that ``input`` windows are added to.

    A convolution's windows stop short of the last (input + 2 padding - kernel) mod stride neurons of its padded field.
    An ``output_padding`` of as many gives them back: then this inverts ``output_size``.
    """
    return (input - 1) * stride + kernel - 2 * padding + output_padding


def scratch_size(field: tuple[int, ...], weights: tuple[int, ...], stride: int, padding: int) -> int:
    """Numbers of scratch for every pass, with which every core can help.

    Parameters
    ----------
    field : tuple of int
        (height, width, channels) of the field; the batch does not matter.
    weights : tuple of int
        Shape of W.
    stride, padding : int
        Of the windows.
    """
    return _scratch_size(field, weights, stride, padding, host_tile(FLOATS[0].itemsize))


@cache
def _scratch_size(
    field: tuple[int, ...], weights: tuple[int, ...], stride: int, padding: int, tile: Tile | None
) -> int:
    sums = 2 * max(weights[2:]) + 2 * SUMS  # of doubles
    if tile is None:
        return sums
    down, across = (output_size(field[i], weights[i], stride, padding) for i in (0, 1))
    windows = (down, across, weights[3])
    there, back = (field, windows, weights, stride, padding, False), (windows, field, weights, stride, padding, True)
    gradient = weight_gradient.Shapes(field, windows, weights[:2], stride, padding)
    sizes = [sums]
    for dtype in FLOATS:
        sizes.append(direct_conv.scratch_size(direct_conv.Shapes(*there), dtype))
        if _is_thin(weights, dtype):
            sizes.append(scatter.scratch_size(field, windows, weights, stride, padding, dtype))
        else:
            sizes.append(direct_conv.scratch_size(direct_conv.Shapes(*back), dtype))
        sizes.append(weight_gradient.scratch_size(gradient, dtype))
    return max(sizes)


def _is_thin(weights: tuple[int, ...], dtype: np.dtype) -> bool:
    """Whether a vector of the field's channels would be at most half full."""
    tile = host_tile(dtype.itemsize)
    return tile is not None and 2 * weights[2] <= tile.lanes


@kernel
def _add_bias(y: np.ndarray, b: np.ndarray) -> None:
    """y[n,i,j,o] += b[o]."""
    pixels = y.reshape(-1, b.size)
    for m in range(pixels.shape[0]):
        for o in range(b.size):
            pixels[m, o] += b[o]


@kernel
def _add_channel_sums(db: np.ndarray, dy: np.ndarray, scratch: np.ndarray) -> None:
    """db[o] += Σ_{n,i,j} dy[n,i,j,o], in double precision: there are many pixels.

    In rows of several pixels, so that there are enough sums side by side, of which each takes ROWS numbers at a time.
    """
    flat, channels = dy.reshape(-1), db.size
    width = channels * (1 + SUMS // channels)
    sums = scratch[: 2 * width].view(np.float64)[:width]
    sums[:] = 0
    count = flat.size // (ROWS * width)
    rows = flat[: count * ROWS * width].reshape(count, ROWS, width)
    for m in range(count):
        for k in range(width):
            total = 0.0
            for r in range(ROWS):
                total += rows[m, r, k]
            sums[k] += total
    for k in range(rows.size, flat.size):
        sums[k % channels] += flat[k]
    for o in range(channels):
        total = 0.0
        for k in range(o, width, channels):
            total += sums[k]
        db[o] += total


def _correlate(
    windows: np.ndarray,
    field: np.ndarray,
    W: np.ndarray,
    b: np.ndarray | None,
    stride: int,
    padding: int,
    scratch: np.ndarray,
) -> None:
    """Write windows = A field, plus b."""
    _check(windows, field, W, b, stride, padding, scratch)
    if host_tile(W.itemsize) is not None:
        direct_conv.correlate(windows, field, W, b, stride, padding, scratch, transposed=False)
        return
    conv_blas.correlate(windows, field, W, stride, padding)
    if b is not None:
        _add_bias(windows, b)


def _correlate_transposed(
    field: np.ndarray,
    windows: np.ndarray,
    W: np.ndarray,
    b: np.ndarray | None,
    stride: int,
    padding: int,
    scratch: np.ndarray,
) -> None:
    """Write field = Aᵀ windows, plus b."""
    _check(windows, field, W, b, stride, padding, scratch)
    if _is_thin(W.shape, W.dtype):
        scatter.correlate_by_stamps(field, windows, W, b, stride, padding, scratch)
        return
    if host_tile(W.itemsize) is not None:
        direct_conv.correlate(field, windows, W, b, stride, padding, scratch, transposed=True)
        return
    conv_blas.correlate_transposed(field, windows, W, stride, padding)
    if b is not None:
        _add_bias(field, b)


def _add_weight_gradient(
    dW: np.ndarray, windows: np.ndarray, field: np.ndarray, stride: int, padding: int, scratch: np.ndarray
) -> None:
    """Add the derivative of ⟨windows, A field⟩ to dW."""
    _check(windows, field, dW, None, stride, padding, scratch)
    if host_tile(dW.itemsize) is not None:
        weight_gradient.add_weight_gradient(dW, windows, field, stride, padding, scratch)
    else:
        conv_blas.add_weight_gradient(dW, windows, field, stride, padding)


def _check(
    windows: np.ndarray,
    field: np.ndarray,
    W: np.ndarray,
    b: np.ndarray | None,
    stride: int,
    padding: int,
    scratch: np.ndarray,
) -> None:
    """Refuse what the machine code would not notice."""
    sizes = tuple(output_size(field.shape[i], W.shape[i - 1], stride, padding) for i in (1, 2))
    if windows.shape != (len(field), *sizes, W.shape[3]) or field.shape[3] != W.shape[2]:
        raise ValueError(f"{W.shape} with stride {stride} and padding {padding}: no {windows.shape} of {field.shape}")
    arrays = (windows, field, W, scratch) if b is None else (windows, field, W, scratch, b)
    if not all(array.flags.c_contiguous and array.dtype == W.dtype for array in arrays) or W.dtype not in FLOATS:
        raise ValueError("the arrays of a convolution are C-contiguous and of one float type")
    needed = scratch_size(field.shape[1:], W.shape, stride, padding)
    if scratch.size < needed:
        raise ValueError(f"a scratch of {scratch.size} numbers is too short: weights {W.shape} need {needed}")


def convolution_forward(
    y: np.ndarray,
    x: np.ndarray,
    W: np.ndarray,
    b: np.ndarray,
    stride: int,
    padding: int,
    scratch: np.ndarray,
) -> None:
    """Write y = A x + b; ``scratch`` is flat, of ``scratch_size`` numbers of any value."""
    _correlate(y, x, W, b, stride, padding, scratch)


def convolution_backward_input(
    dx: np.ndarray, dy: np.ndarray, W: np.ndarray, stride: int, padding: int, scratch: np.ndarray
) -> None:
    """Write dx = Aᵀ dy."""
    _correlate_transposed(dx, dy, W, None, stride, padding, scratch)


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
    _add_channel_sums(db, dy, scratch)


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
    _correlate_transposed(y, x, W, b, stride, padding, scratch)


def transposed_convolution_backward_input(
    dx: np.ndarray, dy: np.ndarray, W: np.ndarray, stride: int, padding: int, scratch: np.ndarray
) -> None:
    """Write dx = A dy, a convolution's forward."""
    _correlate(dx, dy, W, None, stride, padding, scratch)


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
    _add_channel_sums(db, dy, scratch)
