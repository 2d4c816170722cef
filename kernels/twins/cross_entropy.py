"""Twin of kernels/cross_entropy.py: the textbook cross-entropy of y = sigmoid(t).

This direct form fails for large |t|: y rounds to 0 or 1, and the logarithm of 0 is taken. The kernel avoids this.

Shapes: t, x and dt are (batch, neurons).
"""

import math

import numpy as np


def sigmoid(t: float) -> float:
    """The probability of a 1 whose logit is t."""
    return 1 / (1 + math.exp(-t))


def cross_entropy_forward(t: np.ndarray, x: np.ndarray) -> float:
    """Return the cost, in nats, of coding x with y as the predicted probability of a 1."""
    batch, neurons = x.shape
    total = 0.0
    for b in range(batch):
        for i in range(neurons):
            y = sigmoid(t[b, i])
            total -= x[b, i] * math.log(y) + (1 - x[b, i]) * math.log(1 - y)
    return total


def cross_entropy_backward(dt: np.ndarray, t: np.ndarray, x: np.ndarray) -> None:
    """Add to dt: the derivative with respect to y, times the derivative of y with respect to t."""
    batch, neurons = x.shape
    for b in range(batch):
        for i in range(neurons):
            y = sigmoid(t[b, i])
            dy = -x[b, i] / y + (1 - x[b, i]) / (1 - y)
            dt[b, i] += dy * y * (1 - y)
