"""Autoencoder: ι(π(s)) shall be s.

    min over both  Σ d(s, ι(π(s)))        d = ½ squared error, or cross-entropy

π is the encoder and ι the decoder; one error runs back through both.
"""

from dataclasses import dataclass
from math import prod

import numpy as np

from ava_np import specification as specifications
from ava_np.layers import Dense
from ava_np.models.base import Model, Noise, Terms
from ava_np.models.terms import reconstruction, reconstruction_layer, reconstruction_objective
from ava_np.network import Buffers, Network
from ava_np.network.architectures import architecture


@dataclass
class StepBuffers:
    """The buffers of each application of a network in a step."""

    π: Buffers
    ι: Buffers


class Autoencoder(Model[StepBuffers]):
    """An autoencoder; it has no prior, so what it samples are codes that it may never have seen.

    Parameters
    ----------
    specification : specification.AE
        Length of the code, architecture, likelihood.
    shape : tuple of int
        Shape of a picture, (height, width, channels).
    seed : int
        Seed of the first weights.
    dtype : dtype
        ``float32`` for training, ``float64`` for gradient checks.
    """

    def __init__(
        self,
        specification: specifications.AE,
        shape: tuple[int, int, int],
        *,
        seed: int = 0,
        dtype: type[np.floating] = np.float32,
    ) -> None:
        layers, generator, n = architecture(specification, shape), np.random.default_rng(seed), specification.latent
        self.likelihood = specification.likelihood
        self.π = Network((prod(shape),), [*layers.encoder, Dense(n)], generator, dtype)
        self.ι = Network((n,), layers.decoder, generator, dtype, reconstruction_layer(specification, self.likelihood))
        super().__init__(specification, shape, {"encoder": self.π, "decoder": self.ι})

    @property
    def passes_through(self) -> dict[str, str]:
        """The error reaches the encoder through the decoder."""
        return {"encoder": "decoder"}

    def make_buffers(self, batch: int) -> StepBuffers:
        """New buffers for a step on ``batch`` pictures."""
        return StepBuffers(self.π.buffers(batch), self.ι.buffers(batch))

    def draw_noise(self, generator: np.random.Generator, batch: int) -> Noise:
        """None: nothing here is random."""
        return {}

    def gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Add both networks' gradients."""
        t = self.buffers(len(x), noise)
        self.ι.forward(t.ι, self.π.forward(t.π, x))
        terms = {"reconstruction": reconstruction(t.ι, x, self.likelihood)}  #  x' - x, or y - x at the logits
        t.π.error[:] = self.ι.backward(t.ι, from_intermediate=True)
        self.π.backward(t.π, inputs=False)
        return terms

    def objectives(self, x: np.ndarray, noise: Noise, detached: dict[str, np.ndarray]) -> dict[str, float]:
        """The reconstruction error, for both."""
        t = self.buffers(len(x), noise)
        self.ι.forward(t.ι, self.π.forward(t.π, x))
        error = reconstruction_objective(t.ι, x, self.likelihood)
        return {"encoder": error, "decoder": error}
