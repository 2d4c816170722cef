"""Mistakes in backpropagation that people have published, and which check notices each (docs/manual/mistakes.md)."""

from ava_np.experiments.mistakes.losses import LOSSES
from ava_np.experiments.mistakes.mistake import Check, Mistake
from ava_np.experiments.mistakes.passes import PASSES

MISTAKES: tuple[Mistake, ...] = (*LOSSES, *PASSES)
"""All of them."""


def outcome(check: Check | None) -> str:
    """Return what a check says of a mistake."""
    if check is None:
        return "-"
    return "notices" if check() else "passes"


def rows() -> list[list[str]]:
    """Return a row for each mistake: its name, what each check says, and what must be true.

    Examples
    --------
    >>> rows()[0]
    ['variance for deviation', 'passes', 'notices', 'notices', 'the variance of z is σ²']
    """
    return [[one.name, outcome(one.own), outcome(one.independent), outcome(one.meaning), one.must] for one in MISTAKES]
