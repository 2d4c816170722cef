"""Inverted dropout (Srivastava et al. 2014): sets random neurons to 0 and scales up the others.

Forward   y[i]  = x[i]  keep[i] / (1 - rate)        written
Backward  dx[i] = dy[i] keep[i] / (1 - rate)        written

keep[i] is 1 if noise[i] >= rate, else 0. The noise is an argument, uniform in [0, 1). So each neuron is kept with
probability 1 - rate, and the expected value of y is x. At rate 0 every neuron is kept and y is x. Evaluation does not
use dropout, so it needs no kernel.

Shapes: x, y, dx, dy and noise have the same shape and are C-contiguous. y may be the same array as x, and dx the same
as dy. 0 <= rate < 1.
"""

import numpy as np

from ava_np.kernels.machine.elementwise import flat


@flat
def _apply_keep_mask(target: np.ndarray, source: np.ndarray, noise: np.ndarray, rate: float) -> None:
    """target = source · keep / (1 - rate), as a product with 0, not a branch, so that a dropped NaN stays a NaN."""
    zero, scale = target.dtype.type(0), target.dtype.type(1.0 / (1.0 - rate))
    for i in range(target.size):
        target[i] = source[i] * (scale if noise[i] >= rate else zero)


def dropout_forward(y: np.ndarray, x: np.ndarray, noise: np.ndarray, rate: float) -> None:
    """Write y = x keep / (1 - rate)."""
    _apply_keep_mask(y, x, noise, rate)


def dropout_backward(dx: np.ndarray, dy: np.ndarray, noise: np.ndarray, rate: float) -> None:
    """Write dx = dy keep / (1 - rate), with the noise of the forward pass."""
    _apply_keep_mask(dx, dy, noise, rate)
