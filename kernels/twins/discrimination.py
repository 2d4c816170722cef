"""Twin of kernels/discrimination.py: the loss terms as functions of d, with a_d' = d (1 - d) as printed.

This direct form fails for large |t|: d rounds to 0 or 1, and the loops divide by 0. The kernels avoid this.

Shapes: t, dt (batch, 1); x, x', dx' and the derivative a_g' (batch, neurons).
"""

import math

import numpy as np


def sigmoid(t: float) -> float:
    """The probability of "real" whose logit is t."""
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
        derivative = d * (1 - d)
        dt[b, 0] += sign * derivative / d


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
        derivative = d * (1 - d)
        dt[b, 0] += sign * -derivative / (1 - d)


def causal_backward(dx_: np.ndarray, t: np.ndarray) -> None:
    """Add the error of the logit to every neuron of its sample, as if through a weight of one, AVA (6)."""
    batch, neurons = dx_.shape
    for b in range(batch):
        d = sigmoid(t[b, 0])
        derivative = d * (1 - d)
        for i in range(neurons):
            dx_[b, i] += -derivative / (1 - d)


def reverse_causal_backward(
    dt: np.ndarray, t: np.ndarray, x: np.ndarray, x_: np.ndarray, derivative: np.ndarray
) -> None:
    """Add the errors of all neurons of a sample to its logit, as if through weights of one, AVA (10)."""
    batch, neurons = x.shape
    for b in range(batch):
        error_sum = 0.0
        for i in range(neurons):
            error_sum += (x[b, i] - x_[b, i]) * derivative[b, i]
        d = sigmoid(t[b, 0])
        dt[b, 0] += -d * (1 - d) * error_sum
