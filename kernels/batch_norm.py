"""Batch normalisation (Ioffe and Szegedy 2015): gives every channel a learned mean and standard deviation.

Training    mean[c]        = 1/N Σ_n x[n,c]
            variance[c]    = 1/N Σ_n (x[n,c] - mean[c])²              the biased estimate
            inverse_std[c] = 1 / √(variance[c] + ε)
            x̂[n,c]         = (x[n,c] - mean[c]) inverse_std[c]
            y[n,c]         = scale[c] x̂[n,c] + shift[c]
Backward    dx[n,c]        = scale[c] inverse_std[c] (dy[n,c] - 1/N Σ_k dy[k,c] - x̂[n,c] 1/N Σ_k dy[k,c] x̂[k,c])
                             written
            dscale[c]     += Σ_n dy[n,c] x̂[n,c]      added
            dshift[c]     += Σ_n dy[n,c]             added
Evaluation  y as above, with the running mean and variance. These are constants, so dx = scale inverse_std dy.

Running statistics. As in PyTorch, momentum is the weight of the *new* value:
    running mean     <- (1 - momentum) running mean     + momentum mean
    running variance <- (1 - momentum) running variance + momentum N/(N - 1) variance     the unbiased estimate

With a single sample per channel, N = 1, the variance is 0, so y = shift, dx = 0 and dscale does not change. There is no
division by 0, because ε is positive. One sample gives no estimate of a variance, so the running variance stays as it
is.

Shapes: x, y, dx, dy (..., channels), C-contiguous; all other arrays (channels,). The last axis counts channels and all
axes before it count samples: in an NHWC batch every pixel is a sample. Sums are accumulated in double precision. If
several processes have a share of the batch each, their sums are added in between (``add_shares``).
"""

import math
from collections.abc import Callable

import numpy as np

from ava_np.kernels.machine.compile import inline_kernel, kernel

BLOCK_ROWS = 4
"""Samples that are summed before the sum is added to the total of their channel, so that each total is loaded and
stored less often."""

AddShares = Callable[[np.ndarray], None]


def alone(sums: np.ndarray) -> None:
    """Add nothing: the whole batch is in this process."""


@inline_kernel
def _normalise(
    y: np.ndarray, x: np.ndarray, mean: np.ndarray, inverse_std: np.ndarray, scale: np.ndarray, shift: np.ndarray
) -> None:
    """Write y = scale x̂ + shift. Here and in the next four functions x, y and dy are (samples, channels)."""
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            y[n, c] = scale[c] * ((x[n, c] - mean[c]) * inverse_std[c]) + shift[c]


@inline_kernel
def _add_sums(total: np.ndarray, x: np.ndarray, first: int, last: int, rows: int) -> None:
    """Add Σ x over the samples ``first`` to ``last`` - 1 to ``total``, in blocks of ``rows`` samples."""
    for n in range(first, last, rows):
        for c in range(total.size):
            block_sum = 0.0
            for k in range(n, n + rows):
                block_sum += x[k, c]
            total[c] += block_sum


@inline_kernel
def _add_squares(total: np.ndarray, x: np.ndarray, mean: np.ndarray, first: int, last: int, rows: int) -> None:
    """Add Σ (x - mean)² over the same samples."""
    for n in range(first, last, rows):
        for c in range(total.size):
            block_sum = 0.0
            for k in range(n, n + rows):
                block_sum += (x[k, c] - mean[c]) ** 2
            total[c] += block_sum


@inline_kernel
def _add_error_sums(
    dy_sum: np.ndarray,
    dy_xhat_sum: np.ndarray,
    dy: np.ndarray,
    x: np.ndarray,
    mean: np.ndarray,
    inverse_std: np.ndarray,
    first: int,
    last: int,
    rows: int,
) -> None:
    """Add Σ dy and Σ dy x̂ over the same samples."""
    for n in range(first, last, rows):
        for c in range(dy_sum.size):
            block_dy, block_dy_xhat = 0.0, 0.0
            for k in range(n, n + rows):
                block_dy += dy[k, c]
                block_dy_xhat += dy[k, c] * ((x[k, c] - mean[c]) * inverse_std[c])
            dy_sum[c] += block_dy
            dy_xhat_sum[c] += block_dy_xhat


@kernel
def channel_sums(total: np.ndarray, x: np.ndarray) -> None:
    """Add Σ x over all samples to ``total``, in double precision."""
    x_rows = x.reshape(-1, x.shape[-1])
    samples, tail = x_rows.shape[0], x_rows.shape[0] // BLOCK_ROWS * BLOCK_ROWS
    _add_sums(total, x_rows, 0, tail, BLOCK_ROWS)
    _add_sums(total, x_rows, tail, samples, 1)


@kernel
def channel_squares(total: np.ndarray, x: np.ndarray, mean: np.ndarray) -> None:
    """Add Σ (x - mean)² over all samples to ``total``, in double precision."""
    x_rows = x.reshape(-1, x.shape[-1])
    samples, tail = x_rows.shape[0], x_rows.shape[0] // BLOCK_ROWS * BLOCK_ROWS
    _add_squares(total, x_rows, mean, 0, tail, BLOCK_ROWS)
    _add_squares(total, x_rows, mean, tail, samples, 1)


@kernel
def error_sums(
    dy_sum: np.ndarray,
    dy_xhat_sum: np.ndarray,
    dy: np.ndarray,
    x: np.ndarray,
    mean: np.ndarray,
    inverse_std: np.ndarray,
) -> None:
    """Add Σ dy and Σ dy x̂ over all samples, in double precision."""
    x_rows, dy_rows = x.reshape(-1, x.shape[-1]), dy.reshape(-1, x.shape[-1])
    samples, tail = x_rows.shape[0], x_rows.shape[0] // BLOCK_ROWS * BLOCK_ROWS
    _add_error_sums(dy_sum, dy_xhat_sum, dy_rows, x_rows, mean, inverse_std, 0, tail, BLOCK_ROWS)
    _add_error_sums(dy_sum, dy_xhat_sum, dy_rows, x_rows, mean, inverse_std, tail, samples, 1)


def batch_norm_forward(
    y: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    inverse_std: np.ndarray,
    x: np.ndarray,
    scale: np.ndarray,
    shift: np.ndarray,
    ε: float,
    add_shares: AddShares = alone,
) -> int:
    """Normalise by the statistics of the batch; write y, mean, biased variance and inverse standard deviation.

    Parameters
    ----------
    y : ndarray, shape (..., channels)
        Written: the output.
    mean, variance, inverse_std : ndarray, shape (channels,)
        Written: statistics of the batch. The backward pass needs ``mean`` and ``inverse_std``, the running statistics
        need ``mean`` and ``variance``.
    x : ndarray, shape (..., channels)
        The input: the whole batch, or this process's share of it.
    scale, shift : ndarray, shape (channels,)
        The learned parameters.
    ε : float
        Added to the variance; positive.
    add_shares : callable
        Adds to an array of sums those of the other processes.

    Returns
    -------
    int
        N, the samples of the batch.
    """
    sums, squares = np.zeros(1 + scale.size), np.zeros(scale.size)
    sums[0] = x.size // scale.size
    channel_sums(sums[1:], x)
    add_shares(sums)
    mean[:] = sums[1:] / sums[0]
    channel_squares(squares, x, mean)
    add_shares(squares)
    variance[:] = squares / sums[0]
    batch_norm_evaluation_forward(y, inverse_std, x, mean, variance, scale, shift, ε)
    return int(sums[0])


def batch_norm_backward_input(
    dx: np.ndarray,
    dy: np.ndarray,
    x: np.ndarray,
    mean: np.ndarray,
    inverse_std: np.ndarray,
    scale: np.ndarray,
    add_shares: AddShares = alone,
) -> None:
    """Write dx of the training pass: y depends on x directly and through the mean and the variance of the batch."""
    channels = scale.size
    sums = np.zeros(1 + 2 * channels)
    sums[0] = x.size // channels
    error_sums(sums[1 : channels + 1], sums[channels + 1 :], dy, x, mean, inverse_std)
    add_shares(sums)
    means = sums[1:] / sums[0]
    batch_norm_centre_error(dx, dy, x, mean, inverse_std, scale, means[:channels], means[channels:])


@kernel
def batch_norm_centre_error(
    dx: np.ndarray,
    dy: np.ndarray,
    x: np.ndarray,
    mean: np.ndarray,
    inverse_std: np.ndarray,
    scale: np.ndarray,
    dy_means: np.ndarray,
    dy_xhat_means: np.ndarray,
) -> None:
    """Write dx from the means of dy and of dy x̂ over the batch."""
    channels = x.shape[-1]
    x_rows, dy_rows, dx_rows = x.reshape(-1, channels), dy.reshape(-1, channels), dx.reshape(-1, channels)
    # Σ dy / N, Σ dy x̂ / N · inverse_std and scale · inverse_std, in the type of the arrays, so that all arithmetic in
    # the loop over the samples has one type.
    dy_mean, x_factor, dy_factor = np.empty_like(mean), np.empty_like(mean), np.empty_like(mean)
    for c in range(channels):
        dy_mean[c] = dy_means[c]
        x_factor[c] = dy_xhat_means[c] * inverse_std[c]
        dy_factor[c] = scale[c] * inverse_std[c]
    for n in range(x_rows.shape[0]):
        for c in range(channels):
            dx_rows[n, c] = dy_factor[c] * (dy_rows[n, c] - dy_mean[c] - (x_rows[n, c] - mean[c]) * x_factor[c])


def batch_norm_backward_parameters(
    dscale: np.ndarray, dshift: np.ndarray, dy: np.ndarray, x: np.ndarray, mean: np.ndarray, inverse_std: np.ndarray
) -> None:
    """Add Σ dy x̂ to dscale and Σ dy to dshift.

    ``mean`` and ``inverse_std`` are those that the forward pass used, either the batch's or the running ones.
    """
    dy_sum, dy_xhat_sum = np.zeros(dscale.size), np.zeros(dscale.size)
    error_sums(dy_sum, dy_xhat_sum, dy, x, mean, inverse_std)
    dscale += dy_xhat_sum
    dshift += dy_sum


@kernel
def batch_norm_evaluation_forward(
    y: np.ndarray,
    inverse_std: np.ndarray,
    x: np.ndarray,
    running_mean: np.ndarray,
    running_variance: np.ndarray,
    scale: np.ndarray,
    shift: np.ndarray,
    ε: float,
) -> None:
    """Normalise by the running statistics; write y, and 1 / √(running variance + ε) for the backward pass."""
    channels = x.shape[-1]
    for c in range(channels):
        inverse_std[c] = 1.0 / math.sqrt(running_variance[c] + ε)
    _normalise(y.reshape(-1, channels), x.reshape(-1, channels), running_mean, inverse_std, scale, shift)


@kernel
def batch_norm_evaluation_backward_input(
    dx: np.ndarray, dy: np.ndarray, inverse_std: np.ndarray, scale: np.ndarray
) -> None:
    """Write dx = scale inverse_std dy of the evaluation pass: the running statistics do not depend on x."""
    channels = dy.shape[-1]
    dy_rows, dx_rows = dy.reshape(-1, channels), dx.reshape(-1, channels)
    for n in range(dy_rows.shape[0]):
        for c in range(channels):
            dx_rows[n, c] = scale[c] * inverse_std[c] * dy_rows[n, c]


@kernel
def update_running_statistics(
    running_mean: np.ndarray,
    running_variance: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    momentum: float,
    count: int,
) -> None:
    """Move the running statistics towards those of a batch.

    Parameters
    ----------
    running_mean, running_variance : ndarray, shape (channels,)
        Updated in place.
    mean, variance : ndarray, shape (channels,)
        Mean and *biased* variance of the batch, from ``batch_norm_forward``.
    momentum : float
        Weight of the batch, in [0, 1].
    count : int
        Samples per channel in the batch. If it is 1, the running variance does not change.
    """
    for c in range(mean.size):
        running_mean[c] = (1.0 - momentum) * running_mean[c] + momentum * mean[c]
        if count > 1:
            unbiased = variance[c] * (count / (count - 1))
            running_variance[c] = (1.0 - momentum) * running_variance[c] + momentum * unbiased
