"""The intermediate: a place inside a network where values are read and an error enters."""

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
    """The network with this intermediate layer, buffers on which it has run, and its input; all else is the same."""
    generator = np.random.default_rng(0)
    network = Network((INPUTS,), LAYERS, generator, np.float64, intermediate)
    network.theta[:] = normal(generator, network.theta.shape, np.float64)
    buffers, x = network.buffers(BATCH), normal(generator, (BATCH, INPUTS), np.float64)
    for noise in buffers.noise:
        noise[:] = generator.random(noise.shape)
    network.forward(buffers, x)
    return network, buffers, x


def front(network: Network, buffers: Buffers, x: np.ndarray) -> tuple[Network, Buffers]:
    """A network of the layers before the intermediate alone, with their parameters, that has run on x."""
    found = Network((INPUTS,), LAYERS[: network.intermediate], np.random.default_rng(0), np.float64)
    found.theta[:] = network.theta[: found.theta.size]
    other = found.buffers(BATCH)
    for noise, drawn in zip(other.noise, buffers.noise, strict=False):
        noise[:] = drawn
    found.forward(other, x)
    return found, other


@every_layer
def test_values_at_the_intermediate_layer_are_those_of_the_layers_before_it(intermediate: int) -> None:
    network, buffers, x = applied(intermediate)
    np.testing.assert_array_equal(buffers.intermediate, front(network, buffers, x)[1].output)
    assert buffers.intermediate.shape == (BATCH, *network.shapes[intermediate])


@every_layer
def test_an_error_that_enters_at_the_intermediate_layer_goes_through_the_layers_before_it(intermediate: int) -> None:
    """What stands behind the intermediate neither passes it on nor learns from it."""
    network, buffers, x = applied(intermediate)
    error = normal(np.random.default_rng(1), buffers.intermediate.shape, np.float64)
    buffers.error.fill(np.nan)  # must not be looked at
    buffers.intermediate_error[:] = error
    dx = network.backward(buffers, buffers.intermediate_error, from_intermediate=True).copy()

    before, other = front(network, buffers, x)
    other.error[:] = error
    np.testing.assert_array_equal(dx, before.backward(other, other.error))
    np.testing.assert_array_equal(network.gradient.read()[: before.theta.size], before.gradient.read())
    assert not network.gradient.read()[before.theta.size :].any()


@every_layer
def test_it_is_the_gradient_of_what_is_read_there(intermediate: int) -> None:
    network, buffers, x = applied(intermediate)
    weight = normal(np.random.default_rng(1), buffers.intermediate.shape, np.float64)
    buffers.intermediate_error[:] = weight
    dx, gradient = (
        network.backward(buffers, buffers.intermediate_error, from_intermediate=True).copy(),
        network.gradient.read(),
    )

    def objective() -> float:
        network.forward(buffers, x)
        return float(np.sum(weight * buffers.intermediate))

    check_gradient(objective, x, dx)
    check_gradient(objective, network.theta, gradient)


@every_layer
def test_an_intermediate_layer_changes_nothing_else(intermediate: int) -> None:
    (plain, expected, _), (network, buffers, _) = applied(None), applied(intermediate)
    np.testing.assert_array_equal(buffers.output, expected.output)
    error = normal(np.random.default_rng(1), buffers.output.shape, np.float64)
    buffers.error[:], expected.error[:] = error, error
    np.testing.assert_array_equal(network.backward(buffers, buffers.error), plain.backward(expected, expected.error))
    np.testing.assert_array_equal(network.gradient.read(), plain.gradient.read())


@every_layer
def test_an_error_at_the_end_and_one_at_the_intermediate_layer_add_up(intermediate: int) -> None:
    """One backward pass after the other on the same buffers, as Larsen's discriminator has them."""
    network, buffers, x = applied(intermediate)
    generator = np.random.default_rng(1)
    at_end, at_tap = (normal(generator, array.shape, np.float64) for array in (buffers.output, buffers.intermediate))
    buffers.error[:] = at_end
    dx = network.backward(buffers, buffers.error).copy()
    buffers.intermediate_error[:] = at_tap
    dx += network.backward(buffers, buffers.intermediate_error, from_intermediate=True)
    gradient = network.gradient.read()

    def objective() -> float:
        output = network.forward(buffers, x)
        return float(np.sum(at_end * output) + np.sum(at_tap * buffers.intermediate))

    check_gradient(objective, x, dx)
    check_gradient(objective, network.theta, gradient)


def test_an_intermediate_layer_before_a_sigmoid_keeps_the_logits() -> None:
    """The sigmoid works in place elsewhere; here the logits are what a cross-entropy is computed from."""
    network, buffers, _ = applied(-1)
    assert network.intermediate == len(LAYERS) - 1
    np.testing.assert_allclose(buffers.output, 1 / (1 + np.exp(-buffers.intermediate)), rtol=1e-12)
    assert (buffers.intermediate < 0).any()


def test_without_a_tap_all_layers_stand_before_it() -> None:
    network, buffers, _ = applied(None)
    assert network.intermediate == len(LAYERS)
    assert buffers.intermediate is buffers.output
    assert buffers.intermediate_error is buffers.error


@pytest.mark.parametrize("intermediate", [len(LAYERS) + 1, -len(LAYERS) - 1])
def test_an_intermediate_layer_beyond_the_layers_is_refused(intermediate: int) -> None:
    with pytest.raises(ValueError, match=f"8 layers has no intermediate layer {intermediate}"):
        applied(intermediate)
