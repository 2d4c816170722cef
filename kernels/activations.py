"""Activations, in place, each with its derivative written on the *output*.

Forward   y <- a(y)              the pre-activation is overwritten
Backward  dy <- dy · a'          with a' as a function of the output y, as AVA writes a_f', a_g', a_d', a_D'

Because a' needs only the output, no pre-activation is kept and neither pass needs a second array.

==========  ======================  ==========================
name        a(t)                    a' on the output y
==========  ======================  ==========================
linear      t                       1
sigmoid     1 / (1 + e^-t)          y (1 - y)
tanh        tanh t                  1 - y²
relu        max(t, 0)               1 if y > 0, else 0
leaky_relu  t if t > 0, else 0.2 t  1 if y > 0, else 0.2
elu         t if t > 0, else e^t-1  1 if y > 0, else y + 1
softplus    log(1 + e^t)            1 - e^-y
exp         e^t                     y
==========  ======================  ==========================

At the kink of relu and leaky_relu (t = 0) the derivative is the one from the left.
Every array is C-contiguous and of one float type; its shape does not matter.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ava_np.kernels._compile import kernel

LEAK = 0.2


@kernel
def linear_forward(y: np.ndarray) -> None:
    """y <- y."""


@kernel
def linear_backward(dy: np.ndarray, y: np.ndarray) -> None:
    """dy <- dy · 1."""


@kernel
def sigmoid_forward(y: np.ndarray) -> None:
    """y <- 1 / (1 + e^-y). Far out e^-y overflows to infinity and the quotient to 0, its limit."""
    flat, one = y.reshape(-1), y.dtype.type(1)
    for i in range(flat.size):
        flat[i] = one / (one + math.exp(-flat[i]))


@kernel
def sigmoid_backward(dy: np.ndarray, y: np.ndarray) -> None:
    """dy <- dy · y (1 - y)."""
    d, flat, one = dy.reshape(-1), y.reshape(-1), y.dtype.type(1)
    for i in range(flat.size):
        d[i] *= flat[i] * (one - flat[i])


@kernel
def tanh_forward(y: np.ndarray) -> None:
    """y <- tanh y."""
    flat = y.reshape(-1)
    for i in range(flat.size):
        flat[i] = math.tanh(flat[i])


@kernel
def tanh_backward(dy: np.ndarray, y: np.ndarray) -> None:
    """dy <- dy · (1 - y²)."""
    d, flat, one = dy.reshape(-1), y.reshape(-1), y.dtype.type(1)
    for i in range(flat.size):
        d[i] *= one - flat[i] * flat[i]


@kernel
def relu_forward(y: np.ndarray) -> None:
    """y <- max(y, 0). A NaN stays a NaN, so that training sees it."""
    flat, zero = y.reshape(-1), y.dtype.type(0)
    for i in range(flat.size):
        flat[i] = zero if flat[i] <= zero else flat[i]


@kernel
def relu_backward(dy: np.ndarray, y: np.ndarray) -> None:
    """dy <- dy where y > 0, else 0."""
    d, flat, zero = dy.reshape(-1), y.reshape(-1), y.dtype.type(0)
    for i in range(flat.size):
        d[i] = d[i] if flat[i] > zero else zero


@kernel
def leaky_relu_forward(y: np.ndarray) -> None:
    """y <- y where y > 0, else LEAK · y."""
    flat, zero, leak = y.reshape(-1), y.dtype.type(0), y.dtype.type(LEAK)
    for i in range(flat.size):
        flat[i] = flat[i] if flat[i] > zero else leak * flat[i]


@kernel
def leaky_relu_backward(dy: np.ndarray, y: np.ndarray) -> None:
    """dy <- dy where y > 0, else LEAK · dy: the output has the sign of the pre-activation."""
    d, flat, zero, leak = dy.reshape(-1), y.reshape(-1), y.dtype.type(0), y.dtype.type(LEAK)
    for i in range(flat.size):
        d[i] = d[i] if flat[i] > zero else leak * d[i]


@kernel
def elu_forward(y: np.ndarray) -> None:
    """y <- y where y > 0, else e^y - 1."""
    flat, zero = y.reshape(-1), y.dtype.type(0)
    for i in range(flat.size):
        flat[i] = flat[i] if flat[i] > zero else math.expm1(flat[i])


@kernel
def elu_backward(dy: np.ndarray, y: np.ndarray) -> None:
    """dy <- dy where y > 0, else dy · (y + 1), because e^t = y + 1 there."""
    d, flat, zero, one = dy.reshape(-1), y.reshape(-1), y.dtype.type(0), y.dtype.type(1)
    for i in range(flat.size):
        d[i] = d[i] if flat[i] > zero else d[i] * (flat[i] + one)


@kernel
def softplus_forward(y: np.ndarray) -> None:
    """y <- log(1 + e^y), as max(y, 0) + log(1 + e^-|y|), which cannot overflow."""
    flat, zero = y.reshape(-1), y.dtype.type(0)
    for i in range(flat.size):
        t = flat[i]
        flat[i] = (t if t > zero else zero) + math.log1p(math.exp(-abs(t)))


@kernel
def softplus_backward(dy: np.ndarray, y: np.ndarray) -> None:
    """dy <- dy · (1 - e^-y), because sigmoid(t) = 1 - e^-y."""
    d, flat = dy.reshape(-1), y.reshape(-1)
    for i in range(flat.size):
        d[i] *= -math.expm1(-flat[i])


@kernel
def exp_forward(y: np.ndarray) -> None:
    """y <- e^y."""
    flat = y.reshape(-1)
    for i in range(flat.size):
        flat[i] = math.exp(flat[i])


@kernel
def exp_backward(dy: np.ndarray, y: np.ndarray) -> None:
    """dy <- dy · y."""
    d, flat = dy.reshape(-1), y.reshape(-1)
    for i in range(flat.size):
        d[i] *= flat[i]


class ActivationKernels(NamedTuple):
    """The two kernels of an activation."""

    forward: Callable[[np.ndarray], None]
    backward: Callable[[np.ndarray, np.ndarray], None]


ACTIVATIONS = {
    "linear": ActivationKernels(linear_forward, linear_backward),
    "sigmoid": ActivationKernels(sigmoid_forward, sigmoid_backward),
    "tanh": ActivationKernels(tanh_forward, tanh_backward),
    "relu": ActivationKernels(relu_forward, relu_backward),
    "leaky_relu": ActivationKernels(leaky_relu_forward, leaky_relu_backward),
    "elu": ActivationKernels(elu_forward, elu_backward),
    "softplus": ActivationKernels(softplus_forward, softplus_backward),
    "exp": ActivationKernels(exp_forward, exp_backward),
}
