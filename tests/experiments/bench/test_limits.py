"""The least work of a step is what one counts by hand."""

from typing import Any

import numpy as np
import pytest

import ava_np
from ava_np.experiments.bench.limits import Work, least_work
from ava_np.experiments.bench.machine import Rates
from ava_np.experiments.bench.measure import LIMIT, Settings
from ava_np.experiments.bench.models import step_case, w1_model


def work(name: str, optimiser: str, batch: int, shape: tuple[int, int, int] = (2, 3, 1), **options: Any) -> Work:
    """Return the least work of a small model."""
    model = ava_np.build(name, shape, latent=2, **options)
    generator = np.random.default_rng(0)
    x = generator.random((batch, model.neurons)).astype(np.float32)
    return least_work(model, x, model.noise(generator, batch), optimiser)  # type: ignore[arg-type]


def test_an_autoencoder_needs_three_products_of_each_weight_but_two_of_the_first_layer() -> None:
    """No error is needed at the picture."""
    encoder, decoder = 6 * 5 + 5 * 2, 2 * 5 + 5 * 6
    found = work("ae", "sgd", 4, hidden=(5,))
    assert found.multiply_adds == 4 * (3 * (encoder + decoder) - 6 * 5)


def test_a_gan_counts_every_application_and_no_gradient_of_what_does_not_learn() -> None:
    G, D = 2 * 5 + 5 * 6, 6 * 5 + 5 * 1
    first, second = G + 2 * D + 2 * (2 * D - 6 * 5), G + D + D + (2 * G - 2 * 5)
    assert work("gan", "sgd", 4, hidden=(5,)).multiply_adds == 4 * (first + second)


def test_a_convolution_uses_its_weights_at_every_place() -> None:
    layers = {"encoder": ({"layer": "convolution", "channels": 3, "kernel": 3, "padding": 1},)}
    plain = {"decoder": ({"layer": "dense", "width": 48},)}
    found = work("ae", "sgd", 2, shape=(8, 6, 1), architecture={**layers, **plain})
    windows, code, decoder = 48 * 27, 48 * 3 * 2, 2 * 48
    assert found.multiply_adds == 2 * (2 * windows + 3 * code + 3 * decoder)


@pytest.mark.parametrize(("optimiser", "times"), [("sgd", 3), ("momentum", 5), ("rmsprop", 5), ("adam", 7)])
def test_bytes_are_those_of_the_weights_and_of_what_is_kept(optimiser: str, times: int) -> None:
    weights = sum(one.theta.size for one in ava_np.build("vae", (2, 3, 1), latent=2, hidden=(5,)).networks.values())
    assert work("vae", optimiser, 4, hidden=(5,)).bytes == times * 4 * weights


def test_the_longer_of_the_two_limits_counts() -> None:
    rates = Rates(threads=1, peak=100, sgemm=0, memory=10)
    assert Work(10**9, 10**7).milliseconds(rates) == pytest.approx(20)
    assert Work(10**6, 10**8).milliseconds(rates) == pytest.approx(10)


def test_the_paper_sized_network_needs_what_was_computed_by_hand() -> None:
    """0.77 GFLOP and three passes over 46 MB of weights."""
    model = w1_model()
    x = np.zeros((10, model.neurons), np.float32)
    found = least_work(model, x, model.noise(np.random.default_rng(0), 10), "sgd")
    assert 2 * found.multiply_adds == pytest.approx(0.77e9, rel=0.01)
    assert found.bytes == pytest.approx(138e6, rel=0.01)


def test_a_step_is_compared_with_its_limit() -> None:
    rates = [Rates(threads=1, peak=1.0, sgemm=1.0, memory=1.0)]
    settings = Settings(None, None, repeats=1, quick=True, rates=rates)
    model = ava_np.build("vae", (2, 3, 1), latent=2, hidden=(5,))
    (row,) = settings.measure(step_case(settings, "small", model, "sgd", 4, jax=False, threads=1))
    assert row.peer == LIMIT
    assert row.peer_ms is not None
    assert 0 < row.peer_ms < row.ours_ms
