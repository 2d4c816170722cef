"""When a training is saved, by its steps or by a clock."""

import pytest

from ava_np.run.checkpoint_interval import Clock, Interval


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("1", Interval(steps=1)),
        ("500", Interval(steps=500)),
        ("5min", Interval(minutes=5)),
        ("0.5 MIN", Interval(minutes=0.5)),
    ],
)
def test_interval_is_read(text: str, interval: Interval) -> None:
    assert Interval.parse(text) == interval


@pytest.mark.parametrize("text", ["", "0", "0min", "-3", "5 minutes", "min", "1e3", "5s", "nan", "9" * 30])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither a number of steps such as 500 nor of minutes such as 5min"):
        Interval.parse(text)


def test_steps_are_counted() -> None:
    clock = Clock(Interval(steps=3))
    assert [step for step in range(1, 10) if clock.due(step)] == [3, 6, 9]


def test_first_saves_come_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """After 1, 2, 4, ... seconds, until a minute is reached; the time of day plays no part."""
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    clock, saved = Clock(Interval(minutes=1), now), []
    for second in range(1, 300):
        now = 1000.0 + second
        if clock.due(second):
            saved.append(second)
            clock.restart()
    assert saved == [1, 3, 7, 15, 31, 63, 123, 183, 243]
