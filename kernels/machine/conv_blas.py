"""A convolution tap by tap, in products of BLAS: for machines without a micro-kernel (kernels/machine/micro_kernel.py).

A tap (p, q) reaches a picture of every s-th neuron, and multiplies it by the matrix W[p,q]. It is a few times slower.
"""

from collections.abc import Iterator

import numpy as np


def correlate(windows: np.ndarray, field: np.ndarray, W: np.ndarray, stride: int, padding: int) -> None:
    """Write windows = A field."""
    windows.fill(0)
    for part, seen, tap in _taps(windows, field, W, stride, padding):
        part += seen @ tap


def correlate_transposed(field: np.ndarray, windows: np.ndarray, W: np.ndarray, stride: int, padding: int) -> None:
    """Write field = Aᵀ windows."""
    field.fill(0)
    for part, seen, tap in _taps(windows, field, W, stride, padding):
        seen += part @ tap.T


def add_weight_gradient(dW: np.ndarray, windows: np.ndarray, field: np.ndarray, stride: int, padding: int) -> None:
    """Add the derivative of ⟨windows, A field⟩ to dW."""
    for part, seen, tap in _taps(windows, field, dW, stride, padding):
        tap += seen.reshape(-1, seen.shape[3]).T @ part.reshape(-1, part.shape[3])


def _taps(
    windows: np.ndarray, field: np.ndarray, W: np.ndarray, stride: int, padding: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield, for each tap, the windows in which it is within the field, what it sees there, and its weights."""
    for p in range(W.shape[0]):
        i, u = _inside(windows.shape[1], field.shape[1], p - padding, stride)
        for q in range(W.shape[1]):
            j, v = _inside(windows.shape[2], field.shape[2], q - padding, stride)
            yield windows[:, i, j], field[:, u, v], W[p, q]


def _inside(windows: int, size: int, offset: int, stride: int) -> tuple[slice, slice]:
    """The windows i for which 0 ≤ s i + offset < size, and these neurons."""
    first = max(0, -(offset // stride))
    count = max(0, min(windows, -((offset - size) // stride)) - first)
    start = max(0, stride * first + offset)  # beyond the field where there are none
    return slice(first, first + count), slice(start, start + stride * count, stride)
