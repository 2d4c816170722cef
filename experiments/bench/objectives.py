"""The objectives of the benchmarked models, written once for PyTorch and JAX, which differentiate them.

An objective is a function ``objective(f, x, noise, intermediate, γ)``:

f : Functions
    The framework's functions and the networks of the model.
x : tensor
    The pictures of a batch, in the form in which ``f.apply`` takes them.
noise : dict of tensor
    Noise by name.
intermediate : dict of int
    By network, the layer before which its intermediate output is read.
γ : float
    Weight of the VAE-GAN's feature error in the decoder's objective.

It returns the terms by name, and for each group of networks the sum that these networks minimise. All are sums over the
batch.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

Tensor = Any
Noise = dict[str, Tensor]
Objectives = tuple[dict[str, Tensor], dict[tuple[str, ...], Tensor]]


class Functions(NamedTuple):
    """Functions of a framework that the objectives use.

    Attributes
    ----------
    exp, softplus : callable
        Elementwise functions.
    cross_entropy : callable
        ``cross_entropy(logits, x)`` returns a sum.
    apply : callable
        ``apply(network, x, first, last)`` applies layers ``first`` to ``last`` of a network to x; by default all.
    """

    exp: Callable[[Tensor], Tensor]
    softplus: Callable[[Tensor], Tensor]
    cross_entropy: Callable[[Tensor, Tensor], Tensor]
    apply: Callable[..., Tensor]


def _encode(f: Functions, x: Tensor, r: Tensor) -> tuple[Tensor, Tensor]:
    """Return a sample of the code, and the KL divergence of its Gaussian."""
    output, n = f.apply("encoder", x), r.shape[1]
    μ, s = output[:, :n], output[:, n:]
    return μ + f.exp(s / 2) * r, (f.exp(s) + μ * μ - 1 - s).sum() / 2


def ava1(f: Functions, x: Tensor, noise: Noise, intermediate: dict[str, int], γ: float) -> Objectives:
    """AVA (2), (3): a VAE, and a discriminator of its pictures."""
    z, kl = _encode(f, x, noise["r"])
    x_ = f.apply("decoder", z)
    misfit = ((x_ - x) ** 2).sum() / 2
    log_real = -f.softplus(-f.apply("discriminator", x)).sum()
    log_fake = -f.softplus(f.apply("discriminator", x_)).sum()
    terms = {"reconstruction": misfit, "kl": kl, "log_d_real": log_real, "log_d_fake": log_fake}
    return terms, {("encoder", "decoder"): misfit + kl + log_fake, ("discriminator",): -log_real - log_fake}


def vae(f: Functions, x: Tensor, noise: Noise, intermediate: dict[str, int], γ: float) -> Objectives:
    """The negative evidence lower bound; the cross-entropy is taken of the logits, the input of the last layer."""
    z, kl = _encode(f, x, noise["r"])
    logits = f.apply("decoder", z, 0, intermediate["decoder"])
    misfit = f.cross_entropy(logits, x)
    return {"reconstruction": misfit, "kl": kl}, {("encoder", "decoder"): misfit + kl}


def vaegan(f: Functions, x: Tensor, noise: Noise, intermediate: dict[str, int], γ: float) -> Objectives:
    """Larsen et al. 2016, Algorithm 1.

    The discriminator is applied to each batch of pictures separately, because each batch has its own statistics.
    """
    layer = intermediate["discriminator"]
    z, kl = _encode(f, x, noise["r"])
    x_, x_p = f.apply("decoder", z), f.apply("decoder", noise["z_p"])
    features, features_, features_p = (f.apply("discriminator", t, 0, layer) for t in (x, x_, x_p))
    feature_error = ((features_ - features) ** 2).sum() / 2
    log_real = -f.softplus(-f.apply("discriminator", features, layer)).sum()
    log_fakes = [-f.softplus(f.apply("discriminator", t, layer)).sum() for t in (features_, features_p)]
    terms = {"kl": kl, "features": feature_error, "log_d_real": log_real}
    terms |= {"log_d_reconstructed": log_fakes[0], "log_d_fake": log_fakes[1]}
    return terms, {
        ("encoder",): kl + feature_error,
        ("decoder",): γ * feature_error + sum(log_fakes),
        ("discriminator",): -log_real - sum(log_fakes),
    }


OBJECTIVES: dict[str, Callable[..., Objectives]] = {"ava1": ava1, "vae": vae, "vaegan": vaegan}
