"""One step of SGD and Adam against their twins, and Adam against the closed form of its averages."""

import numpy as np
import pytest
from hypothesis import given

from ava_np.kernels.optimisers import adam_step, sgd_step
from ava_np.kernels.twins import optimisers as twin
from tests.oracles import FLOATS, assert_close, doubles, few_examples, lengths, normal, seeds

β1, β2, ε = 0.9, 0.999, 1e-8

every_float = pytest.mark.parametrize("dtype", FLOATS)


@every_float
@given(length=lengths, seed=seeds)
@few_examples
def test_sgd_is_its_twin(dtype: type[np.floating], length: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    θ, g = normal(generator, (length,), dtype), normal(generator, (length,), dtype)
    expected_θ, expected_g = doubles(θ, g)
    sgd_step(θ, g, 0.3, 1 / 7)
    twin.sgd_step(expected_θ, expected_g, 0.3, 1 / 7)
    assert_close(θ, expected_θ, dtype)


@every_float
@given(length=lengths, seed=seeds)
@few_examples
def test_adam_is_algorithm_1_over_20_steps(dtype: type[np.floating], length: int, seed: int) -> None:
    """The kernel folds both bias corrections into the step size; the twin forms the corrected averages."""
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


@pytest.mark.parametrize("floor", [ε, 0.5])
def test_adam_steps_by_weighted_averages_of_all_past_gradients(floor: float) -> None:
    """Without recursion: m̂ = Σ_j β₁^(k-j) g_j / Σ_j β₁^(k-j), likewise v̂ of g².

    A floor of ½ shows that ε stands beside the root of the corrected average, neither within nor uncorrected.
    """
    γ, generator = 0.01, np.random.default_rng(0)
    history = generator.standard_normal((20, 30))
    θ, m, v = (np.zeros(30) for _ in range(3))
    expected = np.zeros(30)
    for k in range(1, 21):
        adam_step(θ, m, v, 4 * history[k - 1], γ, 1 / 4, β1, β2, floor, k)
        ages = np.arange(k)[::-1]
        m_hat = np.average(history[:k], axis=0, weights=β1**ages)
        v_hat = np.average(history[:k] ** 2, axis=0, weights=β2**ages)
        expected -= γ * m_hat / (np.sqrt(v_hat) + floor)
        assert_close(θ, expected, np.float64)


def test_sgd_moves_by_exactly_γ_ρ_g() -> None:
    θ, g = np.array([1.0, -2.0, 0.0]), np.array([4.0, 8.0, -16.0])
    sgd_step(θ, g, 0.5, 0.25)
    np.testing.assert_array_equal(θ, [0.5, -3.0, 2.0])
    np.testing.assert_array_equal(g, [4.0, 8.0, -16.0])


@every_float
def test_first_step_of_adam_is_γ_along_every_axis(dtype: type[np.floating]) -> None:
    """Whatever the gradient's size: both averages have seen one number."""
    g = np.array([1e-3, -1e-3, 1.0, -1.0, 1e4, -1e4] * 6, dtype)
    θ, m, v = (np.zeros_like(g) for _ in range(3))
    adam_step(θ, m, v, g, 0.01, 1.0, β1, β2, 1e-12, 1)
    np.testing.assert_allclose(θ, -0.01 * np.sign(g), rtol=1e-5 if dtype == np.float32 else 1e-8)


def test_adam_stands_still_without_a_gradient() -> None:
    θ, m, v = np.ones(37), np.zeros(37), np.zeros(37)
    adam_step(θ, m, v, np.zeros(37), 0.01, 1.0, β1, β2, ε, 1)
    np.testing.assert_array_equal(θ, 1)


def test_adam_does_not_care_for_the_scale_of_the_gradient() -> None:
    """With a negligible ε: a sum over the batch, ρ = 1, and a mean, ρ = 1/64, take the same path."""
    paths = []
    for ρ in (1.0, 1 / 64):
        generator = np.random.default_rng(0)
        θ, m, v = (np.zeros(30) for _ in range(3))
        for k in range(1, 21):
            adam_step(θ, m, v, generator.standard_normal(30), 0.01, ρ, β1, β2, 1e-30, k)
        paths.append(θ)
    assert_close(paths[0], paths[1], np.float64)
    assert np.abs(paths[0]).min() > 1e-4


def test_both_go_downhill_to_the_bottom_of_a_bowl() -> None:
    centre = np.linspace(-1, 1, 5)
    by_sgd, by_adam, m, v = (np.zeros(5) for _ in range(4))
    for k in range(1, 1001):
        sgd_step(by_sgd, by_sgd - centre, 0.1, 1.0)
        adam_step(by_adam, m, v, by_adam - centre, 0.01, 1.0, β1, β2, ε, k)
    np.testing.assert_allclose(by_sgd, centre, atol=1e-9)
    np.testing.assert_allclose(by_adam, centre, atol=1e-3)


def test_a_nan_gradient_is_seen_in_every_state() -> None:
    g = np.zeros(37)
    g[11] = np.nan
    θ, m, v = np.zeros(37), np.zeros(37), np.zeros(37)
    adam_step(θ, m, v, g, 0.01, 1.0, β1, β2, ε, 1)
    for state in (θ, m, v):
        np.testing.assert_array_equal(np.isnan(state), np.isnan(g))
