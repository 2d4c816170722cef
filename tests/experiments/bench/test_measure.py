"""How implementations are checked, timed and compared. No test depends on a measured time."""

import time

import numpy as np
import pytest

from ava_np.errors import AvaError
from ava_np.experiments.bench import measure
from ava_np.experiments.bench.measure import Case, Implementation, Row


def implementation(name: str, value: float, calls: list[str] | None = None) -> Implementation:
    """Return an implementation that computes one value, and records its runs in ``calls``."""

    def run() -> None:
        if calls is not None:
            calls.append(name)

    return Implementation(name, run, lambda: {"loss": np.array(value), "W": np.array([3.0, value])})


@pytest.mark.parametrize("wrong", [1.5, np.nan])
def test_implementations_with_different_results_are_refused(wrong: float) -> None:
    measure.check(Case("w", [implementation("ours", 1.0), implementation("torch", 1.0)]))
    with pytest.raises(AvaError, match="w: torch and ava-np differ in loss"):
        measure.check(Case("w", [implementation("ours", 1.0), implementation("torch", wrong)]))


def test_the_difference_is_relative_to_the_norm_and_infinite_for_other_shapes() -> None:
    assert measure.relative_difference(np.array([3.0, 4.5]), np.array([3.0, 4.0])) == pytest.approx(0.1)
    assert measure.relative_difference(np.zeros(3), np.zeros(3)) == 0
    assert measure.relative_difference(np.ones(3), np.ones((3, 1))) == np.inf


def test_implementations_take_turns_and_share_a_time_by_name() -> None:
    calls: list[str] = []
    implementations = [implementation(name, 1.0, calls) for name in ("ours", "torch", "torch")]
    best = measure.shortest_times(implementations, 3, 0.0)
    turn = ["ours"] * 2 + ["torch"] * 2 + ["torch"] * 2  # a run that is not timed, and one that is
    assert calls == 3 * turn
    assert list(best) == ["ours", "torch"]


def test_the_shortest_time_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    now, durations = [0.0], iter([9.0, 3.0, 9.0, 2.0, 9.0, 5.0])  # the first run of each turn is not timed

    def run() -> None:
        now[0] += next(durations)

    with monkeypatch.context() as patch:
        patch.setattr(time, "perf_counter", lambda: now[0])
        best = measure.shortest_times([Implementation("ours", run, None)], 3, 0.0)
    assert best == {"ours": 2000.0}


def test_rows_have_ratios_and_the_summary_has_means_and_the_worst() -> None:
    rows = measure.compare("a", 2.0, {"torch": 4.0, "jax": 1.0}) + measure.compare("b", 8.0, {"torch": 4.0})
    assert [row.ratio for row in rows] == [0.5, 2.0, 2.0]
    assert measure.compare("c", 2.0, {}) == [Row("c", 2.0)]
    mean, worst, *_ = measure.summary("5x5", rows)
    assert (mean.ours_ms, mean.peer_ms, mean.ratio) == pytest.approx((4.0, 4.0, 1.0))
    assert worst == Row("5x5, worst: b", 8.0, "torch", 4.0, 2.0)
    assert not list(measure.summary("5x5", [Row("c", 2.0)]))
