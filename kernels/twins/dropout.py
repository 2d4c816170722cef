"""Twin of kernels/dropout.py: y = x keep / (1 - rate).

Shapes: x, y, dx, dy and noise are (neurons,).
"""

import numpy as np


def dropout_forward(y: np.ndarray, x: np.ndarray, noise: np.ndarray, rate: float) -> None:
    """Write y: 0, or x scaled up to make up for the dropped neurons."""
    for i in range(x.size):
        keep = 1 if noise[i] >= rate else 0
        y[i] = x[i] * keep / (1 - rate)


def dropout_backward(dx: np.ndarray, dy: np.ndarray, noise: np.ndarray, rate: float) -> None:
    """Write dx: a dropped neuron did not affect y, so its error is 0."""
    for i in range(dy.size):
        keep = 1 if noise[i] >= rate else 0
        dx[i] = dy[i] * keep / (1 - rate)
