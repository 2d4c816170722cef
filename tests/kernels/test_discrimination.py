"""The discriminator's terms: their naive form on d, differences and limits, and which side is real."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_np.kernels import discrimination
from ava_np.kernels.twins import discrimination as twin
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

TERMS = ("log_real", "log_fake")

every_float = pytest.mark.parametrize("dtype", FLOATS)
every_term = pytest.mark.parametrize("term", TERMS)
signs = st.sampled_from([-1, 1])


def naive(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """d and a_d' = d (1 - d), as the paper has them."""
    d = 1 / (1 + np.exp(-t))
    return d, d * (1 - d)


@every_term
@every_float
@given(batch=batches, sign=signs, seed=seeds)
@few_examples
def test_terms_are_their_twins(term: str, dtype: type[np.floating], batch: int, sign: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    t, dt = 2 * normal(generator, (batch, 1), dtype), normal(generator, (batch, 1), dtype)
    expected_t, expected_dt = doubles(t, dt)

    value = getattr(discrimination, f"{term}_forward")(t)
    getattr(discrimination, f"{term}_backward")(dt, t, sign)  # dt held numbers: both sides add

    assert_close(value, getattr(twin, f"{term}_forward")(expected_t), dtype)
    getattr(twin, f"{term}_backward")(expected_dt, expected_t, sign)
    assert_close(dt, expected_dt, dtype)


@every_float
@given(batch=batches, neurons=widths, seed=seeds)
@few_examples
def test_propagations_are_their_twins(dtype: type[np.floating], batch: int, neurons: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    t, dt = 2 * normal(generator, (batch, 1), dtype), normal(generator, (batch, 1), dtype)
    x, x_, dx_, slope = (normal(generator, (batch, neurons), dtype) for _ in range(4))
    expected_dt, expected_dx_ = doubles(dt, dx_)

    discrimination.causal_backward(dx_, t)
    discrimination.reverse_causal_backward(dt, t, x, x_, slope)

    t, x, x_, slope = doubles(t, x, x_, slope)
    twin.causal_backward(expected_dx_, t)
    twin.reverse_causal_backward(expected_dt, t, x, x_, slope)
    assert_close(dx_, expected_dx_, dtype)
    assert_close(dt, expected_dt, dtype)


@every_term
@given(batch=batches, sign=signs, seed=seeds)
@few_examples
def test_backward_is_the_gradient_with_its_sign(term: str, batch: int, sign: int, seed: int) -> None:
    t = 2 * normal(np.random.default_rng(seed), (batch, 1), np.float64)
    dt, forward = np.zeros_like(t), getattr(discrimination, f"{term}_forward")
    getattr(discrimination, f"{term}_backward")(dt, t, sign)
    check_gradient(lambda: sign * forward(t), t, dt)


@given(batch=batches, neurons=widths, seed=seeds)
@few_examples
def test_propagations_descend_their_surrogates(batch: int, neurons: int, seed: int) -> None:
    """Causal: -Σ_b c_b Σ_i x'[b,i], c held. Reverse-causal: -Σ_b e_b d(t_b), e held."""
    generator = np.random.default_rng(seed)
    t = normal(generator, (batch, 1), np.float64)
    x, x_, slope = (normal(generator, (batch, neurons), np.float64) for _ in range(3))
    dt, dx_ = np.zeros_like(t), np.zeros_like(x)
    d, a_d = naive(t)
    c, e = a_d / (1 - d), np.sum((x - x_) * slope, axis=1, keepdims=True)

    discrimination.causal_backward(dx_, t)
    check_gradient(lambda: -float(np.sum(c * x_)), x_, dx_)
    discrimination.reverse_causal_backward(dt, t, x, x_, slope)
    check_gradient(lambda: -float(np.sum(e * naive(t)[0])), t, dt)


def test_errors_are_added() -> None:
    generator = np.random.default_rng(0)
    t = normal(generator, (2, 1), np.float64)
    x, x_, slope = (normal(generator, (2, 3), np.float64) for _ in range(3))
    once, added = (np.zeros((2, 1)), np.zeros((2, 3))), (np.full((2, 1), 5.0), np.full((2, 3), 5.0))
    for dt, dx_ in (once, added):
        discrimination.log_real_backward(dt, t, -1)
        discrimination.log_fake_backward(dt, t, -1)
        discrimination.reverse_causal_backward(dt, t, x, x_, slope)
        discrimination.causal_backward(dx_, t)
    assert_close(added[0], once[0] + 5, np.float64)
    assert_close(added[1], once[1] + 5, np.float64)


def test_printed_quotients_are_1_minus_d_and_d() -> None:
    """AVA (7): a_d'/d = 1 - d and a_d'/(1 - d) = d; the second is also the error of (6) and (14)."""
    t = np.linspace(-6, 6, 25).reshape(-1, 1)
    d, a_d = naive(t)
    real, fake, dx_ = np.zeros_like(t), np.zeros_like(t), np.zeros((25, 2))
    discrimination.log_real_backward(real, t, 1)
    discrimination.log_fake_backward(fake, t, 1)
    discrimination.causal_backward(dx_, t)
    np.testing.assert_allclose(real, a_d / d, rtol=1e-12)
    np.testing.assert_allclose(fake, -a_d / (1 - d), rtol=1e-12)
    np.testing.assert_allclose(-dx_, np.tile(a_d / (1 - d), 2), rtol=1e-12)


def test_a_descent_says_real_of_the_real_and_fake_of_the_fake() -> None:
    """The discriminator's step, AVA (7): up with the logit of x, down with that of x'."""
    for logit in (-2.0, 0.0, 2.0):
        real, fake = np.array([[logit]]), np.array([[logit]])
        error = np.zeros((1, 1))
        discrimination.log_real_backward(error, real, -1)
        real -= error
        error.fill(0)
        discrimination.log_fake_backward(error, fake, -1)
        fake -= error
        assert naive(real)[0] > naive(np.array(logit))[0] > naive(fake)[0]


def test_the_decoder_descends_towards_being_taken_for_real() -> None:
    """AVA (3): it lowers log(1 - d), so the logit of x' rises; AVA (6): so does every neuron of x'."""
    t, dt, dx_ = np.zeros((1, 1)), np.zeros((1, 1)), np.zeros((1, 3))
    discrimination.log_fake_backward(dt, t, 1)
    discrimination.causal_backward(dx_, t)
    np.testing.assert_array_equal(-dt, 0.5)
    np.testing.assert_array_equal(-dx_, 0.5)


def test_leaning_raises_the_logit_where_the_data_exceed_the_decoded() -> None:
    x, ones = np.full((1, 4), 0.75), np.ones((1, 4))
    for x_, side in ((x - 0.5, 1), (x + 0.5, -1)):
        dt = np.zeros((1, 1))
        discrimination.reverse_causal_backward(dt, np.zeros((1, 1)), x, x_, ones)
        assert -dt[0, 0] == side * 0.25 * 2  # a_d'(½) = ¼ times four biases of ½


@pytest.mark.parametrize(
    ("logit", "log_real", "log_fake", "d"),
    [
        (0.0, -math.log(2), -math.log(2), 0.5),
        (1000.0, 0, -1000, 1),
        (-1000.0, -1000, 0, 0),
        (1e30, 0, -1e30, 1),
        (-1e30, -1e30, 0, 0),
        (math.inf, 0, -math.inf, 1),
        (-math.inf, -math.inf, 0, 0),
    ],
)
@every_float
def test_far_out_every_term_reaches_its_limit(
    logit: float, log_real: float, log_fake: float, d: float, dtype: type[np.floating]
) -> None:
    t, ones = np.full((1, 1), logit, dtype), np.ones((1, 37), dtype)
    real, fake, lean = (np.zeros((1, 1), dtype) for _ in range(3))
    dx_ = np.zeros((1, 37), dtype)
    with np.errstate(all="raise"):
        np.testing.assert_allclose(discrimination.log_real_forward(t), log_real, rtol=1e-7)
        np.testing.assert_allclose(discrimination.log_fake_forward(t), log_fake, rtol=1e-7)
        discrimination.log_real_backward(real, t, 1)
        discrimination.log_fake_backward(fake, t, 1)
        discrimination.causal_backward(dx_, t)
        discrimination.reverse_causal_backward(lean, t, ones, 0 * ones, ones)
    assert real == 1 - d
    assert fake == -d
    assert lean == -37 * d * (1 - d)
    np.testing.assert_array_equal(dx_, -d)


def test_a_sure_verdict_keeps_its_digits() -> None:
    """At t = 40 the naive 1 - d rounds to 0 and its logarithm to -∞."""
    t, dt = np.array([[40.0]]), np.zeros((1, 1))
    assert discrimination.log_fake_forward(t) == -40
    np.testing.assert_allclose(discrimination.log_real_forward(t), -math.exp(-40), rtol=1e-14)
    discrimination.log_real_backward(dt, t, 1)
    np.testing.assert_allclose(dt, math.exp(-40), rtol=1e-14)


@every_float
def test_a_nan_stays_a_nan(dtype: type[np.floating]) -> None:
    t, ones = np.zeros((3, 1), dtype), np.ones((3, 37), dtype)
    t[1] = np.nan
    assert math.isnan(discrimination.log_real_forward(t))
    assert math.isnan(discrimination.log_fake_forward(t))
    real, fake, lean = (np.zeros_like(t) for _ in range(3))
    dx_ = np.zeros_like(ones)
    discrimination.log_real_backward(real, t, 1)
    discrimination.log_fake_backward(fake, t, 1)
    discrimination.reverse_causal_backward(lean, t, ones, ones, ones)
    discrimination.causal_backward(dx_, t)
    for error in (real, fake, lean, dx_[:, :1], dx_[:, -1:]):
        np.testing.assert_array_equal(np.isnan(error), np.isnan(t))
