"""A published experiment, run again: some cases, each with several seeds, beside the figures that were printed.

A script in ``experiments/paper`` describes a ``Study``; ``experiments/study_run.py`` trains it and writes the page.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from math import isnan
from typing import Any, Literal

from ava_np.experiments.spread import Spread, verdict


@dataclass(frozen=True)
class Key:
    """What tells one training from another; a study that varies something else has a key of its own, with a ``case``.

    Attributes
    ----------
    case : str
        A short name.
    seed : int
        Of the weights, the order of the pictures and the noise.
    """

    case: str
    seed: int


@dataclass(frozen=True)
class Result(Key):
    """The end of one training; a study adds its measures, which are NaN if the training failed."""

    ended: str = "trained"


@dataclass(frozen=True)
class Measure:
    """A column of the table.

    Attributes
    ----------
    title : str
        With its unit.
    better : {"less", "more"} or None
        The direction that is better, if there is one.
    """

    title: str
    better: Literal["less", "more"] | None = None


@dataclass(frozen=True)
class Printed:
    """A published figure, as its source prints it, and its ± where it has one."""

    text: str
    deviation: float = 0.0

    @property
    def value(self) -> float:
        """The number."""
        return float(self.text)

    @property
    def margin(self) -> float:
        """Its ±, at least half of its last digit."""
        return max(self.deviation, 0.5 * 10.0 ** -len(self.text.partition(".")[2]))

    def __str__(self) -> str:
        """Return the figure as it is printed."""
        return self.text + (f" ± {self.deviation:g}" if self.deviation else "")


@dataclass(frozen=True)
class Row:
    """The trainings of a case, which differ by the seed alone."""

    results: list[Any]

    def values(self, measure: str) -> list[float]:
        """Return the measure of each seed."""
        return [getattr(one, measure) for one in self.results]

    def spread(self, measure: str) -> Spread:
        """Return the measure over the seeds."""
        return Spread.of(self.values(measure))

    def measured(self, measure: str) -> list[float]:
        """Return the measure of each seed that has one: a training that failed has none."""
        return [value for value in self.values(measure) if not isnan(value)]

    @property
    def unfinished(self) -> list[Any]:
        """The trainings that failed or diverged."""
        return [one for one in self.results if one.ended != "trained"]


@dataclass(frozen=True)
class Finding:
    """A claim, whether it holds, and the numbers that say so."""

    claim: str
    verdict: str
    numbers: str

    def __str__(self) -> str:
        """Return all three as a sentence."""
        return f"{self.claim}: {self.verdict}. {self.numbers}."


@dataclass(frozen=True, kw_only=True)
class Study:
    """A published experiment.

    Attributes
    ----------
    name, title : str
        On the command line, and above the page.
    claimed : str
        What the source says, with its name.
    protocol : str
        What is trained and measured, and what was cut.
    cases : mapping of str to str
        The title of each case by its short name, in the order of the table.
    measures : mapping of str to Measure
        The columns, by their fields in ``result``.
    result : type
        A ``Result`` with the measures, or a dataclass with the fields of a key, ``ended`` and measures.
    trial : callable
        ``trial(*shared, key)`` trains a model, and returns its result, and pictures by their files.
    shared : sequence
        What all trials read.
    plan : dataclass
        What all results depend on, apart from the code and the keys.
    keys : sequence of dataclass
        The trainings: a ``Key``, or another dataclass whose first field is the case.
    over : str
        What the trainings of a case differ by.
    printed : mapping of (str, str) to Printed
        Published figures by case and measure.
    findings : callable
        From the rows by case to what they say about the claims.
    references : mapping of str to mapping of str to float
        Rows that need no training, such as real pictures: their measures by title.
    picture : str
        What the picture of a case shows; empty if there are none.
    chart : bool
        Whether it is a chart, which is shown as wide as the page, and not a sheet of small pictures.
    """

    name: str
    title: str
    claimed: str
    protocol: str
    cases: Mapping[str, str]
    measures: Mapping[str, Measure]
    result: type
    trial: Callable[..., tuple[Any, Mapping[str, bytes]]]
    shared: Sequence[Any]
    plan: Any
    keys: Sequence[Any]
    over: str = "seeds"
    printed: Mapping[tuple[str, str], Printed] = field(default_factory=dict)
    findings: Callable[[Mapping[str, Row]], list[Finding]] = lambda rows: []
    references: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    picture: str = ""
    chart: bool = False

    def compared(self, case: str, measure: str, row: Row) -> str:
        """Return how a measure lies to its printed figure (``agreement``), or "" without one.

        A figure that is printed as a mean over something else than seeds is compared with the mean alone.
        """
        printed = self.printed.get((case, measure))
        if printed is None:
            return ""
        spread = row.spread(measure)
        return agreement(spread if self.over == "seeds" else Spread(spread.mean, spread.mean, spread.mean), printed)


def group(study: Study, results: Sequence[Any]) -> dict[str, Row]:
    """Return the results by case, in the study's order; cases without results are left out."""
    rows = {case: Row([one for one in results if one.case == case]) for case in study.cases}
    return {case: row for case, row in rows.items() if row.results}


def picture_name(key: Any) -> str:
    """Return the file of a training's picture in the folder of the results."""
    return f"pictures/{'-'.join(map(str, astuple(key)))}.png"


def less(claim: str, measure: str, lesser: Row | None, greater: Row | None) -> Finding:
    """Return whether a measure of one case is less than that of another, for each seed of both.

    Parameters
    ----------
    claim : str
        What is claimed.
    measure : str
        The field that decides.
    lesser, greater : Row or None
        The case whose values must be less, and the other; None if it was not run.

    Returns
    -------
    Finding
        With the spread of both, the lesser first.
    """
    sides = [[] if row is None else row.values(measure) for row in (lesser, greater)]
    numbers = " against ".join(str(Spread.of(side)) or "nothing" for side in sides)
    return Finding(claim, verdict(*sides), numbers)


def agreement(spread: Spread, printed: Printed) -> str:
    """Return how measured values lie to a printed one: "agrees" if the ranges touch, otherwise "above" or "below".

    Without a measured value it is "".
    """
    if isnan(spread.mean):
        return ""
    if spread.low > printed.value + printed.margin:
        return "above"
    return "below" if spread.high < printed.value - printed.margin else "agrees"
