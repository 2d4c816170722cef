"""Optimisers: the published steps, learning tasks, weight decay and clipping."""

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_np.kernels.squared_error import squared_error_backward, squared_error_forward
from ava_np.layers import Activation
from ava_np.network import Network
from ava_np.network.architectures import mlp
from ava_np.specification import DEFAULTS, OptimiserName, TrainingSpecification, validated
from ava_np.training.optimisers import OPTIMISERS, clip_factor, make_optimiser
from tests.oracles import few_examples, normal

INPUTS, OUTPUTS = 4, 3
WEIGHTS = [0.5, 2.0, 0.25]  # the factor ρ of each of the network's three layers
RATES = [0.1, 0.05, 0.1, 0.02, 0.01]  # the learning rate of each step, as a schedule gives it

every_optimiser = pytest.mark.parametrize("optimiser", OPTIMISERS)


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def network(generator: np.random.Generator) -> Network:
    return Network((INPUTS,), [*mlp((6, 5), OUTPUTS), Activation("sigmoid")], generator, np.float64)


@pytest.fixture
def gradients(network: Network, generator: np.random.Generator) -> np.ndarray:
    return generator.normal(size=(len(RATES), network.theta.size))


def specify(optimiser: str, **options: Any) -> TrainingSpecification:
    given = {"learning_rate": 1.0, "reduction": "sum", "batch_size": 1, "epochs": 1, "seed": 0, **options}
    return validated(TrainingSpecification, optimiser=optimiser, **given)


def descend(
    training: TrainingSpecification, network: Network, gradients: np.ndarray, weights: Sequence[float] = WEIGHTS
) -> dict[str, np.ndarray]:
    """Take one step for each row of gradients; return the optimiser's state."""
    optimiser = make_optimiser(network, training)
    for step, (gradient, rate) in enumerate(zip(gradients, RATES, strict=True), start=1):
        network.gradient.write(gradient)
        optimiser.step(network, weights, step, rate)
    return optimiser.state


def published(optimiser: str, θ: np.ndarray, gradients: np.ndarray, momentum: float, λ: float) -> np.ndarray:
    """Return θ after the same steps, as printed in the papers, with θ as one vector."""
    θ, m, v = θ.copy(), np.zeros_like(θ), np.zeros_like(θ)
    for t, (g, γ) in enumerate(zip(gradients, RATES, strict=True), start=1):
        θ = (1 - γ * λ) * θ
        if optimiser == "sgd":
            θ -= γ * g
        elif optimiser == "momentum":
            m = momentum * m + g
            θ -= γ * m
        elif optimiser == "rmsprop":
            v = 0.9 * v + 0.1 * g**2
            θ -= γ * g / (np.sqrt(v) + 1e-8)
        else:
            m, v = momentum * m + (1 - momentum) * g, 0.999 * v + 0.001 * g**2
            θ -= γ * (m / (1 - momentum**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return θ


def scales(network: Network) -> np.ndarray:
    """Return the factor ρ of each parameter."""
    return np.concatenate(
        [np.full(where.stop - where.start, ρ) for where, ρ in zip(network.layer_slices, WEIGHTS, strict=True)]
    )


def test_every_name_of_the_specification_has_an_optimiser_and_defaults() -> None:
    assert list(OPTIMISERS) == list(DEFAULTS) == list(get_args(OptimiserName))


@every_optimiser
@pytest.mark.parametrize("λ", [0.0, 0.5])
@pytest.mark.parametrize("momentum", [0.5, 0.9])
def test_optimisers_take_the_published_steps(
    optimiser: str, momentum: float, λ: float, network: Network, gradients: np.ndarray
) -> None:
    """Each layer's gradient is multiplied by a different factor, and each step has a different learning rate."""
    expected = published(optimiser, network.theta, scales(network) * gradients, momentum, λ)
    descend(specify(optimiser, momentum=momentum, weight_decay=λ), network, gradients)
    np.testing.assert_allclose(network.theta, expected, rtol=1e-9, atol=1e-12)


@every_optimiser
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_state_has_the_length_and_type_of_the_parameters(optimiser: str, dtype: type[np.floating]) -> None:
    network = Network((INPUTS,), mlp((6,), OUTPUTS), np.random.default_rng(0), dtype)
    state = make_optimiser(network, specify(optimiser)).state
    assert set(state) == {"adam": {"m", "v"}, "rmsprop": {"v"}, "momentum": {"v"}, "sgd": set()}[optimiser]
    for array in state.values():
        assert (array.shape, array.dtype) == (network.theta.shape, network.theta.dtype)
        assert not array.any()


@every_optimiser
def test_a_restored_state_continues_as_if_uninterrupted(
    optimiser: str, network: Network, gradients: np.ndarray
) -> None:
    training, start = specify(optimiser, weight_decay=0.1), network.theta.copy()
    descend(training, network, gradients)
    expected = network.theta.copy()

    network.theta[:] = start
    first, second = make_optimiser(network, training), make_optimiser(network, training)
    for step, (gradient, rate) in enumerate(zip(gradients, RATES, strict=True), start=1):
        network.gradient.write(gradient)
        (first if step <= 2 else second).step(network, WEIGHTS, step, rate)
        if step == 2:
            for name, array in second.state.items():
                array[:] = first.state[name]
    np.testing.assert_array_equal(network.theta, expected)


@pytest.mark.parametrize("rate", [0.0, 0.25])
@every_optimiser
def test_weight_decay_multiplies_every_parameter_by_1_minus_γ_λ(optimiser: str, rate: float, network: Network) -> None:
    """It applies to biases too, and uses the scheduled rate, but not ρ."""
    network.theta += 1
    before = network.theta.copy()
    make_optimiser(network, specify(optimiser, weight_decay=0.5)).step(network, WEIGHTS, 1, rate)
    np.testing.assert_allclose(network.theta, (1 - 0.5 * rate) * before, rtol=1e-12)


@every_optimiser
def test_weight_decay_does_not_change_the_state(optimiser: str, network: Network, gradients: np.ndarray) -> None:
    """Decoupled weight decay, Loshchilov and Hutter 2019: λ θ is not part of the gradient whose mean is kept."""
    start = network.theta.copy()
    expected = descend(specify(optimiser), network, gradients)
    theta_without = network.theta.copy()
    network.theta[:] = start
    actual = descend(specify(optimiser, weight_decay=0.5), network, gradients)
    assert np.abs(network.theta - theta_without).max() > 0.01
    for name, array in expected.items():
        np.testing.assert_array_equal(actual[name], array)


def test_weight_decay_comes_before_the_step() -> None:
    network = Network((1,), mlp((), 1), np.random.default_rng(0), np.float64)
    network.theta[:] = 8
    network.gradient.write(np.full_like(network.theta, 4))
    make_optimiser(network, specify("sgd", weight_decay=0.5)).step(network, [1.0], 1, 0.5)
    np.testing.assert_array_equal(network.theta, 8 * 0.75 - 0.5 * 4)  # not (8 - 2) · 0.75


@few_examples
@given(
    gradient=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20).filter(any),
    limit=st.floats(1e-3, 1e6),
)
def test_clipping_bounds_the_norm_and_preserves_the_direction(gradient: list[float], limit: float) -> None:
    g = np.array(gradient)
    norm = float(np.linalg.norm(g))
    factor = clip_factor(norm, limit)
    assert 0 < factor <= 1
    assert np.linalg.norm(factor * g) <= limit * (1 + 1e-12)
    assert factor == 1 or np.linalg.norm(factor * g) == pytest.approx(limit, rel=1e-12)
    assert (factor == 1) == (norm <= limit)


@pytest.mark.parametrize(
    ("norm", "limit", "factor"), [(8, 2, 0.25), (2, 2, 1), (1, 2, 1), (0, 2, 1), (8, 0, 1), (0, 0, 1)]
)
def test_clip_factor_is_limit_over_norm_but_at_most_1(norm: float, limit: float, factor: float) -> None:
    """A norm of 0 is not divided by, and a limit of 0 means no limit."""
    assert clip_factor(norm, limit) == factor


def test_clip_factor_of_a_nan_norm_is_nan() -> None:
    assert np.isnan(clip_factor(float("nan"), 1.0))


@pytest.mark.parametrize(
    ("name", "rate", "steps"),
    [("sgd", 0.01, 4000), ("momentum", 0.01, 600), ("rmsprop", 0.01, 600), ("adam", 0.01, 600)],
)
def test_a_badly_scaled_quadratic_is_minimised(name: str, rate: float, steps: int) -> None:
    """The objective is ½ Σ h (θ - c)² with h from 0.1 to 100; along the flattest axis SGD needs thousands of steps."""
    network = Network((INPUTS,), mlp((), OUTPUTS), np.random.default_rng(0), np.float64)
    size = network.theta.size
    centre, curvature = np.random.default_rng(1).uniform(-1, 1, size), np.geomspace(0.1, 100, size)

    def objective() -> float:
        return float(curvature @ (network.theta - centre) ** 2) / 2

    network.theta.fill(0)
    start, optimiser = objective(), make_optimiser(network, specify(name))
    for step in range(1, steps + 1):
        network.gradient.write(curvature * (network.theta - centre))
        optimiser.step(network, [1.0], step, rate * (1 - (step - 1) / steps))
    assert objective() < 1e-3 * start
    assert np.abs(network.theta - centre).max() < 0.05


@pytest.mark.parametrize(
    ("name", "rate", "steps"),
    [("sgd", 0.1, 600), ("momentum", 0.01, 600), ("rmsprop", 1e-2, 400), ("adam", 1e-2, 400)],
)
def test_a_network_learns_the_identity(name: str, rate: float, steps: int) -> None:
    """A network of sufficient width must learn to output its input, up to a hundredth of the input's variance."""
    generator = np.random.default_rng(3)
    network = Network((INPUTS,), mlp((16,), INPUTS), generator)
    x = normal(generator, (64, INPUTS), np.float32)
    optimiser, buffers = make_optimiser(network, specify(name)), network.buffers(len(x))
    variance = squared_error_forward(np.zeros_like(x), x)
    for step in range(1, steps + 1):
        network.gradient.clear()
        y = network.forward(buffers, x)
        squared_error_backward(buffers.zero_error(), y, x)
        network.backward_parameters(buffers, buffers.error)
        optimiser.step(network, [1 / len(x)] * len(network.layer_slices), step, rate)
    assert squared_error_forward(network.forward(buffers, x), x) < 0.01 * variance
