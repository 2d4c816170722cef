"""Twin of kernels/discrimination.py: the terms of a discriminator on d itself, a_d' = d (1 - d) as printed.

Naive on purpose: far out, where d rounds to 0 or 1, these divide by 0. The kernels work from the logit t.

Shapes: t, dt (batch, 1); x, x', dx' and the slope a_g' (batch, neurons).
"""

import math

import numpy as np


def sigmoid(t: float) -> float:
    """The probability of "real" that the logit t stands for."""
    return 1 / (1 + math.exp(-t))


def log_real_forward(t: np.ndarray) -> float:
    """Return Σ_b log d."""
    total = 0.0
    for b in range(t.shape[0]):
        d = sigmoid(t[b, 0])
        total += math.log(d)
    return total


def log_real_backward(dt: np.ndarray, t: np.ndarray, sign: int) -> None:
    """Add sign times the derivative of log d, the first part of AVA (7)."""
    for b in range(t.shape[0]):
        d = sigmoid(t[b, 0])
        slope = d * (1 - d)
        dt[b, 0] += sign * slope / d


def log_fake_forward(t: np.ndarray) -> float:
    """Return Σ_b log(1 - d)."""
    total = 0.0
    for b in range(t.shape[0]):
        d = sigmoid(t[b, 0])
        total += math.log(1 - d)
    return total


def log_fake_backward(dt: np.ndarray, t: np.ndarray, sign: int) -> None:
    """Add sign times the derivative of log(1 - d), the second part of AVA (7)."""
    for b in range(t.shape[0]):
        d = sigmoid(t[b, 0])
        slope = d * (1 - d)
        dt[b, 0] += sign * -slope / (1 - d)


def causal_backward(dx_: np.ndarray, t: np.ndarray) -> None:
    """Give every neuron of a picture the error of the logit, as if through a weight of one, AVA (6)."""
    batch, neurons = dx_.shape
    for b in range(batch):
        d = sigmoid(t[b, 0])
        slope = d * (1 - d)
        for i in range(neurons):
            dx_[b, i] += -slope / (1 - d)


def reverse_causal_backward(dt: np.ndarray, t: np.ndarray, x: np.ndarray, x_: np.ndarray, slope: np.ndarray) -> None:
    """Give the logit the errors of every neuron of a picture, as if through weights of one, AVA (10)."""
    batch, neurons = x.shape
    for b in range(batch):
        bias = 0.0
        for i in range(neurons):
            bias += (x[b, i] - x_[b, i]) * slope[b, i]
        d = sigmoid(t[b, 0])
        dt[b, 0] += -d * (1 - d) * bias
