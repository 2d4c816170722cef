"""Twin of kernels/cross_entropy.py: the cross-entropy on y = sigmoid(t) itself, as it is printed.

Naive on purpose: far out, where y rounds to 0 or 1, this takes logarithms of 0. The kernel works from the logit t.

Shapes: t, x and dt are (batch, neurons).
"""

import math

import numpy as np


def sigmoid(t: float) -> float:
    """The probability of a 1 that the logit t stands for."""
    return 1 / (1 + math.exp(-t))


def cross_entropy_forward(t: np.ndarray, x: np.ndarray) -> float:
    """Return the nats that it takes to code x, if ones are believed to come with probability y."""
    batch, neurons = x.shape
    total = 0.0
    for b in range(batch):
        for i in range(neurons):
            y = sigmoid(t[b, i])
            total -= x[b, i] * math.log(y) + (1 - x[b, i]) * math.log(1 - y)
    return total


def cross_entropy_backward(dt: np.ndarray, t: np.ndarray, x: np.ndarray) -> None:
    """Add to dt: the derivative by y, times that of y by t."""
    batch, neurons = x.shape
    for b in range(batch):
        for i in range(neurons):
            y = sigmoid(t[b, i])
            dy = -x[b, i] / y + (1 - x[b, i]) / (1 - y)
            dt[b, i] += dy * y * (1 - y)
