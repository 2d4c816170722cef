"""A mistake that people have published, as a program that has it, and the checks that it meets."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Check = Callable[[], bool]
"""Runs the wrong program, and returns whether it was noticed."""

NOTICED = 1e-5  # relative error from which a comparison notices


class Mistake(NamedTuple):
    """A mistake.

    Attributes
    ----------
    name, wrong : str
        What it is called here, and what the program does.
    source : str
        Where it was published: repository and number of the issue, or words.
    own, independent, meaning : callable or None
        Checks by finite differences of the program's own forward pass, by finite differences of an objective that was
        written separately, and by what must be true. None where there is nothing to compare.
    must : str
        What must be true.
    """

    name: str
    wrong: str
    source: str
    own: Check | None
    independent: Check | None
    meaning: Check
    must: str


def differ(a: np.ndarray, b: np.ndarray) -> bool:
    """Return whether two arrays differ by more than finite differences err.

    Examples
    --------
    >>> differ(np.ones(3), np.ones(3) + 1e-9), differ(np.ones(3), np.array([1.0, 1.0, 1.1]))
    (False, True)
    """
    return a.shape != b.shape or bool(np.abs(a - b).max() > NOTICED * max(float(np.abs(b).max()), 1e-12))
