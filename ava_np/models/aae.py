"""Adversarial autoencoder: Makhzani et al. 2016. A discriminator of codes, and no divergence.

A step has three phases:
    1  reconstruction   encoder and decoder descend -log p(x|z)
    2  discriminator    D ascends log D(z_p) + log(1 - D(z)),  z_p from the prior, z from the encoder
    3  regularisation   the encoder descends -log D(z), or log(1 - D(z)): its codes shall look like the prior's

The encoder is deterministic, z = f(x), or draws z = μ + Σ^½ r. A VAE with the costs of a GAN is the second kind.
"""

from dataclasses import dataclass
from math import prod

import numpy as np

from ava_np import specification as specifications
from ava_np.kernels.gaussian import reparameterise_backward, reparameterise_forward
from ava_np.layers import Dense
from ava_np.models.base import Model, Noise, Phase, Terms
from ava_np.models.priors import Prior, named_prior, validated_prior
from ava_np.models.terms import (
    discriminator_loss,
    discriminator_objective,
    generator_loss,
    generator_objective,
    reconstruction,
    reconstruction_layer,
    reconstruction_objective,
    split_mean_logvar,
)
from ava_np.network import Buffers, Network
from ava_np.network.architectures import architecture, discriminator


@dataclass
class StepBuffers:
    """The buffers of each application of a network in a step; the number is the phase."""

    f1: Buffers
    g1: Buffers
    f2: Buffers
    D2_real: Buffers
    D2_fake: Buffers
    f3: Buffers
    D3_fake: Buffers
    z: np.ndarray


class AAE(Model[StepBuffers]):
    """An adversarial autoencoder, or a VAE with the costs of a GAN.

    Parameters
    ----------
    specification : specification.AAE or specification.VAEGANCosts
        Length of the code, architecture, likelihood, prior, the discriminator's options.
    shape : tuple of int
        Shape of a picture, (height, width, channels).
    seed : int
        Seed of the first weights.
    dtype : dtype
        ``float32`` for training, ``float64`` for gradient checks.
    prior : callable, optional
        ``prior(generator, count, latent)`` gives codes (count, latent); where the specification says "function".

    Raises
    ------
    ArchitectureError
        If the prior does not give codes of the model's length.
    """

    def __init__(
        self,
        specification: specifications.AAE | specifications.VAEGANCosts,
        shape: tuple[int, int, int],
        *,
        seed: int = 0,
        dtype: type[np.floating] = np.float32,
        prior: Prior | None = None,
    ) -> None:
        layers, generator, n = architecture(specification, shape), np.random.default_rng(seed), specification.latent
        self.likelihood = specification.likelihood
        self.smoothing, self.saturating = specification.smoothing, specification.saturating
        self.stochastic = not isinstance(specification, specifications.AAE) or specification.stochastic
        self.prior_function = validated_prior(prior, n) if prior else named_prior(specification.prior, n)
        self.f = Network((prod(shape),), [*layers.encoder, Dense((1 + self.stochastic) * n)], generator, dtype)
        self.g = Network((n,), layers.decoder, generator, dtype, reconstruction_layer(specification, self.likelihood))
        discriminator_layers = discriminator(
            layers.code_discriminator, minibatch_discrimination=specification.minibatch_discrimination
        )
        self.D = Network((n,), discriminator_layers, generator, dtype)
        super().__init__(specification, shape, {"encoder": self.f, "decoder": self.g, "code_discriminator": self.D})

    @property
    def passes_through(self) -> dict[str, str]:
        """The reconstruction error reaches the encoder through the decoder."""
        return {"encoder": "decoder"}

    @property
    def phases(self) -> tuple[Phase, ...]:
        """Reconstruction, discriminator, regularisation."""
        return (
            Phase(
                "reconstruction",
                ("encoder", "decoder"),
                self.reconstruction_gradients,
                self.reconstruction_objectives,
            ),
            Phase(
                "discriminator",
                ("code_discriminator",),
                self.discriminator_gradients,
                self.discriminator_objectives,
            ),
            Phase("regularisation", ("encoder",), self.regularisation_gradients, self.regularisation_objectives),
        )

    def make_buffers(self, batch: int) -> StepBuffers:
        """New buffers for a step on ``batch`` pictures; what does not learn in a phase is frozen in it."""
        f, g, D = self.f, self.g, self.D
        return StepBuffers(
            f1=f.buffers(batch),
            g1=g.buffers(batch),
            f2=f.buffers(batch, "frozen"),
            D2_real=D.buffers(batch),
            D2_fake=D.buffers(batch),
            f3=f.buffers(batch),
            D3_fake=D.buffers(batch, "frozen"),
            z=np.zeros((batch, self.latent), self.dtype),
        )

    def prior(self, generator: np.random.Generator, count: int) -> np.ndarray:
        """Draw codes from the prior, (count, latent)."""
        return np.asarray(self.prior_function(generator, count, self.latent))

    def draw_noise(self, generator: np.random.Generator, batch: int) -> Noise:
        """z_p from the prior, and r for a stochastic encoder."""
        noise = {"z_p": self.prior(generator, batch).astype(self.dtype, copy=False)}
        if self.stochastic:
            noise["r"] = self.normal(generator, batch)
        return noise

    def reconstruction_gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Phase 1."""
        t = self._reconstruct(x, noise)
        terms = {"reconstruction": reconstruction(t.g1, x, self.likelihood)}
        self._encoder_backward(t.f1, self.g.backward(t.g1, from_intermediate=True), noise)
        return terms

    def discriminator_gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Phase 2."""
        t = self._apply_discriminator(x, noise)
        terms = discriminator_loss(t.D2_real, t.D2_fake, self.smoothing)
        self.D.backward(t.D2_real, inputs=False)
        self.D.backward(t.D2_fake, inputs=False)
        return {"log_D_prior": terms["log_d_real"], "log_D_code": terms["log_d_fake"]}

    def regularisation_gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Phase 3."""
        t = self._regularise(x, noise)
        generator_loss(t.D3_fake, self.saturating)
        self._encoder_backward(t.f3, self.D.backward(t.D3_fake, parameters=False), noise)
        return {}

    def reconstruction_objectives(
        self, x: np.ndarray, noise: Noise, detached: dict[str, np.ndarray]
    ) -> dict[str, float]:
        """What encoder and decoder descend in phase 1."""
        error = reconstruction_objective(self._reconstruct(x, noise).g1, x, self.likelihood)
        return {"encoder": error, "decoder": error}

    def discriminator_objectives(
        self, x: np.ndarray, noise: Noise, detached: dict[str, np.ndarray]
    ) -> dict[str, float]:
        """What D descends."""
        t = self._apply_discriminator(x, noise)
        return {"code_discriminator": discriminator_objective(t.D2_real, t.D2_fake, self.smoothing)}

    def regularisation_objectives(
        self, x: np.ndarray, noise: Noise, detached: dict[str, np.ndarray]
    ) -> dict[str, float]:
        """What the encoder descends in phase 3."""
        return {"encoder": generator_objective(self._regularise(x, noise).D3_fake, self.saturating)}

    def _reconstruct(self, x: np.ndarray, noise: Noise) -> StepBuffers:
        t = self.buffers(len(x), noise)
        self.g.forward(t.g1, self._code(t, t.f1, x, noise))
        return t

    def _apply_discriminator(self, x: np.ndarray, noise: Noise) -> StepBuffers:
        t = self.buffers(len(x), noise)
        self.D.forward(t.D2_real, noise["z_p"])
        self.D.forward(t.D2_fake, self._code(t, t.f2, x, noise))
        return t

    def _regularise(self, x: np.ndarray, noise: Noise) -> StepBuffers:
        t = self.buffers(len(x), noise)
        self.D.forward(t.D3_fake, self._code(t, t.f3, x, noise))
        return t

    def _code(self, t: StepBuffers, buffers: Buffers, x: np.ndarray, noise: Noise) -> np.ndarray:
        """z of x, by the encoder's application ``buffers``."""
        output = self.f.forward(buffers, x)
        if not self.stochastic:
            return output
        reparameterise_forward(t.z, *split_mean_logvar(output), noise["r"])
        return t.z

    def _encoder_backward(self, buffers: Buffers, δz: np.ndarray, noise: Noise) -> None:
        """From the error at z into the encoder."""
        if self.stochastic:
            δμ, δs = split_mean_logvar(buffers.clear_error())
            reparameterise_backward(δμ, δs, δz, split_mean_logvar(buffers.output)[1], noise["r"])
        else:
            buffers.error[:] = δz
        self.f.backward(buffers, inputs=False)
