"""The interface of a model: what the trainer, the checkpoint, the gradient check and the command line use."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Generic, TypeVar, cast

import numpy as np

from ava_np.layers import Layer
from ava_np.layers.initialisers import Initialiser
from ava_np.models.inference import InferenceModel
from ava_np.models.step import Detached, NewNetwork, Noise, Phase, StepBuffers, Terms
from ava_np.network import Network
from ava_np.network.architectures import Architecture, architecture
from ava_np.network.chain import Chain
from ava_np.share import ALONE, Share
from ava_np.specification import ModelSpecification

S = TypeVar("S", bound=StepBuffers)


class Model(InferenceModel, ABC, Generic[S]):
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
    share : Share
        The part of each batch that the model's steps are given (``sharing``); by default all of it.
    """

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
        self.dtype, generator = dtype, np.random.default_rng(seed)

        def new(inputs: int, layers: Sequence[Layer], *, intermediate: int | None = None) -> Network:
            return Network((inputs,), layers, generator, dtype, intermediate)

        self.networks = self._create(specification, shape, new)
        self._step_buffers: dict[tuple[Share, int], S] = {}
        self._dropout_neurons: int | None = None
        self.share = ALONE

    @classmethod
    def plan(cls, specification: ModelSpecification, shape: tuple[int, int, int]) -> dict[str, Chain]:
        """Return the networks that the constructor would create, without their arrays.

        Parameters
        ----------
        specification, shape
            As for the constructor.

        Returns
        -------
        dict of str to Chain
            In the order in which they are saved.

        Examples
        --------
        >>> from ava_np.models import VAE
        >>> from ava_np.specification import VAE as Options
        >>> VAE.plan(Options(latent=2), (4000, 4000, 3))["encoder"].parameter_count  # 49 gigabytes
        12288001284
        """

        def new(inputs: int, layers: Sequence[Layer], *, intermediate: int | None = None) -> Chain:
            return Chain((inputs,), layers, intermediate)

        return dict[str, Chain](cls.__new__(cls)._create(specification, shape, cast(NewNetwork, new)))

    def _create(
        self, specification: ModelSpecification, shape: tuple[int, int, int], new: NewNetwork
    ) -> dict[str, Network]:
        self.specification, self.shape, self.latent = specification, shape, specification.latent
        layers = architecture(specification, shape, output_initialiser=self.output_initialiser)
        return self.build_networks(layers, new)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle holds: everything but the buffers of its steps, and the other processes."""
        return {**self.__dict__, "_step_buffers": {}, "share": ALONE}

    @abstractmethod
    def build_networks(self, layers: Architecture, new: NewNetwork) -> dict[str, Network]:
        """Create the networks and return those that learn, by name.

        Parameters
        ----------
        layers : Architecture
            The layers of the specification's architecture.
        new : callable
            ``new(inputs, layers)`` creates a network.

        Returns
        -------
        dict of str to Network
            In the order in which they are saved.

        Examples
        --------
        The constructor calls it:

        >>> import ava_np
        >>> list(ava_np.build("gan", (8, 8, 1)).networks)
        ['generator', 'discriminator']
        """

    @abstractmethod
    def make_buffers(self, batch: int) -> S:
        """Return new buffers for a step.

        Parameters
        ----------
        batch : int
            Number of pictures.

        Returns
        -------
        StepBuffers
            One ``Buffers`` for each application of a network.

        Examples
        --------
        >>> import ava_np
        >>> len(list(ava_np.build("gan", (8, 8, 1)).make_buffers(4)))
        5
        """

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
        """Add each network's gradient, for models of one phase; the others have ``phases``.

        Parameters
        ----------
        x : ndarray, (batch, m)
            Pictures as rows.
        noise : dict of str to ndarray
            From ``noise``.

        Returns
        -------
        dict of str to float
            The terms of the objectives in nats, summed over the batch.

        Examples
        --------
        >>> import ava_np
        >>> model = ava_np.build("vae", (8, 8, 1))
        >>> x, noise = np.zeros((4, 64), np.float32), model.noise(np.random.default_rng(0), 4)
        >>> model.zero_gradients()
        >>> list(model.gradients(x, noise))
        ['reconstruction', 'kl']
        """
        raise NotImplementedError

    def objectives(self, x: np.ndarray, noise: Noise, detached: Detached) -> dict[str, float]:
        """Return what each network minimises, in plain NumPy, for models of one phase; the others have ``phases``.

        Parameters
        ----------
        x : ndarray, (batch, m)
            Pictures as rows.
        noise : dict of str to ndarray
            From ``noise``.
        detached : dict of str to ndarray
            From ``detached``.

        Returns
        -------
        dict of str to float
            By network, in nats, summed over the batch.

        Examples
        --------
        >>> import ava_np
        >>> model = ava_np.build("ae", (8, 8, 1))
        >>> model.objectives(np.zeros((4, 64), np.float32), {}, {})  # half the squared distance of 0.5 from 0
        {'encoder': 32.0, 'decoder': 32.0}
        """
        raise NotImplementedError

    def detached(self, x: np.ndarray, noise: Noise) -> Detached:
        """Return the values that the gradients treat as constants; none, unless a rule is not a true gradient.

        Parameters
        ----------
        x : ndarray, (batch, m)
            Pictures as rows.
        noise : dict of str to ndarray
            From ``noise``.

        Returns
        -------
        dict of str to ndarray
            Arrays (batch, ...) by name.

        Examples
        --------
        >>> import ava_np
        >>> model = ava_np.build("ava5", (8, 8, 1))
        >>> list(model.detached(np.zeros((4, 64), np.float32), model.noise(np.random.default_rng(0), 4)))
        ['c', 'C', 'e', 'E', 'σ2']
        """
        return {}

    def diagnostics(self, x: np.ndarray, noise: Noise) -> dict[str, Any]:
        """Return what is worth measuring now and then during training, besides the terms; gradients are overwritten.

        Parameters
        ----------
        x : ndarray, (batch, m)
            Pictures as rows.
        noise : dict of str to ndarray
            From ``noise``.

        Returns
        -------
        dict
            Entries for the epoch's metrics.

        Examples
        --------
        >>> import ava_np
        >>> model = ava_np.build("vae", (8, 8, 1))
        >>> list(model.diagnostics(np.zeros((4, 64), np.float32), model.noise(np.random.default_rng(0), 4)))
        ['angle']
        """
        return {}

    def draw_noise(self, generator: np.random.Generator, batch: int) -> Noise:
        """Draw the noise that the model's equations name; by default r ~ N(0, I).

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

        Examples
        --------
        >>> import ava_np
        >>> list(ava_np.build("gan", (8, 8, 1)).draw_noise(np.random.default_rng(0), 4))
        ['z1', 'z2']
        """
        return {"r": self.standard_normal(generator, batch)}

    def standard_normal(self, generator: np.random.Generator, batch: int) -> np.ndarray:
        """Draw from N(0, I) in the model's float type.

        Parameters
        ----------
        generator : numpy.random.Generator
            Source of the random numbers.
        batch : int
            Number of codes.

        Returns
        -------
        ndarray, (batch, latent)
            One code in each row.

        Examples
        --------
        >>> import ava_np
        >>> ava_np.build("vae", (8, 8, 1), latent=3).standard_normal(np.random.default_rng(0), 4).shape
        (4, 3)
        """
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

        Examples
        --------
        >>> import ava_np
        >>> ava_np.build("vae", (8, 8, 1), latent=3).noise(np.random.default_rng(0), 4)["r"].shape
        (4, 3)
        """
        noise = self.draw_noise(generator, batch)
        if self._dropout_neurons is None:  # in all applications of a step
            self._dropout_neurons = sum(array[0].size for array in _dropout_noise(self.make_buffers(1)))
        if self._dropout_neurons:
            noise["dropout"] = generator.random((batch, self._dropout_neurons)).astype(self.dtype, copy=False)
        return noise

    def buffers(self, batch: int, noise: Noise) -> S:
        """Return the buffers of a step, with the noise for dropout filled in.

        Parameters
        ----------
        batch : int
            Number of pictures.
        noise : dict of str to ndarray
            From ``noise``.

        Returns
        -------
        StepBuffers
            The same object for the same ``batch``.

        Examples
        --------
        >>> import ava_np
        >>> model = ava_np.build("vae", (8, 8, 1))
        >>> model.buffers(4, model.noise(np.random.default_rng(0), 4)).f.output.shape
        (4, 20)
        """
        buffers, start = self._cached_buffers(batch), 0
        for array in _dropout_noise(buffers):
            end = start + array[0].size
            array[:] = noise["dropout"][:, start:end].reshape(array.shape)
            start = end
        return buffers

    @contextmanager
    def preserve_statistics(self, unless: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Restore running statistics at the end of the block.

        Parameters
        ----------
        unless : callable
            Called at the end; if it returns true, the statistics are left as they are.

        Yields
        ------
        None

        Examples
        --------
        >>> import ava_np
        >>> model = ava_np.build("vae", (32, 32, 1), architecture="conv64", hidden=(4, 8))
        >>> mean = next(state["mean"] for state in model.networks["encoder"].states if state)
        >>> with model.preserve_statistics():
        ...     mean += 1
        >>> bool(mean.any())
        False
        """
        states = [array for network in self.networks.values() for state in network.states for array in state.values()]
        copies = [array.copy() for array in states]
        try:
            yield
        finally:
            if not unless():
                for array, copy in zip(states, copies, strict=True):
                    array[:] = copy

    @contextmanager
    def sharing(self, share: Share) -> Iterator[None]:
        """Let the steps in the block be of a share of each batch, while other processes compute the rest.

        What compares the pictures of a batch asks the others then: batch norm, minibatch discrimination and a
        calibrated variance. The gradients and terms are sums over the share.

        Parameters
        ----------
        share : Share
            This process's share.

        Yields
        ------
        None

        Examples
        --------
        >>> import ava_np
        >>> from ava_np.share import ALONE
        >>> with ava_np.build("vae", (8, 8, 1)).sharing(ALONE):
        ...     pass
        """
        before, self.share = self.share, share
        try:
            yield
        finally:
            self.share = before

    def zero_gradients(self) -> None:
        """Set every network's gradient to 0.

        Examples
        --------
        >>> import ava_np
        >>> model = ava_np.build("vae", (8, 8, 1))
        >>> model.zero_gradients()
        >>> model.networks["encoder"].gradient.norm()
        0.0
        """
        for network in self.networks.values():
            network.gradient.clear()

    def _cached_buffers(self, batch: int) -> S:
        key = self.share, batch
        if key not in self._step_buffers:
            buffers = self._step_buffers[key] = self.make_buffers(batch)
            for application in buffers:
                application.belong_to(self.share)
        return self._step_buffers[key]


def _dropout_noise(buffers: StepBuffers) -> list[np.ndarray]:
    """The arrays of a step's buffers that need noise."""
    return [array for application in buffers for array in application.noise]
