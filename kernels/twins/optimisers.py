"""Twin of kernels/optimisers.py: weight decay, SGD as printed in AVA, momentum, RMSprop, Adam as in Algorithm 1 of
Kingma and Ba (2015), and the average of the parameters.

Shapes: θ, g, u, m, v, a are all (parameters,).
"""

import math

import numpy as np


def decay(θ: np.ndarray, γ: float, λ: float) -> None:
    """Shrink every parameter by the same small fraction."""
    for i in range(θ.size):
        θ[i] -= γ * λ * θ[i]


def sgd_step(θ: np.ndarray, g: np.ndarray, γ: float, ρ: float) -> None:
    """Step against the gradient, in proportion to it."""
    for i in range(θ.size):
        θ[i] -= γ * ρ * g[i]


def momentum_step(θ: np.ndarray, u: np.ndarray, g: np.ndarray, γ: float, ρ: float, μ: float) -> None:
    """Step along the velocity: the gradient is added to it, and the factor μ lets old gradients fade."""
    for i in range(θ.size):
        u[i] = μ * u[i] + ρ * g[i]
        θ[i] -= γ * u[i]


def rmsprop_step(θ: np.ndarray, v: np.ndarray, g: np.ndarray, γ: float, ρ: float, α: float, ε: float) -> None:
    """Step about γ in every parameter: the gradient is divided by the root mean square of the recent gradients."""
    for i in range(θ.size):
        gradient = ρ * g[i]
        v[i] = α * v[i] + (1 - α) * gradient**2
        θ[i] -= γ * gradient / (math.sqrt(v[i]) + ε)


def adam_step(
    θ: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    g: np.ndarray,
    γ: float,
    ρ: float,
    β1: float,
    β2: float,
    ε: float,
    k: int,
) -> None:
    """Step about γ in every parameter: the mean of the past gradients is divided by their root mean square."""
    for i in range(θ.size):
        gradient = ρ * g[i]
        m[i] = β1 * m[i] + (1 - β1) * gradient
        v[i] = β2 * v[i] + (1 - β2) * gradient**2
        m_hat = m[i] / (1 - β1**k)
        v_hat = v[i] / (1 - β2**k)
        θ[i] -= γ * m_hat / (math.sqrt(v_hat) + ε)


def average_step(a: np.ndarray, θ: np.ndarray, β: float) -> None:
    """Keep the fraction β of the old average, and take the rest from the parameters."""
    for i in range(a.size):
        a[i] = β * a[i] + (1 - β) * θ[i]
