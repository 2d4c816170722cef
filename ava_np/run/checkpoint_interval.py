"""When a training is saved: after a number of steps, or of minutes."""

import re
import time
from dataclasses import dataclass, field

FIRST_SECONDS = 1.0  # before the first save by the clock; this doubles until it reaches the interval


@dataclass(frozen=True)
class Interval:
    """Time between two saves of a training: a number of steps, or of minutes.

    Parameters
    ----------
    steps : int
        At least 1; 0 for an interval in minutes.
    minutes : float
        More than 0; 0 for an interval in steps.

    Examples
    --------
    >>> from ava_np.run.checkpoint_interval import Interval
    >>> Interval.parse("500"), Interval.parse("2.5min")
    (Interval(steps=500, minutes=0.0), Interval(steps=0, minutes=2.5))
    """

    steps: int = 0
    minutes: float = 0.0

    @classmethod
    def parse(cls, text: str) -> "Interval":
        """Return the interval that a text means: "500" steps, or "5min".

        Raises
        ------
        ValueError
            If it is neither.
        """
        number = re.fullmatch(r"([0-9]{1,9})|([0-9]{1,6}(?:\.[0-9]{1,6})?) ?min", text.strip().lower())
        interval = cls(int(number[1] or 0), float(number[2] or 0)) if number else cls()
        if interval == cls():
            raise ValueError(f"{text!r} is neither a number of steps such as 500 nor of minutes such as 5min")
        return interval


MINUTE = Interval(minutes=1.0)


@dataclass
class Clock:
    """Tells after each step whether a training is to be saved.

    The clock is monotonic: setting the time of day does not disturb it. An interval in minutes begins with one second,
    which doubles after each save, so that a training that fails early has lost at most half of its time.

    Parameters
    ----------
    interval : Interval
        Time between two saves.
    """

    interval: Interval
    _saved: float = field(default_factory=time.monotonic)
    _seconds: float = FIRST_SECONDS

    def due(self, steps: int) -> bool:
        """Return whether a training is to be saved after ``steps`` steps."""
        if self.interval.steps:
            return steps % self.interval.steps == 0
        return time.monotonic() - self._saved >= min(self._seconds, 60 * self.interval.minutes)

    def restart(self) -> None:
        """Note that the training has been saved just now."""
        self._saved, self._seconds = time.monotonic(), 2 * self._seconds
