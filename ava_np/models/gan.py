"""Generative adversarial network: Goodfellow et al. 2014. DCGAN, Radford et al. 2016, is the same of convolutions.

    min over G  max over D  E log D(x) + E log(1 - D(G(z))),   z ~ N(0, I)

A step has two phases, each with fresh z: D ascends; then G descends, by default -log D(G(z)), which does not saturate
where D is sure. D's error reaches G through D, which does not learn from it.
"""

from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np

from ava_np import specification as specifications
from ava_np.models.base import Model, Noise, Phase, Terms
from ava_np.models.terms import (
    discriminator_loss,
    discriminator_objective,
    generator_loss,
    generator_objective,
)
from ava_np.network import Buffers, Network
from ava_np.network.architectures import architecture, discriminator


@dataclass
class StepBuffers:
    """The buffers of each application of a network in a step; the number is the phase."""

    G1: Buffers
    D1_real: Buffers
    D1_fake: Buffers
    G2: Buffers
    D2_fake: Buffers


class GAN(Model[StepBuffers]):
    """A generative adversarial network.

    Parameters
    ----------
    specification : specification.GAN
        Length of z, architecture, label smoothing, saturating or not, minibatch discrimination.
    shape : tuple of int
        Shape of a picture, (height, width, channels).
    seed : int
        Seed of the first weights.
    dtype : dtype
        ``float32`` for training, ``float64`` for gradient checks.
    """

    decoder_name: ClassVar[str] = "generator"
    encoder_name: ClassVar[str | None] = None

    def __init__(
        self,
        specification: specifications.GAN,
        shape: tuple[int, int, int],
        *,
        seed: int = 0,
        dtype: type[np.floating] = np.float32,
    ) -> None:
        layers = architecture(specification, shape, output_initialiser="lecun_normal")
        generator = np.random.default_rng(seed)
        self.smoothing, self.saturating = specification.smoothing, specification.saturating
        self.G = Network((specification.latent,), layers.decoder, generator, dtype)
        discriminator_layers = discriminator(
            [*layers.discriminator, *layers.discriminator_head],
            minibatch_discrimination=specification.minibatch_discrimination,
        )
        self.D = Network((prod(shape),), discriminator_layers, generator, dtype)
        super().__init__(specification, shape, {"generator": self.G, "discriminator": self.D})

    @property
    def passes_through(self) -> dict[str, str]:
        """The generator's error comes through the discriminator."""
        return {"generator": "discriminator"}

    @property
    def phases(self) -> tuple[Phase, ...]:
        """D, then G."""
        return (
            Phase("discriminator", ("discriminator",), self.discriminator_gradients, self.discriminator_objectives),
            Phase("generator", ("generator",), self.generator_gradients, self.generator_objectives),
        )

    def make_buffers(self, batch: int) -> StepBuffers:
        """New buffers for a step on ``batch`` pictures; what does not learn in a phase is frozen in it."""
        G, D = self.G, self.D
        return StepBuffers(
            G.buffers(batch, "frozen"), D.buffers(batch), D.buffers(batch), G.buffers(batch), D.buffers(batch, "frozen")
        )

    def draw_noise(self, generator: np.random.Generator, batch: int) -> Noise:
        """Fresh z for each phase."""
        return {"z1": self.normal(generator, batch), "z2": self.normal(generator, batch)}

    def discriminator_gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Ascend log D(x) + log(1 - D(G(z)))."""
        t = self._apply_discriminator(x, noise)
        terms = discriminator_loss(t.D1_real, t.D1_fake, self.smoothing)
        self.D.backward(t.D1_real, inputs=False)
        self.D.backward(t.D1_fake, inputs=False)
        return terms

    def generator_gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Descend -log D(G(z)), or log(1 - D(G(z)))."""
        t = self._make(x, noise)
        generator_loss(t.D2_fake, self.saturating)
        t.G2.error[:] = self.D.backward(t.D2_fake, parameters=False)
        self.G.backward(t.G2, inputs=False)
        return {}

    def discriminator_objectives(
        self, x: np.ndarray, noise: Noise, detached: dict[str, np.ndarray]
    ) -> dict[str, float]:
        """What D descends."""
        t = self._apply_discriminator(x, noise)
        return {"discriminator": discriminator_objective(t.D1_real, t.D1_fake, self.smoothing)}

    def generator_objectives(self, x: np.ndarray, noise: Noise, detached: dict[str, np.ndarray]) -> dict[str, float]:
        """What G descends."""
        return {"generator": generator_objective(self._make(x, noise).D2_fake, self.saturating)}

    def _apply_discriminator(self, x: np.ndarray, noise: Noise) -> StepBuffers:
        """D on pictures and on fakes, apart: batch norm and minibatch discrimination see one kind at a time."""
        t = self.buffers(len(x), noise)
        self.D.forward(t.D1_real, x)
        self.D.forward(t.D1_fake, self.G.forward(t.G1, noise["z1"]))
        return t

    def _make(self, x: np.ndarray, noise: Noise) -> StepBuffers:
        """D on new fakes."""
        t = self.buffers(len(x), noise)
        self.D.forward(t.D2_fake, self.G.forward(t.G2, noise["z2"]))
        return t
