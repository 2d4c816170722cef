"""Terms that several models share: each with its error, and again in plain NumPy for the gradient check.

Reconstruction, -log p(x|z) up to a constant: ½ Σ (x - x')² of a Gaussian of unit variance, or the cross-entropy of
Bernoulli neurons, whose error belongs at the logits: a decoder that is judged by it has its intermediate before the
sigmoid.

Adversaries, Goodfellow et al. 2014, from the logit ℓ, with d = σ(ℓ) the probability of "real":
    discriminator   ascends log d(real) + log(1 - d(fake)); smoothed, (1 - s) log d + s log(1 - d) at real
    generator       descends log(1 - d(fake)), or where it does not saturate -log d(fake)
"""

import numpy as np

from ava_np.errors import ArchitectureError
from ava_np.kernels.cross_entropy import cross_entropy_backward, cross_entropy_forward
from ava_np.kernels.discrimination import log_fake_backward, log_fake_forward, log_real_backward, log_real_forward
from ava_np.kernels.squared_error import squared_error_backward, squared_error_forward
from ava_np.network import Buffers
from ava_np.specification import Likelihood, ModelSpecification


def reconstruction_layer(specification: ModelSpecification, likelihood: Likelihood) -> int | None:
    """Where the reconstruction error enters the decoder: before its sigmoid, or at its end."""
    if likelihood == "gaussian":
        return None
    if specification.output != "sigmoid":
        raise ArchitectureError("a Bernoulli likelihood needs values in [0, 1], which a linear output does not give")
    return -1


def reconstruction(buffers: Buffers, x: np.ndarray, likelihood: Likelihood) -> float:
    """Write the error of -log p(x|z) on the decoder's buffers, for ``backward(..., from_intermediate=True)``; return
    the term."""
    buffers.intermediate_error.fill(0)
    if likelihood == "gaussian":
        squared_error_backward(buffers.intermediate_error, buffers.intermediate, x)
        return squared_error_forward(buffers.intermediate, x)
    cross_entropy_backward(buffers.intermediate_error, buffers.intermediate, x)
    return cross_entropy_forward(buffers.intermediate, x)


def discriminator_loss(real: Buffers, fake: Buffers, smoothing: float) -> dict[str, float]:
    """Write the discriminator's errors on its two buffers; return the terms, as if not smoothed."""
    log_real_backward(real.clear_error(), real.output, -1)  # σ(ℓ) - 1
    real.error[:] += smoothing  #                            (1 - s)(σ(ℓ) - 1) + s σ(ℓ) = σ(ℓ) - 1 + s
    log_fake_backward(fake.clear_error(), fake.output, -1)  # σ(ℓ)
    return {"log_d_real": log_real_forward(real.output), "log_d_fake": log_fake_forward(fake.output)}


def generator_loss(fake: Buffers, saturating: bool) -> None:
    """Write the error of what made the fake: it wants d = 1."""
    if saturating:
        log_fake_backward(fake.clear_error(), fake.output, +1)  # -σ(ℓ)
    else:
        log_real_backward(fake.clear_error(), fake.output, -1)  # σ(ℓ) - 1


def encoder_loss(real: Buffers, saturating: bool) -> None:
    """Write the error of what made the real, where that learns too, as BiGAN's encoder: it wants d = 0."""
    if saturating:
        log_real_backward(real.clear_error(), real.output, +1)  # 1 - σ(ℓ)
    else:
        log_fake_backward(real.clear_error(), real.output, -1)  # σ(ℓ)


# The same in plain NumPy


def reconstruction_objective(buffers: Buffers, x: np.ndarray, likelihood: Likelihood) -> float:
    """-log p(x|z) up to a constant."""
    t = buffers.intermediate
    return float(np.sum((t - x) ** 2) / 2 if likelihood == "gaussian" else np.sum(np.logaddexp(0, t) - x * t))


def kl_objective(μ: np.ndarray, s: np.ndarray) -> float:
    """Divergence of N(μ, e^s) from N(0, I)."""
    return float(np.sum(np.exp(s) + μ**2 - 1 - s) / 2)


def discriminator_objective(real: Buffers, fake: Buffers, smoothing: float) -> float:
    """What the discriminator descends."""
    kept = (1 - smoothing) * log_sigmoid(real.output) + smoothing * log_sigmoid(-real.output)
    return -float(np.sum(kept + log_sigmoid(-fake.output)))


def generator_objective(fake: Buffers, saturating: bool) -> float:
    """What the maker of the fake descends."""
    return float(np.sum(log_sigmoid(-fake.output) if saturating else -log_sigmoid(fake.output)))


def encoder_objective(real: Buffers, saturating: bool) -> float:
    """What the maker of the real descends."""
    return float(np.sum(log_sigmoid(real.output) if saturating else -log_sigmoid(-real.output)))


def split_mean_logvar(output: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The output neurons of a Gaussian encoder (or their errors) as views: μ and s = log Σ."""
    n = output.shape[1] // 2
    return output[:, :n], output[:, n:]


def sigmoid(t: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-t) without overflow."""
    return np.exp(log_sigmoid(t))


def log_sigmoid(t: np.ndarray) -> np.ndarray:
    """log(1 / (1 + e^-t)) without overflow; log(1 - d) is log_sigmoid(-t)."""
    return -np.logaddexp(0, -t)
