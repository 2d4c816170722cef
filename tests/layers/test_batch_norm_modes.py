"""Batch norm by mode: which statistics it uses, when running statistics change, and how errors are propagated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_np.errors import ArchitectureError
from ava_np.layers import BatchNorm, Dense
from ava_np.network import Network
from tests.layers.cases import CASES, FLOOR, run
from tests.oracles import few_examples, seeds

cases = CASES["batch_norm"]


@given(data=st.data(), seed=seeds)
@few_examples
def test_frozen_mode_has_the_values_and_errors_of_training(data: st.DataObject, seed: int) -> None:
    """So a phase in which the network does not learn uses the same function as the phase that trains it."""
    case = data.draw(cases)
    training, frozen = (run(case, mode, seed) for mode in ("training", "frozen"))
    np.testing.assert_array_equal(frozen.buffers.output, training.buffers.output)
    np.testing.assert_array_equal(
        frozen.network.backward(frozen.buffers, frozen.buffers.error),
        training.network.backward(training.buffers, training.buffers.error),
    )
    np.testing.assert_array_equal(frozen.network.gradient.read(), training.network.gradient.read())


@pytest.mark.parametrize(("mode", "updates"), [("training", True), ("frozen", False), ("evaluation", False)])
def test_only_training_updates_the_running_statistics(mode: str, updates: bool) -> None:
    network = Network((2, 2, 3), [BatchNorm()], np.random.default_rng(0), np.float64)
    before = {name: array.copy() for name, array in network.states[0].items()}
    buffers = network.buffers(4, mode)  # type: ignore[arg-type]
    network.forward(buffers, np.random.default_rng(1).normal(3, 2, (4, 2, 2, 3)))
    buffers.error[:] = 1
    network.backward(buffers, buffers.error)
    for name, array in network.states[0].items():
        assert (array != before[name]).all() == updates
        assert (array == before[name]).all() != updates


def test_running_statistics_converge_to_those_of_the_samples() -> None:
    """The biased variance of batches of 8 samples would converge to 7/8 of the true variance."""
    generator = np.random.default_rng(0)
    network = Network((2,), [BatchNorm(momentum=0.001)], generator, np.float64)
    buffers, mean, deviation = network.buffers(8), np.array([3.0, -20.0]), np.array([0.5, 4.0])
    for _ in range(20_000):
        network.forward(buffers, generator.normal(mean, deviation, (8, 2)))
    # As exact as the mean of 2 / momentum batches. The tolerances are five standard errors: deviation / √16 000 for the
    # mean, and a relative √(2 / 7) / √2000 for the variance.
    assert (np.abs(network.states[0]["mean"] - mean) < 0.04 * deviation).all()
    np.testing.assert_allclose(network.states[0]["variance"], deviation**2, rtol=0.06)


def test_training_moves_running_statistics_towards_the_batch_by_the_momentum() -> None:
    network = Network((3,), [BatchNorm(momentum=0.25)], np.random.default_rng(0), np.float64)
    x = np.random.default_rng(1).normal(size=(6, 3))
    network.forward(network.buffers(6), x)
    np.testing.assert_allclose(network.states[0]["mean"], 0.25 * x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(network.states[0]["variance"], 0.75 + 0.25 * x.var(axis=0, ddof=1), rtol=1e-12)


@given(data=st.data(), seed=seeds)
@few_examples
def test_evaluation_normalises_every_sample_alone_by_running_statistics(data: st.DataObject, seed: int) -> None:
    """y = scale (x - m) / √(v + ε) + shift and dx = dy scale / √(v + ε), whatever the rest of the batch is."""
    network, buffers, x, error = run(data.draw(cases), "evaluation", seed)
    parameters, state = network.parameters[0], network.states[0]
    slope = parameters["scale"] / np.sqrt(state["variance"] + FLOOR)
    np.testing.assert_allclose(
        buffers.output, slope * (x - state["mean"]) + parameters["shift"], rtol=1e-12, atol=1e-12
    )
    np.testing.assert_allclose(network.backward(buffers, buffers.error), slope * error, rtol=1e-12)
    first_alone = network.forward(network.buffers(1, "evaluation"), x[:1])
    np.testing.assert_array_equal(first_alone, buffers.output[:1])


@given(data=st.data(), seed=seeds)
@few_examples
def test_training_propagates_errors_through_the_batch_statistics(data: st.DataObject, seed: int) -> None:
    """The input errors of a channel sum to 0, because shifting all its samples does not change the output."""
    network, buffers, _, _ = run(data.draw(cases), "training", seed)
    dx = network.backward(buffers, buffers.error).reshape(-1, buffers.input.shape[-1])
    np.testing.assert_allclose(dx.sum(axis=0), 0, atol=1e-12)


def test_buffers_save_the_statistics_of_their_own_batch() -> None:
    """The backward pass of one batch does not change if the network is applied to another batch before it."""
    network = Network((3,), [Dense(4), BatchNorm()], np.random.default_rng(0), np.float64)
    generator = np.random.default_rng(1)
    buffers, other, x = network.buffers(5), network.buffers(7), generator.normal(size=(5, 3))
    network.forward(buffers, x)
    buffers.error[:] = generator.normal(size=(5, 4))
    error = buffers.error.copy()
    expected = network.backward(buffers, buffers.error).copy()
    network.forward(buffers, x)
    network.forward(other, generator.normal(9, 5, (7, 3)))
    buffers.error[:] = error
    np.testing.assert_array_equal(network.backward(buffers, buffers.error), expected)


def test_evaluation_buffers_save_the_statistics_of_their_forward_pass() -> None:
    """Training between the two passes updates the running statistics, but does not change the errors."""
    network = Network((3,), [BatchNorm()], np.random.default_rng(0), np.float64)
    generator = np.random.default_rng(1)
    buffers, x = network.buffers(5, "evaluation"), generator.normal(size=(5, 3))
    gradients = []
    for between in (False, True):
        network.states[0]["mean"][:], network.states[0]["variance"][:] = 1, 2
        network.forward(buffers, x)
        if between:
            network.forward(network.buffers(7), generator.normal(9, 5, (7, 3)))
        buffers.error[:] = x
        network.gradient.clear()
        gradients.append((network.backward(buffers, buffers.error).copy(), network.gradient.read()))
    np.testing.assert_array_equal(gradients[0][0], gradients[1][0])
    np.testing.assert_array_equal(gradients[0][1], gradients[1][1])


def test_parameters_and_state_determine_evaluation() -> None:
    """A new network with the same theta and the same state arrays, copied by name, has the same output."""
    layers, generator = [Dense(4), BatchNorm(), Dense(2), BatchNorm()], np.random.default_rng(0)
    trained, copy = (Network((3,), layers, np.random.default_rng(seed), np.float64) for seed in (0, 1))
    for _ in range(3):
        trained.forward(trained.buffers(5), generator.normal(2, 3, (5, 3)))
    named = {f"{layer}.{name}": array for layer, name, array in trained.named_arrays(trained.states)}
    assert list(named) == ["batch_norm1.mean", "batch_norm1.variance", "batch_norm2.mean", "batch_norm2.variance"]
    copy.theta[:] = trained.theta
    for layer, name, array in copy.named_arrays(copy.states):
        array[:] = named[f"{layer}.{name}"]
    x = generator.normal(size=(4, 3))
    actual, expected = (network.forward(network.buffers(4, "evaluation"), x) for network in (copy, trained))
    np.testing.assert_array_equal(actual, expected)


def test_a_batch_of_one_outputs_the_shift_and_propagates_no_error() -> None:
    network = Network((3,), [BatchNorm()], np.random.default_rng(0), np.float64)
    network.parameters[0]["shift"][:] = (1, 2, 3)
    buffers = network.buffers(1)
    network.forward(buffers, np.array([[5.0, -7.0, 0.0]]))
    np.testing.assert_array_equal(buffers.output, [[1, 2, 3]])
    buffers.error[:] = 1
    np.testing.assert_array_equal(network.backward(buffers, buffers.error), np.zeros((1, 3)))
    np.testing.assert_array_equal(network.states[0]["variance"], np.ones(3))


@pytest.mark.parametrize(
    "fields", [{"epsilon": 0.0}, {"epsilon": float("nan")}, {"epsilon": 2.0}, {"momentum": 1.5}, {"momentum": -0.1}]
)
def test_invalid_momentum_and_epsilon_are_rejected(fields: dict[str, float]) -> None:
    with pytest.raises(ArchitectureError, match=r"momentum in \[0, 1\] and epsilon in \(0, 1\]"):
        BatchNorm(**fields).output_shape((3,))
