"""Autoencoder: ι(π(s)) should be s.

    min over both  Σ d(s, ι(π(s)))        d = ½ squared error, or cross-entropy

π is the encoder and ι the decoder; one error is propagated back through both.
"""

from dataclasses import dataclass

import numpy as np

from ava_np import specification as specifications
from ava_np.layers import Dense
from ava_np.models.base import Model
from ava_np.models.step import Detached, NewNetwork, Noise, StepBuffers, Terms
from ava_np.models.terms import reconstruction_layer, reconstruction_loss, reconstruction_objective
from ava_np.network import Buffers, Network
from ava_np.network.architectures import Architecture


@dataclass
class AutoencoderBuffers(StepBuffers):
    """The buffers of a step: one for each network."""

    π: Buffers  # π on x
    ι: Buffers  # ι on z


class Autoencoder(Model[AutoencoderBuffers]):
    """An autoencoder. It has no prior: it samples from a Gaussian that is fitted to its codes after the training."""

    specification: specifications.AE

    def build_networks(self, layers: Architecture, new: NewNetwork) -> dict[str, Network]:
        """Create π and ι."""
        self.likelihood = self.specification.likelihood
        intermediate = reconstruction_layer(self.specification, self.likelihood)
        self.π = new(self.neurons, [*layers.encoder, Dense(self.latent)])
        self.ι = new(self.latent, layers.decoder, intermediate=intermediate)
        return {"encoder": self.π, "decoder": self.ι}

    @property
    def error_comes_through(self) -> dict[str, str]:
        """The error reaches the encoder through the decoder."""
        return {"encoder": "decoder"}

    @property
    def samples_fitted_codes(self) -> bool:
        """Nothing moves the codes towards a prior."""
        return True

    def make_buffers(self, batch: int) -> AutoencoderBuffers:
        """Return new buffers for a step on ``batch`` pictures."""
        return AutoencoderBuffers(self.π.buffers(batch), self.ι.buffers(batch))

    def draw_noise(self, generator: np.random.Generator, batch: int) -> Noise:
        """Return no noise: nothing here is random."""
        return {}

    def gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Add both networks' gradients."""
        step = self.buffers(len(x), noise)
        self.ι.forward(step.ι, self.π.forward(step.π, x))
        reconstruction, δx_, _ = reconstruction_loss(step.ι, x, self.likelihood)  # x' - x, at x' or its logits
        δz = self.ι.backward(step.ι, δx_, from_intermediate=True)
        self.π.backward_parameters(step.π, δz)
        return {"reconstruction": reconstruction}

    def objectives(self, x: np.ndarray, noise: Noise, detached: Detached) -> dict[str, float]:
        """Return the reconstruction error, for both networks."""
        step = self.buffers(len(x), noise)
        self.ι.forward(step.ι, self.π.forward(step.π, x))
        error = reconstruction_objective(step.ι, x, self.likelihood)
        return {"encoder": error, "decoder": error}
