"""Half the squared error, the first term of AVA (1).

Forward   ½ ‖x - x'‖²       summed over neurons and batch: nats of a Gaussian of unit variance, up to a constant
Backward  dx' += x' - x

Shapes: x, x' and dx' are alike and C-contiguous.
"""

import numpy as np

from ava_np.kernels.machine.compile import kernel


@kernel
def squared_error_forward(x_: np.ndarray, x: np.ndarray) -> float:
    """Return ½ ‖x - x'‖², summed in double precision."""
    y, t = x_.reshape(-1), x.reshape(-1)
    total = 0.0
    for i in range(y.size):
        total += (y[i] - t[i]) ** 2
    return 0.5 * total


@kernel
def squared_error_backward(dx_: np.ndarray, x_: np.ndarray, x: np.ndarray) -> None:
    """Add x' - x to dx'."""
    d, y, t = dx_.reshape(-1), x_.reshape(-1), x.reshape(-1)
    for i in range(d.size):
        d[i] += y[i] - t[i]
