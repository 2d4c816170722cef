"""What every model gives the trainer, the checkpoint, the gradient check and the command line."""

from abc import ABC, abstractmethod
from math import prod
from typing import Any

import numpy as np

from ava_np.network import Network
from ava_np.specification import ModelSpecification

CHUNK = 256  # pictures that go through a network at once outside training


class Model(ABC):
    """A named set of networks with their gradients.

    Parameters
    ----------
    specification : ModelSpecification
        What the model was built from.
    shape : tuple of int
        Shape of a picture, (height, width, channels).
    networks : dict of str to Network
        The networks that learn, "encoder" and "decoder" among them.
    """

    def __init__(
        self, specification: ModelSpecification, shape: tuple[int, int, int], networks: dict[str, Network]
    ) -> None:
        self.specification, self.shape, self.networks = specification, shape, networks
        self.latent = specification.latent
        self._tapes: dict[int, Any] = {}

    @property
    def neurons(self) -> int:
        """m, the number of values in a picture."""
        return prod(self.shape)

    @property
    def dtype(self) -> type[np.floating]:
        """Float type of every parameter."""
        return next(iter(self.networks.values())).dtype

    @property
    def passes_through(self) -> dict[str, str]:
        """For a network whose error comes through another one, the other's name."""
        return {}

    @abstractmethod
    def make_tapes(self, batch: int) -> Any:
        """New tapes for a step on ``batch`` pictures."""

    @abstractmethod
    def gradients(self, x: np.ndarray, r: np.ndarray) -> dict[str, float]:
        """Add each network's gradient at pictures x, (batch, m), and noise r; return terms in nats, batch sums."""

    @abstractmethod
    def held(self, x: np.ndarray, r: np.ndarray) -> dict[str, np.ndarray]:
        """What the gradients at x and r take as constants, for ``objectives``."""

    @abstractmethod
    def objectives(self, x: np.ndarray, r: np.ndarray, held: dict[str, np.ndarray]) -> dict[str, float]:
        """What each network descends, summed over the batch, with the constants ``held``: the check's other side."""

    def diagnostics(self, x: np.ndarray, r: np.ndarray) -> dict[str, Any]:
        """What is worth a look now and then while training, beyond the terms; gradients may be overwritten."""
        return {}

    def tapes(self, batch: int) -> Any:
        """The tapes for a step on ``batch`` pictures, made once."""
        if batch not in self._tapes:
            self._tapes[batch] = self.make_tapes(batch)
        return self._tapes[batch]

    def noise(self, generator: np.random.Generator, batch: int) -> np.ndarray:
        """Draw r ~ N(0, I), (batch, latent): all the randomness of a step."""
        return generator.standard_normal((batch, self.latent)).astype(self.dtype, copy=False)

    def zero_gradients(self) -> None:
        """Set every network's gradient to 0."""
        for network in self.networks.values():
            network.grad.fill(0)

    def encode(self, pictures: np.ndarray) -> np.ndarray:
        """Mean code μ(x), (pictures, latent), of ``pictures`` (pictures, height, width, channels) in [0, 1].

        Raises
        ------
        ValueError
            If the pictures are not of the model's shape.
        """
        if pictures.shape[1:] != self.shape:
            raise ValueError(f"pictures of shape {pictures.shape[1:]} given to a model of shape {self.shape}")
        rows = pictures.reshape(len(pictures), -1)
        return self._apply("encoder", rows)[:, : self.latent]

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Pictures g(z), (codes, height, width, channels) in (0, 1), of ``codes`` (codes, latent).

        Raises
        ------
        ValueError
            If the codes are not of the model's length.
        """
        if codes.ndim != 2 or codes.shape[1] != self.latent:
            raise ValueError(f"codes of shape {codes.shape} given to a model of latent length {self.latent}")
        return self._apply("decoder", codes).reshape(-1, *self.shape)

    def reconstruct(self, pictures: np.ndarray) -> np.ndarray:
        """g(μ(x)), with r = 0: the shapes of ``encode`` in and of ``decode`` out."""
        return self.decode(self.encode(pictures))

    def sample(self, count: int, generator: np.random.Generator) -> np.ndarray:
        """Decode ``count`` codes drawn from the prior N(0, I)."""
        return self.decode(generator.standard_normal((count, self.latent)))

    def _apply(self, name: str, x: np.ndarray) -> np.ndarray:
        """The output of network ``name`` on the rows of x, in chunks."""
        network = self.networks[name]
        y = np.empty((len(x), *network.output_shape), network.dtype)
        for start in range(0, len(x), CHUNK):
            rows = x[start : start + CHUNK]
            y[start : start + CHUNK] = network.forward(network.tape(len(rows)), rows)
        return y
