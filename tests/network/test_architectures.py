"""Architectures: every named one fits its pictures, and a mistake in a custom one is reported in one line."""

from math import prod
from typing import Any, get_args

import numpy as np
import pytest

from ava_np.errors import ArchitectureError
from ava_np.layers import (
    Activation,
    BatchNorm,
    Convolution,
    Dense,
    Layer,
    MinibatchDiscrimination,
    Shape,
    TransposedConvolution,
)
from ava_np.network import Network, architectures
from ava_np.network.architectures import Architecture, architecture
from ava_np.specification import VAE, ArchitectureName, validated

LATENT = 10
Picture = tuple[int, int, int]

every_architecture = pytest.mark.parametrize("name", get_args(ArchitectureName))
every_size = pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (17, 23, 1), (64, 64, 3)])


def named(name: ArchitectureName, shape: Picture, hidden: tuple[int, ...] = ()) -> Architecture:
    return architecture(VAE(architecture=name, latent=LATENT, hidden=hidden), shape)


def custom(shape: Picture, **networks: list[dict[str, Any]]) -> Architecture:
    """Return an architecture from networks in the form of a specification."""
    return architecture(validated(VAE, architecture=networks, latent=LATENT), shape)


def shapes(layers: list[Layer], shape: Shape) -> list[Shape]:
    """Return the shapes before the first layer and after each layer."""
    result = [shape]
    for layer in layers:
        result.append(layer.output_shape(result[-1]))
    return result


def error_message(**networks: list[dict[str, Any]]) -> str:
    """Return the one-line error message for these networks and pictures of 6 x 5 x 1."""
    with pytest.raises(ArchitectureError) as caught:
        custom((6, 5, 1), **networks)
    text = str(caught.value)
    assert text
    assert "\n" not in text
    return text


@every_architecture
@every_size
def test_every_network_maps_rows_to_rows(name: ArchitectureName, shape: Picture) -> None:
    """The decoder's output has one value for each value of a picture, whatever the picture's size."""
    networks, pixels = named(name, shape), prod(shape)
    assert shapes(networks.decoder, (LATENT,))[-1] == (pixels,)
    assert len(shapes(networks.encoder, (pixels,))[-1]) == 1
    features = shapes(networks.discriminator, (pixels,))[-1]
    assert len(features) == 1
    assert len(shapes(networks.discriminator_head, features)[-1]) == 1
    assert len(shapes(networks.code_discriminator, (LATENT,))[-1]) == 1


@every_size
def test_decoder_sizes_are_the_encoder_sizes_in_reverse(shape: Picture) -> None:
    """In dcgan every doubling undoes one halving, so feature maps have the same sizes in reverse order."""
    networks = named("dcgan", shape)
    down = [sides[:2] for sides in shapes(networks.encoder, (prod(shape),)) if len(sides) == 3]
    up = [sides[:2] for sides in shapes(networks.decoder, (LATENT,)) if len(sides) == 3]
    assert list(dict.fromkeys(up)) == list(dict.fromkeys(down))[::-1]
    assert max(down[-1]) <= 2 * architectures.DCGAN_SIDE


@every_architecture
@pytest.mark.parametrize("shape", [(17, 23, 1), (9, 8, 3)])
def test_every_layer_gets_a_finite_nonzero_gradient(name: ArchitectureName, shape: Picture) -> None:
    """Noise is added to all parameters first, because layers in front of weights that are 0 have a gradient of 0."""
    networks, generator = named(name, shape, (3, 4, 5)), np.random.default_rng(0)
    cases: list[tuple[list[Layer], int]] = [
        (networks.encoder, prod(shape)),
        (networks.decoder, LATENT),
        (architectures.discriminator([*networks.discriminator, *networks.discriminator_head]), prod(shape)),
        (architectures.discriminator(networks.code_discriminator), LATENT),
    ]
    for layers, inputs in cases:
        network = Network((inputs,), layers, generator, np.float64)
        network.theta += 0.1 * generator.normal(size=network.theta.shape)
        buffers = network.buffers(4)
        network.forward(buffers, generator.normal(size=(4, inputs)))
        buffers.error[:] = generator.normal(size=buffers.error.shape)
        network.backward(buffers, buffers.error)
        assert np.isfinite(network.gradient.read()).all()
        assert all(network.gradient.read()[where].any() for where in network.layer_slices)


@every_architecture
@pytest.mark.parametrize(("output", "last"), [("sigmoid", Activation("sigmoid")), ("linear", None)])
def test_the_output_activation_is_the_last_layer_of_the_decoder(name: ArchitectureName, output: Any, last: Any) -> None:
    decoder = architecture(VAE(architecture=name, output=output), (16, 16, 1)).decoder
    assert (decoder[-1] if last else None) == last
    assert sum(layer == Activation("sigmoid") for layer in decoder) == (last is not None)


def test_hidden_lists_the_channels_from_the_picture_inward() -> None:
    networks = named("conv28", (28, 28, 1), (3, 5))
    assert [layer.channels for layer in networks.encoder if isinstance(layer, Convolution)] == [3, 5]
    assert shapes(networks.decoder, (LATENT,))[3] == (7, 7, 5)


def test_conv64_matches_its_paper() -> None:
    """The sizes are those of Larsen et al. 2016 for pictures of 64 x 64.

    The encoder's convolutions end in 8 x 8 x 256 neurons, followed by 2048; the decoder's have 256, 128, 32 and 3
    channels.
    """
    networks = named("conv64", (64, 64, 3))
    assert (8, 8, 256) in shapes(networks.encoder, (12288,))
    assert shapes(networks.encoder, (12288,))[-1] == (2048,)
    up = [layer.channels for layer in networks.decoder if isinstance(layer, Convolution | TransposedConvolution)]
    assert up == [256, 128, 32, 3]
    assert [layer.width for layer in networks.discriminator_head if isinstance(layer, Dense)] == [512]
    assert shapes(networks.discriminator, (12288,))[-1] == (8 * 8 * 256,)


def test_dcgan_has_no_batch_norm_next_to_the_pictures() -> None:
    """By Radford et al. 2016 there is none at the discriminator's input and none at the generator's output."""
    networks = named("dcgan", (64, 64, 3))
    assert not isinstance(networks.discriminator[2], BatchNorm)
    assert sum(isinstance(layer, BatchNorm) for layer in networks.discriminator) == 3
    assert not any(isinstance(layer, BatchNorm) for layer in networks.decoder[-3:])


@pytest.mark.parametrize(
    ("name", "shape"), [("conv28", (3, 9, 1)), ("conv64", (7, 64, 3)), ("dcgan", (1, 1, 1)), ("dcgan", (40, 1, 3))]
)
def test_pictures_that_are_too_small_are_rejected_in_one_line(name: ArchitectureName, shape: Picture) -> None:
    with pytest.raises(ArchitectureError) as caught:
        named(name, shape)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"{name} halves its pictures")
    assert f"{shape[1]} x {shape[0]}" in text
    assert "--architecture mlp" in text


@pytest.mark.parametrize(("name", "side"), [("conv28", 4), ("conv64", 8), ("dcgan", 2), ("mlp", 1)])
def test_the_smallest_accepted_pictures_fit(name: ArchitectureName, side: int) -> None:
    shape = (side, side, 1)
    assert shapes(named(name, shape).decoder, (LATENT,))[-1] == (side * side,)


def test_minibatch_discrimination_comes_before_the_output_neuron() -> None:
    layers = architectures.discriminator([Dense(7)], minibatch_discrimination=True)
    assert layers == [Dense(7), MinibatchDiscrimination(), Dense(1)]
    assert architectures.discriminator([Dense(7)]) == [Dense(7), Dense(1)]


def test_custom_networks_are_built_from_their_fields() -> None:
    """A reshape is put in front and a flatten at the end where needed; networks that are not given are mlp."""
    networks = custom(
        (6, 5, 1),
        encoder=[
            {"layer": "convolution", "channels": 4, "kernel": 3, "stride": 2, "padding": 1},
            {"layer": "batch_norm"},
            {"layer": "activation", "function": "relu"},
        ],
        decoder=[
            {"layer": "dense", "width": 12, "initialiser": "he_normal"},
            {"layer": "reshape", "shape": [3, 4, 1]},
            {"layer": "transposed_convolution", "channels": 1, "kernel": 3, "stride": 2, "output_padding": [0, 0]},
            {"layer": "flatten"},
            {"layer": "dense", "width": 30},
        ],
    )
    assert shapes(networks.encoder, (30,)) == [(30,), (6, 5, 1), (3, 3, 4), (3, 3, 4), (3, 3, 4), (36,)]
    assert networks.encoder[1] == Convolution(4, 3, 2, 1)
    assert shapes(networks.decoder, (LATENT,))[-1] == (30,)
    assert networks.decoder[-1] == Activation("sigmoid")
    assert shapes(networks.discriminator, (30,))[-1] == (256,)


def test_two_sigmoids_in_a_row_are_both_differentiated() -> None:
    """The second activation must not overwrite the output of the first, which the derivative of the first needs."""
    sigmoid = {"layer": "activation", "function": "sigmoid"}
    decoder = custom((6, 5, 1), decoder=[{"layer": "dense", "width": 30}, sigmoid]).decoder
    network = Network((LATENT,), decoder, np.random.default_rng(0), np.float64)
    network.theta[:] = np.random.default_rng(1).normal(size=network.theta.shape)
    buffers, x = network.buffers(1), np.random.default_rng(2).normal(size=(1, LATENT))
    y = network.forward(buffers, x).copy()
    buffers.error[:] = 1
    network.backward(buffers, buffers.error)
    inner = np.log(y / (1 - y))
    np.testing.assert_allclose(
        network.gradient.read_layers()[0]["b"], (y * (1 - y) * inner * (1 - inner))[0], rtol=1e-9
    )


CONVOLUTION = {"layer": "convolution", "channels": 4, "kernel": 3}


@pytest.mark.parametrize(
    ("networks", "words"),
    [
        ({}, ["encoder, decoder, discriminator, code_discriminator"]),
        ({"encodr": []}, ["encodr", "encoder, decoder, discriminator, code_discriminator"]),
        ({"encoder": [{"layer": "convolutoin"}]}, ["encoder", "convolutoin", "$[0].layer"]),
        ({"encoder": [{"channels": 4}]}, ["encoder", "`layer`", "$[0]"]),
        ({"encoder": [{"layer": "dense"}]}, ["encoder", "`width`", "$[0]"]),
        ({"encoder": [CONVOLUTION, {"layer": "dropout", "p": 0.5}]}, ["encoder", "`p`", "$[1]"]),
        ({"encoder": [{**CONVOLUTION, "kernel": 2.5}]}, ["encoder", "$[0].kernel"]),
        ({"encoder": [{"layer": "activation", "function": "swish"}]}, ["encoder", "swish", "$[0].function"]),
        ({"encoder": [{**CONVOLUTION, "kernel": 7}]}, ["layer 1 of the encoder, convolution", "7x7", "6x5x1"]),
        ({"encoder": [CONVOLUTION, {**CONVOLUTION, "kernel": 4}]}, ["layer 2 of the encoder, convolution", "4x3x4"]),
        ({"encoder": [{**CONVOLUTION, "stride": 0}]}, ["encoder", ">= 1", "$[0].stride"]),
        ({"encoder": [{**CONVOLUTION, "padding": -1}]}, ["encoder", ">= 0", "$[0].padding"]),
        ({"discriminator": [{"layer": "dense", "width": 3}]}, ["layer 1 of the discriminator", "put flatten in front"]),
        ({"encoder": [{"layer": "flatten"}, {"layer": "dense", "width": 0}]}, ["encoder", ">= 1", "$[1].width"]),
        ({"encoder": [{"layer": "dropout", "rate": 1.0}]}, ["encoder", "< 1.0", "$[0].rate"]),
        ({"encoder": [{"layer": "average_pooling", "factor": 2}]}, ["layer 1", "6x5x1 cannot be pooled by 2 x 2"]),
        ({"encoder": [{"layer": "upsampling", "factor": 0}]}, ["encoder", ">= 1", "$[0].factor"]),
        ({"encoder": [{"layer": "reshape", "shape": [7, 5]}]}, ["layer 1", "6x5x1 cannot be reshaped to 7x5"]),
        ({"encoder": [{"layer": "reshape", "shape": [-6, -5]}]}, ["encoder", ">= 1", "$[0].shape[0]"]),
        ({"encoder": [{"layer": "batch_norm", "epsilon": 0.0}]}, ["layer 1 of the encoder, batch_norm", "epsilon"]),
        ({"encoder": [{"layer": "minibatch_discrimination"}]}, ["layer 1 of the encoder", "takes rows, not 6x5x1"]),
        ({"decoder": [CONVOLUTION]}, ["layer 1 of the decoder, convolution", "not 10", "put reshape in front"]),
        ({"decoder": [{"layer": "dense", "width": 31}]}, ["the decoder ends in 31 neurons", "6x5x1 have 30"]),
        (
            {"decoder": [{"layer": "reshape", "shape": [1, 1, 10]}, {**CONVOLUTION, "layer": "transposed_convolution",
                                                                     "output_padding": [1, 0]}]},
            ["layer 2 of the decoder, transposed_convolution", "output padding (1, 0)", "less than its stride"],
        ),
        *(
            ({"encoder": [{**CONVOLUTION, name: 10**9}]}, ["encoder", "<= 1000000", f"$[0].{name}"])
            for name in ("channels", "kernel", "stride", "padding")
        ),
        ({"encoder": [{**CONVOLUTION, "padding": 10**6}]}, ["layer 1 of the encoder", "2000004x2000003x4", "smaller"]),
        ({"encoder": 400 * [{"layer": "upsampling", "factor": 10**6}]}, ["layer 1", "6000000x5000000x1"]),
        ({"code_discriminator": [{"layer": "upsampling"}]}, ["layer 1 of the code_discriminator", "10 cannot be"]),
    ],
)  # fmt: skip
def test_each_mistake_in_a_custom_network_is_one_clear_line(networks: dict[str, Any], words: list[str]) -> None:
    text = error_message(**networks)
    for word in words:
        assert word in text
