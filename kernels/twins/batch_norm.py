"""Twin of kernels/batch_norm.py: one channel at a time, with the chain rule through mean and variance step by step.

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
    """Write y, and the mean and variance of each channel of x, by which y is normalised."""
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
    """Write dx: a sample affects its own output, the mean and the variance."""
    samples, channels = x.shape
    for c in range(channels):
        std = math.sqrt(variance[c] + ε)
        dmean = dvariance = 0.0
        for n in range(samples):
            dxhat = dy[n, c] * scale[c]
            dmean -= dxhat / std
            dvariance -= dxhat * (x[n, c] - mean[c]) / (2 * std**3)
        for n in range(samples):
            dx[n, c] = dy[n, c] * scale[c] / std
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
    """Add to dscale and dshift: as a function of x̂, y is a line with slope scale and intercept shift."""
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
    """Write y, normalised by a given mean and variance."""
    samples, channels = x.shape
    for c in range(channels):
        for n in range(samples):
            y[n, c] = scale[c] * (x[n, c] - mean[c]) / math.sqrt(variance[c] + ε) + shift[c]


def batch_norm_evaluation_backward_input(
    dx: np.ndarray, dy: np.ndarray, variance: np.ndarray, scale: np.ndarray, ε: float
) -> None:
    """Write dx: a sample affects only its own output."""
    samples, channels = dy.shape
    for c in range(channels):
        for n in range(samples):
            dx[n, c] = dy[n, c] * scale[c] / math.sqrt(variance[c] + ε)


def update_running_statistics(
    running_mean: np.ndarray,
    running_variance: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    momentum: float,
    count: int,
) -> None:
    """Move by the fraction ``momentum`` towards the new mean and, if count > 1, the new unbiased variance."""
    for c in range(mean.size):
        running_mean[c] += momentum * (mean[c] - running_mean[c])
        if count > 1:
            unbiased = variance[c] * count / (count - 1)
            running_variance[c] += momentum * (unbiased - running_variance[c])
