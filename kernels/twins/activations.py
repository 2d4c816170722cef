"""Twin of kernels/activations.py: a(t) and its derivative a'(t), both as functions of the *pre-activation* t.

The kernel computes a' from the output y = a(t) instead; docs/kernels/activations.md derives one form from the other.

Shapes: y, dy and t are (neurons,).
"""

import math
from collections.abc import Callable

import numpy as np

LEAK = 0.2


def linear(t: float) -> float:
    """Identity."""
    return t


def linear_derivative(t: float) -> float:
    """Constant."""
    return 1.0


def sigmoid(t: float) -> float:
    """Map t to (0, 1): the probability whose log-odds are t."""
    return 1 / (1 + math.exp(-t))


def sigmoid_derivative(t: float) -> float:
    """By the quotient rule."""
    return math.exp(-t) / (1 + math.exp(-t)) ** 2


def tanh(t: float) -> float:
    """Map t to (-1, 1): hyperbolic sine over hyperbolic cosine."""
    return (math.exp(t) - math.exp(-t)) / (math.exp(t) + math.exp(-t))


def tanh_derivative(t: float) -> float:
    """By the quotient rule, (cosh² - sinh²) / cosh² = 1 / cosh²."""
    return 4 / (math.exp(t) + math.exp(-t)) ** 2


def relu(t: float) -> float:
    """Positive t unchanged, negative t set to 0."""
    return t if t > 0 else 0.0


def relu_derivative(t: float) -> float:
    """1 or 0; at t = 0 the left derivative."""
    return 1.0 if t > 0 else 0.0


def leaky_relu(t: float) -> float:
    """Positive t unchanged, negative t multiplied by LEAK."""
    return t if t > 0 else LEAK * t


def leaky_relu_derivative(t: float) -> float:
    """1 or LEAK; at t = 0 the left derivative."""
    return 1.0 if t > 0 else LEAK


def elu(t: float) -> float:
    """Positive t unchanged, negative t mapped to (-1, 0)."""
    return t if t > 0 else math.exp(t) - 1


def elu_derivative(t: float) -> float:
    """Both sides have the derivative 1 at t = 0, so there is no kink."""
    return 1.0 if t > 0 else math.exp(t)


def softplus(t: float) -> float:
    """A smooth version of relu."""
    return math.log(1 + math.exp(t))


def softplus_derivative(t: float) -> float:
    """By the chain rule e^t / (1 + e^t), which is the sigmoid."""
    return 1 / (1 + math.exp(-t))


def exp(t: float) -> float:
    """Map t to a positive number."""
    return math.exp(t)


def exp_derivative(t: float) -> float:
    """The exponential is its own derivative."""
    return math.exp(t)


ACTIVATIONS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "linear": (linear, linear_derivative),
    "sigmoid": (sigmoid, sigmoid_derivative),
    "tanh": (tanh, tanh_derivative),
    "relu": (relu, relu_derivative),
    "leaky_relu": (leaky_relu, leaky_relu_derivative),
    "elu": (elu, elu_derivative),
    "softplus": (softplus, softplus_derivative),
    "exp": (exp, exp_derivative),
}


def forward(name: str, y: np.ndarray) -> None:
    """y <- a(y). Before the call y holds the pre-activation t."""
    a, _ = ACTIVATIONS[name]
    for i in range(y.size):
        y[i] = a(y[i])


def backward(name: str, dy: np.ndarray, t: np.ndarray) -> None:
    """dy <- dy · a'(t). After the call dy holds the error at t."""
    _, derivative = ACTIVATIONS[name]
    for i in range(dy.size):
        dy[i] = dy[i] * derivative(t[i])
