"""Twin of kernels/factored.py: the gradient is computed, and then used.

Shapes: x (samples, inputs) and e (samples, outputs) in each factor; the gradient (inputs · outputs,).
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

Factors = Sequence[tuple[np.ndarray, np.ndarray]]


def product(factors: Factors) -> list[float]:
    """Return the gradient: for a weight, input times error of the output, summed over applications and samples."""
    inputs, outputs = factors[0][0].shape[1], factors[0][1].shape[1]
    G = [0.0] * (inputs * outputs)
    for x, e in factors:
        for n in range(x.shape[0]):
            for i in range(inputs):
                for o in range(outputs):
                    G[i * outputs + o] += x[n, i] * e[n, o]
    return G


def factored_norm(factors: Factors) -> float:
    """Return the root of the sum of the squares."""
    total = 0.0
    for g in product(factors):
        total += g**2
    return math.sqrt(total)


def factored_inner(factors: Factors, others: Factors) -> float:
    """Return the sum of the products of the entries of two gradients."""
    total = 0.0
    for f, g in zip(product(factors), product(others), strict=True):
        total += f * g
    return total


def factored_descent(theta: np.ndarray, factors: Factors, rate: float) -> None:
    """Subtract rate times the gradient from the parameters."""
    for i, g in enumerate(product(factors)):
        theta[i] -= rate * g


def factored_step(
    step: Callable[..., None], arrays: Sequence[np.ndarray], factors: Factors, numbers: Sequence[float]
) -> None:
    """Take a step of an optimiser with the gradient."""
    step(*arrays, product(factors), *numbers)
