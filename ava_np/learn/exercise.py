"""What an exercise is: functions that a learner writes, the cases that they are tried on, and wrong answers by name."""

import copy
import inspect
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
        functions.
    adds_to : tuple of int
        The arguments that the function adds to, if it returns nothing.
    returns : tuple of str
        Names of the arrays that it returns, if they are several.
    counts_small : bool
        Whether each entry must be right relative to its own size, however small it is.
    """

    solution: Function
    cases: Callable[[np.random.Generator], Mapping[str, Sequence[Any]]]
    wrong: Mapping[str, Function] = field(default_factory=dict)
    slope: Function | None = None
    adds_to: tuple[int, ...] = ()
    returns: tuple[str, ...] = ()
    counts_small: bool = False

    @property
    def name(self) -> str:
        """The function's name."""
        return str(self.solution.__name__)

    @property
    def results(self) -> tuple[str, ...]:
        """Names of the arrays that are asked for."""
        arguments = list(inspect.signature(self.solution).parameters)
        return tuple(arguments[i] for i in self.adds_to) or self.returns or ("it",)

    def arrays(self, function: Function, arguments: Sequence[Any]) -> list[np.ndarray]:
        """Return the arrays that a function, one of this file's, returns or has added to.

        Examples
        --------
        >>> def double(x):
        ...     return 2 * x
        >>> Part(double, lambda generator: {}).arrays(double, [1.5])
        [array(3.)]
        """
        given = copy.deepcopy(list(arguments))
        with np.errstate(all="ignore"):
            result = function(*given)
        return [np.asarray(given[i], float) for i in self.adds_to] if self.adds_to else arrays_of(result)


@dataclass(frozen=True)
class Exercise:
    """An exercise.

    Attributes
    ----------
    parts : tuple of Part
        In the order in which they are to be written.
    test : callable or None
        ``test(functions)`` returns whether all of them together are right, and what is to be said.
    test_name : str
        What it looks at.
    """

    parts: tuple[Part, ...]
    test: Callable[[Mapping[str, Function]], tuple[bool, str]] | None = None
    test_name: str = "all together"


def arrays_of(result: Any) -> list[np.ndarray]:
    """Return the arrays of a result: of one array, a number, or several.

    Examples
    --------
    >>> arrays_of((1.0, np.zeros(2)))
    [array(1.), array([0., 0.])]
    """
    return [np.asarray(one, float) for one in (result if isinstance(result, tuple) else (result,))]


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
        slopes[index] = (_number(function(above)) - _number(function(below))) / (2 * STEP)
    return slopes


def _number(value: Any) -> float:
    if value is None or value is Ellipsis:
        raise ValueError("it returns nothing")
    if np.ndim(value):
        raise ValueError(f"it returns an array of shape {np.shape(value)}, and should return one number")
    return float(value)
