"""Convolution and transposed convolution: one small array of weights, applied at every position of a picture.

A window of kh x kw pixels moves over a *field* in steps of the stride. The first window starts ``padding`` pixels
outside the field, where the field is 0. Window (i, j) covers the pixels u = stride i + p - padding and
v = stride j + q - padding for p < kh, q < kw. The kernel is not flipped: this is a cross-correlation, which deep
learning calls convolution.

    windows[n,i,j,o] = Σ_{p,q,c} field[n,u,v,c] W[p,q,c,o]          in short, windows = A field

The transpose adds each window to the pixels that it covers, field = Aᵀ windows. A convolution reads the field and a
transposed convolution writes it; otherwise they are the same, with the two directions exchanged:

==========  ================================  ================================
            convolution                       transposed convolution
==========  ================================  ================================
Forward     y  = A x + b                      y  = Aᵀ x + b
Backward    dx = Aᵀ dy                        dx = A dy                         written
            dW += ∂⟨dy, A x⟩/∂W               dW += ∂⟨A dy, x⟩/∂W               added
            db[o] += Σ_{n,i,j} dy[n,i,j,o]    the same                          added
==========  ================================  ================================

Both dW are one sum, dW[p,q,c,o] += Σ_{n,i,j} field[n,u,v,c] windows[n,i,j,o].

Shapes: W, dW (kh, kw, field channels, window channels), which is (kh, kw, in, out) for a convolution and
(kh, kw, out, in) for a transposed one; b, db (out,); x, dx, y, dy (batch, height, width, channels). All arrays are
C-contiguous and of one float type. ``output_size`` and ``transposed_output_size`` in kernels/machine/geometry.py give
the sizes of y.

Method: implicit GEMM (Chetlur et al. 2014, cuDNN): a matrix product that reads the windows where they lie instead of
unfolding them into a matrix (im2col). Both directions are the loops of kernels/machine/direct_conv.py around the
micro-kernel. The exception is a field of few channels, which kernels/machine/scatter.py writes tap by tap (col2im). The
gradient of the weights is in kernels/machine/weight_gradient.py. A machine without a micro-kernel uses
kernels/machine/conv_blas.py."""

from functools import cache

import numpy as np

from ava_np.kernels.machine import conv_blas, direct_conv, scatter, weight_gradient
from ava_np.kernels.machine.compile import kernel
from ava_np.kernels.machine.geometry import Geometry
from ava_np.kernels.machine.micro_kernel import host_tile

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
MIN_PARTIAL_SUMS = 64  # partial sums of the bias gradient that are updated side by side, so that they fill vectors
ADDENDS = 8  # values added to a partial sum between its load and its store


def scratch_size(field: tuple[int, ...], weights: tuple[int, ...], stride: int, padding: int) -> int:
    """Return the number of scratch elements that suffices for every pass, on all cores, for any batch.

    Parameters
    ----------
    field : tuple of int
        (height, width, channels) of the field.
    weights : tuple of int
        Shape of W.
    stride, padding : int
        Of the windows, in pixels.
    """
    return _scratch_size(Geometry(field, weights, stride, padding), host_tile(FLOATS[0].itemsize) is not None)


@cache
def _scratch_size(geometry: Geometry, has_micro_kernel: bool) -> int:
    sizes = [2 * (max(geometry.weights[2:]) + MIN_PARTIAL_SUMS)]  # partial sums are float64: two elements of float32
    if has_micro_kernel:
        for dtype in FLOATS:
            sizes.append(direct_conv.scratch_size(geometry, dtype, transposed=False))
            if _is_thin(geometry, dtype):
                sizes.append(scatter.scratch_size(geometry, dtype))
            else:
                sizes.append(direct_conv.scratch_size(geometry, dtype, transposed=True))
            sizes.append(weight_gradient.scratch_size(geometry, dtype))
    return max(sizes)


def _is_thin(geometry: Geometry, dtype: np.dtype) -> bool:
    """Whether the field's channels fill at most half a vector."""
    tile = host_tile(dtype.itemsize)
    return tile is not None and 2 * geometry.field[2] <= tile.lanes


def add_channel_sums(db: np.ndarray, dy: np.ndarray, scratch: np.ndarray) -> None:
    """db[o] += Σ_{n,i,j} dy[n,i,j,o], summed in float64 because there are many pixels.

    The pixels are read in rows of ``width`` values, a multiple of the channels and more than MIN_PARTIAL_SUMS. Each
    value of a row has its own partial sum.
    """
    flat, width = dy.ravel(), db.size * (1 + MIN_PARTIAL_SUMS // db.size)
    count = flat.size // (ADDENDS * width)
    rows, rest = flat[: count * ADDENDS * width], flat[count * ADDENDS * width :]
    sums = scratch[: 2 * width].view(np.float64)[:width]
    _add_partial_sums(db, rows.reshape(count, ADDENDS, width), rest, sums)


@kernel
def _add_partial_sums(db: np.ndarray, rows: np.ndarray, rest: np.ndarray, sums: np.ndarray) -> None:
    """Add up ``rows``, (count, ADDENDS, width), and ``rest``, which has fewer values, by channels."""
    channels, width = db.size, sums.size
    sums[:] = 0
    for m in range(rows.shape[0]):
        for k in range(width):
            total = 0.0
            for r in range(ADDENDS):
                total += rows[m, r, k]
            sums[k] += total
    for k in range(rest.size):
        sums[k % channels] += rest[k]
    for o in range(channels):
        total = 0.0
        for k in range(o, width, channels):
            total += sums[k]
        db[o] += total


def _correlate(
    geometry: Geometry,
    windows: np.ndarray,
    field: np.ndarray,
    W: np.ndarray,
    b: np.ndarray | None,
    scratch: np.ndarray,
) -> None:
    """Write windows = A field, plus b."""
    _check(geometry, windows, field, W, b, scratch)
    if host_tile(W.itemsize) is None:
        conv_blas.correlate(geometry, windows, field, W, b)
    else:
        direct_conv.correlate(geometry, windows, field, W, b, scratch)


def _correlate_transposed(
    geometry: Geometry,
    field: np.ndarray,
    windows: np.ndarray,
    W: np.ndarray,
    b: np.ndarray | None,
    scratch: np.ndarray,
) -> None:
    """Write field = Aᵀ windows, plus b."""
    _check(geometry, windows, field, W, b, scratch)
    if host_tile(W.itemsize) is None:
        conv_blas.correlate_transposed(geometry, field, windows, W, b)
    elif _is_thin(geometry, W.dtype):
        scatter.correlate_transposed(geometry, field, windows, W, b, scratch)
    else:
        direct_conv.correlate_transposed(geometry, field, windows, W, b, scratch)


def _add_weight_gradient(
    geometry: Geometry, dW: np.ndarray, windows: np.ndarray, field: np.ndarray, scratch: np.ndarray
) -> None:
    """Add the derivative of ⟨windows, A field⟩ to dW."""
    _check(geometry, windows, field, dW, None, scratch)
    if host_tile(dW.itemsize) is None:
        conv_blas.add_weight_gradient(geometry, dW, windows, field)
    else:
        weight_gradient.add_weight_gradient(geometry, dW, windows, field, scratch)


def _check(
    geometry: Geometry,
    windows: np.ndarray,
    field: np.ndarray,
    W: np.ndarray,
    b: np.ndarray | None,
    scratch: np.ndarray,
) -> None:
    """Raise ValueError for arrays that do not fit: machine code would read and write outside them."""
    expected = (len(field), *geometry.windows)
    if windows.shape != expected or field.shape[3] != W.shape[2]:
        raise ValueError(
            f"windows {windows.shape} and field {field.shape} do not match weights {W.shape} with stride "
            f"{geometry.stride} and padding {geometry.padding}"
        )
    if W.dtype not in FLOATS:
        raise ValueError(f"a convolution needs float32 or float64 arrays, not {W.dtype}")
    for array in (windows, field, W, scratch) if b is None else (windows, field, W, scratch, b):
        if not array.flags.c_contiguous or array.dtype != W.dtype:
            raise ValueError(f"the arrays of a convolution must be C-contiguous and of one type, here {W.dtype}")
    needed = _scratch_size(geometry, host_tile(W.itemsize) is not None)
    if scratch.size < needed:
        raise ValueError(f"scratch has {scratch.size} elements; weights {W.shape} need {needed}: use scratch_size")


def convolution_forward(
    y: np.ndarray,
    x: np.ndarray,
    W: np.ndarray,
    b: np.ndarray,
    stride: int,
    padding: int,
    scratch: np.ndarray,
) -> None:
    """Write y = A x + b.

    Parameters
    ----------
    y : ndarray (batch, rows, columns, out)
        Written. Rows and columns are the ``output_size`` of the height and width of x.
    x : ndarray (batch, height, width, in)
        Input.
    W : ndarray (kernel height, kernel width, in, out)
        Weights.
    b : ndarray (out,)
        Bias.
    stride, padding : int
        Pixels from a window to the next, at least 1, and from the first window's start to the picture, at least 0.
    scratch : ndarray (at least ``scratch_size``,)
        Overwritten; its values do not matter.

    Raises
    ------
    ValueError
        If the shapes do not match, an array is not C-contiguous or of another type, or the scratch is too short.
        The other functions raise it too.
    """
    _correlate(Geometry(x.shape[1:], W.shape, stride, padding), y, x, W, b, scratch)


def convolution_backward_input(
    dx: np.ndarray, dy: np.ndarray, W: np.ndarray, stride: int, padding: int, scratch: np.ndarray
) -> None:
    """Write dx = Aᵀ dy; dx and dy have the shapes of x and y in ``convolution_forward``."""
    _correlate_transposed(Geometry(dx.shape[1:], W.shape, stride, padding), dx, dy, W, None, scratch)


def convolution_backward_parameters(
    dW: np.ndarray,
    db: np.ndarray,
    dy: np.ndarray,
    x: np.ndarray,
    stride: int,
    padding: int,
    scratch: np.ndarray,
) -> None:
    """Add the derivative of ⟨dy, A x⟩ to dW, and the channel sums of dy to db."""
    _add_weight_gradient(Geometry(x.shape[1:], dW.shape, stride, padding), dW, dy, x, scratch)
    add_channel_sums(db, dy, scratch)


def transposed_convolution_forward(
    y: np.ndarray,
    x: np.ndarray,
    W: np.ndarray,
    b: np.ndarray,
    stride: int,
    padding: int,
    scratch: np.ndarray,
) -> None:
    """Write y = Aᵀ x + b, a convolution's backward pass.

    Parameters
    ----------
    y : ndarray (batch, height, width, out)
        Written. Height and width are the ``transposed_output_size`` of the rows and columns of x; they include the
        output padding.
    x : ndarray (batch, rows, columns, in)
        Input.
    W : ndarray (kernel height, kernel width, out, in)
        Weights: those of the convolution A, which maps y to x.
    b : ndarray (out,)
        Bias.
    stride, padding, scratch
        As in ``convolution_forward``.
    """
    _correlate_transposed(Geometry(y.shape[1:], W.shape, stride, padding), y, x, W, b, scratch)


def transposed_convolution_backward_input(
    dx: np.ndarray, dy: np.ndarray, W: np.ndarray, stride: int, padding: int, scratch: np.ndarray
) -> None:
    """Write dx = A dy, a convolution's forward pass."""
    _correlate(Geometry(dy.shape[1:], W.shape, stride, padding), dx, dy, W, None, scratch)


def transposed_convolution_backward_parameters(
    dW: np.ndarray,
    db: np.ndarray,
    dy: np.ndarray,
    x: np.ndarray,
    stride: int,
    padding: int,
    scratch: np.ndarray,
) -> None:
    """Add the derivative of ⟨A dy, x⟩ to dW, and the channel sums of dy to db."""
    _add_weight_gradient(Geometry(dy.shape[1:], dW.shape, stride, padding), dW, x, dy, scratch)
    add_channel_sums(db, dy, scratch)
