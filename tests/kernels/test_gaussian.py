"""Gaussian encoder output: twin, central differences, moments of the codes, KL divergence as an integral."""

import numpy as np
import pytest
from hypothesis import given

from ava_np.kernels import gaussian
from ava_np.kernels.twins import gaussian as twin
from tests.oracles import (
    FLOATS,
    assert_close,
    batches,
    check_gradient,
    doubles,
    few_examples,
    normal,
    seeds,
    widths,
)

every_float = pytest.mark.parametrize("dtype", FLOATS)


def head(
    generator: np.random.Generator, batch: int, latent: int, dtype: type[np.floating]
) -> tuple[np.ndarray, np.ndarray]:
    """Draw (μ, s), or their errors, as the two halves of one wider array, the way models store them."""
    both = normal(generator, (batch, 2 * latent), dtype)
    return both[:, :latent], both[:, latent:]


@every_float
@given(batch=batches, latent=widths, seed=seeds)
@few_examples
def test_reparameterisation_matches_the_twin(dtype: type[np.floating], batch: int, latent: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    (μ, s), (dμ, ds) = head(generator, batch, latent, dtype), head(generator, batch, latent, dtype)
    r, dz = normal(generator, (batch, latent), dtype), normal(generator, (batch, latent), dtype)
    z = np.full_like(r, np.nan)
    expected_z, expected_dμ, expected_ds = doubles(z, dμ, ds)

    gaussian.reparameterise_forward(z, μ, s, r)
    gaussian.reparameterise_backward(dμ, ds, dz, s, r)

    μ, s, r, dz = doubles(μ, s, r, dz)
    twin.reparameterise_forward(expected_z, μ, s, r)
    twin.reparameterise_backward(expected_dμ, expected_ds, dz, s, r)
    assert_close(z, expected_z, dtype)
    assert_close(dμ, expected_dμ, dtype)
    assert_close(ds, expected_ds, dtype)


@every_float
@given(batch=batches, latent=widths, seed=seeds)
@few_examples
def test_kl_divergence_matches_the_twin(dtype: type[np.floating], batch: int, latent: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    (μ, s), (dμ, ds) = head(generator, batch, latent, dtype), head(generator, batch, latent, dtype)
    expected_dμ, expected_ds, expected_μ, expected_s = doubles(dμ, ds, μ, s)

    assert_close(gaussian.kl_forward(μ, s), twin.kl_forward(expected_μ, expected_s), dtype)
    gaussian.kl_backward(dμ, ds, μ, s)
    twin.kl_backward(expected_dμ, expected_ds, expected_μ, expected_s)
    assert_close(dμ, expected_dμ, dtype)
    assert_close(ds, expected_ds, dtype)


@given(batch=batches, latent=widths, seed=seeds)
@few_examples
def test_both_backward_passes_match_central_differences(batch: int, latent: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    μ, s = head(generator, batch, latent, np.float64)
    r, weight = (normal(generator, (batch, latent), np.float64) for _ in range(2))
    z, both = np.empty_like(r), np.zeros((batch, 2 * latent))
    dμ, ds = both[:, :latent], both[:, latent:]

    def objective() -> float:
        gaussian.reparameterise_forward(z, μ, s, r)
        return float(np.sum(weight * z))

    gaussian.reparameterise_backward(dμ, ds, weight, s, r)
    check_gradient(objective, μ, dμ)
    check_gradient(objective, s, ds)

    both.fill(0)
    gaussian.kl_backward(dμ, ds, μ, s)
    check_gradient(lambda: gaussian.kl_forward(μ, s), μ, dμ)
    check_gradient(lambda: gaussian.kl_forward(μ, s), s, ds)


def test_errors_are_added() -> None:
    generator = np.random.default_rng(0)
    (μ, s), (dz, r) = (head(generator, 2, 3, np.float64) for _ in range(2))
    once, added = np.zeros((2, 6)), np.full((2, 6), 5.0)
    for both in (once, added):
        gaussian.kl_backward(both[:, :3], both[:, 3:], μ, s)
        gaussian.reparameterise_backward(both[:, :3], both[:, 3:], dz.copy(), s, r.copy())
    assert_close(added, once + 5, np.float64)


def test_codes_have_mean_μ_and_variance_exp_s() -> None:
    """Not exp(2s), as z = μ + e^s r would give; with a matching backward pass, that would pass a gradient check."""
    draws = 200_000
    mean, log_variance = np.array([-1.0, 0.0, 2.0]), np.array([-1.5, 0.0, 1.2])
    both = np.tile(np.concatenate([mean, log_variance]), (draws, 1))
    r = np.random.default_rng(0).standard_normal((draws, 3))
    z = np.empty_like(r)
    gaussian.reparameterise_forward(z, both[:, :3], both[:, 3:], r)
    variance = np.exp(log_variance)
    # Five standard errors of the mean and of the variance of normal values.
    assert np.all(np.abs(z.mean(axis=0) - mean) < 5 * np.sqrt(variance / draws))
    assert np.all(np.abs(z.var(axis=0) - variance) < 5 * variance * np.sqrt(2 / draws))


def test_code_is_the_mean_if_the_noise_is_zero() -> None:
    μ, s = head(np.random.default_rng(0), 4, 3, np.float64)
    z = np.empty((4, 3))
    gaussian.reparameterise_forward(z, μ, s, np.zeros((4, 3)))
    np.testing.assert_array_equal(z, μ)


@pytest.mark.parametrize(("mean", "log_variance"), [(0.0, 1.0), (1.5, 0.0), (-0.7, -2.0), (2.0, 0.8)])
def test_kl_divergence_equals_its_defining_integral(mean: float, log_variance: float) -> None:
    """∫ p log(p/q) dz with p = N(μ, e^s) and q = N(0, 1), in nats, by the trapezium rule."""
    deviation = np.exp(log_variance / 2)
    z, step = np.linspace(mean - 12 * deviation, mean + 12 * deviation, 20_001, retstep=True)
    log_p = -((z - mean) ** 2) / (2 * np.exp(log_variance)) - log_variance / 2 - np.log(2 * np.pi) / 2
    log_q = -(z**2) / 2 - np.log(2 * np.pi) / 2
    integral = step * np.sum(np.exp(log_p) * (log_p - log_q))
    both = np.array([[mean, log_variance]])
    assert_close(gaussian.kl_forward(both[:, :1], both[:, 1:]), integral, np.float64)


@every_float
def test_kl_divergence_and_its_errors_are_exactly_zero_at_the_prior(dtype: type[np.floating]) -> None:
    both, errors = np.zeros((3, 8), dtype), np.zeros((3, 8), dtype)
    assert gaussian.kl_forward(both[:, :4], both[:, 4:]) == 0
    gaussian.kl_backward(errors[:, :4], errors[:, 4:], both[:, :4], both[:, 4:])
    np.testing.assert_array_equal(errors, 0)


@given(batch=batches, latent=widths, seed=seeds)
@few_examples
def test_kl_divergence_is_positive_away_from_the_prior(batch: int, latent: int, seed: int) -> None:
    μ, s = head(np.random.default_rng(seed), batch, latent, np.float64)
    assert gaussian.kl_forward(μ, s) > 0


def test_error_at_s_is_the_printed_error_at_Σ_times_its_derivative() -> None:
    """AVA (5): ½(1 - Σ^-1) a_f', where Σ = e^s is the output of the activation, so a_f' = Σ."""
    both, errors = np.zeros((1, 40)), np.zeros((1, 40))
    both[0, 20:] = np.linspace(-5, 5, 20)
    gaussian.kl_backward(errors[:, :20], errors[:, 20:], both[:, :20], both[:, 20:])
    Σ = np.exp(both[0, 20:])
    assert_close(errors[0, 20:], 0.5 * (1 - 1 / Σ) * Σ, np.float64)


@every_float
def test_kl_divergence_is_finite_if_the_variance_underflows(dtype: type[np.floating]) -> None:
    """Where Σ underflows, the printed ½(1 - Σ^-1) divides by 0; its product with a_f' = Σ is -½."""
    both, errors = np.zeros((1, 2), dtype), np.zeros((1, 2), dtype)
    both[0, 1] = -1000
    with np.errstate(all="raise"):
        assert gaussian.kl_forward(both[:, :1], both[:, 1:]) == 499.5
        gaussian.kl_backward(errors[:, :1], errors[:, 1:], both[:, :1], both[:, 1:])
    np.testing.assert_array_equal(errors, [[0, -0.5]])


@pytest.mark.parametrize("half", [0, 1])
def test_nan_stays_nan(half: int) -> None:
    both, errors, z = np.zeros((2, 4)), np.zeros((2, 4)), np.empty((2, 2))
    both[1, 2 * half] = np.nan
    μ, s = both[:, :2], both[:, 2:]
    assert np.isnan(gaussian.kl_forward(μ, s))
    gaussian.kl_backward(errors[:, :2], errors[:, 2:], μ, s)
    np.testing.assert_array_equal(np.isnan(errors), np.isnan(both))
    gaussian.reparameterise_forward(z, μ, s, np.ones((2, 2)))
    np.testing.assert_array_equal(np.isnan(z), [[False, False], [True, False]])
