"""Networks and buffers: independence of applications, which arrays a pass adds to, and which it overwrites."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_np.layers import Activation, Dense, Layer
from ava_np.layers.activation import Function
from ava_np.network import Buffers, Network
from ava_np.network.architectures import mlp
from tests.oracles import central_differences, few_examples, normal, seeds, widths

INPUTS, OUTPUTS, BATCH = 4, 3, 5


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def network(generator: np.random.Generator) -> Network:
    return Network((INPUTS,), [*mlp((6, 5), OUTPUTS), Activation("sigmoid")], generator, np.float64)


def applied(network: Network, x: np.ndarray, error: np.ndarray) -> Buffers:
    """Return buffers of a forward pass on x, with an error at the output."""
    buffers = network.buffers(len(x))
    network.forward(buffers, x)
    buffers.error[:] = error
    return buffers


@pytest.fixture
def x(generator: np.random.Generator) -> np.ndarray:
    return generator.normal(size=(BATCH, INPUTS))


@pytest.fixture
def error(generator: np.random.Generator) -> np.ndarray:
    return generator.normal(size=(BATCH, OUTPUTS))


@few_examples
@given(seed=seeds, hidden=st.lists(widths, max_size=3), inputs=widths, outputs=widths)
def test_forward_matches_the_formula(seed: int, hidden: list[int], inputs: int, outputs: int) -> None:
    generator = np.random.default_rng(seed)
    network = Network((inputs,), [*mlp(hidden, outputs), Activation("tanh")], generator, np.float64)
    network.theta += normal(generator, network.theta.shape, np.float64)
    x = normal(generator, (3, inputs), np.float64)
    dense = [parameters for parameters in network.parameters if parameters]
    y = x
    for parameters in dense[:-1]:
        y = y @ parameters["W"] + parameters["b"]
        y = np.where(y > 0, y, 0.2 * y)
    y = np.tanh(y @ dense[-1]["W"] + dense[-1]["b"])
    np.testing.assert_allclose(network.forward(network.buffers(3), x), y, rtol=1e-12, atol=1e-12)


def test_several_buffers_of_one_network_are_independent(
    network: Network, x: np.ndarray, error: np.ndarray, generator: np.random.Generator
) -> None:
    expected = applied(network, x, error)
    input_error, output = network.backward(expected, expected.error).copy(), expected.output.copy()
    gradient = network.gradient.read()

    network.gradient.clear()
    first = applied(network, x, error)
    other = applied(network, generator.normal(size=x.shape), generator.normal(size=error.shape))
    network.backward_input(other, other.error)
    np.testing.assert_array_equal(first.output, output)
    np.testing.assert_array_equal(network.backward(first, first.error), input_error)
    np.testing.assert_array_equal(network.gradient.read(), gradient)


def test_backward_can_run_twice_with_the_same_buffers(network: Network, x: np.ndarray, error: np.ndarray) -> None:
    """AVA propagates two errors through D(μ(x')): one for Θ and one for Λ."""
    buffers = applied(network, x, 7 * error)
    values = buffers.output.copy()
    network.backward(buffers, buffers.error)
    buffers.error[:] = error
    network.gradient.clear()
    second = network.backward(buffers, buffers.error).copy()
    gradient = network.gradient.read()
    np.testing.assert_array_equal(buffers.output, values)

    network.gradient.clear()
    np.testing.assert_array_equal(second, network.backward(applied(network, x, error), error))
    np.testing.assert_array_equal(gradient, network.gradient.read())


def test_backward_adds_parameter_gradients(network: Network, x: np.ndarray, error: np.ndarray) -> None:
    network.backward(applied(network, x, error), error)
    once = network.gradient.read()
    network.backward(applied(network, x, error), error)
    np.testing.assert_allclose(network.gradient.read(), 2 * once, rtol=1e-12)
    assert np.any(once)


def test_backward_overwrites_the_input_error(network: Network, x: np.ndarray, error: np.ndarray) -> None:
    expected = network.backward(applied(network, x, error), error).copy()
    buffers = applied(network, x, error)
    buffers.input_error.fill(99)
    returned = network.backward(buffers, buffers.error)
    assert returned is buffers.input_error
    np.testing.assert_array_equal(returned, expected)


def test_backward_input_adds_no_gradient(network: Network, x: np.ndarray, error: np.ndarray) -> None:
    """This is the paper's star: Ψ* propagates an error, and its own gradient does not change."""
    expected = network.backward(applied(network, x, error), error).copy()
    network.gradient.write(np.full_like(network.theta, 3))
    np.testing.assert_array_equal(network.backward_input(applied(network, x, error), error), expected)
    assert np.all(network.gradient.read() == 3)


def test_backward_parameters_does_not_write_the_input_error(network: Network, x: np.ndarray, error: np.ndarray) -> None:
    network.backward(applied(network, x, error), error)
    gradient = network.gradient.read()
    network.gradient.clear()
    buffers = applied(network, x, error)
    buffers.input_error.fill(99)
    network.backward_parameters(buffers, buffers.error)
    np.testing.assert_array_equal(network.gradient.read(), gradient)
    assert np.all(buffers.input_error == 99)


def test_backward_rejects_an_error_of_another_shape(network: Network, x: np.ndarray, error: np.ndarray) -> None:
    buffers = applied(network, x, error)
    for backward in (network.backward, network.backward_input, network.backward_parameters):
        with pytest.raises(ValueError, match=r"an error of shape \(5, 2\) for values of shape \(5, 3\)"):
            backward(buffers, error[:, :2])


def test_zero_error_does_not_change_the_values(network: Network, x: np.ndarray, error: np.ndarray) -> None:
    buffers = applied(network, x, error)
    output = buffers.output.copy()
    assert buffers.zero_error() is buffers.error
    assert not np.any(buffers.error)
    np.testing.assert_array_equal(buffers.output, output)


def test_named_arrays_cover_theta_exactly_once(network: Network) -> None:
    names = [(layer, parameter) for layer, parameter, _ in network.named_arrays(network.parameters)]
    assert names == [(f"dense{k}", name) for k in (1, 2, 3) for name in ("W", "b")]
    network.theta.fill(0)
    for i, (_, _, array) in enumerate(network.named_arrays(network.parameters), start=1):
        array += i
    sizes = [array.size for _, _, array in network.named_arrays(network.parameters)]
    np.testing.assert_array_equal(network.theta, np.repeat(np.arange(1, len(sizes) + 1), sizes))


def test_read_layers_returns_the_gradient_in_the_order_of_theta(network: Network) -> None:
    network.gradient.write(np.arange(network.theta.size))
    arrays = [array for _, _, array in network.named_arrays(network.gradient.read_layers())]
    np.testing.assert_array_equal(np.concatenate([array.ravel() for array in arrays]), network.gradient.read())
    assert [array.shape for array in arrays] == [
        array.shape for _, _, array in network.named_arrays(network.parameters)
    ]


def test_layer_slices_are_the_layers_that_have_parameters(network: Network) -> None:
    network.theta[:] = np.arange(network.theta.size)
    layers = [parameters for parameters in network.parameters if parameters]
    assert len(network.layer_slices) == len(layers) == 3
    for where, parameters in zip(network.layer_slices, layers, strict=True):
        np.testing.assert_array_equal(network.theta[where], np.concatenate([parameters["W"].ravel(), parameters["b"]]))
    assert np.concatenate([network.theta[where] for where in network.layer_slices]).size == network.theta.size


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "linear"])
def test_output_slope_is_the_derivative_at_the_output(activation: Function, generator: np.random.Generator) -> None:
    network = Network((2,), [*mlp((), 3), Activation(activation)], generator, np.float64)
    x, bias = generator.normal(size=(1, 2)), network.parameters[0]["b"]
    buffers = network.buffers(1)
    # the derivative with respect to a bias is that with respect to the value before the activation
    numeric = central_differences(lambda: float(network.forward(buffers, x).sum()), bias)
    network.forward(buffers, x)
    np.testing.assert_allclose(network.output_slope(buffers)[0], numeric, rtol=1e-8)


@pytest.mark.parametrize(("initialiser", "variance"), [("he_normal", 2.0), ("lecun_normal", 1.0)])
def test_initial_weights_have_the_published_variance(initialiser: str, variance: float) -> None:
    dense = Dense(400, initialiser)  # type: ignore[arg-type]
    network = Network((250,), [dense], np.random.default_rng(0))
    W, b = network.parameters[0]["W"], network.parameters[0]["b"]
    assert W.var() == pytest.approx(variance / 250, rel=0.02)  # 100 000 draws: three standard errors are 1.3 %
    assert abs(W.mean()) < 3 * np.sqrt(variance / 250 / W.size)
    assert not b.any()


def test_float32_and_float64_start_from_the_same_values() -> None:
    layers: list[Layer] = [Dense(6, "he_normal"), Activation("relu"), Dense(2)]
    single, double = (Network((5,), layers, np.random.default_rng(1), dtype) for dtype in (np.float32, np.float64))
    np.testing.assert_array_equal(single.theta, double.theta.astype(np.float32))
