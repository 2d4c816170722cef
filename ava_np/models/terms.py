"""Terms of objectives that several models share: value and error, and again in plain NumPy for the gradient check.

Reconstruction, -log p(x|z) up to a constant:
    gaussian    ½ Σ (x - x')², of unit variance
    calibrated  ½ D log σ² + ½ Σ (x - x')² / σ², with σ² = mean (x - x')² of the batch, Rybkin et al. 2021
    bernoulli   the cross-entropy. Its error belongs at the logits, so a Bernoulli decoder has its intermediate layer in
                front of the sigmoid.

D is the number of values in the batch. σ² is where the derivative by σ² is 0, so the error at x' is (x' - x) / σ² with
σ² held constant. A calibrated step descends σ² times the objective: the error at x' is then x' - x, as with unit
variance, and the divergence gets the weight σ². A common factor does not change the direction of a step, and this one
keeps it from growing without bound as σ² goes to 0.

Adversarial losses, Goodfellow et al. 2014, from the logit t, with d = σ(t) the probability of "real":
    discriminator   ascends log d(real) + log(1 - d(fake)); with label smoothing,
                    (1 - smoothing) log d + smoothing log(1 - d) at real
    generator       descends log(1 - d(fake)), or -log d(fake), which does not saturate
"""

import math
from typing import NamedTuple

import numpy as np

from ava_np.errors import ArchitectureError
from ava_np.kernels.cross_entropy import cross_entropy_backward, cross_entropy_forward
from ava_np.kernels.discrimination import log_fake_backward, log_fake_forward, log_real_backward, log_real_forward
from ava_np.kernels.squared_error import squared_error_backward, squared_error_forward
from ava_np.network import Buffers
from ava_np.share import ALONE, Share
from ava_np.specification import ModelSpecification, VAELikelihood

LEAST_VARIANCE = 1 / (12 * 255**2)  # of rounding to 8 bits: a picture is not known more precisely


class Reconstruction(NamedTuple):
    """The reconstruction term of a step.

    Attributes
    ----------
    value : float
        -log p(x|z) in nats, up to the constant ½ D log 2π.
    error : ndarray, (batch, m)
        Error at the decoder's intermediate layer: σ² times the gradient of ``value``.
    variance : float
        σ², by which the step multiplies the divergence too; 1 unless the likelihood is calibrated.
    """

    value: float
    error: np.ndarray
    variance: float


def reconstruction_layer(specification: ModelSpecification, likelihood: VAELikelihood) -> int | None:
    """Return the decoder's intermediate layer, where the reconstruction error enters: -1 for logits, None for the
    output.

    Raises
    ------
    ArchitectureError
        If the likelihood is Bernoulli and the output is linear.
    """
    if likelihood != "bernoulli":
        return None
    if specification.output != "sigmoid":
        raise ArchitectureError("a Bernoulli likelihood needs values in [0, 1], which a linear output does not give")
    return -1


def reconstruction_loss(decoder: Buffers, x: np.ndarray, likelihood: VAELikelihood) -> Reconstruction:
    """Return -log p(x|z) and its error at the decoder's intermediate layer, x' - x, at x' or at its logits."""
    error, output = decoder.zero_intermediate_error(), decoder.intermediate
    if likelihood == "bernoulli":
        cross_entropy_backward(error, output, x)
        return Reconstruction(cross_entropy_forward(output, x), error, 1.0)
    squared_error_backward(error, output, x)
    squared = squared_error_forward(output, x)
    if likelihood == "gaussian":
        return Reconstruction(squared, error, 1.0)
    variance = calibrated_variance(squared, x.size, decoder.share)
    return Reconstruction(gaussian_value(squared, x.size, variance), error, variance)


def calibrated_variance(squared: float, values: int, share: Share = ALONE) -> float:
    """Return σ², the mean of (x - x')² over the values of a batch; ``squared`` is half their sum in a share of it."""
    sums = np.array([squared, values], np.float64)
    share.add(sums)
    return max(2 * float(sums[0]) / float(sums[1]), LEAST_VARIANCE)


def gaussian_value(squared: float, values: int, variance: float) -> float:
    """Return -log N(x; x', σ²) up to a constant; ``squared`` is ½ Σ (x - x')²."""
    return values / 2 * math.log(variance) + squared / variance


def discriminator_loss(
    real: Buffers, fake: Buffers, smoothing: float
) -> tuple[dict[str, float], np.ndarray, np.ndarray]:
    """Return the discriminator's terms (without smoothing), and its errors at the logits of real and fake samples."""
    δreal, δfake = real.zero_error(), fake.zero_error()
    log_real_backward(δreal, real.output, -1)  # σ(t) - 1
    δreal += smoothing  #                        (1 - smoothing)(σ(t) - 1) + smoothing σ(t) = σ(t) - 1 + smoothing
    log_fake_backward(δfake, fake.output, -1)  # σ(t)
    return {"log_d_real": log_real_forward(real.output), "log_d_fake": log_fake_forward(fake.output)}, δreal, δfake


def generator_loss(fake: Buffers, saturating: bool) -> np.ndarray:
    """Return the error at the logit of a fake sample, for the network that made it and wants d = 1."""
    error = fake.zero_error()
    if saturating:
        log_fake_backward(error, fake.output, +1)  # -σ(t)
    else:
        log_real_backward(error, fake.output, -1)  # σ(t) - 1
    return error


def encoder_loss(real: Buffers, saturating: bool) -> np.ndarray:
    """Return the error at the logit of a real sample, for a network that made a part of it and wants d = 0.

    BiGAN's encoder is such a network.
    """
    error = real.zero_error()
    if saturating:
        log_real_backward(error, real.output, +1)  # 1 - σ(t)
    else:
        log_fake_backward(error, real.output, -1)  # σ(t)
    return error


# The same objectives in plain NumPy


def reconstruction_objective(decoder: Buffers, x: np.ndarray, likelihood: VAELikelihood) -> float:
    """Return -log p(x|z) up to a constant."""
    t = decoder.intermediate
    if likelihood == "bernoulli":
        return float(np.sum(np.logaddexp(0, t) - x * t))
    return gaussian_objective(t, x, calibrated=likelihood == "calibrated")


def gaussian_objective(x_: np.ndarray, x: np.ndarray, *, calibrated: bool) -> float:
    """Return -log N(x; x', σ²) up to a constant, with σ² = 1 or at its optimum."""
    squared = float(np.sum((x_ - x) ** 2))
    if not calibrated:
        return squared / 2
    variance = max(squared / x.size, LEAST_VARIANCE)
    return (x.size * float(np.log(variance)) + squared / variance) / 2


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
