"""Generative adversarial network: Goodfellow et al. 2014. DCGAN, Radford et al. 2016, is the same with convolutions.

    min over G  max over D  E log D(x) + E log(1 - D(G(z))),   z ~ N(0, I)

A step has two phases, each with new z. First D ascends. Then G descends, by default -log D(G(z)), which does not
saturate where D is sure. The error reaches G through D, which does not learn from it. With ``augment``, D sees pictures
and fakes after random changes T (``ava_np.models.augmentation``).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ava_np import specification as specifications
from ava_np.layers.initialisers import Initialiser
from ava_np.models.augmentation import Augmentation
from ava_np.models.base import Model
from ava_np.models.priors import named_prior
from ava_np.models.step import Detached, NewNetwork, Noise, Phase, StepBuffers, Terms
from ava_np.models.terms import discriminator_loss, discriminator_objective, generator_loss, generator_objective
from ava_np.network import Buffers, Network
from ava_np.network.architectures import Architecture, discriminator


@dataclass
class GANBuffers(StepBuffers):
    """The buffers of a step: one for each application of a network. The digit is the phase."""

    G1: Buffers  # G on z1
    D1_real: Buffers  # D on x
    D1_fake: Buffers  # D on G(z1)
    G2: Buffers  # G on z2
    D2_fake: Buffers  # D on G(z2)


class GAN(Model[GANBuffers]):
    """A generative adversarial network."""

    specification: specifications.GAN
    decoder_name: ClassVar[str] = "generator"
    encoder_name: ClassVar[str | None] = None
    output_initialiser: ClassVar[Initialiser] = "lecun_normal"

    def build_networks(self, layers: Architecture, new: NewNetwork) -> dict[str, Network]:
        """Create G and D."""
        specification = self.specification
        self.T = Augmentation(specification.augment, self.shape)
        self.smoothing, self.saturating = specification.smoothing, specification.saturating
        self.G = new(self.latent, layers.decoder)
        trunk, similarity = [*layers.discriminator, *layers.discriminator_head], specification.minibatch_discrimination
        self.D = new(self.neurons, discriminator(trunk, minibatch_discrimination=similarity))
        return {"generator": self.G, "discriminator": self.D}

    @property
    def error_comes_through(self) -> dict[str, str]:
        """The generator's error comes through the discriminator."""
        return {"generator": "discriminator"}

    @property
    def phases(self) -> tuple[Phase, ...]:
        """D, then G."""
        return (
            Phase("discriminator", ("discriminator",), self.discriminator_gradients, self.discriminator_objectives),
            Phase("generator", ("generator",), self.generator_gradients, self.generator_objectives),
        )

    def make_buffers(self, batch: int) -> GANBuffers:
        """Return new buffers for a step on ``batch`` pictures; a network that does not learn in a phase is frozen."""
        G, D = self.G, self.D
        return GANBuffers(
            G1=G.buffers(batch, "frozen"),
            D1_real=D.buffers(batch),
            D1_fake=D.buffers(batch),
            G2=G.buffers(batch),
            D2_fake=D.buffers(batch, "frozen"),
        )

    def prior(self, generator: np.random.Generator, count: int) -> np.ndarray:
        """Draw codes from the specification's prior, (count, latent)."""
        return named_prior(self.specification.prior, self.latent)(generator, count, self.latent)

    def draw_noise(self, generator: np.random.Generator, batch: int) -> Noise:
        """Draw z for each phase, and changes for each application of D."""
        codes = {name: self.prior(generator, batch).astype(self.dtype, copy=False) for name in ("z1", "z2")}
        return codes | self.T.draw(generator, batch, "T1_real", "T1_fake", "T2_fake")

    def discriminator_gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Ascend log D(x) + log(1 - D(G(z)))."""
        step = self._apply_discriminator(x, noise)
        terms, δreal, δfake = discriminator_loss(step.D1_real, step.D1_fake, self.smoothing)
        self.D.backward_parameters(step.D1_real, δreal)
        self.D.backward_parameters(step.D1_fake, δfake)
        return terms

    def generator_gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Descend -log D(G(z)), or log(1 - D(G(z)))."""
        step = self._apply_generator(x, noise)
        δx_ = self.D.backward_input(step.D2_fake, generator_loss(step.D2_fake, self.saturating))
        self.G.backward_parameters(step.G2, self.T.backward(δx_, noise, "T2_fake"))
        return {}

    def discriminator_objectives(self, x: np.ndarray, noise: Noise, detached: Detached) -> dict[str, float]:
        """Return what D minimises."""
        step = self._apply_discriminator(x, noise)
        return {"discriminator": discriminator_objective(step.D1_real, step.D1_fake, self.smoothing)}

    def generator_objectives(self, x: np.ndarray, noise: Noise, detached: Detached) -> dict[str, float]:
        """Return what G minimises."""
        return {"generator": generator_objective(self._apply_generator(x, noise).D2_fake, self.saturating)}

    def _apply_discriminator(self, x: np.ndarray, noise: Noise) -> GANBuffers:
        """Apply D to pictures and to fakes, separately: batch norm sees batches of one kind."""
        step = self.buffers(len(x), noise)
        self.D.forward(step.D1_real, self.T.forward(x, noise, "T1_real"))
        self.D.forward(step.D1_fake, self.T.forward(self.G.forward(step.G1, noise["z1"]), noise, "T1_fake"))
        return step

    def _apply_generator(self, x: np.ndarray, noise: Noise) -> GANBuffers:
        """Apply D to new fakes."""
        step = self.buffers(len(x), noise)
        self.D.forward(step.D2_fake, self.T.forward(self.G.forward(step.G2, noise["z2"]), noise, "T2_fake"))
        return step
