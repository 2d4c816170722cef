"""Default settings that depend on the model, the optimiser or the pictures: one function or table for each.

The rule for the layers: dense ones for points and for a handful of pictures; convolutions, with a longer code, where
there are enough pictures to learn them from. These have batch normalisation in a VAE-GAN and an α-GAN, and none in the
others, where it reconstructed worse. ``gan`` and ``bigan`` stay dense: a GAN of convolutions is ``dcgan``.
"""

from collections.abc import Mapping
from typing import Any

from ava_np.specification.ava import AVA
from ava_np.specification.base import ModelSpecification
from ava_np.specification.gans import AAE, DCGAN, GAN, BiGAN, VAEGANCosts
from ava_np.specification.models import AVB, VAEGAN, AlphaGAN, VAEGANSum
from ava_np.specification.run import steps_per_epoch
from ava_np.specification.values import Reduction

LARGE_SIDE = 128  # pixels: pictures with a longer side are zoomed out
BATCH, LARGE_BATCH, MANY_PICTURES = 16, 64, 1000  # above MANY_PICTURES pictures the large batch is the default
DENSE_STEPS, CONVOLUTION_STEPS = 1000, 2000  # minimum number of steps of a training

FEW_PICTURES = 100  # fewer are not enough for convolutions
LEAST_SIDE = 16  # pixels: smaller pictures are not convolved
FIRST_CHANNELS, MOST_CHANNELS = 32, 128  # of the layer next to the picture, and of any
SMALL_SIDE = 32  # pixels: larger pictures get half the channels, or a training would take too long
LAST_SIDE = 8  # halving stops when the shorter side is at most this
CODE = 32  # values in the code of a model with convolutions
LARGEST_MOVE = 16.0  # of a neuron that reads a picture, in the first step of Adam

DEFAULTS: dict[str, tuple[float, Reduction]] = {
    "adam": (1e-3, "sum"),
    "rmsprop": (1e-3, "sum"),
    "momentum": (0.03, "fan"),
    "sgd": (0.3, "fan"),
}
"""Default learning rate and reduction of each optimiser; ``default_adaptive_rate`` has the rates of some models."""


def default_adaptive_rate(model: ModelSpecification, values: int) -> float:
    """Return the learning rate for "adam" and "rmsprop".

    It is less for models whose networks play against each other. A DCGAN learns at the full rate: its weights are
    averaged, and its batch normalisation bears it. It is less for dense layers on large pictures, too: the first step
    moves each weight by γ, and so each neuron by up to γ times the sum of the picture's values.

    Parameters
    ----------
    model : ModelSpecification
        With its architecture.
    values : int
        Number of values of a picture.

    Examples
    --------
    >>> from ava_np.specification import AE, AVA5, DCGAN, GAN
    >>> [default_adaptive_rate(model, 28 * 28) for model in (AE(), AVA5(), DCGAN(), GAN())]
    [0.001, 0.0005, 0.001, 0.0002]
    >>> default_adaptive_rate(AE(), 125 * 90 * 3)
    0.0005
    """
    rate = DEFAULTS["adam"][0]
    if isinstance(model, GAN | BiGAN) and not isinstance(model, DCGAN):
        rate = 2e-4  # Radford et al. 2016
    elif isinstance(model, AVA | VAEGAN | VAEGANSum | AVB | AlphaGAN):
        rate = 5e-4
    return min(rate, float(f"{LARGEST_MOVE / values:.1g}")) if model.architecture == "mlp" else rate


def default_momentum(model: ModelSpecification, optimiser: str) -> float:
    """Return 0.5 for Adam, as Radford et al. 2016 recommend, in models of two that play against each other; else 0.9.

    These are GAN, DCGAN, BiGAN, AVB and α-GAN; and AAE and VAE with GAN costs of dense networks, whose codes wander
    about the prior with 0.9. With convolutions they do not, and learn faster with 0.9 (docs/models/aae.md).
    """
    dense_aae = isinstance(model, AAE | VAEGANCosts) and model.architecture == "mlp"
    played = dense_aae or isinstance(model, GAN | BiGAN | AVB | AlphaGAN)
    return 0.5 if optimiser == "adam" and played else 0.9


def default_ema(model: ModelSpecification, schedule: str) -> float:
    """Return 0.999 for a GAN, DCGAN or BiGAN, as Yazici et al. 2019 recommend, otherwise 0: no average.

    Nor is there one if the learning rate falls. Then the weights settle by themselves, and the average lags behind.
    """
    return 0.999 if schedule == "constant" and isinstance(model, GAN | BiGAN) else 0.0


def default_zoom(size: tuple[int, int]) -> int:
    """Return the least zoom that leaves no side of pictures of this (width, height) above 128 pixels.

    Examples
    --------
    >>> default_zoom((180, 250)), default_zoom((64, 64))
    (2, 1)
    """
    return -(-max(size) // LARGE_SIDE)


def default_layers(
    model: ModelSpecification, given: Mapping[str, Any], count: int, shape: tuple[int, int, int]
) -> dict[str, Any]:
    """Return the architecture, the widths and the length of the code for pictures, except for those that were given.

    Parameters
    ----------
    model : ModelSpecification
        The model, with the options that were given.
    given : mapping
        Those options by name.
    count : int
        Number of training pictures.
    shape : tuple of int
        Shape of a zoomed picture, (height, width, channels).

    Examples
    --------
    >>> from ava_np.specification import AVA5
    >>> default_layers(AVA5(), {}, 10, (125, 90, 3))
    {}
    >>> default_layers(AVA5(), {}, 1000, (32, 32, 1))
    {'architecture': 'conv28', 'hidden': (32, 64), 'latent': 32}
    """
    layers: dict[str, Any] = {}
    adversarial = isinstance(model, GAN | BiGAN)
    chosen = adversarial or "architecture" in given or "hidden" in given
    if not chosen and count >= FEW_PICTURES and min(shape[:2]) >= LEAST_SIDE:
        layers["architecture"] = "dcgan" if isinstance(model, VAEGAN | AlphaGAN) else "conv28"
    if layers or (isinstance(model, DCGAN) and model.architecture == "dcgan" and not model.hidden):
        layers["hidden"] = _channels(min(shape[:2]))
    if "architecture" in layers and "latent" not in given:
        layers["latent"] = CODE
    return layers


def _channels(side: int) -> tuple[int, ...]:
    """The channels after each halving of a picture with this shorter side."""
    channels: list[int] = []
    first = FIRST_CHANNELS if side <= SMALL_SIDE else FIRST_CHANNELS // 2
    while not channels or side > LAST_SIDE:
        channels.append(min(first << len(channels), MOST_CHANNELS))
        side = (side + 1) // 2
    return tuple(channels)


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


def default_epochs(count: int, batch_size: int, model: ModelSpecification) -> int:
    """Return the number of passes over ``count`` pictures that make at least 1000 steps, or 2000 with convolutions.

    Examples
    --------
    >>> from ava_np.specification import AVA5, DCGAN
    >>> default_epochs(10, 16, AVA5()), default_epochs(60_000, 64, DCGAN())
    (1000, 3)
    """
    steps = DENSE_STEPS if model.architecture == "mlp" else CONVOLUTION_STEPS
    return -(-steps // steps_per_epoch(count, batch_size))
