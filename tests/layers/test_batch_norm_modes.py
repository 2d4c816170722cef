"""Batch norm by its mode: which statistics normalise, which move, and what an error passes through."""

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
def test_frozen_has_the_numbers_and_errors_of_training(data: st.DataObject, seed: int) -> None:
    """A step in which the network does not learn sees the network that the other step trains."""
    case = data.draw(cases)
    training, frozen = (run(case, mode, seed) for mode in ("training", "frozen"))
    np.testing.assert_array_equal(frozen.buffers.output, training.buffers.output)
    np.testing.assert_array_equal(
        frozen.network.backward(frozen.buffers, frozen.buffers.error),
        training.network.backward(training.buffers, training.buffers.error),
    )
    np.testing.assert_array_equal(frozen.network.gradient.read(), training.network.gradient.read())


@pytest.mark.parametrize(("mode", "moves"), [("training", True), ("frozen", False), ("evaluation", False)])
def test_only_training_moves_the_running_statistics(mode: str, moves: bool) -> None:
    network = Network((2, 2, 3), [BatchNorm()], np.random.default_rng(0), np.float64)
    before = {name: array.copy() for name, array in network.states[0].items()}
    buffers = network.buffers(4, mode)  # type: ignore[arg-type]
    network.forward(buffers, np.random.default_rng(1).normal(3, 2, (4, 2, 2, 3)))
    buffers.error[:] = 1
    network.backward(buffers, buffers.error)
    for name, array in network.states[0].items():
        assert (array != before[name]).all() == moves
        assert (array == before[name]).all() != moves


def test_the_running_statistics_become_those_of_the_samples() -> None:
    """The biased variance of 8 samples alone would end at 7/8 of the true one."""
    generator = np.random.default_rng(0)
    network = Network((2,), [BatchNorm(momentum=0.001)], generator, np.float64)
    buffers, mean, deviation = network.buffers(8), np.array([3.0, -20.0]), np.array([0.5, 4.0])
    for _ in range(20_000):
        network.forward(buffers, generator.normal(mean, deviation, (8, 2)))
    # As good as 2 / momentum batches: five standard errors, of deviation / √16 000 and of variance √(2 / 7) / √2000.
    assert (np.abs(network.states[0]["mean"] - mean) < 0.04 * deviation).all()
    np.testing.assert_allclose(network.states[0]["variance"], deviation**2, rtol=0.06)


def test_a_forward_pass_in_training_goes_the_momentum_towards_its_batch() -> None:
    network = Network((3,), [BatchNorm(momentum=0.25)], np.random.default_rng(0), np.float64)
    x = np.random.default_rng(1).normal(size=(6, 3))
    network.forward(network.buffers(6), x)
    np.testing.assert_allclose(network.states[0]["mean"], 0.25 * x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(network.states[0]["variance"], 0.75 + 0.25 * x.var(axis=0, ddof=1), rtol=1e-12)


@given(data=st.data(), seed=seeds)
@few_examples
def test_evaluation_treats_every_sample_alone_and_by_constants(data: st.DataObject, seed: int) -> None:
    """y = scale (x - m) / √(v + ε) + shift, and dx is dy times the same slope, whoever else is in the batch."""
    network, buffers, x, error = run(data.draw(cases), "evaluation", seed)
    parameters, state = network.parameters[0], network.states[0]
    slope = parameters["scale"] / np.sqrt(state["variance"] + FLOOR)
    np.testing.assert_allclose(
        buffers.output, slope * (x - state["mean"]) + parameters["shift"], rtol=1e-12, atol=1e-12
    )
    np.testing.assert_allclose(network.backward(buffers, buffers.error), slope * error, rtol=1e-12)
    alone = network.forward(network.buffers(1, "evaluation"), x[:1])
    np.testing.assert_array_equal(alone, buffers.output[:1])


@given(data=st.data(), seed=seeds)
@few_examples
def test_in_training_errors_pass_through_the_statistics(data: st.DataObject, seed: int) -> None:
    """A channel's errors at the input sum to 0, because shifting all its samples changes nothing."""
    network, buffers, _, _ = run(data.draw(cases), "training", seed)
    dx = network.backward(buffers, buffers.error).reshape(-1, buffers.input.shape[-1])
    np.testing.assert_allclose(dx.sum(axis=0), 0, atol=1e-12)


def test_a_tape_keeps_its_own_statistics() -> None:
    """The backward pass of one batch is the same whether or not others went through in between."""
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


def test_in_evaluation_a_tape_keeps_the_statistics_that_it_went_by() -> None:
    """Training in between moves the running ones, and the error must not notice."""
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


def test_the_state_is_all_that_evaluation_needs_besides_the_parameters() -> None:
    """States are arrays by name: written into a new network, they and theta make it say the same."""
    layers, generator = [Dense(4), BatchNorm(), Dense(2), BatchNorm()], np.random.default_rng(0)
    trained, other = (Network((3,), layers, np.random.default_rng(seed), np.float64) for seed in (0, 1))
    for _ in range(3):
        trained.forward(trained.buffers(5), generator.normal(2, 3, (5, 3)))
    named = {f"{layer}.{name}": array for layer, name, array in trained.named_arrays(trained.states)}
    assert list(named) == ["batch_norm1.mean", "batch_norm1.variance", "batch_norm2.mean", "batch_norm2.variance"]
    other.theta[:] = trained.theta
    for layer, name, array in other.named_arrays(other.states):
        array[:] = named[f"{layer}.{name}"]
    x = generator.normal(size=(4, 3))
    ours, theirs = (network.forward(network.buffers(4, "evaluation"), x) for network in (other, trained))
    np.testing.assert_array_equal(ours, theirs)


def test_a_single_sample_says_the_shift_and_teaches_nothing_below() -> None:
    network = Network((3,), [BatchNorm()], np.random.default_rng(0), np.float64)
    network.parameters[0]["shift"][:] = (1, 2, 3)
    buffers = network.buffers(1)
    network.forward(buffers, np.array([[5.0, -7.0, 0.0]]))
    np.testing.assert_array_equal(buffers.output, [[1, 2, 3]])
    buffers.error[:] = 1
    np.testing.assert_array_equal(network.backward(buffers, buffers.error), np.zeros((1, 3)))
    np.testing.assert_array_equal(network.states[0]["variance"], np.ones(3))


@pytest.mark.parametrize("fields", [{"epsilon": 0.0}, {"epsilon": float("nan")}, {"momentum": 1.5}, {"momentum": -0.1}])
def test_what_would_divide_by_0_or_forget_wrongly_is_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ArchitectureError, match=r"momentum in \[0, 1\] and a positive epsilon"):
        BatchNorm(**fields).output_shape((3,))
