"""Gaussian encoder output: sampling a code by reparameterisation, and the KL divergence from the standard normal.

The encoder outputs μ and s = log Σ, so the variance Σ = e^s is positive for every output.

Reparameterisation, AVA (8)
    Forward   z  = μ + Σ^½ r,  r ~ N(0, I) is an argument
    Backward  dμ += dz;  ds += ½ dz r Σ^½                 added; dΣ^½/ds = ½ e^(s/2) = ½ Σ^½

Kullback-Leibler divergence of AVA (1), in nats
    Forward   KL = ½ Σ_k (Σ_k + μ_k² - 1 - log Σ_k)       summed over the batch
    Backward  dμ += μ;  ds += ½ (Σ - 1)                   added
    The second is AVA (5): it prints ½(1 - Σ^-1), the error at the neuron Σ; times a_f' = dΣ/ds = Σ, that is ½ (Σ - 1).

Shapes: all arrays are (batch, latent). μ, s and their errors may be views into wider arrays.
"""

import numpy as np

from ava_np.kernels.machine.compile import kernel
from ava_np.kernels.machine.elementary import exp, expm1


@kernel
def reparameterise_forward(z: np.ndarray, μ: np.ndarray, s: np.ndarray, r: np.ndarray) -> None:
    """Write z = μ + e^(s/2) r, AVA (8)."""
    half = s.dtype.type(0.5)
    for b in range(z.shape[0]):
        for k in range(z.shape[1]):
            z[b, k] = μ[b, k] + exp(half * s[b, k]) * r[b, k]


@kernel
def reparameterise_backward(dμ: np.ndarray, ds: np.ndarray, dz: np.ndarray, s: np.ndarray, r: np.ndarray) -> None:
    """Add dz to dμ and ½ dz r e^(s/2) to ds."""
    half = s.dtype.type(0.5)
    for b in range(dz.shape[0]):
        for k in range(dz.shape[1]):
            dμ[b, k] += dz[b, k]
            ds[b, k] += half * dz[b, k] * r[b, k] * exp(half * s[b, k])


@kernel
def kl_forward(μ: np.ndarray, s: np.ndarray) -> float:
    """Return the KL divergence of N(μ, e^s) from N(0, I) in nats, summed over the batch."""
    total = 0.0
    for b in range(μ.shape[0]):
        for k in range(μ.shape[1]):
            total += 0.5 * (expm1(s[b, k]) + μ[b, k] * μ[b, k] - s[b, k])
    return total


@kernel
def kl_backward(dμ: np.ndarray, ds: np.ndarray, μ: np.ndarray, s: np.ndarray) -> None:
    """Add μ to dμ and ½ (e^s - 1) to ds, AVA (5)."""
    half = s.dtype.type(0.5)
    for b in range(μ.shape[0]):
        for k in range(μ.shape[1]):
            dμ[b, k] += μ[b, k]
            ds[b, k] += half * expm1(s[b, k])
