"""A measure over the trainings that differ by the seed alone, and what two of them say about a claim."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isnan, nan
from statistics import fmean


@dataclass(frozen=True)
class Spread:
    """Mean, smallest and largest value; NaN if there is none."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Return the spread of the values that are numbers: a training that failed has none."""
        found = [value for value in values if not isnan(value)]
        return cls(fmean(found), min(found), max(found)) if found else cls(nan, nan, nan)

    @property
    def short(self) -> str:
        """The mean with three digits, and ± half the range with one, for a table."""
        half_range = f" ± {float(f'{(self.high - self.low) / 2:.1g}'):g}" if self.high > self.low else ""
        return "" if isnan(self.mean) else f"{self.mean:.3g}{half_range}"

    def __str__(self) -> str:
        """Return the mean with three digits, and the range if there is one."""
        range_ = f" ({self.low:.3g} to {self.high:.3g})" if self.high > self.low else ""
        return "" if isnan(self.mean) else f"{self.mean:.3g}{range_}"


def verdict(lesser: Sequence[float], greater: Sequence[float]) -> str:
    """Return whether each of the first values is less than each of the second ones.

    Parameters
    ----------
    lesser, greater : sequence of float
        A measure of two trainings, over their seeds.

    Returns
    -------
    str
        "holds"; "the opposite" if each is greater; "undecided" if the ranges overlap; "not measured" if a value is
        missing. With one seed on either side, it says so.
    """
    if not lesser or not greater or any(isnan(value) for value in (*lesser, *greater)):
        return "not measured"
    result = "holds" if max(lesser) < min(greater) else "the opposite" if min(lesser) > max(greater) else "undecided"
    return result if min(len(lesser), len(greater)) > 1 else f"{result}, with one seed"
