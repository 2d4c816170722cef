"""What every model gives the trainer, the checkpoint, the gradient check and the command line."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import numpy as np

from ava_np.errors import AvaError
from ava_np.network import Buffers, Network
from ava_np.network.blas import single_threaded_blas
from ava_np.specification import ModelSpecification

CHUNK = 256  # pictures that go through a network at once outside training

Noise = dict[str, np.ndarray]
"""All the randomness of a step by name, each array (batch, ...)."""

Terms = dict[str, float]
"""Terms of the objectives in nats, summed over the batch."""

T = TypeVar("T")


class Phase(NamedTuple):
    """A part of a step, after which the networks that learn in it are updated.

    Attributes
    ----------
    name : str
        What it is called in checkpoints and tables.
    networks : tuple of str
        The networks that learn.
    gradients : callable
        ``gradients(x, noise)`` adds their gradients, summed over the batch, and returns terms.
    objectives : callable
        ``objectives(x, noise, detached)`` gives, for each, what it descends: the gradient check's other side, in plain
        NumPy; ``detached`` as from ``Model.detached``.
    """

    name: str
    networks: tuple[str, ...]
    gradients: Callable[[np.ndarray, Noise], Terms]
    objectives: Callable[[np.ndarray, Noise, dict[str, np.ndarray]], dict[str, float]]


class Model(ABC, Generic[T]):
    """A named set of networks with their gradients; ``T`` holds the buffers of a step.

    Threads may train different models side by side, and use one model together, but only one may train it and none
    use it meanwhile: a model has one set of buffers, gradients and scratch for its steps.

    Parameters
    ----------
    specification : ModelSpecification
        What the model was built from.
    shape : tuple of int
        Shape of a picture, (height, width, channels).
    networks : dict of str to Network
        The networks that learn.
    """

    decoder_name: ClassVar[str] = "decoder"
    """The network that makes pictures of codes."""

    encoder_name: ClassVar[str | None] = "encoder"
    """The network that makes codes of pictures, if there is one."""

    def __init__(
        self, specification: ModelSpecification, shape: tuple[int, int, int], networks: dict[str, Network]
    ) -> None:
        self.specification, self.shape, self.networks = specification, shape, networks
        self.latent = specification.latent
        self._buffers: dict[int, T] = {}

    @property
    def neurons(self) -> int:
        """m, the number of values in a picture."""
        return prod(self.shape)

    @property
    def dtype(self) -> type[np.floating]:
        """Float type of every parameter."""
        return next(iter(self.networks.values())).dtype

    @property
    def uses_batch_statistics(self) -> bool:
        """Whether a network needs two pictures at least in a batch: batch norm, minibatch discrimination."""
        return any(network.uses_batch_statistics for network in self.networks.values())

    @property
    def passes_through(self) -> dict[str, str]:
        """For a network whose error comes through another one, the other's name."""
        return {}

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The parts of a step, in order; here one, in which all networks learn."""
        return (Phase("step", tuple(self.networks), self.gradients, self.objectives),)

    @abstractmethod
    def make_buffers(self, batch: int) -> T:
        """New buffers for a step on ``batch`` pictures: an object whose attributes they are."""

    def gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Add each network's gradient at pictures x, (batch, m); see ``Phase``. For models of one phase."""
        raise NotImplementedError

    def objectives(self, x: np.ndarray, noise: Noise, detached: dict[str, np.ndarray]) -> dict[str, float]:
        """What each network descends, summed over the batch; see ``Phase``. For models of one phase."""
        raise NotImplementedError

    def detached(self, x: np.ndarray, noise: Noise) -> dict[str, np.ndarray]:
        """What the gradients take as constants, for objectives; nothing, unless a rule is no true gradient."""
        return {}

    def diagnostics(self, x: np.ndarray, noise: Noise) -> dict[str, Any]:
        """What is worth a look now and then while training, beyond the terms; gradients may be overwritten."""
        return {}

    def draw_noise(self, generator: np.random.Generator, batch: int) -> Noise:
        """Draw the noise that the model's equations name; here r ~ N(0, I), (batch, latent)."""
        return {"r": self.normal(generator, batch)}

    def normal(self, generator: np.random.Generator, batch: int) -> np.ndarray:
        """Draw from N(0, I), (batch, latent), in the model's float type."""
        return generator.standard_normal((batch, self.latent)).astype(self.dtype, copy=False)

    def noise(self, generator: np.random.Generator, batch: int) -> Noise:
        """All the randomness of a step: ``draw_noise``, and uniform numbers for dropout where there is any."""
        noise = self.draw_noise(generator, batch)
        dropped = sum(array[0].size for array in self._dropout(self._made(batch)))
        if dropped:
            noise["dropout"] = generator.random((batch, dropped)).astype(self.dtype, copy=False)
        return noise

    def buffers(self, batch: int, noise: Noise) -> T:
        """The buffers for a step on ``batch`` pictures, made once, with the noise for dropout on them."""
        buffers, start = self._made(batch), 0
        for array in self._dropout(buffers):
            end = start + array[0].size
            array[:] = noise["dropout"][:, start:end].reshape(array.shape)
            start = end
        return buffers

    @contextmanager
    def preserve_statistics(self, unless: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Put back what layers keep beside parameters, for a look that is no step; not if ``unless()`` at the end."""
        states = [array for network in self.networks.values() for state in network.states for array in state.values()]
        copies = [array.copy() for array in states]
        try:
            yield
        finally:
            if not unless():
                for array, copy in zip(states, copies, strict=True):
                    array[:] = copy

    def zero_gradients(self) -> None:
        """Set every network's gradient to 0."""
        for network in self.networks.values():
            network.gradient.clear()

    def encode(self, pictures: np.ndarray) -> np.ndarray:
        """Mean code, (pictures, latent), of ``pictures`` (pictures, height, width, channels).

        Raises
        ------
        ValueError
            If the pictures are not of the model's shape.
        AvaError
            If the model has no encoder.
        """
        if self.encoder_name is None:
            raise AvaError(f"{self.specification.name} has no encoder: it makes pictures, and codes of none")
        if pictures.shape[1:] != self.shape:
            raise ValueError(f"pictures of shape {pictures.shape[1:]} given to a model of shape {self.shape}")
        return self._apply(self.encoder_name, pictures.reshape(len(pictures), -1))[:, : self.latent]

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Pictures, (codes, height, width, channels), of ``codes`` (codes, latent).

        Raises
        ------
        ValueError
            If the codes are not of the model's length.
        """
        if codes.ndim != 2 or codes.shape[1] != self.latent:
            raise ValueError(f"codes of shape {codes.shape} given to a model of latent length {self.latent}")
        return self._apply(self.decoder_name, codes).reshape(-1, *self.shape)

    def reconstruct(self, pictures: np.ndarray) -> np.ndarray:
        """Decode the mean codes of pictures: the shapes of ``encode`` in and of ``decode`` out."""
        return self.decode(self.encode(pictures))

    def prior(self, generator: np.random.Generator, count: int) -> np.ndarray:
        """Draw codes from the prior, (count, latent): N(0, I) unless the model has another."""
        return generator.standard_normal((count, self.latent))

    def sample(self, count: int, generator: np.random.Generator) -> np.ndarray:
        """Decode ``count`` codes drawn from the prior."""
        return self.decode(self.prior(generator, count))

    def _made(self, batch: int) -> T:
        if batch not in self._buffers:
            self._buffers[batch] = self.make_buffers(batch)
        return self._buffers[batch]

    @staticmethod
    def _dropout(buffers: Any) -> list[np.ndarray]:
        """The arrays that wait for noise on a step's buffers."""
        return [array for buffers in vars(buffers).values() if isinstance(buffers, Buffers) for array in buffers.noise]

    def _apply(self, name: str, x: np.ndarray) -> np.ndarray:
        """The output of network ``name`` on the rows of x, in chunks."""
        network = self.networks[name]
        y = np.empty((len(x), *network.output_shape), network.dtype)
        with single_threaded_blas:
            for start in range(0, len(x), CHUNK):
                rows = x[start : start + CHUNK]
                y[start : start + CHUNK] = network.forward(network.buffers(len(rows), "evaluation"), rows)
        return y
