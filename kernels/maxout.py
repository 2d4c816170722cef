"""Maxout (Goodfellow, Warde-Farley, Mirza, Courville and Bengio 2013): the largest of each group of neurons.

Forward   y[n,c]          = max_p x[n, c P + p],   p = 0, ..., P - 1        written
Backward  dx[n, c P + p]  = dy[n,c] if p is the first with the largest x, else 0        written

A group is P neurons side by side. With a dense layer in front, each y is the largest of P linear functions of the
inputs: a convex function, whose pieces are learnt. Where two neurons are equal, max has no derivative; the whole error
goes to the first of them, which is one of the one-sided derivatives. A NaN in a group makes its y a NaN.

Shapes: x, dx (..., C P), y, dy (..., C), C-contiguous.
"""

import numpy as np

from ava_np.kernels.machine.compile import kernel


@kernel
def maxout_forward(y: np.ndarray, x: np.ndarray) -> None:
    """Write y."""
    flat_y, flat_x = y.reshape(-1), x.reshape(-1)
    pieces = flat_x.size // flat_y.size
    for c in range(flat_y.size):
        largest = flat_x[c * pieces]
        for p in range(1, pieces):
            value = flat_x[c * pieces + p]
            if value > largest or value != value:  # a NaN is larger than no number
                largest = value
        flat_y[c] = largest


@kernel
def maxout_backward(dx: np.ndarray, dy: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Write dx; ``y`` is the output of the forward pass."""
    flat_dx, flat_dy, flat_x, flat_y = dx.reshape(-1), dy.reshape(-1), x.reshape(-1), y.reshape(-1)
    pieces = flat_x.size // flat_y.size
    for c in range(flat_y.size):
        error = flat_dy[c]
        for p in range(pieces):
            i = c * pieces + p
            if flat_x[i] == flat_y[c]:
                flat_dx[i] = error
                error = error * 0  # the others get nothing, but a NaN stays one
            else:
                flat_dx[i] = 0
