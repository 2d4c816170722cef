"""Adversarial variational Bayes: Mescheder, Nowozin and Geiger 2017, Algorithm 1. A VAE whose posterior is free.

    max over T        E log d(x, f(x, ε)) + E log(1 - d(x, z_p)),   d = sigmoid(T),  z_p ~ N(0, I)
    min over f, g     -log p(x|z) + T(x, z),   z = f(x, ε),  ε ~ N(0, I)

The encoder reads noise, so q(z|x) may be any distribution, but its density is not known. The best T is
log q(z|x) - log p(z), whose mean is KL(q(z|x) ‖ p(z)): T takes the place of the divergence. All networks learn from one
forward pass. Encoder and decoder do not change T: the mean of its own derivative by the encoder is 0 (docs/models).

The encoder is a trunk that reads x, and a head that reads the trunk's features and ε. T is built in the same way, with
z in place of ε. With a calibrated likelihood, a step descends σ² times the objective (models/terms.py).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ava_np import specification as specifications
from ava_np.kernels.squared_error import squared_error_forward
from ava_np.models.base import Model
from ava_np.models.step import Detached, NewNetwork, Noise, StepBuffers, Terms
from ava_np.models.terms import (
    calibrated_variance,
    discriminator_loss,
    discriminator_objective,
    reconstruction_layer,
    reconstruction_loss,
    reconstruction_objective,
)
from ava_np.network import Buffers, Network
from ava_np.network.architectures import Architecture, mlp

HEAD = (128, 128)  # hidden neurons of the heads: a posterior of any shape needs more than one layer of them


@dataclass
class AVBBuffers(StepBuffers):
    """The buffers of a step: one for each application of a network. ``_p`` is for the prior's codes."""

    trunk: Buffers  # trunk of f on x
    f: Buffers  # f on (features of x, ε)
    g: Buffers  # g on z
    T_trunk: Buffers  # trunk of T on x
    T: Buffers  # T on (h, z)
    T_p: Buffers  # T on (h, z_p)


class AVB(Model[AVBBuffers]):
    """An autoencoder with a posterior of any shape, and a discriminator that estimates its divergence."""

    specification: specifications.AVB

    def build_networks(self, layers: Architecture, new: NewNetwork) -> dict[str, Network]:
        """Create the two networks of f, g, and the two networks of T."""
        self.likelihood, n = self.specification.likelihood, self.latent
        intermediate = reconstruction_layer(self.specification, self.likelihood)
        self.trunk = new(self.neurons, layers.encoder)
        self.f = new(self.trunk.output_shape[0] + n, mlp(HEAD, n))
        self.g = new(n, layers.decoder, intermediate=intermediate)
        self.T_trunk = new(self.neurons, [*layers.discriminator, *layers.discriminator_head])
        (self.feature_count,) = self.T_trunk.output_shape
        self.T = new(self.feature_count + n, mlp(HEAD, 1))
        return {
            "encoder_trunk": self.trunk,
            "encoder": self.f,
            "decoder": self.g,
            "discriminator_trunk": self.T_trunk,
            "discriminator": self.T,
        }

    @property
    def error_comes_through(self) -> dict[str, str]:
        """The reconstruction error reaches the encoder through the decoder."""
        return {"encoder_trunk": "encoder", "encoder": "decoder", "discriminator_trunk": "discriminator"}

    @property
    def samples_fitted_codes(self) -> bool:
        """The codes of pictures fill a part of the prior, as those of a VAE."""
        return True

    def make_buffers(self, batch: int) -> AVBBuffers:
        """Return new buffers for a step on ``batch`` pictures."""
        return AVBBuffers(
            trunk=self.trunk.buffers(batch),
            f=self.f.buffers(batch),
            g=self.g.buffers(batch),
            T_trunk=self.T_trunk.buffers(batch),
            T=self.T.buffers(batch),
            T_p=self.T.buffers(batch),
        )

    def draw_noise(self, generator: np.random.Generator, batch: int) -> Noise:
        """Draw ε for the encoder, and z_p from the prior."""
        return {"ε": self.standard_normal(generator, batch), "z_p": self.standard_normal(generator, batch)}

    def encode(self, pictures: ArrayLike) -> np.ndarray:
        """Return f(x, 0), the code without noise; shapes and errors are those of every model."""
        pictures = self.validated_pictures(pictures)
        return self._encode(pictures, np.zeros((len(pictures), self.latent), self.dtype))

    def _code_moments(self, pictures: np.ndarray) -> tuple[np.ndarray, None]:
        """Return one code of each picture, f(x, ε): together they have the moments of all codes."""
        return self._encode(pictures, self.standard_normal(np.random.default_rng(0), len(pictures))), None

    def _encode(self, pictures: np.ndarray, ε: np.ndarray) -> np.ndarray:
        features = self._apply("encoder_trunk", pictures.reshape(len(pictures), self.neurons))
        return self._apply("encoder", _beside(features, ε))

    def gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Add all five networks' gradients."""
        # fmt: off
        step = self._forward(x, noise)
        features = self.feature_count

        terms, δT, δT_p = discriminator_loss(step.T, step.T_p, 0.0)  # T ascends log d(x, z) + log(1 - d(x, z_p))
        δh = self.T.backward(step.T, δT)[:, :features].copy()
        δh += self.T.backward(step.T_p, δT_p)[:, :features]         # both read the features h of one trunk
        self.T_trunk.backward_parameters(step.T_trunk, δh)

        reconstruction, δx_, σ2 = reconstruction_loss(step.g, x, self.likelihood)
        δz = self.g.backward(step.g, δx_, from_intermediate=True)   # g descends -log p(x|z), and f with it
        δT = np.full_like(step.T.output, σ2)                        # ∂T/∂T = 1, times σ²
        δz = δz + self.T.backward_input(step.T, δT)[:, features:]   # f descends T(x, z), through z alone
        δh = self.f.backward(step.f, δz)[:, :-self.latent]
        self.trunk.backward_parameters(step.trunk, δh)              # ε is noise: no network made it
        return {"reconstruction": reconstruction, "kl": float(np.sum(step.T.output)), **terms}
        # fmt: on

    def detached(self, x: np.ndarray, noise: Noise) -> Detached:
        """Return σ² of a calibrated decoder, (batch, 1): the factor of the objective in a step."""
        squared = squared_error_forward(self._forward(x, noise).g.output, x)
        return {"σ2": np.full((len(x), 1), calibrated_variance(squared, x.size))}

    def objectives(self, x: np.ndarray, noise: Noise, detached: Detached) -> dict[str, float]:
        """Return what each network minimises; f and g the negative of the estimated bound."""
        step = self._forward(x, noise)
        bound = reconstruction_objective(step.g, x, self.likelihood) + float(np.sum(step.T.output))
        if self.likelihood == "calibrated":
            bound *= detached["σ2"].item(0)
        contrast = discriminator_objective(step.T, step.T_p, 0.0)
        return {
            **dict.fromkeys(("encoder_trunk", "encoder", "decoder"), bound),
            **dict.fromkeys(("discriminator_trunk", "discriminator"), contrast),
        }

    def _forward(self, x: np.ndarray, noise: Noise) -> AVBBuffers:
        """The one forward pass."""
        step = self.buffers(len(x), noise)
        z = self.f.forward(step.f, _beside(self.trunk.forward(step.trunk, x), noise["ε"]))
        self.g.forward(step.g, z)
        h = self.T_trunk.forward(step.T_trunk, x)
        self.T.forward(step.T, _beside(h, z))
        self.T.forward(step.T_p, _beside(h, noise["z_p"]))
        return step


def _beside(features: np.ndarray, code: np.ndarray) -> np.ndarray:
    """Return features and a code, or noise, side by side, for a head."""
    return np.concatenate([features, code], axis=1)
