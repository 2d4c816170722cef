"""Default settings that depend on the model, the optimiser or the pictures: one function or table for each."""

from collections.abc import Callable

from ava_np.specification.models import AVB, GAN, AlphaGAN, BiGAN, ModelSpecification
from ava_np.specification.run import steps_per_epoch
from ava_np.specification.values import Layers, Reduction

ZOOM, LARGE_SIDE = 3, 64  # the paper's zoom, and the side in pixels above which dense networks use it
BATCH, LARGE_BATCH, MANY_PICTURES = 16, 64, 1000  # above MANY_PICTURES pictures the large batch is the default
DEFAULT_STEPS = 1000  # minimum number of steps of a training

DEFAULTS: dict[str, tuple[float, Reduction]] = {
    "adam": (2e-4, "sum"),
    "rmsprop": (2e-4, "sum"),
    "momentum": (0.03, "fan"),
    "sgd": (0.3, "fan"),
}
"""Default learning rate and reduction of each optimiser."""


def default_momentum(model: ModelSpecification, optimiser: str) -> float:
    """Return 0.5 for Adam in a GAN, DCGAN, BiGAN, AVB or α-GAN, as Radford et al. 2016 recommend, otherwise 0.9."""
    return 0.5 if optimiser == "adam" and isinstance(model, GAN | BiGAN | AVB | AlphaGAN) else 0.9


def default_zoom(architecture: str | Layers, size: Callable[[], tuple[int, int]]) -> int:
    """Return the paper's zoom for dense networks on pictures with a side of more than 64 pixels, otherwise 1.

    Parameters
    ----------
    architecture : str or dict
        Of the model.
    size : callable
        Returns the pictures' (width, height). It is called for dense networks only: the size of the pictures in a
        folder is known after all headers are read.

    Examples
    --------
    >>> default_zoom("mlp", lambda: (180, 250)), default_zoom("conv28", lambda: (180, 250))
    (3, 1)
    """
    return ZOOM if architecture == "mlp" and max(size()) > LARGE_SIDE else 1


def default_batch_size(count: int) -> int:
    """Return the maximum number of pictures in a step, for ``count`` training pictures.

    If one picture would be left over, the batch is larger: batch normalisation needs two pictures.

    Examples
    --------
    >>> default_batch_size(10), default_batch_size(33), default_batch_size(60_000)
    (16, 17, 64)
    >>> default_batch_size(273)  # one is left over of batches of 16, and of 17
    18
    """
    size = BATCH if count <= MANY_PICTURES else LARGE_BATCH
    while count > 1 and count % size == 1:
        size += 1
    return size


def default_epochs(count: int, batch_size: int) -> int:
    """Return the number of passes over ``count`` pictures that make at least 1000 steps.

    Examples
    --------
    >>> default_epochs(10, 16), default_epochs(60_000, 64)
    (1000, 2)
    """
    return -(-DEFAULT_STEPS // steps_per_epoch(count, batch_size))
