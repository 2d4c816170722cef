"""The interface of a model: what the trainer, the checkpoint, the gradient check and the command line use."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from math import prod
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from ava_np.errors import AvaError
from ava_np.layers import Layer
from ava_np.layers.initialisers import Initialiser
from ava_np.network import Buffers, Network
from ava_np.network.architectures import Architecture, architecture
from ava_np.network.blas import single_threaded_blas
from ava_np.specification import ModelSpecification

CHUNK = 256  # samples that pass through a network at once outside of training
ROUNDING = 1e-6  # by which a mean of values in [0, 1] may exceed the range

Noise = dict[str, np.ndarray]
"""All random numbers of a step by name, each array (batch, ...)."""

Terms = dict[str, float]
"""Terms of the objectives in nats, summed over the batch."""

Detached = dict[str, np.ndarray]
"""Values that a rule treats as constants, by name, each array (batch, ...)."""


class Phase(NamedTuple):
    """A part of a step, after which the networks that learn in it are updated.

    Attributes
    ----------
    name : str
        Name in checkpoints and tables.
    networks : tuple of str
        The networks that learn.
    gradients : callable
        ``gradients(x, noise)`` adds their gradients, summed over the batch, and returns terms.
    objectives : callable
        ``objectives(x, noise, detached)`` returns what each network minimises, in plain NumPy: the gradient check
        differentiates it numerically. ``detached`` is what ``Model.detached`` returns.
    """

    name: str
    networks: tuple[str, ...]
    gradients: Callable[[np.ndarray, Noise], Terms]
    objectives: Callable[[np.ndarray, Noise, Detached], dict[str, float]]


class StepBuffers:
    """Base of a model's step buffers: a dataclass with one field for each application of a network in a step.

    Iteration yields the fields that are ``Buffers``, in their order, in which noise for dropout is drawn.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __iter__(self) -> Iterator[Buffers]:
        values = (getattr(self, field.name) for field in fields(self))
        return (value for value in values if isinstance(value, Buffers))


class NewNetwork(Protocol):
    """Creates a network in a model's float type, with weights drawn from the model's seed."""

    def __call__(self, inputs: int, layers: Sequence[Layer], *, intermediate: int | None = None) -> Network:
        """Return a network that takes rows of ``inputs`` values."""


S = TypeVar("S", bound=StepBuffers)


class Model(ABC, Generic[S]):
    """A named set of networks with their gradients.

    A subclass says which networks it has (``build_networks``), which buffers a step needs (``make_buffers``), and what
    each network minimises (``gradients`` and ``objectives``, or ``phases`` of them).

    Threads may train different models at the same time, and apply one model at the same time. But while a thread
    trains a model no other thread may use it: a model has one set of step buffers, gradients and scratch.

    Parameters
    ----------
    specification : ModelSpecification
        The model's options (``ava_np.specification``).
    shape : tuple of int
        Shape of a picture, (height, width, channels).
    seed : int
        Seed of the initial weights.
    dtype : dtype
        ``float32`` for training, ``float64`` for gradient checks.

    Attributes
    ----------
    networks : dict of str to Network
        The networks that learn.
    latent : int
        Length of the code.
    """

    decoder_name: ClassVar[str] = "decoder"
    """The network that turns codes into pictures."""

    encoder_name: ClassVar[str | None] = "encoder"
    """The network that turns pictures into codes, or None."""

    output_initialiser: ClassVar[Initialiser] = "zeros"
    """Initialiser of the decoder's output weights (``ava_np.network.architectures.architecture``)."""

    def __init__(
        self,
        specification: ModelSpecification,
        shape: tuple[int, int, int],
        *,
        seed: int = 0,
        dtype: type[np.floating] = np.float32,
    ) -> None:
        self.specification, self.shape, self.latent, self.dtype = specification, shape, specification.latent, dtype
        generator = np.random.default_rng(seed)

        def new(inputs: int, layers: Sequence[Layer], *, intermediate: int | None = None) -> Network:
            return Network((inputs,), layers, generator, dtype, intermediate)

        layers = architecture(specification, shape, output_initialiser=self.output_initialiser)
        self.networks = self.build_networks(layers, new)
        self._step_buffers: dict[int, S] = {}

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle holds: everything but the buffers of its steps."""
        return {**self.__dict__, "_step_buffers": {}}

    @abstractmethod
    def build_networks(self, layers: Architecture, new: NewNetwork) -> dict[str, Network]:
        """Create the networks and return those that learn, by name.

        Parameters
        ----------
        layers : Architecture
            The layers of the specification's architecture.
        new : callable
            ``new(inputs, layers)`` creates a network.
        """

    @abstractmethod
    def make_buffers(self, batch: int) -> S:
        """Return new buffers for a step on ``batch`` pictures."""

    @property
    def neurons(self) -> int:
        """m, the number of values in a picture."""
        return prod(self.shape)

    @property
    def uses_batch_statistics(self) -> bool:
        """Whether a batch must hold at least two pictures: batch norm and minibatch discrimination compare them."""
        return any(network.uses_batch_statistics for network in self.networks.values())

    @property
    def error_comes_through(self) -> dict[str, str]:
        """For each network whose error passes through another network first, the name of that other network."""
        return {}

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The parts of a step, in order; by default one, in which all networks learn."""
        return (Phase("step", tuple(self.networks), self.gradients, self.objectives),)

    def gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Add each network's gradient at pictures x, (batch, m), and return terms: see ``Phase``.

        For models of one phase.
        """
        raise NotImplementedError

    def objectives(self, x: np.ndarray, noise: Noise, detached: Detached) -> dict[str, float]:
        """Return what each network minimises, summed over the batch: see ``Phase``. For models of one phase."""
        raise NotImplementedError

    def detached(self, x: np.ndarray, noise: Noise) -> Detached:
        """Return the values that the gradients treat as constants; none, unless a rule is not a true gradient."""
        return {}

    def diagnostics(self, x: np.ndarray, noise: Noise) -> dict[str, Any]:
        """Return what is worth measuring now and then during training besides the terms. Overwrites gradients."""
        return {}

    def draw_noise(self, generator: np.random.Generator, batch: int) -> Noise:
        """Draw the noise that the model's equations name; by default r ~ N(0, I), (batch, latent)."""
        return {"r": self.standard_normal(generator, batch)}

    def standard_normal(self, generator: np.random.Generator, batch: int) -> np.ndarray:
        """Draw from N(0, I), (batch, latent), in the model's float type."""
        return generator.standard_normal((batch, self.latent)).astype(self.dtype, copy=False)

    def noise(self, generator: np.random.Generator, batch: int) -> Noise:
        """Draw all random numbers of a step: ``draw_noise``, and uniform numbers for dropout if there is any.

        Parameters
        ----------
        generator : numpy.random.Generator
            Source of the random numbers.
        batch : int
            Number of pictures in the step.

        Returns
        -------
        dict of str to ndarray
            Arrays (batch, ...) by name.
        """
        noise = self.draw_noise(generator, batch)
        dropout = sum(array[0].size for array in _dropout_noise(self._cached_buffers(batch)))
        if dropout:
            noise["dropout"] = generator.random((batch, dropout)).astype(self.dtype, copy=False)
        return noise

    def buffers(self, batch: int, noise: Noise) -> S:
        """Return the buffers of a step on ``batch`` pictures, with the noise for dropout filled in."""
        buffers, start = self._cached_buffers(batch), 0
        for array in _dropout_noise(buffers):
            end = start + array[0].size
            array[:] = noise["dropout"][:, start:end].reshape(array.shape)
            start = end
        return buffers

    @contextmanager
    def preserve_statistics(self, unless: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Restore running statistics at the end of the block, unless ``unless()`` is true then."""
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

    def encode(self, pictures: ArrayLike) -> np.ndarray:
        """Return the mean code of each picture.

        Parameters
        ----------
        pictures : array_like, (pictures, height, width, channels)
            Of the model's shape; floats in [0, 1], unless the model's output is linear.

        Returns
        -------
        ndarray, (pictures, latent)
            μ(x), or the code of a deterministic encoder.

        Raises
        ------
        ValueError
            If the pictures are not of the model's shape, or their values are not in the range.
        AvaError
            If the model has no encoder.

        Examples
        --------
        >>> import ava_np
        >>> model = ava_np.build("vae", (8, 8, 1), latent=3)
        >>> model.encode(np.zeros((5, 8, 8, 1), np.float32)).shape
        (5, 3)
        """
        if self.encoder_name is None:
            raise AvaError(f"{self.specification.name} has no encoder: it makes pictures from codes, not codes")
        pictures = self.validated_pictures(pictures)
        return self._apply(self.encoder_name, pictures.reshape(len(pictures), self.neurons))[:, : self.latent]

    def decode(self, codes: ArrayLike) -> np.ndarray:
        """Return the picture of each code.

        Parameters
        ----------
        codes : array_like, (codes, latent)
            Any finite values.

        Returns
        -------
        ndarray, (codes, height, width, channels)
            In [0, 1], unless the model's output is linear.

        Raises
        ------
        ValueError
            If the codes are not of the model's length, or not finite.

        Examples
        --------
        >>> import ava_np
        >>> model = ava_np.build("gan", (8, 8, 1), latent=3)
        >>> model.decode(np.zeros((5, 3))).shape
        (5, 8, 8, 1)
        """
        codes = np.asarray(codes)
        if codes.ndim != 2 or codes.shape[1] != self.latent:
            raise ValueError(f"codes of shape {codes.shape} given to a model of latent length {self.latent}")
        if not np.isfinite(codes).all():
            raise ValueError("codes must be finite")
        return self._apply(self.decoder_name, codes).reshape(-1, *self.shape)

    def reconstruct(self, pictures: ArrayLike) -> np.ndarray:
        """Decode the mean code of each picture, g(μ(x)).

        Parameters, errors as for ``encode``; return value as for ``decode``.

        Examples
        --------
        >>> import ava_np
        >>> model = ava_np.build("ae", (8, 8, 1))
        >>> model.reconstruct(np.zeros((5, 8, 8, 1), np.float32)).shape
        (5, 8, 8, 1)
        """
        return self.decode(self.encode(pictures))

    def validated_pictures(self, pictures: ArrayLike) -> np.ndarray:
        """Return pictures as an array, after checking that the model can take them.

        Parameters
        ----------
        pictures : array_like, (pictures, height, width, channels)
            Any number of pictures, which may be 0.

        Raises
        ------
        ValueError
            If the shape is not the model's, the values are not floats, not finite, or, unless the model's output is
            linear, not in [0, 1].

        Examples
        --------
        >>> import ava_np
        >>> model = ava_np.build("vae", (8, 8, 1))
        >>> model.validated_pictures(np.full((1, 8, 8, 1), 255.0))
        Traceback (most recent call last):
        ValueError: pictures need values in [0, 1], not up to 255: divide 8-bit values by 255
        """
        array = np.asarray(pictures)
        if array.shape[1:] != self.shape:
            raise ValueError(f"pictures of shape {array.shape[1:]} given to a model of shape {self.shape}")
        if not np.issubdtype(array.dtype, np.floating):
            raise ValueError(f"pictures need floating-point values, not {array.dtype}: divide 8-bit values by 255")
        if not np.isfinite(array).all():
            raise ValueError("pictures need finite values; these hold NaN or infinity")
        if self.specification.output != "linear" and array.size:
            low, high = array.min(), array.max()
            if low < -ROUNDING or high > 1 + ROUNDING:
                outside = f"up to {high:g}: divide 8-bit values by 255" if high > 1 else f"down to {low:g}"
                raise ValueError(f"pictures need values in [0, 1], not {outside}")
        return array

    def prior(self, generator: np.random.Generator, count: int) -> np.ndarray:
        """Draw codes from the prior, (count, latent): N(0, I) unless the model has another.

        Examples
        --------
        >>> import ava_np
        >>> model = ava_np.build("aae", (8, 8, 1), latent=2, prior="uniform")
        >>> bool((abs(model.prior(np.random.default_rng(0), 100)) <= 1).all())
        True
        """
        return generator.standard_normal((count, self.latent))

    def sample(self, count: int, generator: np.random.Generator | int | None = None) -> np.ndarray:
        """Decode ``count`` codes drawn from the prior.

        Parameters
        ----------
        count : int
            Number of pictures.
        generator : numpy.random.Generator or int, optional
            Source of the codes, or its seed. By default the codes differ at each call.

        Returns
        -------
        ndarray, (count, height, width, channels)
            As ``decode`` returns them.

        Examples
        --------
        >>> import ava_np
        >>> model = ava_np.build("vae", (8, 8, 1))
        >>> model.sample(16, 0).shape
        (16, 8, 8, 1)
        """
        return self.decode(self.prior(np.random.default_rng(generator), count))

    def _cached_buffers(self, batch: int) -> S:
        if batch not in self._step_buffers:
            self._step_buffers[batch] = self.make_buffers(batch)
        return self._step_buffers[batch]

    def _apply(self, name: str, x: np.ndarray) -> np.ndarray:
        """Return the output of network ``name`` on the rows of x, computed in chunks."""
        network = self.networks[name]
        y = np.empty((len(x), *network.output_shape), network.dtype)
        with single_threaded_blas:
            for start in range(0, len(x), CHUNK):
                rows = x[start : start + CHUNK]
                y[start : start + CHUNK] = network.forward(network.buffers(len(rows), "evaluation"), rows)
        return y


def _dropout_noise(buffers: StepBuffers) -> list[np.ndarray]:
    """The arrays of a step's buffers that need noise."""
    return [array for application in buffers for array in application.noise]
