"""Dropout in a network: the noise is in the buffers, the mean is preserved, and evaluation turns dropout off."""

import numpy as np
import pytest

from ava_np.errors import ArchitectureError
from ava_np.layers import Dense, Dropout, Layer, Mode
from ava_np.network import Buffers, Network

RATE, BATCH, WIDTH = 0.3, 4, 5


def make_network(mode: Mode = "training", layers: tuple[Layer, ...] = (Dropout(RATE),)) -> tuple[Network, Buffers]:
    """Return a network with dropout, and its buffers with random noise."""
    network = Network((WIDTH,), layers, np.random.default_rng(0), np.float64)
    buffers = network.buffers(BATCH, mode)
    for noise in buffers.noise:
        noise[:] = np.random.default_rng(1).random(noise.shape)
    return network, buffers


@pytest.mark.parametrize("mode", ["training", "frozen"])
def test_noise_determines_which_neurons_are_dropped(mode: Mode) -> None:
    """This holds in frozen mode too, because a network that does not learn must compute the same function."""
    network, buffers = make_network(mode)
    x = np.random.default_rng(2).normal(size=(BATCH, WIDTH))
    network.forward(buffers, x)
    kept = buffers.noise[0] >= RATE
    assert 0 < kept.sum() < kept.size
    np.testing.assert_allclose(buffers.output, np.where(kept, x / (1 - RATE), 0), rtol=1e-12)
    buffers.error[:] = 1
    np.testing.assert_allclose(network.backward(buffers, buffers.error), np.where(kept, 1 / (1 - RATE), 0), rtol=1e-12)


def test_output_changes_with_the_noise_and_only_with_it() -> None:
    network, buffers = make_network()
    x = np.random.default_rng(2).normal(size=(BATCH, WIDTH))
    first = network.forward(buffers, x).copy()
    np.testing.assert_array_equal(network.forward(buffers, x), first)
    buffers.noise[0][:] = np.random.default_rng(3).random((BATCH, WIDTH))
    assert (network.forward(buffers, x) != first).any()


def test_noise_is_not_shared_between_layers_or_buffers() -> None:
    network, buffers = make_network(layers=(Dropout(0.2), Dense(7), Dropout(0.6), Dense(2)))
    assert [noise.shape for noise in buffers.noise] == [(BATCH, WIDTH), (BATCH, 7)]
    other = network.buffers(BATCH)
    assert not any(np.shares_memory(a, b) for a in buffers.noise for b in other.noise)
    assert not np.shares_memory(buffers.noise[0], buffers.noise[1])
    assert Network((WIDTH,), [Dense(2)], np.random.default_rng(0)).buffers(BATCH).noise == []


def test_dropout_preserves_the_mean() -> None:
    network = Network((3,), [Dropout(RATE)], np.random.default_rng(0), np.float64)
    batch, generator = 100_000, np.random.default_rng(1)
    buffers, x = network.buffers(batch), np.array([1.0, -2.0, 10.0])
    buffers.noise[0][:] = generator.random((batch, 3))
    mean = network.forward(buffers, np.broadcast_to(x, (batch, 3))).mean(axis=0)
    # Five standard errors: the standard deviation is √(p / (1 - p)) |x|.
    np.testing.assert_allclose(mean, x, rtol=5 * np.sqrt(RATE / (1 - RATE) / batch))


def test_evaluation_is_the_identity_in_both_directions() -> None:
    network, buffers = make_network("evaluation")
    x = np.random.default_rng(2).normal(size=(BATCH, WIDTH))
    np.testing.assert_array_equal(network.forward(buffers, x), x)
    buffers.error[:] = x + 1
    np.testing.assert_array_equal(network.backward(buffers, buffers.error), x + 1)


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_a_rate_outside_0_to_1_is_rejected(rate: float) -> None:
    with pytest.raises(ArchitectureError, match=r"rate must be in \[0, 1\)"):
        Dropout(rate).output_shape((3,))
