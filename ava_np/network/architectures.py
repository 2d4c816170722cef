"""Named architectures: the layers of every kind of network that a model may need, sized to its pictures.

mlp     dense layers with leaky rectifiers.
conv28  two 5x5 convolutions of stride 2, common for VAEs of 28 x 28 digits.
conv64  the 5x5 convolutions with batch norm of Larsen et al. 2016 for 64 x 64 pictures.
dcgan   Radford et al. 2016: convolutions of stride 2 with batch norm, until the shorter side is at most 7.

Every network maps rows to rows, so that a model does not depend on the architecture: convolutions stand between a
reshape and a flatten layer. Each halving of a side rounds up and each doubling inverts it, so that any size fits, down
to the smallest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import msgspec

from ava_np.errors import ArchitectureError
from ava_np.layers import (
    Activation,
    AnyLayer,
    BatchNorm,
    Convolution,
    Dense,
    Flatten,
    Layer,
    MinibatchDiscrimination,
    Reshape,
    Shape,
    TransposedConvolution,
    shape_text,
)
from ava_np.layers.initialisers import Initialiser
from ava_np.network.chain import bounded_output_shape
from ava_np.specification import ModelSpecification

KERNEL, PADDING = 5, 2
HIDDEN = {"mlp": (256,), "conv28": (16, 32), "conv64": (64, 128, 256)}
DCGAN_CHANNELS = 64  # of the layer next to the picture; doubled with each halving
DCGAN_SIDE = 7  # halving stops when the shorter side is at most this
CODE_DISCRIMINATOR_WIDTH = 256  # hidden neurons of a discriminator of codes, if the architecture is convolutional


@dataclass(frozen=True)
class Architecture:
    """The layers of a model's networks.

    Attributes
    ----------
    encoder : list of Layer
        From a picture as a row to features; the model appends its dense output layer.
    decoder : list of Layer
        From a code to a picture as a row; the last layer is the output activation.
    discriminator : list of Layer
        From a picture as a row to features: Larsen's layer l, at the end of the convolutions.
    discriminator_head : list of Layer
        Between these features and the output neuron.
    code_discriminator : list of Layer
        From a code to features.
    """

    encoder: list[Layer]
    decoder: list[Layer]
    discriminator: list[Layer]
    discriminator_head: list[Layer]
    code_discriminator: list[Layer]


def architecture(
    specification: ModelSpecification, shape: tuple[int, int, int], *, output_initialiser: Initialiser = "zeros"
) -> Architecture:
    """Return the layers that a specification describes.

    Parameters
    ----------
    specification : ModelSpecification
        Its ``architecture``, ``hidden``, ``latent`` and ``output`` are used.
    shape : tuple of int
        Shape of a picture, (height, width, channels).
    output_initialiser : str
        Initialiser of the decoder's output weights. "zeros" suits a decoder that reconstructs: it starts from uniform
        grey and has no random pattern to unlearn. A generator that learns from a discriminator alone cannot start so.

    Raises
    ------
    ArchitectureError
        If the layers do not fit the pictures.

    Examples
    --------
    >>> from ava_np.specification import VAE
    >>> [layer.name for layer in architecture(VAE(architecture="mlp", hidden=(256,)), (28, 28, 1)).encoder]
    ['dense', 'leaky_relu']
    """
    name, hidden = specification.architecture, specification.hidden
    if isinstance(name, dict):
        layers = _custom(name, specification, shape, output_initialiser)
    elif name == "mlp":
        layers = _mlp(hidden or HIDDEN["mlp"], shape, output_initialiser)
    else:
        hidden = hidden or (_dcgan_channels(shape) if name == "dcgan" else HIDDEN[name])
        _check_size(name, shape, len(hidden))
        layers = {"conv28": _conv28, "conv64": _conv64, "dcgan": _dcgan}[name](hidden, shape, output_initialiser)
    if specification.output != "linear":
        layers.decoder.append(Activation(specification.output))
    return layers


def mlp(hidden: Sequence[int], outputs: int, *, output_initialiser: Initialiser = "lecun_normal") -> list[Layer]:
    """Return dense layers with leaky rectifiers between them; the last layer is linear.

    Parameters
    ----------
    hidden : sequence of int
        Widths of the hidden layers, in order; may be empty.
    outputs : int
        Number of output neurons.
    output_initialiser : str
        Initialiser of the output neurons' weights.

    Examples
    --------
    >>> [layer.name for layer in mlp((256,), 10)]
    ['dense', 'leaky_relu', 'dense']
    """
    return [*_dense(hidden), Dense(outputs, output_initialiser)]


def discriminator(trunk: Sequence[Layer], *, minibatch_discrimination: bool = False) -> list[Layer]:
    """Return a trunk with one output neuron, the logit of "real", and optionally minibatch discrimination between."""
    between = [MinibatchDiscrimination()] if minibatch_discrimination else []
    return [*trunk, *between, Dense(1)]


def _mlp(hidden: Sequence[int], shape: Shape, output_initialiser: Initialiser) -> Architecture:
    return Architecture(
        encoder=_dense(hidden),
        decoder=mlp(hidden[::-1], prod(shape), output_initialiser=output_initialiser),
        discriminator=_dense(hidden),
        discriminator_head=[],
        code_discriminator=_dense(hidden[-1:]),
    )


def _conv28(channels: Sequence[int], shape: Shape, output_initialiser: Initialiser) -> Architecture:
    sides = _sides(shape, len(channels))
    down: list[Layer] = [Reshape(shape)]
    for width in channels:
        down += [_halve(width), Activation("leaky_relu")]
    down.append(Flatten())
    smallest = (*sides[-1], channels[-1])
    up: list[Layer] = [Dense(prod(smallest), "he_normal"), Activation("relu"), Reshape(smallest)]
    for width, side in zip(channels[-2::-1], sides[-2:0:-1], strict=True):
        up += [_double(width, side), Activation("relu")]
    up += [_double(shape[2], sides[0], output_initialiser), Flatten()]
    return Architecture(down, up, down, [], _dense([CODE_DISCRIMINATOR_WIDTH]))


def _conv64(channels: Sequence[int], shape: Shape, output_initialiser: Initialiser) -> Architecture:
    sides, last, first = _sides(shape, len(channels)), channels[-1], max(1, channels[0] // 2)
    rectified = [BatchNorm(), Activation("relu")]
    encoder: list[Layer] = [Reshape(shape)]
    for width in channels:
        encoder += [_halve(width), *rectified]
    encoder += [Flatten(), Dense(8 * last, "he_normal"), *rectified]
    smallest = (*sides[-1], last)
    decoder: list[Layer] = [Dense(prod(smallest), "he_normal"), *rectified, Reshape(smallest)]
    for width, side in zip([*channels[:0:-1], first], sides[-2::-1], strict=True):
        decoder += [_double(width, side), *rectified]
    decoder += [Convolution(shape[2], KERNEL, 1, PADDING, output_initialiser), Flatten()]
    discriminator_layers: list[Layer] = [Reshape(shape), Convolution(first, KERNEL, 1, PADDING), Activation("relu")]
    for width in [*channels[1:], last]:
        discriminator_layers += [_halve(width), *rectified]
    discriminator_layers.append(Flatten())
    return Architecture(
        encoder,
        decoder,
        discriminator_layers,
        [Dense(2 * last, "he_normal"), *rectified],
        _dense([CODE_DISCRIMINATOR_WIDTH]),
    )


def _dcgan(channels: Sequence[int], shape: Shape, output_initialiser: Initialiser) -> Architecture:
    normal: Initialiser = "normal"
    sides = _sides(shape, len(channels))
    down: list[Layer] = [Reshape(shape)]
    for i, width in enumerate(channels):
        down += [_halve(width, normal), *([BatchNorm()] if i else []), Activation("leaky_relu")]
    down.append(Flatten())
    smallest = (*sides[-1], channels[-1])
    up: list[Layer] = [Dense(prod(smallest), normal), Reshape(smallest), BatchNorm(), Activation("relu")]
    for width, side in zip(channels[-2::-1], sides[-2:0:-1], strict=True):
        up += [_double(width, side, normal), BatchNorm(), Activation("relu")]
    pixels: Initialiser = "zeros" if output_initialiser == "zeros" else normal
    up += [_double(shape[2], sides[0], pixels), Flatten()]
    return Architecture(down, up, down, [], _dense([CODE_DISCRIMINATOR_WIDTH]))


def _custom(
    networks: dict[str, tuple[dict[str, Any], ...]],
    specification: ModelSpecification,
    shape: tuple[int, int, int],
    output_initialiser: Initialiser,
) -> Architecture:
    """The networks that the user describes, and mlp for those that are left out."""
    names = ("encoder", "decoder", "discriminator", "code_discriminator")
    if not networks or not set(networks) <= set(names):
        raise ArchitectureError(
            f"a custom architecture has networks among {', '.join(names)}, not: {', '.join(networks) or 'none'}"
        )
    custom: dict[str, list[Layer]] = {}
    for name, layers in networks.items():
        try:
            custom[name] = list(msgspec.convert(layers, tuple[AnyLayer, ...]))
        except msgspec.ValidationError as error:
            raise ArchitectureError(f"the {name}'s layers are not valid: {error}") from error
    rest = _mlp(specification.hidden or HIDDEN["mlp"], shape, output_initialiser)
    for name in ("encoder", "discriminator"):
        if name in custom:
            _shape_after(name, custom[name], shape)
            custom[name] = [Reshape(shape), *custom[name], Flatten()]
    if "decoder" in custom:
        custom["decoder"].append(Flatten())
        output_shape = _shape_after("decoder", custom["decoder"], (specification.latent,))
        if output_shape != (prod(shape),):
            raise ArchitectureError(
                f"the decoder ends in {output_shape[0]} neurons, and pictures of {shape_text(shape)} have {prod(shape)}"
            )
    if "code_discriminator" in custom:
        custom["code_discriminator"].append(Flatten())
        _shape_after("code_discriminator", custom["code_discriminator"], (specification.latent,))
    return Architecture(
        encoder=custom.get("encoder", rest.encoder),
        decoder=custom.get("decoder", rest.decoder),
        discriminator=custom.get("discriminator", rest.discriminator),
        discriminator_head=[],
        code_discriminator=custom.get("code_discriminator", rest.code_discriminator),
    )


def _shape_after(name: str, layers: Sequence[Layer], shape: Shape) -> Shape:
    """The shape after the layers; an error names the network and the layer."""
    for number, layer in enumerate(layers, start=1):
        try:
            shape = bounded_output_shape(layer, shape)
        except ArchitectureError as error:
            raise ArchitectureError(f"layer {number} of the {name}, {layer.name}: {error}") from error
    return shape


def _check_size(kind: str, shape: Shape, halvings: int) -> None:
    if min(shape[:2]) < 2**halvings:
        raise ArchitectureError(
            f"{kind} halves its pictures {halvings} times and needs at least {2**halvings} x {2**halvings} pixels; "
            f"these have {shape[1]} x {shape[0]}: take a larger --size, a smaller --zoom, or --architecture mlp"
        )


def _sides(shape: Shape, halvings: int) -> list[tuple[int, int]]:
    """(height, width) after 0, 1, ... halvings, each rounded up."""
    sides = [(shape[0], shape[1])]
    for _ in range(halvings):
        sides.append(((sides[-1][0] + 1) // 2, (sides[-1][1] + 1) // 2))
    return sides


def _dcgan_channels(shape: Shape) -> tuple[int, ...]:
    side, channels = min(shape[:2]), [DCGAN_CHANNELS]
    while (side := (side + 1) // 2) > DCGAN_SIDE:
        channels.append(2 * channels[-1])
    return tuple(channels)


def _dense(widths: Sequence[int]) -> list[Layer]:
    layers: list[Layer] = []
    for width in widths:
        layers += [Dense(width, "he_normal"), Activation("leaky_relu")]
    return layers


def _halve(channels: int, initialiser: Initialiser = "he_normal") -> Convolution:
    return Convolution(channels, KERNEL, 2, PADDING, initialiser)


def _double(channels: int, side: tuple[int, int], initialiser: Initialiser = "he_normal") -> TransposedConvolution:
    """To a picture of this (height, width): an even side was halved exactly, an odd one rounded up."""
    return TransposedConvolution(channels, KERNEL, 2, PADDING, (1 - side[0] % 2, 1 - side[1] % 2), initialiser)
