"""Batch normalisation (Ioffe and Szegedy 2015): every channel gets a mean and a deviation that are learnt.

Training    mean[c]     = 1/N Σ_n x[n,c]
            variance[c] = 1/N Σ_n (x[n,c] - mean[c])²                 biased, as it normalises
            inverse[c]  = 1 / √(variance[c] + ε)
            y[n,c]      = scale[c] x̂[n,c] + shift[c],   x̂[n,c] = (x[n,c] - mean[c]) inverse[c]
Backward    dx[n,c]     = scale[c] inverse[c] (dy[n,c] - 1/N Σ_k dy[k,c] - x̂[n,c] 1/N Σ_k dy[k,c] x̂[k,c])   written
            dscale[c]  += Σ_n dy[n,c] x̂[n,c];   dshift[c] += Σ_n dy[n,c]                                     added
Evaluation  the same y with the running mean and variance, which are constants: dx = scale inverse dy

Running statistics, with the momentum as PyTorch counts it, the weight of what is *new*:
    running mean     <- (1 - momentum) running mean     + momentum mean
    running variance <- (1 - momentum) running variance + momentum N/(N - 1) variance      the unbiased estimate

One sample in a channel, N = 1: the variance is 0, so y = shift, dx = 0 and dscale is not changed; nothing is divided by
0, because ε is positive. A single sample says nothing about a variance, so the running variance stays as it is.

Shapes: x, y, dx, dy (..., channels), C-contiguous: the last axis counts channels and all before it samples, so that a
picture, NHWC, brings as many samples as it has pixels; everything else (channels,). Sums are kept in double precision.
"""

import math

import numpy as np

from ava_np.kernels.machine.compile import inline_kernel, kernel

ROWS = 4
"""Samples whose sum is taken before it is added to that of all: each channel's is fetched and put back less often."""


@inline_kernel
def _normalise(
    y: np.ndarray, x: np.ndarray, mean: np.ndarray, inverse: np.ndarray, scale: np.ndarray, shift: np.ndarray
) -> None:
    """Write y = scale x̂ + shift; x and y are (samples, channels)."""
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            y[n, c] = scale[c] * ((x[n, c] - mean[c]) * inverse[c]) + shift[c]


@inline_kernel
def _add_sums(total: np.ndarray, x: np.ndarray, first: int, last: int, rows: int) -> None:
    """Add Σ x of the samples from ``first`` to before ``last``, so many rows at a time."""
    for n in range(first, last, rows):
        for c in range(total.size):
            few = 0.0
            for k in range(n, n + rows):
                few += x[k, c]
            total[c] += few


@inline_kernel
def _add_squares(total: np.ndarray, x: np.ndarray, mean: np.ndarray, first: int, last: int, rows: int) -> None:
    """Add Σ (x - mean)² of them."""
    for n in range(first, last, rows):
        for c in range(total.size):
            few = 0.0
            for k in range(n, n + rows):
                few += (x[k, c] - mean[c]) ** 2
            total[c] += few


@inline_kernel
def _add_errors(
    constant: np.ndarray,
    along: np.ndarray,
    dy: np.ndarray,
    x: np.ndarray,
    mean: np.ndarray,
    inverse: np.ndarray,
    first: int,
    last: int,
    rows: int,
) -> None:
    """Add Σ dy and Σ dy x̂ of them."""
    for n in range(first, last, rows):
        for c in range(constant.size):
            few, tilt = 0.0, 0.0
            for k in range(n, n + rows):
                few += dy[k, c]
                tilt += dy[k, c] * ((x[k, c] - mean[c]) * inverse[c])
            constant[c] += few
            along[c] += tilt


@inline_kernel
def _error_sums(dy: np.ndarray, x: np.ndarray, mean: np.ndarray, inverse: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return Σ dy and Σ dy x̂ in double precision; x and dy are (samples, channels)."""
    samples, channels = x.shape
    constant, along, whole = np.zeros(channels), np.zeros(channels), samples // ROWS * ROWS
    _add_errors(constant, along, dy, x, mean, inverse, 0, whole, ROWS)
    _add_errors(constant, along, dy, x, mean, inverse, whole, samples, 1)
    return constant, along


@kernel
def batch_norm_forward(
    y: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    inverse: np.ndarray,
    x: np.ndarray,
    scale: np.ndarray,
    shift: np.ndarray,
    ε: float,
) -> None:
    """Write y, normalised by the statistics of x itself, and these: mean, biased variance, 1 / √(variance + ε)."""
    channels = x.shape[-1]
    values = x.reshape(-1, channels)
    samples = values.shape[0]
    total, whole = np.zeros(channels), samples // ROWS * ROWS
    _add_sums(total, values, 0, whole, ROWS)
    _add_sums(total, values, whole, samples, 1)
    for c in range(channels):
        mean[c] = total[c] / samples
        total[c] = 0.0
    _add_squares(total, values, mean, 0, whole, ROWS)
    _add_squares(total, values, mean, whole, samples, 1)
    for c in range(channels):
        variance[c] = total[c] / samples
        inverse[c] = 1.0 / math.sqrt(variance[c] + ε)
    _normalise(y.reshape(-1, channels), values, mean, inverse, scale, shift)


@kernel
def batch_norm_backward_input(
    dx: np.ndarray, dy: np.ndarray, x: np.ndarray, mean: np.ndarray, inverse: np.ndarray, scale: np.ndarray
) -> None:
    """Write dx, through x itself and through the mean and the variance that it was normalised by."""
    channels = x.shape[-1]
    values, errors, inputs = x.reshape(-1, channels), dy.reshape(-1, channels), dx.reshape(-1, channels)
    samples = values.shape[0]
    constant, along = _error_sums(errors, values, mean, inverse)
    flat, tilted, slope = np.empty_like(mean), np.empty_like(mean), np.empty_like(mean)
    for c in range(channels):  # rounded once, so that the loop below is of one type
        flat[c], tilted[c], slope[c] = constant[c] / samples, along[c] / samples * inverse[c], scale[c] * inverse[c]
    for n in range(samples):
        for c in range(channels):
            inputs[n, c] = slope[c] * (errors[n, c] - flat[c] - (values[n, c] - mean[c]) * tilted[c])


@kernel
def batch_norm_backward_parameters(
    dscale: np.ndarray, dshift: np.ndarray, dy: np.ndarray, x: np.ndarray, mean: np.ndarray, inverse: np.ndarray
) -> None:
    """Add Σ dy x̂ to dscale and Σ dy to dshift; mean and inverse are those of the forward pass, of either kind."""
    channels = x.shape[-1]
    constant, along = _error_sums(dy.reshape(-1, channels), x.reshape(-1, channels), mean, inverse)
    for c in range(channels):
        dscale[c] += along[c]
        dshift[c] += constant[c]


@kernel
def batch_norm_evaluation_forward(
    y: np.ndarray,
    inverse: np.ndarray,
    x: np.ndarray,
    running_mean: np.ndarray,
    running_variance: np.ndarray,
    scale: np.ndarray,
    shift: np.ndarray,
    ε: float,
) -> None:
    """Write y, normalised by the running statistics, and 1 / √(running variance + ε) for the backward pass."""
    channels = x.shape[-1]
    for c in range(channels):
        inverse[c] = 1.0 / math.sqrt(running_variance[c] + ε)
    _normalise(y.reshape(-1, channels), x.reshape(-1, channels), running_mean, inverse, scale, shift)


@kernel
def batch_norm_evaluation_backward_input(
    dx: np.ndarray, dy: np.ndarray, inverse: np.ndarray, scale: np.ndarray
) -> None:
    """Write dx = scale inverse dy: the running statistics do not depend on x."""
    channels = dy.shape[-1]
    errors, inputs = dy.reshape(-1, channels), dx.reshape(-1, channels)
    for n in range(errors.shape[0]):
        for c in range(channels):
            inputs[n, c] = scale[c] * inverse[c] * errors[n, c]


@kernel
def update_running(
    running_mean: np.ndarray,
    running_variance: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    momentum: float,
    count: int,
) -> None:
    """Move the running statistics towards those of ``count`` samples in each channel; ``variance`` is the biased one.

    With ``count`` = 1 the running mean moves and the running variance does not.
    """
    for c in range(mean.size):
        running_mean[c] = (1.0 - momentum) * running_mean[c] + momentum * mean[c]
        if count > 1:
            unbiased = variance[c] * (count / (count - 1))
            running_variance[c] = (1.0 - momentum) * running_variance[c] + momentum * unbiased
