"""One step of an optimiser on a flat parameter vector, fused into a single pass.

SGD, as AVA (5) to (16) print it:  θ <- θ - γ ρ g
Momentum (Polyak 1964, with γ outside the sum):
    v <- μ v + ρ g
    θ <- θ - γ v
RMSprop (Tieleman and Hinton 2012, lecture 6.5, with an ε beside the root):
    v <- α v + (1 - α) (ρ g)²
    θ <- θ - γ ρ g / (√v + ε)
Adam (Kingma and Ba 2015, Algorithm 1, with the bias corrections folded into the step size as its section 2 says):
    m <- β₁ m + (1 - β₁) ρ g
    v <- β₂ v + (1 - β₂) (ρ g)²
    θ <- θ - γ √(1 - β₂^k) / (1 - β₁^k) · m / (√v + ε √(1 - β₂^k))        at step k = 1, 2, ...
Before any of them, weight decay (Loshchilov and Hutter 2019):  θ <- θ - γ λ θ

g is the gradient *summed* over the batch, just as the rules print it; ρ is the reduction: 1/batch and, if asked,
a mean over neurons too. The factor at ε makes Adam's folded form equal to Algorithm 1.

Shapes: θ, g, m, v are all (parameters,). v is a velocity in momentum and a mean of squares elsewhere.
"""

import math

import numpy as np

from ava_np.kernels.machine.elementwise import flat


@flat
def decay(θ: np.ndarray, γ: float, λ: float) -> None:
    """θ <- θ - γ λ θ."""
    share = θ.dtype.type(γ * λ)
    for i in range(θ.size):
        θ[i] -= share * θ[i]


@flat
def sgd_step(θ: np.ndarray, g: np.ndarray, γ: float, ρ: float) -> None:
    """θ <- θ - γ ρ g."""
    step = θ.dtype.type(γ * ρ)
    for i in range(θ.size):
        θ[i] -= step * g[i]


@flat
def momentum_step(θ: np.ndarray, v: np.ndarray, g: np.ndarray, γ: float, ρ: float, μ: float) -> None:
    """Advance θ and the velocity v."""
    real = θ.dtype.type
    rate, scale, keep = real(γ), real(ρ), real(μ)
    for i in range(θ.size):
        v[i] = keep * v[i] + scale * g[i]
        θ[i] -= rate * v[i]


@flat
def rmsprop_step(θ: np.ndarray, v: np.ndarray, g: np.ndarray, γ: float, ρ: float, α: float, ε: float) -> None:
    """Advance θ and the mean of squares v."""
    real = θ.dtype.type
    rate, scale, keep, add, floor = real(γ), real(ρ), real(α), real(1.0 - α), real(ε)
    for i in range(θ.size):
        gradient = scale * g[i]
        v[i] = keep * v[i] + add * gradient * gradient
        θ[i] -= rate * gradient / (math.sqrt(v[i]) + floor)


@flat
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
    k: float,
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
