"""Judge a learner's function: exact, close, or what is wrong with it."""

import copy
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ava_np.learn.differences import agree, difference
from ava_np.learn.exercise import Exercise, Function, Part, arrays_of
from ava_np.learn.running import NOTHING, AnswerError, guarded, is_stub

EXACT, OF_DIFFERENCES = 1e-12, 1e-5  # largest error, relative to the largest value
SEED = 5


@dataclass(frozen=True)
class Verdict:
    """What was found in one case.

    Attributes
    ----------
    right : bool
        Whether the function passes.
    where, words : str
        The function and the case; what is to be said.
    """

    right: bool
    where: str
    words: str


def judge(exercise: Exercise, functions: Mapping[str, Any]) -> list[Verdict]:
    """Return a verdict for each case of an exercise; for each function, up to the first that is wrong.

    Parameters
    ----------
    exercise : Exercise
        What was asked for.
    functions : dict
        The learner's, by name.

    Returns
    -------
    list of Verdict

    Examples
    --------
    >>> from ava_np.learn.course import exercise
    >>> [one.words for one in judge(exercise(1), {"sigmoid_backward": lambda dy, y: y * (1 - y)})]
    ['you forgot dy: the error at y has to be multiplied by the derivative']
    """
    found: list[Verdict] = []
    for part in exercise.parts:
        function = functions.get(part.name)
        if not callable(function):
            found.append(Verdict(False, part.name, "there is no function of this name"))
            continue
        found += _judge_part(part, function, functions)
    if exercise.test is not None and all(one.right for one in found):
        right, words = False, ""
        try:
            with guarded(seconds=0):  # the functions have ended in all cases
                right, words = exercise.test(functions)
        except AnswerError as failure:
            words = str(failure)
        found.append(Verdict(right, exercise.test_name, words))
    return found


def _judge_part(part: Part, function: Function, functions: Mapping[str, Any]) -> list[Verdict]:
    found: list[Verdict] = []
    for case, arguments in part.cases(np.random.default_rng(SEED)).items():
        where = f"{part.name}, {case}"
        expected = part.arrays(part.solution, arguments)
        try:
            result = _answer(part, function, arguments)
            words = difference(part, result, expected, arguments) or _disagrees(part, result, functions, arguments)
        except AnswerError as failure:
            words = str(failure)
        if words:
            return [*found, Verdict(False, where, words)]
        exact = agree(part, result, expected, EXACT, arguments)
        found.append(Verdict(True, where, "exact" if exact else "close"))
    return found


def _answer(part: Part, function: Function, arguments: Sequence[Any]) -> list[np.ndarray]:
    """Call a learner's function; what it returns, or what it has added to.

    Raises
    ------
    AnswerError
        If it raises something, changes what it must not, or returns something else than was asked for.
    """
    given, names = copy.deepcopy(list(arguments)), list(inspect.signature(part.solution).parameters)
    with guarded():
        result = function(*given)
    returns_nothing = result is None or result is Ellipsis
    if returns_nothing and is_stub(function):
        raise AnswerError(NOTHING)
    same = [np.array_equal(before, after) for before, after in zip(arguments, given, strict=True)]
    for i, name in enumerate(names):
        if not same[i] and i not in part.adds_to:
            raise AnswerError(f"it changes {name} itself, which others still need: make a new array")
    if part.adds_to:
        if unchanged := [names[i] for i in part.adds_to if same[i]]:
            if not returns_nothing:
                raise AnswerError(f"it returns its result: add it to {' and to '.join(part.results)}, in place")
            one = unchanged[0]
            raise AnswerError(
                f"{' and '.join(unchanged)} did not change: {one} += ... adds to the array that was given, and "
                f"{one} = {one} + ... makes another one"
            )
        return [np.asarray(given[i], float) for i in part.adds_to]
    if returns_nothing:
        raise AnswerError("it returns nothing: is `return` missing?")
    return _arrays(part, result)


def _arrays(part: Part, result: Any) -> list[np.ndarray]:
    count = len(part.results)
    several = [result] if count == 1 else list(result) if isinstance(result, tuple | list) else [result]
    if len(several) != count:
        returned = f"{len(several)} array{'s' if len(several) > 1 else ''}"
        raise AnswerError(f"it returns {returned}, and {count} were asked for: {', '.join(part.results)}")
    try:
        return [np.asarray(one, float) for one in several]
    except (TypeError, ValueError):
        kinds = ", ".join(dict.fromkeys(type(one).__name__ for one in several))
        raise AnswerError(f"it returns {kinds}, and should return numbers or arrays of numbers") from None


def _disagrees(part: Part, result: list[np.ndarray], functions: Mapping[str, Any], arguments: Sequence[Any]) -> str:
    """What finite differences of the learner's own forward pass say against a right answer."""
    if part.slope is None:
        return ""
    try:
        with guarded():
            expected = arrays_of(part.slope(functions, *copy.deepcopy(list(arguments))))
    except AnswerError as failure:
        return f"this is right, but your forward pass is not: {failure}"
    if not all(np.isfinite(one).all() for one in expected):  # at a limit
        return ""
    if agree(replace(part, counts_small=False), result, expected, OF_DIFFERENCES, arguments):
        return ""
    return "this is right, but it is not the derivative of your forward pass: so that is wrong"
