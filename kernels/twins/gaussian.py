"""Twin of kernels/gaussian.py: the Gaussian head on Σ = e^s itself, the chain rule step by step.

Shapes: every array is (batch, latent).
"""

import math

import numpy as np


def reparameterise_forward(z: np.ndarray, μ: np.ndarray, s: np.ndarray, r: np.ndarray) -> None:
    """Write z, AVA (8): the noise r is stretched to the standard deviation Σ^½ and moved to the mean μ."""
    batch, latent = z.shape
    for b in range(batch):
        for k in range(latent):
            Σ = math.exp(s[b, k])
            z[b, k] = μ[b, k] + math.sqrt(Σ) * r[b, k]


def reparameterise_backward(dμ: np.ndarray, ds: np.ndarray, dz: np.ndarray, s: np.ndarray, r: np.ndarray) -> None:
    """Add the error of z to those of μ and s."""
    batch, latent = dz.shape
    for b in range(batch):
        for k in range(latent):
            Σ = math.exp(s[b, k])
            dΣ = dz[b, k] * r[b, k] / (2 * math.sqrt(Σ))
            dμ[b, k] += dz[b, k]
            ds[b, k] += dΣ * Σ


def kl_forward(μ: np.ndarray, s: np.ndarray) -> float:
    """Return the divergence of AVA (1) in nats, summed over the batch."""
    batch, latent = μ.shape
    total = 0.0
    for b in range(batch):
        for k in range(latent):
            Σ = math.exp(s[b, k])
            total += (Σ + μ[b, k] ** 2 - 1 - math.log(Σ)) / 2
    return total


def kl_backward(dμ: np.ndarray, ds: np.ndarray, μ: np.ndarray, s: np.ndarray) -> None:
    """Add to dμ and ds as AVA (5) prints it: ½(1 - Σ^-1) at the neuron Σ, times a_f' = Σ."""
    batch, latent = μ.shape
    for b in range(batch):
        for k in range(latent):
            Σ = math.exp(s[b, k])
            dΣ = (1 - 1 / Σ) / 2
            dμ[b, k] += μ[b, k]
            ds[b, k] += dΣ * Σ
