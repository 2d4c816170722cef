"""Dropout (Srivastava et al. 2014), inverted: neurons are silenced at random, the others speak up for them.

Forward   y[i]  = x[i]  keep[i] / (1 - rate)
Backward  dx[i] = dy[i] keep[i] / (1 - rate)        written

keep[i] is 1 where noise[i] >= rate, else 0. The noise is an argument, uniform in [0, 1), so that a neuron is kept with
the probability 1 - rate and the mean of y is x; at rate 0 every neuron is kept and y is x. Evaluation needs no
kernel: there dropout is left out.

Shapes: x, y, dx, dy and noise are alike and C-contiguous; y may be x itself, and dx dy. 0 <= rate < 1.
"""

import numpy as np

from ava_np.kernels.machine.elementwise import flat


@flat
def _silence(target: np.ndarray, source: np.ndarray, noise: np.ndarray, rate: float) -> None:
    """Target = source · keep / (1 - rate). A product and no choice, so that a silenced NaN is seen all the same."""
    zero, louder = target.dtype.type(0), target.dtype.type(1.0 / (1.0 - rate))
    for i in range(target.size):
        target[i] = source[i] * (louder if noise[i] >= rate else zero)


def dropout_forward(y: np.ndarray, x: np.ndarray, noise: np.ndarray, rate: float) -> None:
    """Write y = x keep / (1 - rate)."""
    _silence(y, x, noise, rate)


def dropout_backward(dx: np.ndarray, dy: np.ndarray, noise: np.ndarray, rate: float) -> None:
    """Write dx = dy keep / (1 - rate), by the noise of the forward pass."""
    _silence(dx, dy, noise, rate)
