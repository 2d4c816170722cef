"""α-GAN: Rosca, Lakshminarayanan, Warde-Farley and Mohamed 2017, Algorithm 1. An autoencoder with two discriminators.

    R_C(z) = log(1 - C(z)) - log C(z)         ẑ = E(x),      z_p ~ N(0, I)
    R_D(x) = log(1 - D(x)) - log D(x)         x̂ = G(ẑ),      x_p = G(z_p)

    E descends λ ‖x - x̂‖₁ + R_C(ẑ)            C ascends log C(z_p) + log(1 - C(ẑ))
    G descends λ ‖x - x̂‖₁ + R_D(x̂) + R_D(x_p)
    D ascends  log D(x) + log(1 - D(x̂)) + log(1 - D(x_p))

A VAE has a likelihood and a divergence; here a discriminator estimates each. R is minus a logit, and with the best C,
R_C(z) = log q(z) - log p(z), whose mean over the codes is their divergence from the prior. The paper's v1 prints C's
two terms the other way round, with which E would move its codes away from the prior. All learn from one forward pass.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ava_np import specification as specifications
from ava_np.kernels.discrimination import log_fake_backward, log_fake_forward
from ava_np.layers import Dense
from ava_np.layers.initialisers import Initialiser
from ava_np.models.base import Model
from ava_np.models.step import Detached, NewNetwork, Noise, StepBuffers, Terms
from ava_np.models.terms import discriminator_loss, discriminator_objective, log_sigmoid
from ava_np.network import Buffers, Network
from ava_np.network.architectures import Architecture, discriminator


@dataclass
class AlphaGANBuffers(StepBuffers):
    """The buffers of a step: one for each application of a network. ``_`` is for ẑ and x̂, ``p`` for z_p and x_p."""

    E: Buffers  # E on x
    G_: Buffers  # G on ẑ
    G_p: Buffers  # G on z_p
    D: Buffers  # D on x
    D_: Buffers  # D on x̂
    D_p: Buffers  # D on x_p
    C_: Buffers  # C on ẑ
    C_p: Buffers  # C on z_p


class AlphaGAN(Model[AlphaGANBuffers]):
    """An α-GAN."""

    specification: specifications.AlphaGAN
    output_initialiser: ClassVar[Initialiser] = "lecun_normal"

    def build_networks(self, layers: Architecture, new: NewNetwork) -> dict[str, Network]:
        """Create E, G, D and C."""
        self.λ, n = self.specification.reconstruction_weight, self.latent
        self.E = new(self.neurons, [*layers.encoder, Dense(n)])
        self.G = new(n, layers.decoder)
        self.D = new(self.neurons, discriminator([*layers.discriminator, *layers.discriminator_head]))
        self.C = new(n, discriminator(layers.code_discriminator))
        return {"encoder": self.E, "decoder": self.G, "discriminator": self.D, "code_discriminator": self.C}

    @property
    def error_comes_through(self) -> dict[str, str]:
        """The encoder's error comes through the decoder, and the decoder's through the discriminator."""
        return {"encoder": "decoder", "decoder": "discriminator"}

    @property
    def samples_fitted_codes(self) -> bool:
        """The codes of pictures fill a part of the prior, as those of a VAE."""
        return True

    def make_buffers(self, batch: int) -> AlphaGANBuffers:
        """Return new buffers for a step on ``batch`` pictures."""
        E, G, D, C = self.E, self.G, self.D, self.C
        return AlphaGANBuffers(
            E=E.buffers(batch),
            G_=G.buffers(batch),
            G_p=G.buffers(batch),
            D=D.buffers(batch),
            D_=D.buffers(batch),
            D_p=D.buffers(batch),
            C_=C.buffers(batch),
            C_p=C.buffers(batch),
        )

    def draw_noise(self, generator: np.random.Generator, batch: int) -> Noise:
        """Draw z_p from the prior."""
        return {"z_p": self.standard_normal(generator, batch)}

    def gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Add all four networks' gradients."""
        # fmt: off
        E, G, D, C = self.E, self.G, self.D, self.C
        step = self._forward(x, noise)
        x_ = step.G_.output

        pictures, δreal, δfake = discriminator_loss(step.D, step.D_p, 0.0)  # D ascends log D(x) + log(1 - D(x_p))
        δ_ = step.D_.zero_error()
        log_fake_backward(δ_, step.D_.output, -1)                           #           + log(1 - D(x̂))
        for buffers, δ in ((step.D, δreal), (step.D_p, δfake), (step.D_, δ_)):
            D.backward_parameters(buffers, δ)
        codes, δreal, δfake = discriminator_loss(step.C_p, step.C_, 0.0)    # C ascends log C(z_p) + log(1 - C(ẑ))
        C.backward_parameters(step.C_p, δreal)
        C.backward_parameters(step.C_, δfake)

        δx_ = self.λ * np.sign(x_ - x)                                      # λ ‖x - x̂‖₁, of E and G
        minus = np.full_like(step.D.output, -1)                             # R is minus a logit: its error there is -1
        δz = G.backward_input(step.G_, δx_) + C.backward_input(step.C_, minus)
        E.backward_parameters(step.E, δz)                                   # E descends λ ‖x - x̂‖₁ + R_C(ẑ)
        G.backward_parameters(step.G_, δx_ + D.backward_input(step.D_, minus))  # G descends λ ‖x - x̂‖₁ + R_D(x̂)
        G.backward_parameters(step.G_p, D.backward_input(step.D_p, minus))      #           + R_D(x_p)
        return {"reconstruction": self.λ * float(np.sum(np.abs(x_ - x), dtype=np.float64)),
                "log_d_real": pictures["log_d_real"], "log_d_reconstructed": log_fake_forward(step.D_.output),
                "log_d_fake": pictures["log_d_fake"],
                "log_D_prior": codes["log_d_real"], "log_D_code": codes["log_d_fake"]}
        # fmt: on

    def objectives(self, x: np.ndarray, noise: Noise, detached: Detached) -> dict[str, float]:
        """Return what each network minimises."""
        step = self._forward(x, noise)
        distance = self.λ * float(np.sum(np.abs(step.G_.output - x)))
        return {
            "encoder": distance - float(np.sum(step.C_.output)),
            "decoder": distance - float(np.sum(step.D_.output + step.D_p.output)),
            "discriminator": discriminator_objective(step.D, step.D_p, 0.0)
            - float(np.sum(log_sigmoid(-step.D_.output))),
            "code_discriminator": discriminator_objective(step.C_p, step.C_, 0.0),
        }

    def _forward(self, x: np.ndarray, noise: Noise) -> AlphaGANBuffers:
        """The one forward pass."""
        step, z_p = self.buffers(len(x), noise), noise["z_p"]
        z = self.E.forward(step.E, x)
        self.D.forward(step.D, x)
        self.D.forward(step.D_, self.G.forward(step.G_, z))
        self.D.forward(step.D_p, self.G.forward(step.G_p, z_p))
        self.C.forward(step.C_, z)
        self.C.forward(step.C_p, z_p)
        return step
