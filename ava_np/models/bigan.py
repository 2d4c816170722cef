"""Bidirectional GAN: Donahue et al. 2017. A generator, an encoder, and a discriminator of pairs.

    min over G, E  max over D  E log D(x, E(x)) + E log(1 - D(G(z), z)),   z ~ N(0, I)

Where D cannot tell the pairs apart, E inverts G, though no step ever forms E(G(z)) or G(E(x)): each learns through D
alone. D(x, z) is a trunk that reads x and a head that reads the trunk's features beside z. A step has two phases: D
ascends; then G and E together, with fresh z, descend -log D(G(z), z) - log(1 - D(x, E(x))), or what it stands for.
"""

from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np

from ava_np import specification as specifications
from ava_np.layers import Activation, Dense
from ava_np.models.base import Model, Noise, Phase, Terms
from ava_np.models.terms import (
    discriminator_loss,
    discriminator_objective,
    encoder_loss,
    encoder_objective,
    generator_loss,
    generator_objective,
)
from ava_np.network import Buffers, Network
from ava_np.network.architectures import architecture, discriminator

HEAD = 256  # hidden neurons of the discriminator's head


@dataclass
class StepBuffers:
    """The buffers of each application of a network in a step, by phase; (x, E(x)) is real, (G(z), z) is fake.

    ``pair`` is where the trunk's features and a code are put beside each other for the head.
    """

    E1: Buffers
    G1: Buffers
    trunk1_real: Buffers
    head1_real: Buffers
    trunk1_fake: Buffers
    head1_fake: Buffers
    E2: Buffers
    G2: Buffers
    trunk2_real: Buffers
    head2_real: Buffers
    trunk2_fake: Buffers
    head2_fake: Buffers
    pair: np.ndarray


class BiGAN(Model[StepBuffers]):
    """A bidirectional GAN.

    Parameters
    ----------
    specification : specification.BiGAN
        Length of the code, architecture, label smoothing, saturating or not, minibatch discrimination.
    shape : tuple of int
        Shape of a picture, (height, width, channels).
    seed : int
        Seed of the first weights.
    dtype : dtype
        ``float32`` for training, ``float64`` for gradient checks.
    """

    decoder_name: ClassVar[str] = "generator"

    def __init__(
        self,
        specification: specifications.BiGAN,
        shape: tuple[int, int, int],
        *,
        seed: int = 0,
        dtype: type[np.floating] = np.float32,
    ) -> None:
        layers = architecture(specification, shape, output_initialiser="lecun_normal")
        generator, n = np.random.default_rng(seed), specification.latent
        self.smoothing, self.saturating = specification.smoothing, specification.saturating
        self.E = Network((prod(shape),), [*layers.encoder, Dense(n)], generator, dtype)
        self.G = Network((n,), layers.decoder, generator, dtype)
        self.trunk = Network((prod(shape),), [*layers.discriminator, *layers.discriminator_head], generator, dtype)
        (self.features,) = self.trunk.output_shape
        head = discriminator(
            [Dense(HEAD, "he_normal"), Activation("leaky_relu")],
            minibatch_discrimination=specification.minibatch_discrimination,
        )
        self.head = Network((self.features + n,), head, generator, dtype)
        super().__init__(
            specification,
            shape,
            {"encoder": self.E, "generator": self.G, "discriminator_trunk": self.trunk, "discriminator": self.head},
        )

    @property
    def passes_through(self) -> dict[str, str]:
        """What the pairs are made of learns through the discriminator."""
        return {"encoder": "discriminator", "generator": "discriminator_trunk", "discriminator_trunk": "discriminator"}

    @property
    def phases(self) -> tuple[Phase, ...]:
        """D, then E and G."""
        judges = ("discriminator_trunk", "discriminator")
        return (
            Phase("discriminator", judges, self.discriminator_gradients, self.discriminator_objectives),
            Phase("pairs", ("encoder", "generator"), self.pair_gradients, self.pair_objectives),
        )

    def make_buffers(self, batch: int) -> StepBuffers:
        """New buffers for a step on ``batch`` pictures; what does not learn in a phase is frozen in it."""
        E, G, trunk, head = self.E, self.G, self.trunk, self.head
        return StepBuffers(
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
        """Fresh z for each phase."""
        return {"z1": self.normal(generator, batch), "z2": self.normal(generator, batch)}

    def discriminator_gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Ascend log D(x, E(x)) + log(1 - D(G(z), z))."""
        t = self._apply_discriminator(x, noise)
        terms = discriminator_loss(t.head1_real, t.head1_fake, self.smoothing)
        self._pair_backward(t.trunk1_real, t.head1_real, learns=True)
        self._pair_backward(t.trunk1_fake, t.head1_fake, learns=True)
        return terms

    def pair_gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Descend -log D(G(z), z) - log(1 - D(x, E(x))): each error enters the pair's own maker alone."""
        t = self._make(x, noise)
        encoder_loss(t.head2_real, self.saturating)
        t.E2.error[:] = self.head.backward(t.head2_real, parameters=False)[:, self.features :]
        self.E.backward(t.E2, inputs=False)
        generator_loss(t.head2_fake, self.saturating)
        t.G2.error[:] = self._pair_backward(t.trunk2_fake, t.head2_fake, learns=False)
        self.G.backward(t.G2, inputs=False)
        return {}

    def discriminator_objectives(
        self, x: np.ndarray, noise: Noise, detached: dict[str, np.ndarray]
    ) -> dict[str, float]:
        """What D's two networks descend."""
        t = self._apply_discriminator(x, noise)
        objective = discriminator_objective(t.head1_real, t.head1_fake, self.smoothing)
        return {"discriminator_trunk": objective, "discriminator": objective}

    def pair_objectives(self, x: np.ndarray, noise: Noise, detached: dict[str, np.ndarray]) -> dict[str, float]:
        """What E and G descend."""
        t = self._make(x, noise)
        return {
            "encoder": encoder_objective(t.head2_real, self.saturating),
            "generator": generator_objective(t.head2_fake, self.saturating),
        }

    def _apply_discriminator(self, x: np.ndarray, noise: Noise) -> StepBuffers:
        t = self.buffers(len(x), noise)
        self._pair_forward(t.pair, t.trunk1_real, t.head1_real, x, self.E.forward(t.E1, x))
        self._pair_forward(t.pair, t.trunk1_fake, t.head1_fake, self.G.forward(t.G1, noise["z1"]), noise["z1"])
        return t

    def _make(self, x: np.ndarray, noise: Noise) -> StepBuffers:
        t = self.buffers(len(x), noise)
        self._pair_forward(t.pair, t.trunk2_real, t.head2_real, x, self.E.forward(t.E2, x))
        self._pair_forward(t.pair, t.trunk2_fake, t.head2_fake, self.G.forward(t.G2, noise["z2"]), noise["z2"])
        return t

    def _pair_forward(self, pair: np.ndarray, trunk: Buffers, head: Buffers, x: np.ndarray, z: np.ndarray) -> None:
        """D(x, z) into the head's buffers."""
        self.head.forward(head, np.concatenate([self.trunk.forward(trunk, x), z], axis=1, out=pair))

    def _pair_backward(self, trunk: Buffers, head: Buffers, *, learns: bool) -> np.ndarray:
        """From the error at D's logit, into D where it ``learns``, else to x."""
        trunk.error[:] = self.head.backward(head, parameters=learns)[:, : self.features]
        return self.trunk.backward(trunk, parameters=learns, inputs=not learns)
