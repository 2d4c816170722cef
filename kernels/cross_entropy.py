"""Bernoulli cross-entropy of a sigmoid output, computed from its logit t.

It is the cost, in nats, of coding x when y = sigmoid(t) is the predicted probability of a 1.

Forward   -Σ (x log y + (1 - x) log(1 - y)) = Σ (softplus(t) - x t)      summed over neurons and batch
Backward  dt += y - x                                                    added

The sigmoid is part of the term, so no logarithm of 0 and no division by 0 is ever computed. A decoder trained with this
term must output its logits. x may be any value in [0, 1]; for values between 0 and 1 the smallest cost is not 0 but the
entropy of x.

Shapes: t, x and dt have the same shape and are C-contiguous.
"""

import numpy as np

from ava_np.kernels.machine.compile import kernel
from ava_np.kernels.machine.elementary import exp, log1p


def cross_entropy_forward(t: np.ndarray, x: np.ndarray) -> float:
    """Return Σ (softplus(t) - x t) in nats, summed in double precision."""
    return _total(t.ravel(), x.ravel())


@kernel
def _total(t: np.ndarray, x: np.ndarray) -> float:
    """Return Σ (softplus(t) - x t), where softplus(t) = max(t, 0) + log(1 + e^-|t|).

    The difference max(t, 0) - x t is computed as a single product, ([t > 0] - x) t: the compiler may reorder sums, and
    adding the two large terms separately would lose the rest of the total to rounding.
    """
    zero, one = t.dtype.type(0), t.dtype.type(1)
    total = 0.0
    for i in range(t.size):
        is_positive = one if t[i] > zero else zero
        total += (is_positive - x[i]) * t[i] + log1p(exp(-abs(t[i])))
    return total


@kernel
def cross_entropy_backward(dt: np.ndarray, t: np.ndarray, x: np.ndarray) -> None:
    """Add sigmoid(t) - x to dt."""
    errors, logits, targets, one = dt.reshape(-1), t.reshape(-1), x.reshape(-1), t.dtype.type(1)
    for i in range(errors.size):
        errors[i] += one / (one + exp(-logits[i])) - targets[i]
