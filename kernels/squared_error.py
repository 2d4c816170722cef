"""Half the squared error, the first term of AVA (1).

Forward   ½ ‖x - x'‖²       summed over neurons and batch; up to a constant, the nats of a Gaussian with unit variance
Backward  dx' += x' - x     added

Shapes: x, x' and dx' have the same shape and are C-contiguous. In the code x_ is x'.
"""

import numpy as np

from ava_np.kernels.machine.compile import kernel


def squared_error_forward(x_: np.ndarray, x: np.ndarray) -> float:
    """Return ½ ‖x - x'‖², summed in double precision."""
    return 0.5 * _squared_distance(x_.ravel(), x.ravel())


@kernel
def _squared_distance(outputs: np.ndarray, targets: np.ndarray) -> float:
    """Return ‖outputs - targets‖²."""
    total = 0.0
    for i in range(outputs.size):
        total += (outputs[i] - targets[i]) ** 2
    return total


@kernel
def squared_error_backward(dx_: np.ndarray, x_: np.ndarray, x: np.ndarray) -> None:
    """Add x' - x to dx'."""
    errors, outputs, targets = dx_.reshape(-1), x_.reshape(-1), x.reshape(-1)
    for i in range(errors.size):
        errors[i] += outputs[i] - targets[i]
