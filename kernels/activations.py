"""Activation functions, computed in place. Each derivative is a function of the *output*.

Forward   y <- a(y)        the output overwrites the pre-activation
Backward  dy <- dy · a'    the error at the pre-activation overwrites the error at the output

a' is a function of the output y, like a_f', a_g', a_d' and a_D' in AVA. So the pre-activation is not kept, and neither
pass needs a second array.

==========  ======================  =======================
name        a(t)                    a' as a function of y
==========  ======================  =======================
linear      t                       1
sigmoid     1 / (1 + e^-t)          y (1 - y)
tanh        tanh t                  1 - y²
relu        max(t, 0)               1 if y > 0, else 0
leaky_relu  t if t > 0, else 0.2 t  1 if y > 0, else 0.2
elu         t if t > 0, else e^t-1  1 if y > 0, else y + 1
softplus    log(1 + e^t)            1 - e^-y
exp         e^t                     y
==========  ======================  =======================

relu and leaky_relu have no derivative at t = 0; the kernels use the left derivative there.

Shapes: y and dy have the same shape, which may be any, and the same float type; both are C-contiguous.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ava_np.kernels.machine.elementary import exp, expm1, log1p, tanh
from ava_np.kernels.machine.elementwise import flat

LEAK = 0.2
"""Slope of leaky_relu for negative inputs."""


def linear_forward(y: np.ndarray) -> None:
    """y <- y."""


def linear_backward(dy: np.ndarray, y: np.ndarray) -> None:
    """dy <- dy · 1."""


@flat
def sigmoid_forward(y: np.ndarray) -> None:
    """y <- 1 / (1 + e^-y). For very negative y, e^-y overflows to infinity and the quotient is 0, the limit."""
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
    """y <- max(y, 0). A NaN stays a NaN, so training notices it."""
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
    """dy <- dy where y > 0, else LEAK · dy. The output has the sign of the pre-activation."""
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
    """dy <- dy where y > 0, else dy · (y + 1), because a'(t) = e^t = y + 1 there."""
    zero, one = y.dtype.type(0), y.dtype.type(1)
    for i in range(y.size):
        dy[i] = dy[i] if y[i] > zero else dy[i] * (y[i] + one)


@flat
def softplus_forward(y: np.ndarray) -> None:
    """y <- log(1 + e^y), computed as max(y, 0) + log(1 + e^-|y|), which cannot overflow."""
    zero = y.dtype.type(0)
    for i in range(y.size):
        t = y[i]
        y[i] = (t if t > zero else zero) + log1p(exp(-abs(t)))


@flat
def softplus_backward(dy: np.ndarray, y: np.ndarray) -> None:
    """dy <- dy · (1 - e^-y), because a'(t) = sigmoid(t) = 1 - e^-y."""
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
    """Forward and backward kernel of one activation function.

    Attributes
    ----------
    forward : callable
        ``forward(y)`` overwrites the pre-activations in ``y`` with the outputs.
    backward : callable
        ``backward(dy, y)`` multiplies the errors ``dy`` by the derivatives, computed from the outputs ``y``.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.kernels.activations import ACTIVATIONS
    >>> y = np.array([-1.0, 0.5, 2.0])
    >>> ACTIVATIONS["relu"].forward(y)
    >>> y
    array([0. , 0.5, 2. ])
    >>> dy = np.array([10.0, 20.0, 30.0])
    >>> ACTIVATIONS["relu"].backward(dy, y)
    >>> dy
    array([ 0., 20., 30.])
    """

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
"""The kernels of every activation function, by its name."""
