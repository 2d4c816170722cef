"""Twin of kernels/dropout.py: y = x keep / (1 - rate).

Shapes: x, y, dx, dy and noise are (neurons,).
"""

import numpy as np


def dropout_forward(y: np.ndarray, x: np.ndarray, noise: np.ndarray, rate: float) -> None:
    """Write y: silence, or x as much louder as neurons are missing."""
    for i in range(x.size):
        keep = 1 if noise[i] >= rate else 0
        y[i] = x[i] * keep / (1 - rate)


def dropout_backward(dx: np.ndarray, dy: np.ndarray, noise: np.ndarray, rate: float) -> None:
    """Write dx: who was silent is not to blame."""
    for i in range(dy.size):
        keep = 1 if noise[i] >= rate else 0
        dx[i] = dy[i] * keep / (1 - rate)
