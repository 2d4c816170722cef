"""How much memory a training needs at most: stated before its first step."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import prod
from typing import Any

import numpy as np

from ava_np.evaluation.evaluate import MAX_COMPARED
from ava_np.models.inference import CHUNK
from ava_np.run.pictures import MAX_EVALUATED
from ava_np.specification import PicturesSpecification
from ava_np.training.trainer import Trainer

PROGRAM = 380 << 20
"""Python, NumPy, the compiler with all kernels, and matplotlib. Measured: 310 MB with an empty kernel cache."""

DECODING = 20  # bytes for each pixel of the largest file, while it is decoded, turned and resized
EVALUATION = 5  # copies of the evaluated pictures at full size: the median sorts some


@dataclass(frozen=True)
class Memory:
    """Bound on the memory of a training by its parts, in bytes.

    Parameters
    ----------
    program : int
        Python, libraries and kernels.
    pictures : int
        All pictures at full size, unless they are in a cache, and zoomed out.
    training : int
        Parameters, gradients, optimisers, and the values of a step.
    saving : int
        Copies of the training state, while it is written.
    evaluation : int
        Copies of the evaluated pictures, and the values of networks that are applied to them.

    Examples
    --------
    >>> from ava_np.run.memory import Memory
    >>> Memory(program=500, pictures=100, training=50, saving=30, evaluation=70).total
    720
    """

    program: int
    pictures: int
    training: int
    saving: int
    evaluation: int

    @property
    def total(self) -> int:
        """Bound on the whole: saving and evaluation do not come at the same time."""
        return self.program + self.pictures + self.training + max(self.saving, self.evaluation)

    def parts(self) -> dict[str, int]:
        """Return the parts by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def training_memory(trainer: Trainer, specification: PicturesSpecification, largest: int) -> Memory:
    """Return a bound on the memory of ``ava train``, from reading the pictures to the report.

    The step's buffers are made, which takes address space only: an operating system gives memory when it is used.

    Parameters
    ----------
    trainer : Trainer
        Before its first step.
    specification : PicturesSpecification
        The pictures of the run.
    largest : int
        Pixels of the largest file.
    """
    model, count, zoom = trainer.model, specification.count, specification.zoom
    small = 4 * prod(model.shape)
    picture = small * zoom**2
    zoomed = small * count * (1 + (specification.validation > 0)) if zoom > 1 else 0
    evaluated = min(count, MAX_EVALUATED)
    weights = sum(network.theta.nbytes for network in model.networks.values())
    kept = weights if trainer.training.patience else 0  # the best ones, until the next save
    rows = min(CHUNK, max(evaluated, MAX_COMPARED))
    applied = max(held_bytes(network.buffers(rows, "evaluation")) for network in model.networks.values())
    return Memory(
        program=PROGRAM,
        pictures=(picture * count if specification.cache is None else 0) + zoomed + DECODING * largest,
        training=held_bytes(trainer, model.make_buffers(min(trainer.training.batch_size, count))) + kept,
        saving=2 * held_bytes(trainer.state()),
        evaluation=EVALUATION * evaluated * (picture + small) + applied,
    )


def held_bytes(*values: Any) -> int:
    """Return the size of all arrays that objects hold, directly or through others, each counted once."""
    found: dict[int, int] = {}
    seen: set[int] = set()
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, np.ndarray):
            if isinstance(value.base, np.ndarray):
                waiting.append(value.base)
            else:
                found[id(value)] = value.nbytes
        elif isinstance(value, Mapping):
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value
        elif hasattr(value, "__dict__"):
            waiting += vars(value).values()
    return sum(found.values())


def size_text(size: int) -> str:
    """Return a number of bytes as text.

    Examples
    --------
    >>> from ava_np.run.memory import size_text
    >>> size_text(734003200), size_text(1200000000)
    ('700 MB', '1.1 GB')
    """
    return f"{size / 2**20:.0f} MB" if size < 2**30 else f"{size / 2**30:.1f} GB"
