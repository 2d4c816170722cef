"""Twin of kernels/batch_norm.py: one channel after the other, and the chain rule through mean and variance in steps.

Shapes: x, y, dx, dy (samples, channels); mean, variance, scale, shift and their errors (channels,).
"""

import math

import numpy as np


def batch_norm_forward(
    y: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    x: np.ndarray,
    scale: np.ndarray,
    shift: np.ndarray,
    ε: float,
) -> None:
    """Write y, and the mean and variance of each channel of x, which made it so."""
    samples, channels = x.shape
    for c in range(channels):
        mean[c] = 0
        for n in range(samples):
            mean[c] += x[n, c] / samples
        variance[c] = 0
        for n in range(samples):
            variance[c] += (x[n, c] - mean[c]) ** 2 / samples
    batch_norm_evaluation_forward(y, x, mean, variance, scale, shift, ε)


def batch_norm_backward_input(
    dx: np.ndarray,
    dy: np.ndarray,
    x: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    scale: np.ndarray,
    ε: float,
) -> None:
    """Write dx: a sample fed its own output, the mean and the variance."""
    samples, channels = x.shape
    for c in range(channels):
        deviation = math.sqrt(variance[c] + ε)
        dmean = dvariance = 0.0
        for n in range(samples):
            dnormal = dy[n, c] * scale[c]
            dmean -= dnormal / deviation
            dvariance -= dnormal * (x[n, c] - mean[c]) / (2 * deviation**3)
        for n in range(samples):
            dx[n, c] = dy[n, c] * scale[c] / deviation
            dx[n, c] += dmean / samples
            dx[n, c] += dvariance * 2 * (x[n, c] - mean[c]) / samples


def batch_norm_backward_parameters(
    dscale: np.ndarray,
    dshift: np.ndarray,
    dy: np.ndarray,
    x: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    ε: float,
) -> None:
    """Add to dscale and dshift: one line per channel, its slope and its intercept."""
    samples, channels = x.shape
    for c in range(channels):
        for n in range(samples):
            dscale[c] += dy[n, c] * (x[n, c] - mean[c]) / math.sqrt(variance[c] + ε)
            dshift[c] += dy[n, c]


def batch_norm_evaluation_forward(
    y: np.ndarray,
    x: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    scale: np.ndarray,
    shift: np.ndarray,
    ε: float,
) -> None:
    """Write y by a mean and a variance that are given."""
    samples, channels = x.shape
    for c in range(channels):
        for n in range(samples):
            y[n, c] = scale[c] * (x[n, c] - mean[c]) / math.sqrt(variance[c] + ε) + shift[c]


def batch_norm_evaluation_backward_input(
    dx: np.ndarray, dy: np.ndarray, variance: np.ndarray, scale: np.ndarray, ε: float
) -> None:
    """Write dx: a sample fed its own output and nothing else."""
    samples, channels = dy.shape
    for c in range(channels):
        for n in range(samples):
            dx[n, c] = dy[n, c] * scale[c] / math.sqrt(variance[c] + ε)


def update_running(
    running_mean: np.ndarray,
    running_variance: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    momentum: float,
    count: int,
) -> None:
    """Go the share ``momentum`` of the way to the new mean and to the new unbiased variance, if there is one."""
    for c in range(mean.size):
        running_mean[c] += momentum * (mean[c] - running_mean[c])
        if count > 1:
            unbiased = variance[c] * count / (count - 1)
            running_variance[c] += momentum * (unbiased - running_variance[c])
