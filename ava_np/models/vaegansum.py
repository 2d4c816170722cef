"""The weighted sum of a VAE and a GAN: Miolane, Poitevin, Li and Holmes 2020. One network is decoder and generator.

    f and g descend   -log p(x|z) + β KL(N(μ, Σ) ‖ N(0, I)),        z = μ + Σ^½ r,  r ~ N(0, I)
    g descends        + λ (-log D(x_p)),                            x_p = g(z_p),  z_p ~ N(0, I)
    D ascends         log D(x) + log(1 - D(x_p))

Nothing else joins the two: D judges what g draws from the prior, and not, as in AVA1, what g reconstructs. With λ = 0
the encoder and the decoder are a VAE. All networks learn from one forward pass. With a calibrated likelihood, a step
descends σ² times the terms of the VAE (models/terms.py).
"""

from dataclasses import dataclass

import numpy as np

from ava_np import specification as specifications
from ava_np.kernels.gaussian import kl_backward, kl_forward, reparameterise_backward, reparameterise_forward
from ava_np.kernels.squared_error import squared_error_forward
from ava_np.layers import Dense
from ava_np.models.base import Model
from ava_np.models.likelihood import Probabilistic
from ava_np.models.step import Detached, NewNetwork, Noise, StepBuffers, Terms
from ava_np.models.terms import (
    calibrated_variance,
    discriminator_loss,
    discriminator_objective,
    generator_loss,
    generator_objective,
    kl_objective,
    reconstruction_layer,
    reconstruction_loss,
    reconstruction_objective,
    split_mean_logvar,
)
from ava_np.network import Buffers, Network
from ava_np.network.architectures import Architecture, discriminator


@dataclass
class VAEGANSumBuffers(StepBuffers):
    """The buffers of a step: one for each application of a network. ``_p`` is for the prior's codes."""

    f: Buffers  # f on x
    g: Buffers  # g on z
    g_p: Buffers  # g on z_p
    D: Buffers  # D on x
    D_p: Buffers  # D on x_p
    z: np.ndarray


class VAEGANSum(Probabilistic, Model[VAEGANSumBuffers]):
    """A VAE and a GAN that share the decoder, and whose objectives are added."""

    specification: specifications.VAEGANSum

    def build_networks(self, layers: Architecture, new: NewNetwork) -> dict[str, Network]:
        """Create f, g and D."""
        specification, n = self.specification, self.latent
        self.likelihood, self.β = specification.likelihood, specification.beta
        self.λ, self.saturating = specification.adversarial_weight, specification.saturating
        intermediate = reconstruction_layer(specification, self.likelihood)
        self.f = new(self.neurons, [*layers.encoder, Dense(2 * n)])
        self.g = new(n, layers.decoder, intermediate=intermediate)
        trunk, similarity = [*layers.discriminator, *layers.discriminator_head], specification.minibatch_discrimination
        self.D = new(self.neurons, discriminator(trunk, minibatch_discrimination=similarity))
        return {"encoder": self.f, "decoder": self.g, "discriminator": self.D}

    @property
    def error_comes_through(self) -> dict[str, str]:
        """The encoder's error comes through the decoder, and the decoder's through the discriminator."""
        return {"encoder": "decoder", "decoder": "discriminator"}

    @property
    def samples_fitted_codes(self) -> bool:
        """The codes of pictures fill a part of the prior, as those of a VAE."""
        return True

    def make_buffers(self, batch: int) -> VAEGANSumBuffers:
        """Return new buffers for a step on ``batch`` pictures."""
        f, g, D = self.f, self.g, self.D
        return VAEGANSumBuffers(
            f=f.buffers(batch),
            g=g.buffers(batch),
            g_p=g.buffers(batch),
            D=D.buffers(batch),
            D_p=D.buffers(batch),
            z=np.zeros((batch, self.latent), self.dtype),
        )

    def draw_noise(self, generator: np.random.Generator, batch: int) -> Noise:
        """Draw r for the encoder, and z_p from the prior."""
        return {"r": self.standard_normal(generator, batch), "z_p": self.standard_normal(generator, batch)}

    def gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Add all three networks' gradients."""
        # fmt: off
        f, g, D, r = self.f, self.g, self.D, noise["r"]
        step = self._forward(x, noise)
        μ, s = split_mean_logvar(step.f.output)

        terms, δreal, δfake = discriminator_loss(step.D, step.D_p, 0.0)  # D ascends log D(x) + log(1 - D(x_p))
        D.backward_parameters(step.D, δreal)
        D.backward_parameters(step.D_p, δfake)

        reconstruction, δx_, σ2 = reconstruction_loss(step.g, x, self.likelihood)
        δz = g.backward(step.g, δx_, from_intermediate=True)        # g descends -log p(x|z), and f with it
        δf = step.f.zero_error()
        δμ, δs = split_mean_logvar(δf)
        kl_backward(δμ, δs, μ, s)
        δf *= self.β * σ2                                           # f descends β KL, too
        reparameterise_backward(δμ, δs, δz, s, r)
        f.backward_parameters(step.f, δf)

        δt = generator_loss(step.D_p, self.saturating)
        δt *= self.λ                                                # g descends λ (-log D(x_p)), through D
        g.backward_parameters(step.g_p, D.backward_input(step.D_p, δt))
        return {"reconstruction": reconstruction, "kl": kl_forward(μ, s), **terms}
        # fmt: on

    def detached(self, x: np.ndarray, noise: Noise) -> Detached:
        """Return σ² of a calibrated decoder, (batch, 1): the factor of the VAE's terms in a step."""
        squared = squared_error_forward(self._forward(x, noise).g.output, x)
        return {"σ2": np.full((len(x), 1), calibrated_variance(squared, x.size))}

    def objectives(self, x: np.ndarray, noise: Noise, detached: Detached) -> dict[str, float]:
        """Return what each network minimises."""
        step = self._forward(x, noise)
        bound = reconstruction_objective(step.g, x, self.likelihood) + self.β * kl_objective(
            *split_mean_logvar(step.f.output)
        )
        if self.likelihood == "calibrated":
            bound *= detached["σ2"].item(0)
        return {
            "encoder": bound,
            "decoder": bound + self.λ * generator_objective(step.D_p, self.saturating),
            "discriminator": discriminator_objective(step.D, step.D_p, 0.0),
        }

    def _forward(self, x: np.ndarray, noise: Noise) -> VAEGANSumBuffers:
        """The one forward pass."""
        step = self.buffers(len(x), noise)
        μ, s = split_mean_logvar(self.f.forward(step.f, x))
        reparameterise_forward(step.z, μ, s, noise["r"])
        self.g.forward(step.g, step.z)
        self.D.forward(step.D, x)
        self.D.forward(step.D_p, self.g.forward(step.g_p, noise["z_p"]))
        return step
