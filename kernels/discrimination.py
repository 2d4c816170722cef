"""Loss terms of a discriminator, computed from its logit, and the paper's two propagation rules without weights.

A discriminator outputs one logit t per sample; d = sigmoid(t) is its probability of "real".

Real term   log d        = -softplus(-t)      gradient  1 - d = a_d'/d         AVA (7), first part
Fake term   log(1 - d)   = -softplus(t)       gradient  -d    = -a_d'/(1-d)    AVA (7), second part; AVA (3), AVA (6)

For a sigmoid a_d' = d (1 - d), so the kernels never compute a logarithm of 0 or a division by 0.

Causal propagation, AVA (6), Figure 1: the output neuron d0 is the effect of every decoder neuron i, with weight one,
    dx'[b,i] -= a_d'/(1 - d) = d                   the same value for all neurons of a sample
Reverse-causal propagation, AVA (10), Figure 3: d0 is the cause of every decoder neuron, with weight one,
    dt[b] -= a_d'(d0) Σ_i (x[b,i] - x'[b,i]) a_g'(x'[b,i])

Shapes: t, dt (batch, 1); x, x', dx' and a_g' (batch, neurons). In the code x_ is x'. Errors are gradients of an
objective that training *descends*: a term to be ascended is added with sign -1. All errors are added.
"""

import math

import numpy as np

from ava_np.kernels.machine.compile import kernel


@kernel
def log_real_forward(t: np.ndarray) -> float:
    """Return Σ_b log d(t) in nats."""
    total = 0.0
    for b in range(t.shape[0]):
        total -= max(-t[b, 0], 0.0) + math.log1p(math.exp(-abs(t[b, 0])))
    return total


@kernel
def log_real_backward(dt: np.ndarray, t: np.ndarray, sign: int) -> None:
    """Add sign · (1 - d) to dt. With sign = -1, descent increases log d, AVA (7)."""
    one = t.dtype.type(1)
    for b in range(t.shape[0]):
        dt[b, 0] += sign * (one / (one + math.exp(t[b, 0])))


@kernel
def log_fake_forward(t: np.ndarray) -> float:
    """Return Σ_b log(1 - d(t)) in nats."""
    total = 0.0
    for b in range(t.shape[0]):
        total -= max(t[b, 0], 0.0) + math.log1p(math.exp(-abs(t[b, 0])))
    return total


@kernel
def log_fake_backward(dt: np.ndarray, t: np.ndarray, sign: int) -> None:
    """Add sign · (-d) to dt. With sign = -1, descent increases log(1 - d), AVA (7); with +1 it decreases it, (3)."""
    one = t.dtype.type(1)
    for b in range(t.shape[0]):
        dt[b, 0] -= sign * (one / (one + math.exp(-t[b, 0])))


@kernel
def causal_backward(dx_: np.ndarray, t: np.ndarray) -> None:
    """Subtract a_d'/(1 - d) = d(t[b]) from the error of every neuron of sample b, AVA (6); for μ, AVA (14)."""
    one = t.dtype.type(1)
    for b in range(dx_.shape[0]):
        d = one / (one + math.exp(-t[b, 0]))
        for i in range(dx_.shape[1]):
            dx_[b, i] -= d


@kernel
def reverse_causal_backward(
    dt: np.ndarray, t: np.ndarray, x: np.ndarray, x_: np.ndarray, derivative: np.ndarray
) -> None:
    """Subtract a_d'(d) Σ_i (x - x')[i] a_g'[i] from dt, AVA (10); for μ, AVA (16). ``derivative`` is a_g'(x')."""
    one = t.dtype.type(1)
    for b in range(t.shape[0]):
        error_sum = 0.0
        for i in range(x.shape[1]):
            error_sum += (x[b, i] - x_[b, i]) * derivative[b, i]
        d = one / (one + math.exp(-t[b, 0]))
        dt[b, 0] -= d * (one - d) * error_sum
