"""Bidirectional GAN: Donahue et al. 2017. A generator, an encoder, and a discriminator of pairs.

    min over G, E  max over D  E log D(x, E(x)) + E log(1 - D(G(z), z)),   z ~ N(0, I)

If D cannot tell the pairs apart, E inverts G, although no step ever computes E(G(z)) or G(E(x)): each learns through D
alone. D(x, z) is a trunk that reads x, and a head that reads the trunk's features and z. A step has two phases. First D
ascends. Then G and E, with new z, descend -log D(G(z), z) - log(1 - D(x, E(x))), or the saturating form. With
``augment``, D sees pictures and fakes after random changes T (``ava_np.models.augmentation``), but E sees x itself.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ava_np import specification as specifications
from ava_np.layers import Activation, Dense
from ava_np.layers.initialisers import Initialiser
from ava_np.models.augmentation import Augmentation
from ava_np.models.base import Model
from ava_np.models.step import Detached, NewNetwork, Noise, Phase, StepBuffers, Terms
from ava_np.models.terms import (
    discriminator_loss,
    discriminator_objective,
    encoder_loss,
    encoder_objective,
    generator_loss,
    generator_objective,
)
from ava_np.network import Buffers, Network
from ava_np.network.architectures import Architecture, discriminator

HEAD_WIDTH = 256  # hidden neurons of the discriminator's head


@dataclass
class BiGANBuffers(StepBuffers):
    """The buffers of a step: one for each application of a network. The digit is the phase.

    (x, E(x)) is real, (G(z), z) is fake. ``pair`` holds the trunk's features and a code, side by side, for the head.
    """

    E1: Buffers  # E on x
    G1: Buffers  # G on z1
    trunk1_real: Buffers  # trunk of D on x
    head1_real: Buffers  # D on (features of x, E(x))
    trunk1_fake: Buffers  # trunk of D on G(z1)
    head1_fake: Buffers  # D on (features of G(z1), z1)
    E2: Buffers  # E on x
    G2: Buffers  # G on z2
    trunk2_real: Buffers  # trunk of D on x
    head2_real: Buffers  # D on (features of x, E(x))
    trunk2_fake: Buffers  # trunk of D on G(z2)
    head2_fake: Buffers  # D on (features of G(z2), z2)
    pair: np.ndarray


class BiGAN(Model[BiGANBuffers]):
    """A bidirectional GAN."""

    specification: specifications.BiGAN
    decoder_name: ClassVar[str] = "generator"
    output_initialiser: ClassVar[Initialiser] = "lecun_normal"

    def build_networks(self, layers: Architecture, new: NewNetwork) -> dict[str, Network]:
        """Create E, G, and the two networks of D."""
        specification, n = self.specification, self.latent
        self.T = Augmentation(specification.augment, self.shape)
        self.smoothing, self.saturating = specification.smoothing, specification.saturating
        self.E = new(self.neurons, [*layers.encoder, Dense(n)])
        self.G = new(n, layers.decoder)
        self.trunk = new(self.neurons, [*layers.discriminator, *layers.discriminator_head])
        (self.feature_count,) = self.trunk.output_shape
        hidden = [Dense(HEAD_WIDTH, "he_normal"), Activation("leaky_relu")]
        similarity = specification.minibatch_discrimination
        self.head = new(self.feature_count + n, discriminator(hidden, minibatch_discrimination=similarity))
        return {
            "encoder": self.E,
            "generator": self.G,
            "discriminator_trunk": self.trunk,
            "discriminator": self.head,
        }

    @property
    def error_comes_through(self) -> dict[str, str]:
        """E and G learn through the discriminator."""
        return {"encoder": "discriminator", "generator": "discriminator_trunk", "discriminator_trunk": "discriminator"}

    @property
    def phases(self) -> tuple[Phase, ...]:
        """D, then E and G."""
        D = ("discriminator_trunk", "discriminator")
        return (
            Phase("discriminator", D, self.discriminator_gradients, self.discriminator_objectives),
            Phase("pairs", ("encoder", "generator"), self.pair_gradients, self.pair_objectives),
        )

    def make_buffers(self, batch: int) -> BiGANBuffers:
        """Return new buffers for a step on ``batch`` pictures; a network that does not learn in a phase is frozen."""
        E, G, trunk, head = self.E, self.G, self.trunk, self.head
        return BiGANBuffers(
            E1=E.buffers(batch, "frozen"),
            G1=G.buffers(batch, "frozen"),
            trunk1_real=trunk.buffers(batch),
            head1_real=head.buffers(batch),
            trunk1_fake=trunk.buffers(batch),
            head1_fake=head.buffers(batch),
            E2=E.buffers(batch),
            G2=G.buffers(batch),
            trunk2_real=trunk.buffers(batch, "frozen"),
            head2_real=head.buffers(batch, "frozen"),
            trunk2_fake=trunk.buffers(batch, "frozen"),
            head2_fake=head.buffers(batch, "frozen"),
            pair=np.empty((batch, *head.input_shape), head.dtype),
        )

    def draw_noise(self, generator: np.random.Generator, batch: int) -> Noise:
        """Draw z for each phase, and changes for each application of D."""
        codes = {"z1": self.standard_normal(generator, batch), "z2": self.standard_normal(generator, batch)}
        return codes | self.T.draw(generator, batch, "T1_real", "T1_fake", "T2_real", "T2_fake")

    def discriminator_gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Ascend log D(x, E(x)) + log(1 - D(G(z), z))."""
        step = self._apply_discriminator(x, noise)
        terms, δreal, δfake = discriminator_loss(step.head1_real, step.head1_fake, self.smoothing)
        for trunk, head, δ in ((step.trunk1_real, step.head1_real, δreal), (step.trunk1_fake, step.head1_fake, δfake)):
            δpair = self.head.backward(head, δ)
            self.trunk.backward_parameters(trunk, δpair[:, : self.feature_count])
        return terms

    def pair_gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Descend -log D(G(z), z) - log(1 - D(x, E(x))): a pair's error goes to the network that made a part of it."""
        step = self._apply_pairs(x, noise)
        δpair = self.head.backward_input(step.head2_real, encoder_loss(step.head2_real, self.saturating))
        self.E.backward_parameters(step.E2, δpair[:, self.feature_count :])  # the code is E's
        δpair = self.head.backward_input(step.head2_fake, generator_loss(step.head2_fake, self.saturating))
        δx_ = self.trunk.backward_input(step.trunk2_fake, δpair[:, : self.feature_count])
        self.G.backward_parameters(step.G2, self.T.backward(δx_, noise, "T2_fake"))  # the picture is G's
        return {}

    def discriminator_objectives(self, x: np.ndarray, noise: Noise, detached: Detached) -> dict[str, float]:
        """Return what D's two networks minimise."""
        step = self._apply_discriminator(x, noise)
        objective = discriminator_objective(step.head1_real, step.head1_fake, self.smoothing)
        return {"discriminator_trunk": objective, "discriminator": objective}

    def pair_objectives(self, x: np.ndarray, noise: Noise, detached: Detached) -> dict[str, float]:
        """Return what E and G minimise."""
        step = self._apply_pairs(x, noise)
        return {
            "encoder": encoder_objective(step.head2_real, self.saturating),
            "generator": generator_objective(step.head2_fake, self.saturating),
        }

    def _apply_discriminator(self, x: np.ndarray, noise: Noise) -> BiGANBuffers:
        step = self.buffers(len(x), noise)
        x_, z = self.G.forward(step.G1, noise["z1"]), noise["z1"]
        real, fake = self.T.forward(x, noise, "T1_real"), self.T.forward(x_, noise, "T1_fake")
        self._pair_forward(step.pair, step.trunk1_real, step.head1_real, real, self.E.forward(step.E1, x))
        self._pair_forward(step.pair, step.trunk1_fake, step.head1_fake, fake, z)
        return step

    def _apply_pairs(self, x: np.ndarray, noise: Noise) -> BiGANBuffers:
        step = self.buffers(len(x), noise)
        x_, z = self.G.forward(step.G2, noise["z2"]), noise["z2"]
        real, fake = self.T.forward(x, noise, "T2_real"), self.T.forward(x_, noise, "T2_fake")
        self._pair_forward(step.pair, step.trunk2_real, step.head2_real, real, self.E.forward(step.E2, x))
        self._pair_forward(step.pair, step.trunk2_fake, step.head2_fake, fake, z)
        return step

    def _pair_forward(self, pair: np.ndarray, trunk: Buffers, head: Buffers, x: np.ndarray, z: np.ndarray) -> None:
        """Compute D(x, z) into the head's buffers."""
        self.head.forward(head, np.concatenate([self.trunk.forward(trunk, x), z], axis=1, out=pair))
