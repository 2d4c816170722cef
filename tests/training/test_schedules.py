"""Schedules: they start at the full rate, fall by their formulas, and never reach 0."""

from typing import Any, get_args

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_np.specification import Schedule, TrainingSpecification, validated
from ava_np.training.schedules import learning_rate_at
from tests.oracles import few_examples

SCHEDULES = get_args(Schedule)
γ = 0.3

every_schedule = pytest.mark.parametrize("schedule", SCHEDULES)


def specify(schedule: str, **options: Any) -> TrainingSpecification:
    given = {"optimiser": "sgd", "learning_rate": γ, "reduction": "sum", "batch_size": 1, "epochs": 1, "seed": 0}
    return validated(TrainingSpecification, schedule=schedule, **given, **options)


def rates(schedule: str, total: int) -> np.ndarray:
    """Return the learning rate of every step."""
    return np.array([learning_rate_at(specify(schedule), step, total) for step in range(1, total + 1)])


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [1, 1, 1, 1]),
        ("linear", [1, 0.75, 0.5, 0.25]),
        ("cosine", [1, (2 + np.sqrt(2)) / 4, 0.5, (2 - np.sqrt(2)) / 4]),
        ("exponential", [1, 1 / np.sqrt(10), 0.1, 0.1 / np.sqrt(10)]),
    ],
)
def test_rates_of_four_steps_match_a_calculation_by_hand(schedule: str, expected: list[float]) -> None:
    np.testing.assert_allclose(rates(schedule, 4), γ * np.array(expected), rtol=1e-14)


def test_cosine_matches_the_formula_of_loshchilov_and_hutter() -> None:
    """This is (5) of their paper with η_min = 0, η_max = γ and T_cur counted from 0."""
    np.testing.assert_allclose(rates("cosine", 50), γ / 2 * (1 + np.cos(np.arange(50) / 50 * np.pi)), rtol=1e-12)


def test_exponential_falls_by_a_constant_factor_to_a_hundredth() -> None:
    values = rates("exponential", 1000)
    np.testing.assert_allclose(values[1:] / values[:-1], values[1] / values[0], rtol=1e-12)
    assert values[-1] * values[1] / values[0] == pytest.approx(γ / 100, rel=1e-12)


def test_linear_falls_by_a_constant_amount_to_0() -> None:
    values = rates("linear", 1000)
    np.testing.assert_allclose(np.diff(values), -γ / 1000, rtol=1e-9)
    assert values[-1] == pytest.approx(γ / 1000, rel=1e-12)


@every_schedule
@pytest.mark.parametrize("total", [1, 2, 7, 1000])
def test_schedules_start_at_the_full_rate_and_never_rise(schedule: str, total: int) -> None:
    values = rates(schedule, total)
    assert values[0] == γ
    assert np.all(np.diff(values) == 0) if schedule == "constant" else np.all(np.diff(values) < 0)


@few_examples
@given(schedule=st.sampled_from(SCHEDULES), total=st.integers(1, 10**6), offset=st.integers(0, 10**6))
def test_every_rate_is_positive_and_at_most_the_full_rate(schedule: str, total: int, offset: int) -> None:
    for step in (1 + offset % total, total):
        assert 0 < learning_rate_at(specify(schedule), step, total) <= γ


@every_schedule
def test_the_last_step_of_a_very_long_training_has_a_positive_rate(schedule: str) -> None:
    """½ (1 + cos π s) rounds to 0 there; the last rate of the cosine is γ (π / 2 total)²."""
    total = 10**10
    end = {"constant": 1, "linear": 1 / total, "cosine": (np.pi / 2 / total) ** 2, "exponential": 0.01}[schedule]
    assert learning_rate_at(specify(schedule), total, total) == pytest.approx(γ * end, rel=1e-6, abs=0)


@every_schedule
@pytest.mark.parametrize("step", [-1, 0, 11])
def test_a_step_outside_the_training_is_rejected(schedule: str, step: int) -> None:
    with pytest.raises(ValueError, match=f"step {step} of a training of 10 steps"):
        learning_rate_at(specify(schedule), step, 10)


def test_milestones_multiply_the_rate_after_their_epochs() -> None:
    """As PyTorch's MultiStepLR does, whose rates for four epochs of two steps these are; any schedule goes on."""
    for schedule in SCHEDULES:
        training = specify(schedule, milestones=(1, 3), decay=0.5)
        training = msgspec.structs.replace(training, epochs=4)
        found = [learning_rate_at(training, step, 8) for step in range(1, 9)]
        plain = np.array([learning_rate_at(specify(schedule), step, 8) for step in range(1, 9)])
        np.testing.assert_allclose(found, plain * [1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25], rtol=1e-14)
