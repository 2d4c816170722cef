"""Terms of objectives that several models share: value and error, and again in plain NumPy for the gradient check.

Reconstruction, -log p(x|z) up to a constant: ½ Σ (x - x')² for a Gaussian of unit variance, or the cross-entropy of
Bernoulli neurons. The error of the latter belongs at the logits, so a Bernoulli decoder has its intermediate layer in
front of the sigmoid.

Adversarial losses, Goodfellow et al. 2014, from the logit ℓ, with d = σ(ℓ) the probability of "real":
    discriminator   ascends log d(real) + log(1 - d(fake)); with label smoothing, (1 - s) log d + s log(1 - d) at real
    generator       descends log(1 - d(fake)), or -log d(fake), which does not saturate
"""

import numpy as np

from ava_np.errors import ArchitectureError
from ava_np.kernels.cross_entropy import cross_entropy_backward, cross_entropy_forward
from ava_np.kernels.discrimination import log_fake_backward, log_fake_forward, log_real_backward, log_real_forward
from ava_np.kernels.squared_error import squared_error_backward, squared_error_forward
from ava_np.network import Buffers
from ava_np.specification import Likelihood, ModelSpecification


def reconstruction_layer(specification: ModelSpecification, likelihood: Likelihood) -> int | None:
    """Return the decoder's intermediate layer, where the reconstruction error enters: -1 for logits, None for the
    output.

    Raises
    ------
    ArchitectureError
        If the likelihood is Bernoulli and the output is linear.
    """
    if likelihood == "gaussian":
        return None
    if specification.output != "sigmoid":
        raise ArchitectureError("a Bernoulli likelihood needs values in [0, 1], which a linear output does not give")
    return -1


def reconstruction_loss(decoder: Buffers, x: np.ndarray, likelihood: Likelihood) -> tuple[float, np.ndarray]:
    """Return -log p(x|z) and its error at the decoder's intermediate layer, x' - x, or σ(ℓ) - x at the logits."""
    error, value = decoder.zero_intermediate_error(), decoder.intermediate
    if likelihood == "gaussian":
        squared_error_backward(error, value, x)
        return squared_error_forward(value, x), error
    cross_entropy_backward(error, value, x)
    return cross_entropy_forward(value, x), error


def discriminator_loss(
    real: Buffers, fake: Buffers, smoothing: float
) -> tuple[dict[str, float], np.ndarray, np.ndarray]:
    """Return the discriminator's terms (without smoothing), and its errors at the logits of real and fake samples."""
    δreal, δfake = real.zero_error(), fake.zero_error()
    log_real_backward(δreal, real.output, -1)  # σ(ℓ) - 1
    δreal += smoothing  #                        (1 - s)(σ(ℓ) - 1) + s σ(ℓ) = σ(ℓ) - 1 + s
    log_fake_backward(δfake, fake.output, -1)  # σ(ℓ)
    return {"log_d_real": log_real_forward(real.output), "log_d_fake": log_fake_forward(fake.output)}, δreal, δfake


def generator_loss(fake: Buffers, saturating: bool) -> np.ndarray:
    """Return the error at the logit of a fake sample, for the network that made it and wants d = 1."""
    error = fake.zero_error()
    if saturating:
        log_fake_backward(error, fake.output, +1)  # -σ(ℓ)
    else:
        log_real_backward(error, fake.output, -1)  # σ(ℓ) - 1
    return error


def encoder_loss(real: Buffers, saturating: bool) -> np.ndarray:
    """Return the error at the logit of a real sample, for a network that made a part of it and wants d = 0.

    BiGAN's encoder is such a network.
    """
    error = real.zero_error()
    if saturating:
        log_real_backward(error, real.output, +1)  # 1 - σ(ℓ)
    else:
        log_fake_backward(error, real.output, -1)  # σ(ℓ)
    return error


# The same objectives in plain NumPy


def reconstruction_objective(decoder: Buffers, x: np.ndarray, likelihood: Likelihood) -> float:
    """Return -log p(x|z) up to a constant."""
    t = decoder.intermediate
    return float(np.sum((t - x) ** 2) / 2 if likelihood == "gaussian" else np.sum(np.logaddexp(0, t) - x * t))


def kl_objective(μ: np.ndarray, s: np.ndarray) -> float:
    """Return the divergence of N(μ, e^s) from N(0, I)."""
    return float(np.sum(np.exp(s) + μ**2 - 1 - s) / 2)


def discriminator_objective(real: Buffers, fake: Buffers, smoothing: float) -> float:
    """Return what the discriminator minimises."""
    smoothed = (1 - smoothing) * log_sigmoid(real.output) + smoothing * log_sigmoid(-real.output)
    return -float(np.sum(smoothed + log_sigmoid(-fake.output)))


def generator_objective(fake: Buffers, saturating: bool) -> float:
    """Return what the network that made the fake minimises."""
    return float(np.sum(log_sigmoid(-fake.output) if saturating else -log_sigmoid(fake.output)))


def encoder_objective(real: Buffers, saturating: bool) -> float:
    """Return what the network that made a part of the real sample minimises."""
    return float(np.sum(log_sigmoid(real.output) if saturating else -log_sigmoid(-real.output)))


def split_mean_logvar(output: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return views of a Gaussian encoder's output neurons, or of their errors: μ and s = log Σ."""
    n = output.shape[1] // 2
    return output[:, :n], output[:, n:]


def sigmoid(t: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + e^-t) without overflow."""
    return np.exp(log_sigmoid(t))


def log_sigmoid(t: np.ndarray) -> np.ndarray:
    """Return log(1 / (1 + e^-t)) without overflow; log(1 - d) is log_sigmoid(-t)."""
    return -np.logaddexp(0, -t)
