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

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ava_np.kernels.machine.elementary import exp, expm1, log1p, tanh
from ava_np.kernels.machine.elementwise import flat

LEAK = 0.2


def linear_forward(y: np.ndarray) -> None:
    """y <- y."""


def linear_backward(dy: np.ndarray, y: np.ndarray) -> None:
    """dy <- dy · 1."""


@flat
def sigmoid_forward(y: np.ndarray) -> None:
    """y <- 1 / (1 + e^-y). Far out e^-y overflows to infinity and the quotient to 0, its limit."""
    one = y.dtype.type(1)
    for i in range(y.size):
        y[i] = one / (one + exp(-y[i]))


@flat
def sigmoid_backward(dy: np.ndarray, y: np.ndarray) -> None:
    """dy <- dy · y (1 - y)."""
    one = y.dtype.type(1)
    for i in range(y.size):
        dy[i] *= y[i] * (one - y[i])


@flat
def tanh_forward(y: np.ndarray) -> None:
    """y <- tanh y."""
    for i in range(y.size):
        y[i] = tanh(y[i])


@flat
def tanh_backward(dy: np.ndarray, y: np.ndarray) -> None:
    """dy <- dy · (1 - y²)."""
    one = y.dtype.type(1)
    for i in range(y.size):
        dy[i] *= one - y[i] * y[i]


@flat
def relu_forward(y: np.ndarray) -> None:
    """y <- max(y, 0). A NaN stays a NaN, so that training sees it."""
    zero = y.dtype.type(0)
    for i in range(y.size):
        y[i] = zero if y[i] <= zero else y[i]


@flat
def relu_backward(dy: np.ndarray, y: np.ndarray) -> None:
    """dy <- dy where y > 0, else 0."""
    zero = y.dtype.type(0)
    for i in range(y.size):
        dy[i] = dy[i] if y[i] > zero else zero


@flat
def leaky_relu_forward(y: np.ndarray) -> None:
    """y <- y where y > 0, else LEAK · y."""
    zero, leak = y.dtype.type(0), y.dtype.type(LEAK)
    for i in range(y.size):
        y[i] = y[i] if y[i] > zero else leak * y[i]


@flat
def leaky_relu_backward(dy: np.ndarray, y: np.ndarray) -> None:
    """dy <- dy where y > 0, else LEAK · dy: the output has the sign of the pre-activation."""
    zero, leak = y.dtype.type(0), y.dtype.type(LEAK)
    for i in range(y.size):
        dy[i] = dy[i] if y[i] > zero else leak * dy[i]


@flat
def elu_forward(y: np.ndarray) -> None:
    """y <- y where y > 0, else e^y - 1."""
    zero = y.dtype.type(0)
    for i in range(y.size):
        y[i] = y[i] if y[i] > zero else expm1(y[i])


@flat
def elu_backward(dy: np.ndarray, y: np.ndarray) -> None:
    """dy <- dy where y > 0, else dy · (y + 1), because e^t = y + 1 there."""
    zero, one = y.dtype.type(0), y.dtype.type(1)
    for i in range(y.size):
        dy[i] = dy[i] if y[i] > zero else dy[i] * (y[i] + one)


@flat
def softplus_forward(y: np.ndarray) -> None:
    """y <- log(1 + e^y), as max(y, 0) + log(1 + e^-|y|), which cannot overflow."""
    zero = y.dtype.type(0)
    for i in range(y.size):
        t = y[i]
        y[i] = (t if t > zero else zero) + log1p(exp(-abs(t)))


@flat
def softplus_backward(dy: np.ndarray, y: np.ndarray) -> None:
    """dy <- dy · (1 - e^-y), because sigmoid(t) = 1 - e^-y."""
    for i in range(y.size):
        dy[i] *= -expm1(-y[i])


@flat
def exp_forward(y: np.ndarray) -> None:
    """y <- e^y."""
    for i in range(y.size):
        y[i] = exp(y[i])


@flat
def exp_backward(dy: np.ndarray, y: np.ndarray) -> None:
    """dy <- dy · y."""
    for i in range(y.size):
        dy[i] *= y[i]


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
