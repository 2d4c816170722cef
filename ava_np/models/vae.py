"""Variational autoencoder: Kingma and Welling 2014; β of Higgins et al. 2017, calibrated σ of Rybkin et al. 2021.

    min over Θ, Φ  -log p(x|z) + β KL(N(μ, Σ) ‖ N(0, I)),   z = μ + Σ^½ r,  r ~ N(0, I)       AVA (1), (8)

f(x|Θ) is the encoder with outputs μ and s = log Σ, g(z|Φ) the decoder. "paper" propagation drops the path from the
reconstruction through z to Θ, as AVA (5) prints it. With a calibrated likelihood, a step descends σ² times the
objective (models/terms.py).
"""

from dataclasses import dataclass

import numpy as np

from ava_np import specification as specifications
from ava_np.kernels.gaussian import kl_backward, kl_forward, reparameterise_backward, reparameterise_forward
from ava_np.kernels.squared_error import squared_error_forward
from ava_np.layers import Dense
from ava_np.models.likelihood import Probabilistic
from ava_np.models.propagation import TwoPropagations
from ava_np.models.step import Detached, NewNetwork, Noise, StepBuffers, Terms
from ava_np.models.terms import (
    calibrated_variance,
    kl_objective,
    reconstruction_layer,
    reconstruction_loss,
    reconstruction_objective,
    split_mean_logvar,
)
from ava_np.network import Buffers, Network
from ava_np.network.architectures import Architecture


@dataclass
class VAEBuffers(StepBuffers):
    """The buffers of a step: one for each network, and the code between them."""

    f: Buffers  # Θ on x
    g: Buffers  # Φ on z
    z: np.ndarray


class VAE(Probabilistic, TwoPropagations[VAEBuffers]):
    """A variational autoencoder."""

    specification: specifications.VAE

    def build_networks(self, layers: Architecture, new: NewNetwork) -> dict[str, Network]:
        """Create Θ and Φ."""
        assert self.specification.likelihood is not None  # the specification has replaced it
        self.likelihood, self.β = self.specification.likelihood, self.specification.beta
        intermediate = reconstruction_layer(self.specification, self.likelihood)
        self.Θ = new(self.neurons, [*layers.encoder, Dense(2 * self.latent)])
        self.Φ = new(self.latent, layers.decoder, intermediate=intermediate)
        return {"encoder": self.Θ, "decoder": self.Φ}

    def make_buffers(self, batch: int) -> VAEBuffers:
        """Return new buffers for a step on ``batch`` pictures."""
        return VAEBuffers(self.Θ.buffers(batch), self.Φ.buffers(batch), np.zeros((batch, self.latent), self.dtype))

    def gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Add both networks' gradients."""
        # fmt: off
        Θ, Φ, step, r = self.Θ, self.Φ, self.buffers(len(x), noise), noise["r"]

        μ, s = split_mean_logvar(Θ.forward(step.f, x))                  #       f(x|Θ), s = log Σ
        reparameterise_forward(step.z, μ, s, r)                         # (8)   z = μ + Σ^½ r
        Φ.forward(step.g, step.z)                                       #       x' = g(z|Φ)

        δf = step.f.zero_error()
        δμ, δs = split_mean_logvar(δf)
        reconstruction, δx_, σ2 = reconstruction_loss(step.g, x, self.likelihood)
        kl_backward(δμ, δs, μ, s)                                       # (5)   μ and ½(Σ - 1)
        δf *= self.β * σ2
        if self.propagation == "exact":
            δz = Φ.backward(step.g, δx_, from_intermediate=True)        # (6)   δx' a_g'(x'), then down into Φ
            reparameterise_backward(δμ, δs, δz, s, r)                   # (1)   the path through z that (5) drops
        else:
            Φ.backward_parameters(step.g, δx_, from_intermediate=True)  # (6)   the same, and no further
        Θ.backward_parameters(step.f, δf)
        return {"reconstruction": reconstruction, "kl": kl_forward(μ, s)}
        # fmt: on

    def detached(self, x: np.ndarray, noise: Noise) -> Detached:
        """Return σ² of a calibrated decoder, (batch, 1): the factor of the objective in a step."""
        step = self.buffers(len(x), noise)
        reparameterise_forward(step.z, *split_mean_logvar(self.Θ.forward(step.f, x)), noise["r"])
        squared = squared_error_forward(self.Φ.forward(step.g, step.z), x)
        return {"σ2": np.full((len(x), 1), calibrated_variance(squared, x.size))}

    def objectives(self, x: np.ndarray, noise: Noise, detached: Detached) -> dict[str, float]:
        """Return the negative evidence lower bound up to a constant; in paper propagation each network's own term."""
        step = self.buffers(len(x), noise)
        μ, s = (half.copy() for half in split_mean_logvar(self.Θ.forward(step.f, x)))
        self.Φ.forward(step.g, μ + np.exp(s / 2) * noise["r"])
        error, divergence = reconstruction_objective(step.g, x, self.likelihood), self.β * kl_objective(μ, s)
        if self.likelihood == "calibrated":
            error, divergence = detached["σ2"].item(0) * error, detached["σ2"].item(0) * divergence
        if self.propagation == "paper":
            return {"encoder": divergence, "decoder": error}
        return {"encoder": error + divergence, "decoder": error + divergence}
