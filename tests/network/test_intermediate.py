"""The intermediate layer: a layer inside a network whose output is read, and where an error can enter."""

import numpy as np
import pytest

from ava_np.layers import Activation, BatchNorm, Convolution, Dense, Dropout, Flatten, Layer, Reshape
from ava_np.network import Buffers, Network
from tests.oracles import check_gradient, normal

BATCH, INPUTS = 3, 12
LAYERS: list[Layer] = [
    Reshape((2, 3, 2)),
    Convolution(3, 3, 1, 1),
    BatchNorm(epsilon=0.1),
    Activation("tanh"),
    Flatten(),
    Dropout(0.3),
    Dense(4),
    Activation("sigmoid"),
]
every_layer = pytest.mark.parametrize("intermediate", range(len(LAYERS) + 1))


def applied(intermediate: int | None) -> tuple[Network, Buffers, np.ndarray]:
    """Return a network with this intermediate layer, the buffers of a forward pass, and its input.

    Parameters, noise and input do not depend on the intermediate layer.
    """
    generator = np.random.default_rng(0)
    network = Network((INPUTS,), LAYERS, generator, np.float64, intermediate)
    network.theta[:] = normal(generator, network.theta.shape, np.float64)
    buffers, x = network.buffers(BATCH), normal(generator, (BATCH, INPUTS), np.float64)
    for noise in buffers.noise:
        noise[:] = generator.random(noise.shape)
    network.forward(buffers, x)
    return network, buffers, x


def front(network: Network, buffers: Buffers, x: np.ndarray) -> tuple[Network, Buffers]:
    """Return a network of only the layers before the intermediate layer, with the same parameters, applied to x."""
    first_layers = Network((INPUTS,), LAYERS[: network.intermediate], np.random.default_rng(0), np.float64)
    first_layers.theta[:] = network.theta[: first_layers.theta.size]
    first_buffers = first_layers.buffers(BATCH)
    for noise, drawn in zip(first_buffers.noise, buffers.noise, strict=False):
        noise[:] = drawn
    first_layers.forward(first_buffers, x)
    return first_layers, first_buffers


@every_layer
def test_values_at_the_intermediate_layer_are_those_of_the_layers_before_it(intermediate: int) -> None:
    network, buffers, x = applied(intermediate)
    np.testing.assert_array_equal(buffers.intermediate, front(network, buffers, x)[1].output)
    assert buffers.intermediate.shape == (BATCH, *network.shapes[intermediate])


@every_layer
def test_an_error_that_enters_at_the_intermediate_layer_goes_through_the_layers_before_it(intermediate: int) -> None:
    """The layers after the intermediate layer do not propagate the error and do not learn from it."""
    network, buffers, x = applied(intermediate)
    error = normal(np.random.default_rng(1), buffers.intermediate.shape, np.float64)
    buffers.error.fill(np.nan)  # must not be read
    buffers.intermediate_error[:] = error
    dx = network.backward(buffers, buffers.intermediate_error, from_intermediate=True).copy()

    first_layers, first_buffers = front(network, buffers, x)
    np.testing.assert_array_equal(dx, first_layers.backward(first_buffers, error))
    gradient, size = network.gradient.read(), first_layers.theta.size
    np.testing.assert_array_equal(gradient[:size], first_layers.gradient.read())
    assert not gradient[size:].any()


@every_layer
def test_backward_from_the_intermediate_layer_is_the_gradient(intermediate: int) -> None:
    network, buffers, x = applied(intermediate)
    weight = normal(np.random.default_rng(1), buffers.intermediate.shape, np.float64)
    dx = network.backward(buffers, weight, from_intermediate=True).copy()
    gradient = network.gradient.read()

    def objective() -> float:
        network.forward(buffers, x)
        return float(np.sum(weight * buffers.intermediate))

    check_gradient(objective, x, dx)
    check_gradient(objective, network.theta, gradient)


@every_layer
def test_an_intermediate_layer_changes_nothing_else(intermediate: int) -> None:
    (plain, plain_buffers, _), (network, buffers, _) = applied(None), applied(intermediate)
    np.testing.assert_array_equal(buffers.output, plain_buffers.output)
    error = normal(np.random.default_rng(1), buffers.output.shape, np.float64)
    np.testing.assert_array_equal(network.backward(buffers, error), plain.backward(plain_buffers, error))
    np.testing.assert_array_equal(network.gradient.read(), plain.gradient.read())


@every_layer
def test_an_error_at_the_end_and_one_at_the_intermediate_layer_add_up(intermediate: int) -> None:
    """Two backward passes run one after the other on the same buffers, as in the discriminator of the VAE-GAN."""
    network, buffers, x = applied(intermediate)
    generator = np.random.default_rng(1)
    at_end, inside = (normal(generator, array.shape, np.float64) for array in (buffers.output, buffers.intermediate))
    dx = network.backward(buffers, at_end).copy()
    dx += network.backward(buffers, inside, from_intermediate=True)
    gradient = network.gradient.read()

    def objective() -> float:
        output = network.forward(buffers, x)
        return float(np.sum(at_end * output) + np.sum(inside * buffers.intermediate))

    check_gradient(objective, x, dx)
    check_gradient(objective, network.theta, gradient)


def test_an_intermediate_layer_before_a_sigmoid_gives_the_logits() -> None:
    """Without an intermediate layer the sigmoid overwrites the logits, which a cross-entropy is computed from."""
    network, buffers, _ = applied(-1)
    assert network.intermediate == len(LAYERS) - 1
    np.testing.assert_allclose(buffers.output, 1 / (1 + np.exp(-buffers.intermediate)), rtol=1e-12)
    assert (buffers.intermediate < 0).any()


def test_by_default_the_intermediate_layer_is_the_output() -> None:
    network, buffers, _ = applied(None)
    assert network.intermediate == len(LAYERS)
    assert buffers.intermediate is buffers.output
    assert buffers.intermediate_error is buffers.error


@pytest.mark.parametrize("intermediate", [len(LAYERS) + 1, -len(LAYERS) - 1])
def test_an_intermediate_layer_out_of_range_is_rejected(intermediate: int) -> None:
    with pytest.raises(ValueError, match=f"8 layers has no intermediate layer {intermediate}"):
        applied(intermediate)
