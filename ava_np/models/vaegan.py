"""VAE-GAN: Larsen et al. 2016, Algorithm 1. A VAE whose reconstruction error is measured inside a discriminator.

    L_prior = KL(N(μ, Σ) ‖ N(0, I))
    L_llike = ½ ‖Dis_l(x) - Dis_l(x̃)‖²                               x̃ = Dec(z),  z = μ + Σ^½ r
    L_GAN   = log Dis(x) + log(1 - Dis(x̃)) + log(1 - Dis(x_p))        x_p = Dec(z_p),  z_p ~ N(0, I)

    Enc descends L_prior + L_llike,   Dec descends γ L_llike + L_GAN,   Dis ascends L_GAN

all three from one forward pass; Dis learns nothing from L_llike, Enc nothing from L_GAN. Algorithm 1 prints Dec's as
γ L_llike - L_GAN, and Dis's as a descent of L_GAN: the same, if its L_GAN is a cross-entropy, the negative of this one.
``reconstructions_are_fake`` = False leaves log(1 - Dis(x̃)) out.
"""

from dataclasses import dataclass
from math import prod

import numpy as np

from ava_np import specification as specifications
from ava_np.kernels.discrimination import log_fake_backward, log_fake_forward, log_real_backward, log_real_forward
from ava_np.kernels.gaussian import kl_backward, kl_forward, reparameterise_backward, reparameterise_forward
from ava_np.kernels.squared_error import squared_error_backward, squared_error_forward
from ava_np.layers import Dense
from ava_np.models.base import Model, Noise, Terms
from ava_np.models.terms import kl_objective, log_sigmoid, split_mean_logvar
from ava_np.network import Buffers, Network
from ava_np.network.architectures import architecture, discriminator


@dataclass
class StepBuffers:
    """The buffers of each application of a network in a step; ``_`` is the reconstruction x̃, ``p`` the sample x_p."""

    Enc: Buffers
    Dec: Buffers
    Dec_p: Buffers
    Dis: Buffers
    Dis_: Buffers
    Dis_p: Buffers
    z: np.ndarray


class VAEGAN(Model[StepBuffers]):
    """A VAE-GAN.

    Parameters
    ----------
    specification : specification.VAEGAN
        Length of the code, architecture, γ, whether reconstructions count as fake, minibatch discrimination.
    shape : tuple of int
        Shape of a picture, (height, width, channels).
    seed : int
        Seed of the first weights.
    dtype : dtype
        ``float32`` for training, ``float64`` for gradient checks.
    """

    def __init__(
        self,
        specification: specifications.VAEGAN,
        shape: tuple[int, int, int],
        *,
        seed: int = 0,
        dtype: type[np.floating] = np.float32,
    ) -> None:
        layers = architecture(specification, shape, output_initialiser="lecun_normal")
        generator, n = np.random.default_rng(seed), specification.latent
        self.γ, self.reconstructions_are_fake = specification.gamma, specification.reconstructions_are_fake
        self.Enc = Network((prod(shape),), [*layers.encoder, Dense(2 * n)], generator, dtype)
        self.Dec = Network((n,), layers.decoder, generator, dtype)
        discriminator_layers = discriminator(
            [*layers.discriminator, *layers.discriminator_head],
            minibatch_discrimination=specification.minibatch_discrimination,
        )
        self.Dis = Network(
            (prod(shape),), discriminator_layers, generator, dtype, intermediate=len(layers.discriminator)
        )
        super().__init__(specification, shape, {"encoder": self.Enc, "decoder": self.Dec, "discriminator": self.Dis})

    @property
    def passes_through(self) -> dict[str, str]:
        """The encoder's error comes through the decoder, and the decoder's through the discriminator."""
        return {"encoder": "decoder", "decoder": "discriminator"}

    def make_buffers(self, batch: int) -> StepBuffers:
        """New buffers for a step on ``batch`` pictures."""
        Enc, Dec, Dis = self.Enc, self.Dec, self.Dis
        return StepBuffers(
            Enc=Enc.buffers(batch),
            Dec=Dec.buffers(batch),
            Dec_p=Dec.buffers(batch),
            Dis=Dis.buffers(batch),
            Dis_=Dis.buffers(batch, "training" if self.reconstructions_are_fake else "frozen"),
            Dis_p=Dis.buffers(batch),
            z=np.zeros((batch, self.latent), self.dtype),
        )

    def draw_noise(self, generator: np.random.Generator, batch: int) -> Noise:
        """r of the encoder, and z_p from the prior."""
        return {"r": self.normal(generator, batch), "z_p": self.normal(generator, batch)}

    def gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Add all three networks' gradients."""
        # fmt: off
        Enc, Dec, Dis = self.Enc, self.Dec, self.Dis
        t = self._forward(x, noise)
        μ, s = split_mean_logvar(t.Enc.output)

        terms = {"kl": kl_forward(μ, s),                                # L_prior
                 "features": squared_error_forward(t.Dis_.intermediate, t.Dis.intermediate),  # L_llike
                 "log_d_real": log_real_forward(t.Dis.output),          # L_GAN, term by term
                 "log_d_reconstructed": log_fake_forward(t.Dis_.output),
                 "log_d_fake": log_fake_forward(t.Dis_p.output)}

        log_real_backward(t.Dis.clear_error(), t.Dis.output, -1)        # Dis ascends L_GAN
        Dis.backward(t.Dis, inputs=False)
        log_fake_backward(t.Dis_p.clear_error(), t.Dis_p.output, -1)
        Dis.backward(t.Dis_p, inputs=False)
        if self.reconstructions_are_fake:
            log_fake_backward(t.Dis_.clear_error(), t.Dis_.output, -1)
            Dis.backward(t.Dis_, inputs=False)

        t.Dis_.intermediate_error.fill(0)                                     # Dis_l(x̃) - Dis_l(x), from layer l to x̃
        squared_error_backward(t.Dis_.intermediate_error, t.Dis_.intermediate, t.Dis.intermediate)
        δx_ = Dis.backward(t.Dis_, parameters=False, from_intermediate=True).copy()

        t.Dec.error[:] = δx_                                            # Enc descends L_prior + L_llike
        δz = Dec.backward(t.Dec, parameters=False)
        δμ, δs = split_mean_logvar(t.Enc.clear_error())
        kl_backward(δμ, δs, μ, s)
        reparameterise_backward(δμ, δs, δz, s, noise["r"])
        Enc.backward(t.Enc, inputs=False)

        t.Dec.error[:] = self.γ * δx_                                   # Dec descends γ L_llike + L_GAN
        if self.reconstructions_are_fake:
            log_fake_backward(t.Dis_.clear_error(), t.Dis_.output, +1)
            t.Dec.error[:] += Dis.backward(t.Dis_, parameters=False)
        Dec.backward(t.Dec, inputs=False)
        log_fake_backward(t.Dis_p.clear_error(), t.Dis_p.output, +1)
        t.Dec_p.error[:] = Dis.backward(t.Dis_p, parameters=False)
        Dec.backward(t.Dec_p, inputs=False)
        return terms
        # fmt: on

    def objectives(self, x: np.ndarray, noise: Noise, detached: dict[str, np.ndarray]) -> dict[str, float]:
        """What each network descends."""
        t = self._forward(x, noise)
        prior = kl_objective(*split_mean_logvar(t.Enc.output))
        likeness = float(np.sum((t.Dis.intermediate - t.Dis_.intermediate) ** 2) / 2)
        fakes = float(np.sum(log_sigmoid(-t.Dis_p.output)))
        if self.reconstructions_are_fake:
            fakes += float(np.sum(log_sigmoid(-t.Dis_.output)))
        return {
            "encoder": prior + likeness,
            "decoder": self.γ * likeness + fakes,
            "discriminator": -float(np.sum(log_sigmoid(t.Dis.output))) - fakes,
        }

    def _forward(self, x: np.ndarray, noise: Noise) -> StepBuffers:
        """The one forward pass."""
        t = self.buffers(len(x), noise)
        reparameterise_forward(t.z, *split_mean_logvar(self.Enc.forward(t.Enc, x)), noise["r"])
        self.Dis.forward(t.Dis, x)
        self.Dis.forward(t.Dis_, self.Dec.forward(t.Dec, t.z))
        self.Dis.forward(t.Dis_p, self.Dec.forward(t.Dec_p, noise["z_p"]))
        return t
