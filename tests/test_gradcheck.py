"""The gradient check: every gradient passes, every parameter is looked at, and a wrong one does not pass."""

from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest

from ava_np import build
from ava_np.gradcheck import LIMIT, Row, central_differences, check, relative_error
from ava_np.kernels import dense, gaussian
from ava_np.kernels.discrimination import log_fake_backward
from ava_np.models import ava
from ava_np.models.ava import AVA
from ava_np.specification import ModelName, Propagation


@pytest.mark.parametrize("propagation", get_args(Propagation))
@pytest.mark.parametrize("name", get_args(ModelName))
def test_every_gradient_of_every_model_passes(name: ModelName, propagation: Propagation) -> None:
    rows = check(name, propagation)
    assert [row for row in rows if not row.relative_error < LIMIT] == []
    networks = build(name, (3, 2, 3), latent=3, hidden=(6, 5)).networks
    expected = {
        (network, layer, quantity)
        for network, built in networks.items()
        for layer, parameter, _ in built.named(built.parameters)
        for quantity in (parameter, "input")
    }
    assert len(rows) == len(expected)
    assert {(row.network, row.layer, row.quantity) for row in rows} == expected


def test_gradients_are_not_trivially_zero() -> None:
    """A check that compares 0 with 0 passes: here the differences themselves are something."""
    model = build("ava5", (3, 2, 3), latent=3, hidden=(6, 5), dtype=np.float64)
    for network in model.networks.values():
        network.theta += np.random.default_rng(7).normal(0, 0.3, network.theta.shape)
    x, r = np.random.default_rng(0).random((4, 18)), model.noise(np.random.default_rng(1), 4)
    model.zero_gradients()
    model.gradients(x, r)
    for name, network in model.networks.items():
        for layer, parameter, gradient in network.named(network.gradients):
            assert np.abs(gradient).max() > 1e-4, f"{name}.{layer}.{parameter}"


def failed(rows: list[Row]) -> set[str]:
    return {row.network for row in rows if not row.relative_error < LIMIT}


def off(factor: float, kernel: Callable[..., None], written: int) -> Callable[..., None]:
    """A kernel that gets its ``written``-th argument wrong by a factor, in a change of that argument."""

    def wrong(*arguments: Any) -> None:
        before = arguments[written].copy()
        kernel(*arguments)
        arguments[written][:] = before + factor * (arguments[written] - before)

    return wrong


@pytest.mark.parametrize(
    ("kernel", "written", "networks"),
    [
        ("kl_backward", 1, {"encoder"}),
        ("reparameterise_backward", 1, {"encoder"}),
        ("squared_error_backward", 0, {"encoder", "decoder"}),
        ("log_real_backward", 0, {"discriminator", "encoding_discriminator"}),
        ("reverse_causal_backward", 0, {"discriminator", "encoding_discriminator"}),
    ],
)
def test_a_term_that_is_wrong_by_a_thousandth_is_found(
    monkeypatch: pytest.MonkeyPatch, kernel: str, written: int, networks: set[str]
) -> None:
    monkeypatch.setattr(ava, kernel, off(1.001, getattr(ava, kernel), written))
    assert failed(check("ava5", "exact")) == networks


def test_noise_times_the_variance_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """dz flowing back through Σ r where the way forward took Σ^½ r."""

    def wrong(dμ: np.ndarray, ds: np.ndarray, dz: np.ndarray, s: np.ndarray, r: np.ndarray) -> None:
        gaussian.reparameterise_backward(dμ, ds, dz, 2 * s, r)

    monkeypatch.setattr(ava, "reparameterise_backward", wrong)
    assert failed(check("vae", "exact")) == {"encoder"}


def test_a_wrong_input_error_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    original = dense.dense_backward_input

    def wrong(dx: np.ndarray, dy: np.ndarray, W: np.ndarray) -> None:
        original(dx, dy, W)
        dx *= 1.001

    monkeypatch.setattr(dense, "dense_backward_input", wrong)
    rows = check("vae", "paper")
    assert {row.quantity for row in rows if not row.relative_error < LIMIT} >= {"input"}


def test_a_discriminator_that_learns_from_its_star_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def supervise(self: AVA, δ: np.ndarray, discriminator: Any, tape: Any) -> None:
        log_fake_backward(tape.clear_error(), tape.output, +1)
        δ += discriminator.backward(tape)

    monkeypatch.setattr(AVA, "supervise", supervise)
    assert failed(check("ava5", "exact")) == {"discriminator", "encoding_discriminator"}


@pytest.mark.parametrize("name", ["ava1", "ava3", "ava5"])
def test_the_two_propagations_are_told_apart(monkeypatch: pytest.MonkeyPatch, name: ModelName) -> None:
    """Rules of the one do not pass for gradients of the other's objective."""
    gradients = AVA.gradients

    def swapped(self: AVA, x: np.ndarray, r: np.ndarray) -> dict[str, float]:
        own, self.propagation = self.propagation, "paper"
        try:
            return gradients(self, x, r)
        finally:
            self.propagation = own

    monkeypatch.setattr(AVA, "gradients", swapped)
    assert "encoder" in failed(check(name, "exact"))
    assert failed(check(name, "paper")) == set()


def test_differences_of_a_known_function() -> None:
    """Of a quadratic they are exact but for rounding; the array is put back to the last bit."""
    generator = np.random.default_rng(0)
    A, a = generator.normal(size=(6, 6)), generator.normal(size=(2, 3))
    before = a.tobytes()
    numeric = central_differences(lambda: float(a.ravel() @ A @ a.ravel()), a)
    np.testing.assert_allclose(numeric.ravel(), (A + A.T) @ a.ravel(), rtol=1e-8)
    assert a.tobytes() == before


def test_relative_error_is_that_of_the_largest() -> None:
    numeric = np.array([2.0, -4.0, 0.0])
    assert relative_error(numeric, numeric) == 0
    assert relative_error(numeric + np.array([0.0, 0.0, 0.5]), numeric) == pytest.approx(0.125)
    assert relative_error(np.zeros(3), np.zeros(3)) == 0
    assert relative_error(np.array([0.0, 0.1, 0.0]), np.zeros(3)) == pytest.approx(0.1)


def test_a_nan_does_not_pass() -> None:
    assert not relative_error(np.array([np.nan, 1.0]), np.ones(2)) < LIMIT
