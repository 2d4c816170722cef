"""The paper's zoom by a fixed factor k: average pooling (zoom out) and nearest-neighbour upsampling (zoom in).

Zoom out  y[n,i,j,c] = k^-2 Σ_{p,q<k} x[n, ki+p, kj+q, c]      backward  dx[n, ki+p, kj+q, c] = k^-2 dy[n,i,j,c]
Zoom in   y[n, ki+p, kj+q, c] = x[n,i,j,c]                      backward  dx[n,i,j,c] = Σ_{p,q<k} dy[n, ki+p, kj+q, c]

All passes write their result. Both operations are linear and have no parameters. Up to a factor of k², one is the
transpose of the other, so each backward pass is the other operation's forward pass times a constant.

Shapes: the large array is (pictures, k·height, k·width, channels), the small one (pictures, height, width, channels).
"""

import numpy as np

from ava_np.kernels.machine.compile import kernel


@kernel
def _sum_blocks(small: np.ndarray, large: np.ndarray, zoom: int, factor: float) -> None:
    """Write small = factor · (sum over each zoom x zoom block of large)."""
    pictures, height, width, channels = small.shape
    weight = small.dtype.type(factor)
    for n in range(pictures):
        for i in range(height):
            for j in range(width):
                for c in range(channels):
                    total = small.dtype.type(0)
                    for p in range(zoom):
                        for q in range(zoom):
                            total += large[n, zoom * i + p, zoom * j + q, c]
                    small[n, i, j, c] = weight * total


@kernel
def _repeat_blocks(large: np.ndarray, small: np.ndarray, zoom: int, factor: float) -> None:
    """Write factor · (each value of small) to its zoom x zoom block of large."""
    pictures, height, width, channels = large.shape
    weight = large.dtype.type(factor)
    for n in range(pictures):
        for i in range(height):
            for j in range(width):
                for c in range(channels):
                    large[n, i, j, c] = weight * small[n, i // zoom, j // zoom, c]


def zoom_out_forward(y: np.ndarray, x: np.ndarray, zoom: int) -> None:
    """Write y, the mean of each block of x."""
    _sum_blocks(y, x, zoom, 1.0 / zoom**2)


def zoom_out_backward(dx: np.ndarray, dy: np.ndarray, zoom: int) -> None:
    """Write dx: every value of a block gets k^-2 times the error of its mean."""
    _repeat_blocks(dx, dy, zoom, 1.0 / zoom**2)


def zoom_in_forward(y: np.ndarray, x: np.ndarray, zoom: int) -> None:
    """Write y, every value of x repeated zoom x zoom times."""
    _repeat_blocks(y, x, zoom, 1.0)


def zoom_in_backward(dx: np.ndarray, dy: np.ndarray, zoom: int) -> None:
    """Write dx, the sum of dy over each block, because the errors of all copies of a value add up."""
    _sum_blocks(dx, dy, zoom, 1.0)
