"""Discriminator terms: twin, central differences, direction of a descent step, limits."""

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


def direct(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return d and a_d' = d (1 - d), computed directly as in the paper."""
    d = 1 / (1 + np.exp(-t))
    return d, d * (1 - d)


@every_term
@every_float
@given(batch=batches, sign=signs, seed=seeds)
@few_examples
def test_loss_terms_match_the_twin(term: str, dtype: type[np.floating], batch: int, sign: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    t, dt = 2 * normal(generator, (batch, 1), dtype), normal(generator, (batch, 1), dtype)
    expected_t, expected_dt = doubles(t, dt)

    value = getattr(discrimination, f"{term}_forward")(t)
    getattr(discrimination, f"{term}_backward")(dt, t, sign)  # dt held values: kernel and twin both add

    assert_close(value, getattr(twin, f"{term}_forward")(expected_t), dtype)
    getattr(twin, f"{term}_backward")(expected_dt, expected_t, sign)
    assert_close(dt, expected_dt, dtype)


@every_float
@given(batch=batches, neurons=widths, seed=seeds)
@few_examples
def test_propagation_rules_match_the_twin(dtype: type[np.floating], batch: int, neurons: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    t, dt = 2 * normal(generator, (batch, 1), dtype), normal(generator, (batch, 1), dtype)
    x, x_, dx_, derivative = (normal(generator, (batch, neurons), dtype) for _ in range(4))
    expected_dt, expected_dx_ = doubles(dt, dx_)

    discrimination.causal_backward(dx_, t)
    discrimination.reverse_causal_backward(dt, t, x, x_, derivative)

    t, x, x_, derivative = doubles(t, x, x_, derivative)
    twin.causal_backward(expected_dx_, t)
    twin.reverse_causal_backward(expected_dt, t, x, x_, derivative)
    assert_close(dx_, expected_dx_, dtype)
    assert_close(dt, expected_dt, dtype)


@every_term
@given(batch=batches, sign=signs, seed=seeds)
@few_examples
def test_backward_matches_central_differences_with_either_sign(term: str, batch: int, sign: int, seed: int) -> None:
    t = 2 * normal(np.random.default_rng(seed), (batch, 1), np.float64)
    dt, forward = np.zeros_like(t), getattr(discrimination, f"{term}_forward")
    getattr(discrimination, f"{term}_backward")(dt, t, sign)
    check_gradient(lambda: sign * forward(t), t, dt)


@given(batch=batches, neurons=widths, seed=seeds)
@few_examples
def test_propagation_rules_are_gradients_of_their_surrogates(batch: int, neurons: int, seed: int) -> None:
    """Causal: -Σ_b c_b Σ_i x'[b,i] with c constant. Reverse-causal: -Σ_b e_b d(t_b) with e constant."""
    generator = np.random.default_rng(seed)
    t = normal(generator, (batch, 1), np.float64)
    x, x_, derivative = (normal(generator, (batch, neurons), np.float64) for _ in range(3))
    dt, dx_ = np.zeros_like(t), np.zeros_like(x)
    d, a_d = direct(t)
    c, e = a_d / (1 - d), np.sum((x - x_) * derivative, axis=1, keepdims=True)

    discrimination.causal_backward(dx_, t)
    check_gradient(lambda: -float(np.sum(c * x_)), x_, dx_)
    discrimination.reverse_causal_backward(dt, t, x, x_, derivative)
    check_gradient(lambda: -float(np.sum(e * direct(t)[0])), t, dt)


def test_errors_are_added() -> None:
    generator = np.random.default_rng(0)
    t = normal(generator, (2, 1), np.float64)
    x, x_, derivative = (normal(generator, (2, 3), np.float64) for _ in range(3))
    once, added = (np.zeros((2, 1)), np.zeros((2, 3))), (np.full((2, 1), 5.0), np.full((2, 3), 5.0))
    for dt, dx_ in (once, added):
        discrimination.log_real_backward(dt, t, -1)
        discrimination.log_fake_backward(dt, t, -1)
        discrimination.reverse_causal_backward(dt, t, x, x_, derivative)
        discrimination.causal_backward(dx_, t)
    assert_close(added[0], once[0] + 5, np.float64)
    assert_close(added[1], once[1] + 5, np.float64)


def test_printed_quotients_equal_1_minus_d_and_d() -> None:
    """AVA (7): a_d'/d = 1 - d and a_d'/(1 - d) = d; the second is also the error of (6) and (14)."""
    t = np.linspace(-6, 6, 25).reshape(-1, 1)
    d, a_d = direct(t)
    real, fake, dx_ = np.zeros_like(t), np.zeros_like(t), np.zeros((25, 2))
    discrimination.log_real_backward(real, t, 1)
    discrimination.log_fake_backward(fake, t, 1)
    discrimination.causal_backward(dx_, t)
    np.testing.assert_allclose(real, a_d / d, rtol=1e-12)
    np.testing.assert_allclose(fake, -a_d / (1 - d), rtol=1e-12)
    np.testing.assert_allclose(-dx_, np.tile(a_d / (1 - d), 2), rtol=1e-12)


def test_discriminator_step_raises_d_on_real_and_lowers_it_on_fake() -> None:
    """AVA (7): a step raises the logit of x and lowers the logit of x'."""
    for logit in (-2.0, 0.0, 2.0):
        real, fake = np.array([[logit]]), np.array([[logit]])
        error = np.zeros((1, 1))
        discrimination.log_real_backward(error, real, -1)
        real -= error
        error.fill(0)
        discrimination.log_fake_backward(error, fake, -1)
        fake -= error
        assert direct(real)[0] > direct(np.array(logit))[0] > direct(fake)[0]


def test_decoder_step_raises_d_on_fake() -> None:
    """AVA (3): a step lowers log(1 - d), so the logit of x' rises. AVA (6): every neuron of x' rises too."""
    t, dt, dx_ = np.zeros((1, 1)), np.zeros((1, 1)), np.zeros((1, 3))
    discrimination.log_fake_backward(dt, t, 1)
    discrimination.causal_backward(dx_, t)
    np.testing.assert_array_equal(-dt, 0.5)
    np.testing.assert_array_equal(-dx_, 0.5)


def test_reverse_causal_step_raises_the_logit_where_the_data_exceed_the_decoded() -> None:
    x, ones = np.full((1, 4), 0.75), np.ones((1, 4))
    for x_, direction in ((x - 0.5, 1), (x + 0.5, -1)):
        dt = np.zeros((1, 1))
        discrimination.reverse_causal_backward(dt, np.zeros((1, 1)), x, x_, ones)
        assert -dt[0, 0] == direction * 0.25 * 2  # a_d'(½) = ¼ times four differences of ½


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
def test_large_logits_give_the_limits_of_every_term(
    logit: float, log_real: float, log_fake: float, d: float, dtype: type[np.floating]
) -> None:
    t, ones = np.full((1, 1), logit, dtype), np.ones((1, 37), dtype)
    real, fake, reverse = (np.zeros((1, 1), dtype) for _ in range(3))
    dx_ = np.zeros((1, 37), dtype)
    with np.errstate(all="raise"):
        np.testing.assert_allclose(discrimination.log_real_forward(t), log_real, rtol=1e-7)
        np.testing.assert_allclose(discrimination.log_fake_forward(t), log_fake, rtol=1e-7)
        discrimination.log_real_backward(real, t, 1)
        discrimination.log_fake_backward(fake, t, 1)
        discrimination.causal_backward(dx_, t)
        discrimination.reverse_causal_backward(reverse, t, ones, 0 * ones, ones)
    assert real == 1 - d
    assert fake == -d
    assert reverse == -37 * d * (1 - d)
    np.testing.assert_array_equal(dx_, -d)


def test_log_d_keeps_full_precision_where_d_is_close_to_1() -> None:
    """At t = 40, 1 - d computed directly rounds to 0, and its logarithm is -∞."""
    t, dt = np.array([[40.0]]), np.zeros((1, 1))
    assert discrimination.log_fake_forward(t) == -40
    np.testing.assert_allclose(discrimination.log_real_forward(t), -math.exp(-40), rtol=1e-14)
    discrimination.log_real_backward(dt, t, 1)
    np.testing.assert_allclose(dt, math.exp(-40), rtol=1e-14)


@every_float
def test_nan_stays_nan(dtype: type[np.floating]) -> None:
    t, ones = np.zeros((3, 1), dtype), np.ones((3, 37), dtype)
    t[1] = np.nan
    assert math.isnan(discrimination.log_real_forward(t))
    assert math.isnan(discrimination.log_fake_forward(t))
    real, fake, reverse = (np.zeros_like(t) for _ in range(3))
    dx_ = np.zeros_like(ones)
    discrimination.log_real_backward(real, t, 1)
    discrimination.log_fake_backward(fake, t, 1)
    discrimination.reverse_causal_backward(reverse, t, ones, ones, ones)
    discrimination.causal_backward(dx_, t)
    for error in (real, fake, reverse, dx_[:, :1], dx_[:, -1:]):
        np.testing.assert_array_equal(np.isnan(error), np.isnan(t))
