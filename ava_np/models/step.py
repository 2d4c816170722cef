"""The parts of a training step: phases, the buffers that they write to, and what they exchange."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from ava_np.layers import Layer
from ava_np.network import Buffers, Network

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
