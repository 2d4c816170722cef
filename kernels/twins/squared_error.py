"""Twin of kernels/squared_error.py: ½ ‖x - x'‖², the first term of AVA (1).

Shapes: x, x' and dx' are (batch, neurons).
"""

import numpy as np


def squared_error_forward(x_: np.ndarray, x: np.ndarray) -> float:
    """Return half the sum of the squared differences."""
    batch, neurons = x.shape
    total = 0.0
    for b in range(batch):
        for i in range(neurons):
            total += (x[b, i] - x_[b, i]) ** 2 / 2
    return total


def squared_error_backward(dx_: np.ndarray, x_: np.ndarray, x: np.ndarray) -> None:
    """Add to dx': the outer derivative, x - x', times the inner derivative, -1."""
    batch, neurons = x.shape
    for b in range(batch):
        for i in range(neurons):
            dx_[b, i] += -(x[b, i] - x_[b, i])
