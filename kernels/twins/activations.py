"""Twin of kernels/activations.py: a(t) and its derivative a'(t), both on the *pre-activation* t.

The kernel writes a' on the output y = a(t) instead; docs/kernels/activations.md gets the one from the other.

Shapes: y, dy and t are (neurons,).
"""

import math
from collections.abc import Callable

import numpy as np

LEAK = 0.2


def linear(t: float) -> float:
    """Leave t alone."""
    return t


def linear_slope(t: float) -> float:
    """The slope of the diagonal."""
    return 1.0


def sigmoid(t: float) -> float:
    """Squash t into (0, 1): a probability whose log-odds are t."""
    return 1 / (1 + math.exp(-t))


def sigmoid_slope(t: float) -> float:
    """By the quotient rule."""
    return math.exp(-t) / (1 + math.exp(-t)) ** 2


def tanh(t: float) -> float:
    """Squash t into (-1, 1): hyperbolic sine over hyperbolic cosine."""
    return (math.exp(t) - math.exp(-t)) / (math.exp(t) + math.exp(-t))


def tanh_slope(t: float) -> float:
    """By the quotient rule, (cosh² - sinh²) / cosh² = 1 / cosh²."""
    return 4 / (math.exp(t) + math.exp(-t)) ** 2


def relu(t: float) -> float:
    """Let positive t pass."""
    return t if t > 0 else 0.0


def relu_slope(t: float) -> float:
    """Open or shut; at the kink the slope from the left."""
    return 1.0 if t > 0 else 0.0


def leaky_relu(t: float) -> float:
    """Let positive t pass, and a fifth of negative t."""
    return t if t > 0 else LEAK * t


def leaky_relu_slope(t: float) -> float:
    """Open or nearly shut; at the kink the slope from the left."""
    return 1.0 if t > 0 else LEAK


def elu(t: float) -> float:
    """Let positive t pass, and bend negative t towards -1."""
    return t if t > 0 else math.exp(t) - 1


def elu_slope(t: float) -> float:
    """The two sides meet with slope 1: there is no kink."""
    return 1.0 if t > 0 else math.exp(t)


def softplus(t: float) -> float:
    """A relu without a kink."""
    return math.log(1 + math.exp(t))


def softplus_slope(t: float) -> float:
    """By the chain rule e^t / (1 + e^t), a sigmoid."""
    return 1 / (1 + math.exp(-t))


def exp(t: float) -> float:
    """Make any t positive."""
    return math.exp(t)


def exp_slope(t: float) -> float:
    """Its own derivative."""
    return math.exp(t)


ACTIVATIONS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "linear": (linear, linear_slope),
    "sigmoid": (sigmoid, sigmoid_slope),
    "tanh": (tanh, tanh_slope),
    "relu": (relu, relu_slope),
    "leaky_relu": (leaky_relu, leaky_relu_slope),
    "elu": (elu, elu_slope),
    "softplus": (softplus, softplus_slope),
    "exp": (exp, exp_slope),
}


def forward(name: str, y: np.ndarray) -> None:
    """y <- a(y): what stands in y before is the pre-activation t."""
    a, _ = ACTIVATIONS[name]
    for i in range(y.size):
        y[i] = a(y[i])


def backward(name: str, dy: np.ndarray, t: np.ndarray) -> None:
    """dy <- dy · a'(t): what stands in dy afterwards is the error at t."""
    _, slope = ACTIVATIONS[name]
    for i in range(dy.size):
        dy[i] = dy[i] * slope(t[i])
