"""VAE-GAN: Larsen et al. 2016, Algorithm 1. A VAE whose reconstruction error is measured inside a discriminator.

    L_prior = KL(N(μ, Σ) ‖ N(0, I))
    L_llike = ½ ‖Dis_l(x) - Dis_l(x̃)‖²                               x̃ = Dec(z),  z = μ + Σ^½ r
    L_GAN   = log Dis(x) + log(1 - Dis(x̃)) + log(1 - Dis(x_p))        x_p = Dec(z_p),  z_p ~ N(0, I)

    Enc descends β L_prior + L_llike,   Dec descends λ L_llike + L_GAN,   Dis ascends L_GAN

All three learn from one forward pass; Dis learns nothing from L_llike, and Enc nothing from L_GAN. Algorithm 1 prints
Dec's objective as γ L_llike - L_GAN, with γ for λ, and lets Dis descend L_GAN. That is the same if its L_GAN is a
cross-entropy, the negative of this one. ``reconstructions_are_fake`` = False leaves log(1 - Dis(x̃)) out.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ava_np import specification as specifications
from ava_np.kernels.discrimination import log_fake_backward, log_fake_forward, log_real_backward, log_real_forward
from ava_np.kernels.gaussian import kl_backward, kl_forward, reparameterise_backward, reparameterise_forward
from ava_np.kernels.squared_error import squared_error_backward, squared_error_forward
from ava_np.layers import Dense
from ava_np.layers.initialisers import Initialiser
from ava_np.models.base import Model
from ava_np.models.step import Detached, NewNetwork, Noise, StepBuffers, Terms
from ava_np.models.terms import kl_objective, log_sigmoid, split_mean_logvar
from ava_np.network import Buffers, Network
from ava_np.network.architectures import Architecture, discriminator


@dataclass
class VAEGANBuffers(StepBuffers):
    """The buffers of a step: one for each application of a network. ``_`` is for x̃, ``p`` for x_p."""

    Enc: Buffers  # Enc on x
    Dec: Buffers  # Dec on z
    Dec_p: Buffers  # Dec on z_p
    Dis: Buffers  # Dis on x
    Dis_: Buffers  # Dis on x̃
    Dis_p: Buffers  # Dis on x_p
    z: np.ndarray


class VAEGAN(Model[VAEGANBuffers]):
    """A VAE-GAN."""

    specification: specifications.VAEGAN
    output_initialiser: ClassVar[Initialiser] = "lecun_normal"

    def build_networks(self, layers: Architecture, new: NewNetwork) -> dict[str, Network]:
        """Create Enc, Dec and Dis, whose intermediate layer is l."""
        specification, n = self.specification, self.latent
        self.β, self.λ = specification.beta, specification.gamma
        self.reconstructions_are_fake = specification.reconstructions_are_fake
        self.Enc = new(self.neurons, [*layers.encoder, Dense(2 * n)])
        self.Dec = new(n, layers.decoder)
        trunk, similarity = [*layers.discriminator, *layers.discriminator_head], specification.minibatch_discrimination
        dis = discriminator(trunk, minibatch_discrimination=similarity)
        self.Dis = new(self.neurons, dis, intermediate=len(layers.discriminator))
        return {"encoder": self.Enc, "decoder": self.Dec, "discriminator": self.Dis}

    @property
    def error_comes_through(self) -> dict[str, str]:
        """The encoder's error comes through the decoder, and the decoder's through the discriminator."""
        return {"encoder": "decoder", "decoder": "discriminator"}

    @property
    def samples_fitted_codes(self) -> bool:
        """The codes of pictures fill a part of the prior, as those of a VAE."""
        return True

    def make_buffers(self, batch: int) -> VAEGANBuffers:
        """Return new buffers for a step on ``batch`` pictures."""
        Enc, Dec, Dis = self.Enc, self.Dec, self.Dis
        return VAEGANBuffers(
            Enc=Enc.buffers(batch),
            Dec=Dec.buffers(batch),
            Dec_p=Dec.buffers(batch),
            Dis=Dis.buffers(batch),
            Dis_=Dis.buffers(batch, "training" if self.reconstructions_are_fake else "frozen"),
            Dis_p=Dis.buffers(batch),
            z=np.zeros((batch, self.latent), self.dtype),
        )

    def draw_noise(self, generator: np.random.Generator, batch: int) -> Noise:
        """Draw r for the encoder, and z_p from the prior."""
        return {"r": self.standard_normal(generator, batch), "z_p": self.standard_normal(generator, batch)}

    def gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Add all three networks' gradients."""
        # fmt: off
        Enc, Dec, Dis = self.Enc, self.Dec, self.Dis
        step = self._forward(x, noise)
        μ, s = split_mean_logvar(step.Enc.output)
        features, features_ = step.Dis.intermediate, step.Dis_.intermediate  # Dis_l(x), Dis_l(x̃)

        terms = {"kl": kl_forward(μ, s),                                # L_prior
                 "features": squared_error_forward(features_, features),  # L_llike
                 "log_d_real": log_real_forward(step.Dis.output),       # L_GAN, term by term
                 "log_d_reconstructed": log_fake_forward(step.Dis_.output),
                 "log_d_fake": log_fake_forward(step.Dis_p.output)}

        δt = step.Dis.zero_error()                                      # Dis ascends L_GAN
        log_real_backward(δt, step.Dis.output, -1)
        Dis.backward_parameters(step.Dis, δt)
        δt = step.Dis_p.zero_error()
        log_fake_backward(δt, step.Dis_p.output, -1)
        Dis.backward_parameters(step.Dis_p, δt)
        if self.reconstructions_are_fake:
            δt = step.Dis_.zero_error()
            log_fake_backward(δt, step.Dis_.output, -1)
            Dis.backward_parameters(step.Dis_, δt)

        δl = step.Dis_.zero_intermediate_error()                        # Dis_l(x̃) - Dis_l(x), from layer l to x̃
        squared_error_backward(δl, features_, features)
        δx_ = Dis.backward_input(step.Dis_, δl, from_intermediate=True).copy()

        δz = Dec.backward_input(step.Dec, δx_)                          # Enc descends β L_prior + L_llike
        δenc = step.Enc.zero_error()
        δμ, δs = split_mean_logvar(δenc)
        kl_backward(δμ, δs, μ, s)
        δenc *= self.β
        reparameterise_backward(δμ, δs, δz, s, noise["r"])
        Enc.backward_parameters(step.Enc, δenc)

        δx_ *= self.λ                                                   # Dec descends λ L_llike + L_GAN
        if self.reconstructions_are_fake:
            δt = step.Dis_.zero_error()
            log_fake_backward(δt, step.Dis_.output, +1)
            δx_ += Dis.backward_input(step.Dis_, δt)
        Dec.backward_parameters(step.Dec, δx_)
        δt = step.Dis_p.zero_error()
        log_fake_backward(δt, step.Dis_p.output, +1)
        Dec.backward_parameters(step.Dec_p, Dis.backward_input(step.Dis_p, δt))
        return terms
        # fmt: on

    def objectives(self, x: np.ndarray, noise: Noise, detached: Detached) -> dict[str, float]:
        """Return what each network minimises."""
        step = self._forward(x, noise)
        prior = kl_objective(*split_mean_logvar(step.Enc.output))
        feature_error = float(np.sum((step.Dis.intermediate - step.Dis_.intermediate) ** 2) / 2)
        fakes = float(np.sum(log_sigmoid(-step.Dis_p.output)))
        if self.reconstructions_are_fake:
            fakes += float(np.sum(log_sigmoid(-step.Dis_.output)))
        return {
            "encoder": self.β * prior + feature_error,
            "decoder": self.λ * feature_error + fakes,
            "discriminator": -float(np.sum(log_sigmoid(step.Dis.output))) - fakes,
        }

    def _forward(self, x: np.ndarray, noise: Noise) -> VAEGANBuffers:
        """The one forward pass."""
        step = self.buffers(len(x), noise)
        μ, s = split_mean_logvar(self.Enc.forward(step.Enc, x))
        reparameterise_forward(step.z, μ, s, noise["r"])
        self.Dis.forward(step.Dis, x)
        self.Dis.forward(step.Dis_, self.Dec.forward(step.Dec, step.z))
        self.Dis.forward(step.Dis_p, self.Dec.forward(step.Dec_p, noise["z_p"]))
        return step
