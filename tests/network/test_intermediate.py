"""The tap: a place inside a network where values are read and an error enters."""

import numpy as np
import pytest

from ava_np.layers import Activation, BatchNorm, Convolution, Dense, Dropout, Flatten, Layer, Reshape
from ava_np.network import Network, Tape
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
every_tap = pytest.mark.parametrize("tap", range(len(LAYERS) + 1))


def tapped(tap: int | None) -> tuple[Network, Tape, np.ndarray]:
    """The network with this tap, a tape on which it has run, and its input; all else is the same for every tap."""
    generator = np.random.default_rng(0)
    network = Network((INPUTS,), LAYERS, generator, np.float64, tap)
    network.theta[:] = normal(generator, network.theta.shape, np.float64)
    tape, x = network.tape(BATCH), normal(generator, (BATCH, INPUTS), np.float64)
    for noise in tape.noise:
        noise[:] = generator.random(noise.shape)
    network.forward(tape, x)
    return network, tape, x


def front(network: Network, tape: Tape, x: np.ndarray) -> tuple[Network, Tape]:
    """A network of the layers before the tap alone, with their parameters, that has run on x."""
    found = Network((INPUTS,), LAYERS[: network.tap], np.random.default_rng(0), np.float64)
    found.theta[:] = network.theta[: found.theta.size]
    other = found.tape(BATCH)
    for noise, drawn in zip(other.noise, tape.noise, strict=False):
        noise[:] = drawn
    found.forward(other, x)
    return found, other


@every_tap
def test_values_at_the_tap_are_those_of_the_layers_before_it(tap: int) -> None:
    network, tape, x = tapped(tap)
    np.testing.assert_array_equal(tape.tapped, front(network, tape, x)[1].output)
    assert tape.tapped.shape == (BATCH, *network.shapes[tap])


@every_tap
def test_an_error_that_enters_at_the_tap_goes_through_the_layers_before_it(tap: int) -> None:
    """What stands behind the tap neither passes it on nor learns from it."""
    network, tape, x = tapped(tap)
    error = normal(np.random.default_rng(1), tape.tapped.shape, np.float64)
    tape.error.fill(np.nan)  # must not be looked at
    tape.tapped_error[:] = error
    dx = network.backward(tape, from_tap=True).copy()

    before, other = front(network, tape, x)
    other.error[:] = error
    np.testing.assert_array_equal(dx, before.backward(other))
    np.testing.assert_array_equal(network.grad[: before.grad.size], before.grad)
    assert not network.grad[before.grad.size :].any()


@every_tap
def test_it_is_the_gradient_of_what_is_read_there(tap: int) -> None:
    network, tape, x = tapped(tap)
    weight = normal(np.random.default_rng(1), tape.tapped.shape, np.float64)
    tape.tapped_error[:] = weight
    dx, gradient = network.backward(tape, from_tap=True).copy(), network.grad.copy()

    def objective() -> float:
        network.forward(tape, x)
        return float(np.sum(weight * tape.tapped))

    check_gradient(objective, x, dx)
    check_gradient(objective, network.theta, gradient)


@every_tap
def test_a_tap_changes_nothing_else(tap: int) -> None:
    (plain, expected, _), (network, tape, _) = tapped(None), tapped(tap)
    np.testing.assert_array_equal(tape.output, expected.output)
    error = normal(np.random.default_rng(1), tape.output.shape, np.float64)
    tape.error[:], expected.error[:] = error, error
    np.testing.assert_array_equal(network.backward(tape), plain.backward(expected))
    np.testing.assert_array_equal(network.grad, plain.grad)


@every_tap
def test_an_error_at_the_end_and_one_at_the_tap_add_up(tap: int) -> None:
    """One backward pass after the other on the same tape, as Larsen's discriminator has them."""
    network, tape, x = tapped(tap)
    generator = np.random.default_rng(1)
    at_end, at_tap = (normal(generator, array.shape, np.float64) for array in (tape.output, tape.tapped))
    tape.error[:] = at_end
    dx = network.backward(tape).copy()
    tape.tapped_error[:] = at_tap
    dx += network.backward(tape, from_tap=True)
    gradient = network.grad.copy()

    def objective() -> float:
        output = network.forward(tape, x)
        return float(np.sum(at_end * output) + np.sum(at_tap * tape.tapped))

    check_gradient(objective, x, dx)
    check_gradient(objective, network.theta, gradient)


def test_a_tap_before_a_sigmoid_keeps_the_logits() -> None:
    """The sigmoid works in place elsewhere; here the logits are what a cross-entropy is computed from."""
    network, tape, _ = tapped(-1)
    assert network.tap == len(LAYERS) - 1
    np.testing.assert_allclose(tape.output, 1 / (1 + np.exp(-tape.tapped)), rtol=1e-12)
    assert (tape.tapped < 0).any()


def test_without_a_tap_all_layers_stand_before_it() -> None:
    network, tape, _ = tapped(None)
    assert network.tap == len(LAYERS)
    assert tape.tapped is tape.output
    assert tape.tapped_error is tape.error


@pytest.mark.parametrize("tap", [len(LAYERS) + 1, -len(LAYERS) - 1])
def test_a_tap_beyond_the_layers_is_refused(tap: int) -> None:
    with pytest.raises(ValueError, match=f"8 layers has no tap {tap}"):
        tapped(tap)
