"""Adversarial autoencoder: Makhzani et al. 2016. A discriminator of codes takes the place of the KL divergence.

A step has three phases:
    1  reconstruction   encoder and decoder descend -log p(x|z)
    2  discriminator    D ascends log D(z_p) + log(1 - D(z)),  z_p from the prior, z from the encoder
    3  regularisation   the encoder descends -log D(z), or log(1 - D(z)), so that its codes look like the prior's

The encoder is deterministic, z = f(x), or stochastic, z = μ + Σ^½ r. A VAE with the costs of a GAN is the second kind.
"""

from dataclasses import dataclass

import numpy as np

from ava_np import specification as specifications
from ava_np.kernels.gaussian import reparameterise_backward, reparameterise_forward
from ava_np.layers import Dense
from ava_np.models.base import Model
from ava_np.models.priors import Prior, named_prior, validated_prior
from ava_np.models.step import Detached, NewNetwork, Noise, Phase, StepBuffers, Terms
from ava_np.models.terms import (
    discriminator_loss,
    discriminator_objective,
    generator_loss,
    generator_objective,
    reconstruction_layer,
    reconstruction_loss,
    reconstruction_objective,
    split_mean_logvar,
)
from ava_np.network import Buffers, Network
from ava_np.network.architectures import Architecture, discriminator


@dataclass
class AAEBuffers(StepBuffers):
    """The buffers of a step: one for each application of a network. The digit is the phase."""

    f1: Buffers  # f on x
    g1: Buffers  # g on z
    f2: Buffers  # f on x
    D2_real: Buffers  # D on z_p
    D2_fake: Buffers  # D on z
    f3: Buffers  # f on x
    D3_fake: Buffers  # D on z
    z: np.ndarray


class AAE(Model[AAEBuffers]):
    """An adversarial autoencoder, or a VAE with the costs of a GAN.

    Parameters
    ----------
    specification, shape, seed, dtype
        As for ``Model``.
    prior : callable, optional
        ``prior(generator, count, latent)`` returns codes (count, latent); needed if the specification's prior is
        "function".

    Raises
    ------
    ArchitectureError
        If the prior does not return codes of the model's length.
    """

    specification: specifications.AAE | specifications.VAEGANCosts

    def __init__(
        self,
        specification: specifications.AAE | specifications.VAEGANCosts,
        shape: tuple[int, int, int],
        *,
        seed: int = 0,
        dtype: type[np.floating] = np.float32,
        prior: Prior | None = None,
    ) -> None:
        n = specification.latent
        self.prior_function = validated_prior(prior, n) if prior else named_prior(specification.prior, n)
        super().__init__(specification, shape, seed=seed, dtype=dtype)

    def build_networks(self, layers: Architecture, new: NewNetwork) -> dict[str, Network]:
        """Create the encoder f, the decoder g and the discriminator of codes D."""
        specification, n = self.specification, self.latent
        self.likelihood = specification.likelihood
        self.smoothing, self.saturating = specification.smoothing, specification.saturating
        self.stochastic = not isinstance(specification, specifications.AAE) or specification.stochastic
        intermediate = reconstruction_layer(specification, self.likelihood)
        self.f = new(self.neurons, [*layers.encoder, Dense((1 + self.stochastic) * n)])
        self.g = new(n, layers.decoder, intermediate=intermediate)
        similarity = specification.minibatch_discrimination
        self.D = new(n, discriminator(layers.code_discriminator, minibatch_discrimination=similarity))
        return {"encoder": self.f, "decoder": self.g, "code_discriminator": self.D}

    @property
    def error_comes_through(self) -> dict[str, str]:
        """The reconstruction error reaches the encoder through the decoder."""
        return {"encoder": "decoder"}

    @property
    def samples_fitted_codes(self) -> bool:
        """Samples of another prior than N(0, I) are drawn from it: it was chosen."""
        return self.specification.prior == "normal"

    @property
    def phases(self) -> tuple[Phase, ...]:
        """Reconstruction, discriminator, regularisation."""
        fg, D, f = ("encoder", "decoder"), ("code_discriminator",), ("encoder",)
        return (
            Phase("reconstruction", fg, self.reconstruction_gradients, self.reconstruction_objectives),
            Phase("discriminator", D, self.discriminator_gradients, self.discriminator_objectives),
            Phase("regularisation", f, self.regularisation_gradients, self.regularisation_objectives),
        )

    def make_buffers(self, batch: int) -> AAEBuffers:
        """Return new buffers for a step on ``batch`` pictures; a network that does not learn in a phase is frozen."""
        f, g, D = self.f, self.g, self.D
        return AAEBuffers(
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
        """Draw z_p from the prior, and r for a stochastic encoder."""
        noise = {"z_p": self.prior(generator, batch).astype(self.dtype, copy=False)}
        if self.stochastic:
            noise["r"] = self.standard_normal(generator, batch)
        return noise

    def reconstruction_gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Phase 1."""
        step = self._reconstruct(x, noise)
        reconstruction, δx_, _ = reconstruction_loss(step.g1, x, self.likelihood)
        δz = self.g.backward(step.g1, δx_, from_intermediate=True)
        self._encoder_backward(step.f1, δz, noise)
        return {"reconstruction": reconstruction}

    def discriminator_gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Phase 2."""
        step = self._apply_discriminator(x, noise)
        terms, δreal, δfake = discriminator_loss(step.D2_real, step.D2_fake, self.smoothing)
        self.D.backward_parameters(step.D2_real, δreal)
        self.D.backward_parameters(step.D2_fake, δfake)
        return {"log_D_prior": terms["log_d_real"], "log_D_code": terms["log_d_fake"]}

    def regularisation_gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Phase 3."""
        step = self._regularise(x, noise)
        δz = self.D.backward_input(step.D3_fake, generator_loss(step.D3_fake, self.saturating))
        self._encoder_backward(step.f3, δz, noise)
        return {}

    def reconstruction_objectives(self, x: np.ndarray, noise: Noise, detached: Detached) -> dict[str, float]:
        """Return what encoder and decoder minimise in phase 1."""
        error = reconstruction_objective(self._reconstruct(x, noise).g1, x, self.likelihood)
        return {"encoder": error, "decoder": error}

    def discriminator_objectives(self, x: np.ndarray, noise: Noise, detached: Detached) -> dict[str, float]:
        """Return what D minimises."""
        step = self._apply_discriminator(x, noise)
        return {"code_discriminator": discriminator_objective(step.D2_real, step.D2_fake, self.smoothing)}

    def regularisation_objectives(self, x: np.ndarray, noise: Noise, detached: Detached) -> dict[str, float]:
        """Return what the encoder minimises in phase 3."""
        return {"encoder": generator_objective(self._regularise(x, noise).D3_fake, self.saturating)}

    def _reconstruct(self, x: np.ndarray, noise: Noise) -> AAEBuffers:
        step = self.buffers(len(x), noise)
        self.g.forward(step.g1, self._code(step, step.f1, x, noise))
        return step

    def _apply_discriminator(self, x: np.ndarray, noise: Noise) -> AAEBuffers:
        step = self.buffers(len(x), noise)
        self.D.forward(step.D2_real, noise["z_p"])
        self.D.forward(step.D2_fake, self._code(step, step.f2, x, noise))
        return step

    def _regularise(self, x: np.ndarray, noise: Noise) -> AAEBuffers:
        step = self.buffers(len(x), noise)
        self.D.forward(step.D3_fake, self._code(step, step.f3, x, noise))
        return step

    def _code(self, step: AAEBuffers, f: Buffers, x: np.ndarray, noise: Noise) -> np.ndarray:
        """Return z of x, with ``f`` as the encoder's buffers."""
        output = self.f.forward(f, x)
        if not self.stochastic:
            return output
        μ, s = split_mean_logvar(output)
        reparameterise_forward(step.z, μ, s, noise["r"])
        return step.z

    def _encoder_backward(self, f: Buffers, δz: np.ndarray, noise: Noise) -> None:
        """Propagate the error at z into the encoder, with ``f`` as its buffers."""
        δf = δz
        if self.stochastic:
            δf = f.zero_error()
            δμ, δs = split_mean_logvar(δf)
            reparameterise_backward(δμ, δs, δz, split_mean_logvar(f.output)[1], noise["r"])
        self.f.backward_parameters(f, δf)
