"""A convolution tap by tap, in BLAS products: for machines without a micro-kernel (kernels/machine/micro_kernel.py).

A tap (p, q) is one position of the kernel. It reads pixels of the field that are ``stride`` apart, and multiplies them
by the matrix W[p,q]. This is several times slower than the micro-kernel."""

from collections.abc import Iterator

import numpy as np

from ava_np.kernels.machine.compile import kernel
from ava_np.kernels.machine.geometry import Geometry


def correlate(geometry: Geometry, windows: np.ndarray, field: np.ndarray, W: np.ndarray, b: np.ndarray | None) -> None:
    """Write windows = A field, plus b."""
    windows.fill(0)
    for window_pixels, field_pixels, tap in _taps(geometry, windows, field, W):
        window_pixels += field_pixels @ tap
    if b is not None:
        _add_bias(windows, b)


def correlate_transposed(
    geometry: Geometry, field: np.ndarray, windows: np.ndarray, W: np.ndarray, b: np.ndarray | None
) -> None:
    """Write field = Aᵀ windows, plus b."""
    field.fill(0)
    for window_pixels, field_pixels, tap in _taps(geometry, windows, field, W):
        field_pixels += window_pixels @ tap.T
    if b is not None:
        _add_bias(field, b)


def add_weight_gradient(geometry: Geometry, dW: np.ndarray, windows: np.ndarray, field: np.ndarray) -> None:
    """Add the derivative of ⟨windows, A field⟩ to dW."""
    for window_pixels, field_pixels, tap in _taps(geometry, windows, field, dW):
        tap += field_pixels.reshape(-1, field.shape[3]).T @ window_pixels.reshape(-1, windows.shape[3])


@kernel
def _add_bias(y: np.ndarray, b: np.ndarray) -> None:
    """y[n,i,j,o] += b[o]."""
    pixels = y.reshape(-1, b.size)
    for m in range(pixels.shape[0]):
        for o in range(b.size):
            pixels[m, o] += b[o]


def _taps(
    geometry: Geometry, windows: np.ndarray, field: np.ndarray, W: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield for each tap views of the windows that have it inside the field, of those field pixels, and of W[p,q]."""
    for p in range(W.shape[0]):
        i, u = _inside(geometry, 0, p)
        for q in range(W.shape[1]):
            j, v = _inside(geometry, 1, q)
            yield windows[:, i, j], field[:, u, v], W[p, q]


def _inside(geometry: Geometry, axis: int, tap: int) -> tuple[slice, slice]:
    """Return the windows i with 0 ≤ stride i + tap - padding < field size along an axis, and these field pixels."""
    stride, offset = geometry.stride, tap - geometry.padding
    first = max(0, -(offset // stride))
    count = max(0, min(geometry.windows[axis], -((offset - geometry.field[axis]) // stride)) - first)
    start = max(0, stride * first + offset)  # outside the field if there are no windows
    return slice(first, first + count), slice(start, start + stride * count, stride)
