"""Optimisers: the published steps, tasks that must be learnt, weight decay and clipping."""

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
WEIGHTS = [0.5, 2.0, 0.25]  # ρ of each of the network's three parts
RATES = [0.1, 0.05, 0.1, 0.02, 0.01]  # as a schedule would give them

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
    """Take a step for each row of gradients; return what the optimiser remembers."""
    optimiser = make_optimiser(network, training)
    for number, (gradient, rate) in enumerate(zip(gradients, RATES, strict=True), start=1):
        network.gradient.write(gradient)
        optimiser.step(network, weights, number, rate)
    return optimiser.state


def published(optimiser: str, θ: np.ndarray, gradients: np.ndarray, momentum: float, λ: float) -> np.ndarray:
    """The same steps as the papers print them, θ as one vector."""
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
    """ρ of each parameter."""
    return np.concatenate(
        [np.full(part.stop - part.start, ρ) for part, ρ in zip(network.layer_slices, WEIGHTS, strict=True)]
    )


def test_every_name_of_the_specification_has_an_optimiser_and_defaults() -> None:
    assert list(OPTIMISERS) == list(DEFAULTS) == list(get_args(OptimiserName))


@every_optimiser
@pytest.mark.parametrize("λ", [0.0, 0.5])
@pytest.mark.parametrize("momentum", [0.5, 0.9])
def test_optimisers_take_the_published_steps(
    optimiser: str, momentum: float, λ: float, network: Network, gradients: np.ndarray
) -> None:
    """Each layer's gradient times a factor of its own, each step at a rate of its own."""
    expected = published(optimiser, network.theta, scales(network) * gradients, momentum, λ)
    descend(specify(optimiser, momentum=momentum, weight_decay=λ), network, gradients)
    np.testing.assert_allclose(network.theta, expected, rtol=1e-9, atol=1e-12)


@every_optimiser
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_remembered_is_of_the_parameters_length_and_type(optimiser: str, dtype: type[np.floating]) -> None:
    network = Network((INPUTS,), mlp((6,), OUTPUTS), np.random.default_rng(0), dtype)
    state = make_optimiser(network, specify(optimiser)).state
    assert set(state) == {"adam": {"m", "v"}, "rmsprop": {"v"}, "momentum": {"v"}, "sgd": set()}[optimiser]
    for array in state.values():
        assert (array.shape, array.dtype) == (network.theta.shape, network.theta.dtype)
        assert not array.any()


@every_optimiser
def test_a_state_put_back_goes_on_as_if_it_had_not_stopped(
    optimiser: str, network: Network, gradients: np.ndarray
) -> None:
    training, start = specify(optimiser, weight_decay=0.1), network.theta.copy()
    descend(training, network, gradients)
    whole = network.theta.copy()

    network.theta[:] = start
    first, second = make_optimiser(network, training), make_optimiser(network, training)
    for number, (gradient, rate) in enumerate(zip(gradients, RATES, strict=True), start=1):
        network.gradient.write(gradient)
        (first if number <= 2 else second).step(network, WEIGHTS, number, rate)
        if number == 2:
            for name, array in second.state.items():
                array[:] = first.state[name]
    np.testing.assert_array_equal(network.theta, whole)


@pytest.mark.parametrize("rate", [0.0, 0.25])
@every_optimiser
def test_decay_alone_shrinks_every_parameter_by_1_minus_γ_λ(optimiser: str, rate: float, network: Network) -> None:
    """Biases too, and by the scheduled rate; ρ has no part in it."""
    network.theta += 1
    before = network.theta.copy()
    make_optimiser(network, specify(optimiser, weight_decay=0.5)).step(network, WEIGHTS, 1, rate)
    np.testing.assert_allclose(network.theta, (1 - 0.5 * rate) * before, rtol=1e-12)


@every_optimiser
def test_decay_does_not_touch_what_is_remembered(optimiser: str, network: Network, gradients: np.ndarray) -> None:
    """Decoupled, Loshchilov and Hutter 2019: λ θ is no part of the gradient that is averaged."""
    start = network.theta.copy()
    plain = descend(specify(optimiser), network, gradients)
    without = network.theta.copy()
    network.theta[:] = start
    decayed = descend(specify(optimiser, weight_decay=0.5), network, gradients)
    assert np.abs(network.theta - without).max() > 0.01
    for name, array in plain.items():
        np.testing.assert_array_equal(decayed[name], array)


def test_decay_comes_before_the_step() -> None:
    network = Network((1,), mlp((), 1), np.random.default_rng(0), np.float64)
    network.theta[:] = 8
    network.gradient.write(np.full_like(network.theta, 4))
    make_optimiser(network, specify("sgd", weight_decay=0.5)).step(network, [1.0], 1, 0.5)
    np.testing.assert_array_equal(network.theta, 8 * 0.75 - 0.5 * 4)  # the other order: (8 - 2) · 0.75


@few_examples
@given(
    gradient=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20).filter(any),
    limit=st.floats(1e-3, 1e6),
)
def test_clipping_bounds_the_norm_and_keeps_the_direction(gradient: list[float], limit: float) -> None:
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
def test_clip_factor_is_that_of_the_paper(norm: float, limit: float, factor: float) -> None:
    """Nothing is divided by a norm of 0, and a limit of 0 is none."""
    assert clip_factor(norm, limit) == factor


def test_clipping_does_not_hide_a_norm_that_is_not_a_number() -> None:
    assert np.isnan(clip_factor(float("nan"), 1.0))


@pytest.mark.parametrize(
    ("optimiser", "rate", "steps"),
    [("sgd", 0.01, 4000), ("momentum", 0.01, 600), ("rmsprop", 0.01, 600), ("adam", 0.01, 600)],
)
def test_a_badly_scaled_bowl_is_descended(optimiser: str, rate: float, steps: int) -> None:
    """½ Σ h (θ - c)², curvatures h from 0.1 to 100: along the flattest axis SGD needs thousands of steps."""
    network = Network((INPUTS,), mlp((), OUTPUTS), np.random.default_rng(0), np.float64)
    size = network.theta.size
    centre, curvature = np.random.default_rng(1).uniform(-1, 1, size), np.geomspace(0.1, 100, size)

    def height() -> float:
        return float(curvature @ (network.theta - centre) ** 2) / 2

    network.theta.fill(0)
    start, step = height(), make_optimiser(network, specify(optimiser)).step
    for number in range(1, steps + 1):
        network.gradient.write(curvature * (network.theta - centre))
        step(network, [1.0], number, rate * (1 - (number - 1) / steps))
    assert height() < 1e-3 * start
    assert np.abs(network.theta - centre).max() < 0.05


@pytest.mark.parametrize(
    ("optimiser", "rate", "steps"),
    [("sgd", 0.1, 600), ("momentum", 0.01, 600), ("rmsprop", 1e-2, 400), ("adam", 1e-2, 400)],
)
def test_identity_is_learnt(optimiser: str, rate: float, steps: int) -> None:
    """A network with room enough must learn to give back what it is given, up to a hundredth of its variance."""
    generator = np.random.default_rng(3)
    network = Network((INPUTS,), mlp((16,), INPUTS), generator)
    x = normal(generator, (64, INPUTS), np.float32)
    step, buffers = make_optimiser(network, specify(optimiser)).step, network.buffers(len(x))
    variance = squared_error_forward(np.zeros_like(x), x)
    for number in range(1, steps + 1):
        network.gradient.clear()
        y = network.forward(buffers, x)
        squared_error_backward(buffers.zero_error(), y, x)
        network.backward_parameters(buffers, buffers.error)
        step(network, [1 / len(x)] * len(network.layer_slices), number, rate)
    assert squared_error_forward(network.forward(buffers, x), x) < 0.01 * variance
