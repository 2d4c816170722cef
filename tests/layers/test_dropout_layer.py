"""Dropout in a network: its noise is on the buffers, its mean is kept, and evaluation leaves it out."""

import numpy as np
import pytest

from ava_np.errors import ArchitectureError
from ava_np.layers import Dense, Dropout, Layer, Mode
from ava_np.network import Buffers, Network

RATE, BATCH, WIDTH = 0.3, 4, 5


def dropping(mode: Mode = "training", layers: tuple[Layer, ...] = (Dropout(RATE),)) -> tuple[Network, Buffers]:
    """A network that drops, and buffers with noise on it."""
    network = Network((WIDTH,), layers, np.random.default_rng(0), np.float64)
    buffers = network.buffers(BATCH, mode)
    for noise in buffers.noise:
        noise[:] = np.random.default_rng(1).random(noise.shape)
    return network, buffers


@pytest.mark.parametrize("mode", ["training", "frozen"])
def test_the_noise_on_the_tape_decides_who_is_silent(mode: Mode) -> None:
    """In frozen mode too: a step in which a network does not learn meets the network that learns, with its noise."""
    network, buffers = dropping(mode)
    x = np.random.default_rng(2).normal(size=(BATCH, WIDTH))
    network.forward(buffers, x)
    kept = buffers.noise[0] >= RATE
    assert 0 < kept.sum() < kept.size
    np.testing.assert_allclose(buffers.output, np.where(kept, x / (1 - RATE), 0), rtol=1e-12)
    buffers.error[:] = 1
    np.testing.assert_allclose(network.backward(buffers, buffers.error), np.where(kept, 1 / (1 - RATE), 0), rtol=1e-12)


def test_the_same_noise_gives_the_same_output_and_other_noise_another() -> None:
    network, buffers = dropping()
    x = np.random.default_rng(2).normal(size=(BATCH, WIDTH))
    first = network.forward(buffers, x).copy()
    np.testing.assert_array_equal(network.forward(buffers, x), first)
    buffers.noise[0][:] = np.random.default_rng(3).random((BATCH, WIDTH))
    assert (network.forward(buffers, x) != first).any()


def test_every_dropout_layer_of_every_tape_has_noise_of_its_own() -> None:
    network, buffers = dropping(layers=(Dropout(0.2), Dense(7), Dropout(0.6), Dense(2)))
    assert [noise.shape for noise in buffers.noise] == [(BATCH, WIDTH), (BATCH, 7)]
    other = network.buffers(BATCH)
    assert not any(np.shares_memory(mine, yours) for mine in buffers.noise for yours in other.noise)
    assert not np.shares_memory(buffers.noise[0], buffers.noise[1])
    assert Network((WIDTH,), [Dense(2)], np.random.default_rng(0)).buffers(BATCH).noise == []


def test_the_mean_is_kept() -> None:
    network = Network((3,), [Dropout(RATE)], np.random.default_rng(0), np.float64)
    batch, generator = 100_000, np.random.default_rng(1)
    buffers, x = network.buffers(batch), np.array([1.0, -2.0, 10.0])
    buffers.noise[0][:] = generator.random((batch, 3))
    mean = network.forward(buffers, np.broadcast_to(x, (batch, 3))).mean(axis=0)
    # Five standard errors: a deviation is √(p / (1 - p)) |x|.
    np.testing.assert_allclose(mean, x, rtol=5 * np.sqrt(RATE / (1 - RATE) / batch))


def test_evaluation_is_the_identity_in_both_directions() -> None:
    network, buffers = dropping("evaluation")
    x = np.random.default_rng(2).normal(size=(BATCH, WIDTH))
    np.testing.assert_array_equal(network.forward(buffers, x), x)
    buffers.error[:] = x + 1
    np.testing.assert_array_equal(network.backward(buffers, buffers.error), x + 1)


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ArchitectureError, match=r"rate must be in \[0, 1\)"):
        Dropout(rate).output_shape((3,))
