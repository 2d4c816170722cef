"""One step of an optimiser on a flat parameter vector, fused into a single pass.

SGD, as AVA (5) to (16) print it:  θ <- θ - γ ρ g
Adam (Kingma and Ba 2015, Algorithm 1, with the bias corrections folded into the step size as its section 2 says):
    m <- β₁ m + (1 - β₁) ρ g
    v <- β₂ v + (1 - β₂) (ρ g)²
    θ <- θ - γ √(1 - β₂^k) / (1 - β₁^k) · m / (√v + ε √(1 - β₂^k))        at step k = 1, 2, ...

g is the gradient *summed* over the batch, just as the rules print it; ρ is the reduction: 1/batch and, if asked,
a mean over neurons too. The factor at ε makes the folded form equal to Algorithm 1.

Shapes: θ, g, m, v are all (parameters,).
"""

import math

import numpy as np

from ava_np.kernels._compile import kernel


@kernel
def sgd_step(θ: np.ndarray, g: np.ndarray, γ: float, ρ: float) -> None:
    """θ <- θ - γ ρ g."""
    step = θ.dtype.type(γ * ρ)
    for i in range(θ.size):
        θ[i] -= step * g[i]


@kernel
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
    """Advance θ, m and v by step k of Adam."""
    real = θ.dtype.type
    correction = math.sqrt(1.0 - β2**k)
    step, floor = real(γ * correction / (1.0 - β1**k)), real(ε * correction)
    b1, b2, a1, a2, scale = real(β1), real(β2), real(1.0 - β1), real(1.0 - β2), real(ρ)
    for i in range(θ.size):
        gradient = scale * g[i]
        m[i] = b1 * m[i] + a1 * gradient
        v[i] = b2 * v[i] + a2 * gradient * gradient
        θ[i] -= step * m[i] / (math.sqrt(v[i]) + floor)
