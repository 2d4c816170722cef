"""What an exercise is: functions that a learner writes, the cases that they are tried on, and wrong answers by name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np

Function = Callable[..., Any]
F = TypeVar("F", bound=Function)

STEP = 1e-5  # of finite differences


def yours(function: F) -> F:
    """Mark a function as the learner's to write: in the stub its body is ``...``."""
    return function


@dataclass(frozen=True)
class Part:
    """A function that the learner writes.

    Attributes
    ----------
    solution : callable
        A right answer; its name is the function's.
    cases : callable
        ``cases(generator)`` returns the arguments to try, by what is special about them.
    wrong : dict of str to callable
        Wrong answers, by what the learner is told.
    slope : callable or None
        ``slope(functions, *arguments)`` returns what the result should be by finite differences of the learner's own
        functions; it is compared in the first case.
    adds_to : tuple of int
        The arguments that the function adds to, if it returns nothing.
    """

    solution: Function
    cases: Callable[[np.random.Generator], Mapping[str, Sequence[Any]]]
    wrong: Mapping[str, Function] = field(default_factory=dict)
    slope: Function | None = None
    adds_to: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """The function's name."""
        return str(self.solution.__name__)


@dataclass(frozen=True)
class Exercise:
    """An exercise.

    Attributes
    ----------
    parts : tuple of Part
        In the order in which they are to be written.
    test : callable or None
        ``test(functions)`` returns what is wrong with all of them together, or an empty text.
    """

    parts: tuple[Part, ...]
    test: Callable[[Mapping[str, Function]], str] | None = None


def slopes(function: Callable[..., Any], arrays: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """Return the derivative of a function by each of several arrays, as ``slope`` does for one.

    Examples
    --------
    >>> slopes(lambda a, b: a @ b, [np.array([1.0]), np.array([2.0])])[0].round(6)
    array([2.])
    """

    def with_one(i: int, value: np.ndarray) -> Any:
        return function(*arrays[:i], value, *arrays[i + 1 :])

    return tuple(slope(partial(with_one, i), array) for i, array in enumerate(arrays))


def slope(function: Callable[[np.ndarray], Any], at: np.ndarray) -> np.ndarray:
    """Return the derivative of a function of one array, by central differences.

    Parameters
    ----------
    function : callable
        Returns a number.
    at : ndarray
        Where; it is not changed.

    Returns
    -------
    ndarray
        Of the shape of ``at``.

    Examples
    --------
    >>> slope(lambda a: float(np.sum(a**3)), np.array([1.0, 2.0])).round(6)
    array([ 3., 12.])
    """
    slopes = np.empty(np.shape(at))
    for index in np.ndindex(*np.shape(at)):
        above, below = np.array(at, float), np.array(at, float)
        above[index] += STEP
        below[index] -= STEP
        slopes[index] = (float(function(above)) - float(function(below))) / (2 * STEP)
    return slopes
