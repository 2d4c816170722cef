"""Dropout in a network: its noise is on the tape, its mean is kept, and evaluation leaves it out."""

import numpy as np
import pytest

from ava_np.errors import ArchitectureError
from ava_np.layers import Dense, Dropout, Layer, Mode
from ava_np.network import Network, Tape

RATE, BATCH, WIDTH = 0.3, 4, 5


def dropping(mode: Mode = "training", layers: tuple[Layer, ...] = (Dropout(RATE),)) -> tuple[Network, Tape]:
    """A network that drops, and a tape with noise on it."""
    network = Network((WIDTH,), layers, np.random.default_rng(0), np.float64)
    tape = network.tape(BATCH, mode)
    for noise in tape.noise:
        noise[:] = np.random.default_rng(1).random(noise.shape)
    return network, tape


@pytest.mark.parametrize("mode", ["training", "frozen"])
def test_the_noise_on_the_tape_decides_who_is_silent(mode: Mode) -> None:
    """In frozen mode too: a step in which a network does not learn meets the network that learns, with its noise."""
    network, tape = dropping(mode)
    x = np.random.default_rng(2).normal(size=(BATCH, WIDTH))
    network.forward(tape, x)
    kept = tape.noise[0] >= RATE
    assert 0 < kept.sum() < kept.size
    np.testing.assert_allclose(tape.output, np.where(kept, x / (1 - RATE), 0), rtol=1e-12)
    tape.error[:] = 1
    np.testing.assert_allclose(network.backward(tape), np.where(kept, 1 / (1 - RATE), 0), rtol=1e-12)


def test_the_same_noise_gives_the_same_output_and_other_noise_another() -> None:
    network, tape = dropping()
    x = np.random.default_rng(2).normal(size=(BATCH, WIDTH))
    first = network.forward(tape, x).copy()
    np.testing.assert_array_equal(network.forward(tape, x), first)
    tape.noise[0][:] = np.random.default_rng(3).random((BATCH, WIDTH))
    assert (network.forward(tape, x) != first).any()


def test_every_dropout_layer_of_every_tape_has_noise_of_its_own() -> None:
    network, tape = dropping(layers=(Dropout(0.2), Dense(7), Dropout(0.6), Dense(2)))
    assert [noise.shape for noise in tape.noise] == [(BATCH, WIDTH), (BATCH, 7)]
    other = network.tape(BATCH)
    assert not any(np.shares_memory(mine, yours) for mine in tape.noise for yours in other.noise)
    assert not np.shares_memory(tape.noise[0], tape.noise[1])
    assert Network((WIDTH,), [Dense(2)], np.random.default_rng(0)).tape(BATCH).noise == []


def test_the_mean_is_kept() -> None:
    network = Network((3,), [Dropout(RATE)], np.random.default_rng(0), np.float64)
    batch, generator = 100_000, np.random.default_rng(1)
    tape, x = network.tape(batch), np.array([1.0, -2.0, 10.0])
    tape.noise[0][:] = generator.random((batch, 3))
    mean = network.forward(tape, np.broadcast_to(x, (batch, 3))).mean(axis=0)
    # Five standard errors: a deviation is √(p / (1 - p)) |x|.
    np.testing.assert_allclose(mean, x, rtol=5 * np.sqrt(RATE / (1 - RATE) / batch))


def test_evaluation_is_the_identity_in_both_directions() -> None:
    network, tape = dropping("evaluation")
    x = np.random.default_rng(2).normal(size=(BATCH, WIDTH))
    np.testing.assert_array_equal(network.forward(tape, x), x)
    tape.error[:] = x + 1
    np.testing.assert_array_equal(network.backward(tape), x + 1)


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ArchitectureError, match=r"rate is in \[0, 1\)"):
        Dropout(rate).output_shape((3,))
