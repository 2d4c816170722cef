"""Variational autoencoder: Kingma and Welling 2014; with β of Higgins et al. 2017.

    min over Θ, Φ  -log p(x|z) + β KL(N(μ, Σ) ‖ N(0, I)),   z = μ + Σ^½ r,  r ~ N(0, I)       AVA (1), (8)

f(x|Θ) is the encoder with outputs μ and s = log Σ, g(z|Φ) the decoder. "paper" propagation drops the path from the
reconstruction through z to Θ, as AVA (5) prints it.
"""

from dataclasses import dataclass
from math import prod

import numpy as np

from ava_np import specification as specifications
from ava_np.kernels.gaussian import kl_backward, kl_forward, reparameterise_backward, reparameterise_forward
from ava_np.layers import Dense
from ava_np.models.base import Noise, Terms
from ava_np.models.propagation import TwoPropagations
from ava_np.models.terms import (
    kl_objective,
    reconstruction,
    reconstruction_layer,
    reconstruction_objective,
    split_mean_logvar,
)
from ava_np.network import Buffers, Network
from ava_np.network.architectures import architecture


@dataclass
class StepBuffers:
    """The buffers of each application of a network in a step, and the code between them."""

    f: Buffers
    g: Buffers
    z: np.ndarray


class VAE(TwoPropagations[StepBuffers]):
    """A variational autoencoder.

    Parameters
    ----------
    specification : specification.VAE
        Length of the code, architecture, likelihood, β, propagation.
    shape : tuple of int
        Shape of a picture, (height, width, channels).
    seed : int
        Seed of the first weights.
    dtype : dtype
        ``float32`` for training, ``float64`` for gradient checks.
    """

    def __init__(
        self,
        specification: specifications.VAE,
        shape: tuple[int, int, int],
        *,
        seed: int = 0,
        dtype: type[np.floating] = np.float32,
    ) -> None:
        layers, generator, n = architecture(specification, shape), np.random.default_rng(seed), specification.latent
        self.likelihood, self.β, self.propagation = (
            specification.likelihood,
            specification.beta,
            specification.propagation,
        )
        self.Θ = Network((prod(shape),), [*layers.encoder, Dense(2 * n)], generator, dtype)
        self.Φ = Network((n,), layers.decoder, generator, dtype, reconstruction_layer(specification, self.likelihood))
        super().__init__(specification, shape, {"encoder": self.Θ, "decoder": self.Φ})

    def make_buffers(self, batch: int) -> StepBuffers:
        """New buffers for a step on ``batch`` pictures."""
        return StepBuffers(self.Θ.buffers(batch), self.Φ.buffers(batch), np.zeros((batch, self.latent), self.dtype))

    def gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Add both networks' gradients."""
        # fmt: off
        Θ, Φ, t, r, exact = self.Θ, self.Φ, self.buffers(len(x), noise), noise["r"], self.propagation == "exact"

        μ, s = split_mean_logvar(Θ.forward(t.f, x))                                #       f(x|Θ), s = log Σ
        reparameterise_forward(t.z, μ, s, r)                            # (8)   z = μ + Σ^½ r
        Φ.forward(t.g, t.z)                                             #       x' = g(z|Φ)
        terms = {"reconstruction": reconstruction(t.g, x, self.likelihood), "kl": kl_forward(μ, s)}

        δμ, δs = split_mean_logvar(t.f.clear_error())
        kl_backward(δμ, δs, μ, s)                                       # (5)   μ and ½(Σ - 1)
        t.f.error[:] *= self.β
        δz = Φ.backward(t.g, inputs=exact, from_intermediate=True)               # (6)   δx' a_g'(x'), then down into Φ
        if exact:
            reparameterise_backward(δμ, δs, δz, s, r)                   # (1)   the path through z that (5) drops
        Θ.backward(t.f, inputs=False)
        return terms
        # fmt: on

    def objectives(self, x: np.ndarray, noise: Noise, detached: dict[str, np.ndarray]) -> dict[str, float]:
        """The negative evidence bound up to a constant; in paper propagation each network's own term."""
        t = self.buffers(len(x), noise)
        μ, s = (half.copy() for half in split_mean_logvar(self.Θ.forward(t.f, x)))
        self.Φ.forward(t.g, μ + np.exp(s / 2) * noise["r"])
        error, divergence = reconstruction_objective(t.g, x, self.likelihood), self.β * kl_objective(μ, s)
        if self.propagation == "paper":
            return {"encoder": divergence, "decoder": error}
        return {"encoder": error + divergence, "decoder": error + divergence}
