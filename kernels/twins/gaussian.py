"""Twin of kernels/gaussian.py: the same functions written with Σ = e^s, with the chain rule step by step.

Shapes: all arrays are (batch, latent).
"""

import math

import numpy as np


def reparameterise_forward(z: np.ndarray, μ: np.ndarray, s: np.ndarray, r: np.ndarray) -> None:
    """Write z, AVA (8): the noise r scaled to the standard deviation Σ^½ and shifted to the mean μ."""
    batch, latent = z.shape
    for b in range(batch):
        for k in range(latent):
            Σ = math.exp(s[b, k])
            z[b, k] = μ[b, k] + math.sqrt(Σ) * r[b, k]


def reparameterise_backward(dμ: np.ndarray, ds: np.ndarray, dz: np.ndarray, s: np.ndarray, r: np.ndarray) -> None:
    """Add the error of z, carried back to μ and s, to dμ and ds."""
    batch, latent = dz.shape
    for b in range(batch):
        for k in range(latent):
            Σ = math.exp(s[b, k])
            dΣ = dz[b, k] * r[b, k] / (2 * math.sqrt(Σ))
            dμ[b, k] += dz[b, k]
            ds[b, k] += dΣ * Σ


def kl_forward(μ: np.ndarray, s: np.ndarray) -> float:
    """Return the KL divergence of AVA (1) in nats, summed over the batch."""
    batch, latent = μ.shape
    total = 0.0
    for b in range(batch):
        for k in range(latent):
            Σ = math.exp(s[b, k])
            total += (Σ + μ[b, k] ** 2 - 1 - math.log(Σ)) / 2
    return total


def kl_backward(dμ: np.ndarray, ds: np.ndarray, μ: np.ndarray, s: np.ndarray) -> None:
    """Add to dμ and ds. As printed in AVA (5), the error at the neuron Σ is ½(1 - Σ^-1); a_f' = Σ carries it to s."""
    batch, latent = μ.shape
    for b in range(batch):
        for k in range(latent):
            Σ = math.exp(s[b, k])
            dΣ = (1 - 1 / Σ) / 2
            dμ[b, k] += μ[b, k]
            ds[b, k] += dΣ * Σ
