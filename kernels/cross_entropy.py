"""Bernoulli cross-entropy of a sigmoid output, from its logit t: the price in nats of coding x by y = sigmoid(t).

Forward   -Σ (x log y + (1 - x) log(1 - y)) = Σ (softplus(t) - x t)      summed over neurons and batch
Backward  dt += y - x

Neither a logarithm of 0 nor a division by 0 is ever formed, because the sigmoid belongs to the term: the decoder that
is judged by it ends in its logits. x in [0, 1] may be grey; then the least price is not 0 but the entropy of x.

Shapes: t, x and dt are alike and C-contiguous.
"""

import numpy as np

from ava_np.kernels.machine.compile import kernel
from ava_np.kernels.machine.elementary import exp, log1p


@kernel
def cross_entropy_forward(t: np.ndarray, x: np.ndarray) -> float:
    """Return Σ (softplus(t) - x t) in nats, summed in double precision.

    softplus(t) = max(t, 0) + log(1 + e^-|t|), and max(t, 0) - x t is taken as one product: a difference of two large
    numbers could be pulled apart when the sum is reordered, and would drown the total.
    """
    logits, targets, zero, one = t.reshape(-1), x.reshape(-1), t.dtype.type(0), t.dtype.type(1)
    total = 0.0
    for i in range(logits.size):
        verdict = one if logits[i] > zero else zero
        total += (verdict - targets[i]) * logits[i] + log1p(exp(-abs(logits[i])))
    return total


@kernel
def cross_entropy_backward(dt: np.ndarray, t: np.ndarray, x: np.ndarray) -> None:
    """Add sigmoid(t) - x to dt."""
    errors, logits, targets, one = dt.reshape(-1), t.reshape(-1), x.reshape(-1), t.dtype.type(1)
    for i in range(errors.size):
        errors[i] += one / (one + exp(-logits[i])) - targets[i]
