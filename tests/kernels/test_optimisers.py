"""Optimiser steps: twins, closed forms of their running sums and means, convergence, NaN, PyTorch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from ava_np.kernels.optimisers import adam_step, average_step, decay, momentum_step, rmsprop_step, sgd_step
from ava_np.kernels.twins import optimisers as twin
from tests.oracles import FLOATS, assert_close, doubles, few_examples, lengths, normal, seeds

β1, β2, ε = 0.9, 0.999, 1e-8
μ, α = 0.8, 0.9

every_float = pytest.mark.parametrize("dtype", FLOATS)


@every_float
@given(length=lengths, seed=seeds)
@few_examples
def test_sgd_matches_the_twin(dtype: type[np.floating], length: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    θ, g = normal(generator, (length,), dtype), normal(generator, (length,), dtype)
    expected_θ, expected_g = doubles(θ, g)
    sgd_step(θ, g, 0.3, 1 / 7)
    twin.sgd_step(expected_θ, expected_g, 0.3, 1 / 7)
    assert_close(θ, expected_θ, dtype)


@every_float
@given(length=lengths, seed=seeds)
@few_examples
def test_weight_decay_matches_the_twin(dtype: type[np.floating], length: int, seed: int) -> None:
    θ = normal(np.random.default_rng(seed), (length,), dtype)
    (expected,) = doubles(θ)
    decay(θ, 0.3, 0.7)
    twin.decay(expected, 0.3, 0.7)
    assert_close(θ, expected, dtype)


@every_float
@given(length=lengths, seed=seeds)
@few_examples
def test_average_matches_the_twin(dtype: type[np.floating], length: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    a, θ = normal(generator, (length,), dtype), normal(generator, (length,), dtype)
    expected_a, expected_θ = doubles(a, θ)
    average_step(a, θ, 0.9)
    twin.average_step(expected_a, expected_θ, 0.9)
    assert_close(a, expected_a, dtype)


def test_average_of_equal_parameters_does_not_change_in_float32() -> None:
    """The factor β, rounded, would move it: (1 - β) (θ - a) is exactly 0."""
    θ = normal(np.random.default_rng(0), (1000,), np.float32)
    a = θ.copy()
    average_step(a, θ, 0.999)
    np.testing.assert_array_equal(a, θ)


@every_float
@given(length=lengths, seed=seeds)
@few_examples
def test_momentum_and_rmsprop_match_the_twin_over_20_steps(dtype: type[np.floating], length: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    start = normal(generator, (length,), dtype)
    gradients = normal(generator, (20, length), dtype)
    (doubled,) = doubles(gradients)
    kernels: list[tuple[Callable[..., None], Callable[..., None], tuple[float, ...]]] = [
        (momentum_step, twin.momentum_step, (0.01, 1 / 7, μ)),
        (rmsprop_step, twin.rmsprop_step, (0.01, 1 / 7, α, ε)),
    ]
    for kernel_step, twin_step, settings in kernels:
        θ, v = start.copy(), np.zeros_like(start)
        expected_θ, expected_v = doubles(θ, v)
        for g, expected_g in zip(gradients, doubled, strict=True):
            kernel_step(θ, v, g, *settings)
            twin_step(expected_θ, expected_v, expected_g, *settings)
        assert_close(θ, expected_θ, dtype)
        assert_close(v, expected_v, dtype)


@every_float
@given(length=lengths, seed=seeds)
@few_examples
def test_adam_matches_algorithm_1_over_20_steps(dtype: type[np.floating], length: int, seed: int) -> None:
    """The kernel folds both bias corrections into the step size; the twin computes the corrected means."""
    generator = np.random.default_rng(seed)
    θ = normal(generator, (length,), dtype)
    m, v = np.zeros_like(θ), np.zeros_like(θ)
    expected_θ, expected_m, expected_v = doubles(θ, m, v)
    for k in range(1, 21):
        g = normal(generator, (length,), dtype)
        (expected_g,) = doubles(g)
        adam_step(θ, m, v, g, 0.01, 1 / 7, β1, β2, ε, k)
        twin.adam_step(expected_θ, expected_m, expected_v, expected_g, 0.01, 1 / 7, β1, β2, ε, k)
    assert_close(θ, expected_θ, dtype)
    assert_close(m, expected_m, dtype)
    assert_close(v, expected_v, dtype)


@pytest.mark.parametrize("epsilon", [ε, 0.5])
def test_adam_uses_weighted_means_of_all_past_gradients(epsilon: float) -> None:
    """In closed form: m̂ = Σ_j β₁^(k-j) g_j / Σ_j β₁^(k-j), and v̂ likewise for g².

    ε = ½ shows that ε is added to the root of the corrected mean, not inside the root and not to the uncorrected root.
    """
    γ, generator = 0.01, np.random.default_rng(0)
    history = generator.standard_normal((20, 30))
    θ, m, v = (np.zeros(30) for _ in range(3))
    expected = np.zeros(30)
    for k in range(1, 21):
        adam_step(θ, m, v, 4 * history[k - 1], γ, 1 / 4, β1, β2, epsilon, k)
        ages = np.arange(k)[::-1]
        m_hat = np.average(history[:k], axis=0, weights=β1**ages)
        v_hat = np.average(history[:k] ** 2, axis=0, weights=β2**ages)
        expected -= γ * m_hat / (np.sqrt(v_hat) + epsilon)
        assert_close(θ, expected, np.float64)


def test_momentum_uses_an_exponentially_weighted_sum_of_all_past_gradients() -> None:
    """In closed form: v = Σ_j μ^(k-j) ρ g_j. γ is outside the sum, so changing γ does not change v."""
    history = np.random.default_rng(0).standard_normal((20, 30))
    θ, v, expected = (np.zeros(30) for _ in range(3))
    for k in range(1, 21):
        γ = 0.1 / k
        momentum_step(θ, v, history[k - 1], γ, 1 / 4, μ)
        expected -= γ * (μ ** np.arange(k)[::-1] @ history[:k]) / 4
        assert_close(θ, expected, np.float64)


def test_momentum_0_is_sgd() -> None:
    g = np.random.default_rng(0).standard_normal(30)
    θ, v, expected = np.ones(30), np.zeros(30), np.ones(30)
    for _ in range(5):
        momentum_step(θ, v, g, 0.1, 1 / 4, 0.0)
        sgd_step(expected, g, 0.1, 1 / 4)
    assert_close(θ, expected, np.float64)


def test_constant_gradient_makes_momentum_steps_1_over_1_minus_μ_times_as_long() -> None:
    θ, v, g = np.zeros(37), np.zeros(37), np.full(37, 2.0)
    for _ in range(300):
        before = θ.copy()
        momentum_step(θ, v, g, 0.1, 1 / 2, μ)
    np.testing.assert_allclose(before - θ, 0.1 / (1 - μ), rtol=1e-9)


@pytest.mark.parametrize("epsilon", [ε, 0.5])
def test_rmsprop_divides_by_the_root_of_an_exponentially_weighted_mean_of_squares(epsilon: float) -> None:
    """In closed form: v = (1 - α) Σ_j α^(k-j) (ρ g_j)², not bias-corrected. ε = ½ shows that ε is outside the root."""
    history = np.random.default_rng(0).standard_normal((20, 30))
    θ, v, expected = (np.zeros(30) for _ in range(3))
    for k in range(1, 21):
        rmsprop_step(θ, v, 4 * history[k - 1], 0.01, 1 / 4, α, epsilon)
        squares = (1 - α) * (α ** np.arange(k)[::-1] @ history[:k] ** 2)
        expected -= 0.01 * history[k - 1] / (np.sqrt(squares) + epsilon)
        assert_close(θ, expected, np.float64)


@every_float
def test_weight_decay_removes_the_fraction_γ_λ_of_every_parameter(dtype: type[np.floating]) -> None:
    θ = np.array([4.0, -8.0, 0.0, 1e-3, 1e6], dtype)
    expected = θ * 0.875
    decay(θ, 0.5, 0.25)
    np.testing.assert_array_equal(θ, expected)


def test_small_weight_decay_is_correct_on_average_in_float32() -> None:
    """Each parameter is rounded separately. A factor 1 - γ λ would be off by 1.3 % of γ λ for all of them."""
    θ = normal(np.random.default_rng(0), (10_000,), np.float32)
    (start,) = doubles(θ)
    decay(θ, 2e-4, 5e-3)
    assert (start - θ) @ start / (start @ start) == pytest.approx(1e-6, rel=0.004)


def test_sgd_step_is_exactly_γ_ρ_g() -> None:
    θ, g = np.array([1.0, -2.0, 0.0]), np.array([4.0, 8.0, -16.0])
    sgd_step(θ, g, 0.5, 0.25)
    np.testing.assert_array_equal(θ, [0.5, -3.0, 2.0])
    np.testing.assert_array_equal(g, [4.0, 8.0, -16.0])


@every_float
def test_first_step_of_adam_is_γ_in_every_parameter(dtype: type[np.floating]) -> None:
    """For gradients of any size, because both means contain a single value."""
    g = np.array([1e-3, -1e-3, 1.0, -1.0, 1e4, -1e4] * 6, dtype)
    θ, m, v = (np.zeros_like(g) for _ in range(3))
    adam_step(θ, m, v, g, 0.01, 1.0, β1, β2, 1e-12, 1)
    np.testing.assert_allclose(θ, -0.01 * np.sign(g), rtol=1e-5 if dtype == np.float32 else 1e-8)


def test_adam_does_not_move_if_the_gradient_is_zero() -> None:
    θ, m, v = np.ones(37), np.zeros(37), np.zeros(37)
    adam_step(θ, m, v, np.zeros(37), 0.01, 1.0, β1, β2, ε, 1)
    np.testing.assert_array_equal(θ, 1)


def test_adam_is_invariant_to_the_scale_of_the_gradient() -> None:
    """If ε is negligible: a sum over the batch, ρ = 1, and a mean, ρ = 1/64, give the same steps."""
    results = []
    for ρ in (1.0, 1 / 64):
        generator = np.random.default_rng(0)
        θ, m, v = (np.zeros(30) for _ in range(3))
        for k in range(1, 21):
            adam_step(θ, m, v, generator.standard_normal(30), 0.01, ρ, β1, β2, 1e-30, k)
        results.append(θ)
    assert_close(results[0], results[1], np.float64)
    assert np.abs(results[0]).min() > 1e-4


def test_all_optimisers_minimise_a_quadratic() -> None:
    """RMSprop only comes close: its last steps are as long as its first ones, unless γ decreases."""
    centre = np.linspace(-1, 1, 5)
    by_sgd, by_momentum, by_rmsprop, by_adam, velocity, mean, m, v = (np.zeros(5) for _ in range(8))
    for k in range(1, 1001):
        sgd_step(by_sgd, by_sgd - centre, 0.1, 1.0)
        momentum_step(by_momentum, velocity, by_momentum - centre, 0.1, 1.0, μ)
        rmsprop_step(by_rmsprop, mean, by_rmsprop - centre, 0.01, 1.0, α, ε)
        adam_step(by_adam, m, v, by_adam - centre, 0.01, 1.0, β1, β2, ε, k)
    np.testing.assert_allclose(by_sgd, centre, atol=1e-9)
    np.testing.assert_allclose(by_momentum, centre, atol=1e-9)
    np.testing.assert_allclose(by_rmsprop, centre, atol=0.02)
    np.testing.assert_allclose(by_adam, centre, atol=1e-3)


def test_nan_gradient_reaches_parameters_and_state() -> None:
    g = np.zeros(37)
    g[11] = np.nan
    by_momentum, velocity, by_rmsprop, mean, θ, m, v = (np.zeros(37) for _ in range(7))
    momentum_step(by_momentum, velocity, g, 0.01, 1.0, μ)
    rmsprop_step(by_rmsprop, mean, g, 0.01, 1.0, α, ε)
    adam_step(θ, m, v, g, 0.01, 1.0, β1, β2, ε, 1)
    for state in (by_momentum, velocity, by_rmsprop, mean, θ, m, v):
        np.testing.assert_array_equal(np.isnan(state), np.isnan(g))


Advance = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int], None]


def decayed_adam(θ: np.ndarray, m: np.ndarray, v: np.ndarray, g: np.ndarray, k: int) -> None:
    decay(θ, 0.05, 0.3)
    adam_step(θ, m, v, 4 * g, 0.05, 1 / 4, β1, β2, ε, k)


@pytest.mark.parametrize(
    ("name", "options", "advance"),
    [
        ("SGD", {}, lambda θ, m, v, g, k: sgd_step(θ, 4 * g, 0.05, 1 / 4)),
        ("SGD", {"momentum": μ}, lambda θ, m, v, g, k: momentum_step(θ, v, 4 * g, 0.05, 1 / 4, μ)),
        ("RMSprop", {"alpha": α, "eps": ε}, lambda θ, m, v, g, k: rmsprop_step(θ, v, 4 * g, 0.05, 1 / 4, α, ε)),
        ("Adam", {}, lambda θ, m, v, g, k: adam_step(θ, m, v, 4 * g, 0.05, 1 / 4, β1, β2, ε, k)),
        ("AdamW", {"weight_decay": 0.3}, decayed_adam),
    ],
    ids=["sgd", "momentum", "rmsprop", "adam", "adamw"],
)
def test_matches_torch(name: str, options: dict[str, Any], advance: Advance) -> None:
    torch: Any = pytest.importorskip("torch")
    generator = np.random.default_rng(0)
    θ = generator.standard_normal(37)
    m, v = np.zeros(37), np.zeros(37)
    theirs = torch.tensor(θ, requires_grad=True)
    optimiser = getattr(torch.optim, name)([theirs], lr=0.05, **options)
    for k in range(1, 21):
        g = generator.standard_normal(37) * 10.0 ** generator.integers(-3, 3)
        theirs.grad = torch.tensor(g)
        optimiser.step()
        advance(θ, m, v, g, k)
        np.testing.assert_allclose(θ, theirs.detach().numpy(), rtol=1e-12, atol=1e-12)
