"""Judge a learner's function: exact, close, or off by how much, where first, and which known mistake it is."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ava_np.learn.exercise import Exercise, Function, Part

EXACT, CLOSE, OF_DIFFERENCES = 1e-12, 1e-6, 1e-5  # largest error, relative to the largest value
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
        try:
            words = exercise.test(functions)
        except Exception as error:
            words = _raised(error)
        found.append(Verdict(not words, "all together", words or "right"))
    return found


def _judge_part(part: Part, function: Function, functions: Mapping[str, Any]) -> list[Verdict]:
    found: list[Verdict] = []
    for number, (case, arguments) in enumerate(part.cases(np.random.default_rng(SEED)).items()):
        where = f"{part.name}, {case}"
        try:
            result = _call(part, function, arguments)
        except Exception as error:
            return [*found, Verdict(False, where, _raised(error))]
        words = "it does nothing yet" if _nothing(part, result, arguments) else _difference(part, result, arguments)
        if not words and number == 0 and part.slope is not None:
            expected = _parts(part.slope(functions, *copy.deepcopy(arguments)))
            if not _agree(result, expected, OF_DIFFERENCES):
                words = "right, but not the derivative of your own forward pass: that must be wrong"
        if words:
            return [*found, Verdict(False, where, words)]
        exact = _agree(result, _call(part, part.solution, arguments), EXACT)
        found.append(Verdict(True, where, "exact" if exact else "close"))
    return found


def _call(part: Part, function: Function, arguments: Sequence[Any]) -> list[np.ndarray]:
    given = copy.deepcopy(list(arguments))
    with np.errstate(all="ignore"):  # the verdict says what is not finite
        result = function(*given)
    return [np.asarray(given[i], float) for i in part.adds_to] if part.adds_to else _parts(result)


def _parts(result: Any) -> list[np.ndarray]:
    """The arrays of a result: of one array, a number, or several."""
    several = result if isinstance(result, tuple | list) else [result]
    return [np.asarray(np.nan if one is None or one is Ellipsis else one, float) for one in several]


def _nothing(part: Part, result: list[np.ndarray], arguments: Sequence[Any]) -> bool:
    """Whether a function is still that of the stub."""
    if part.adds_to:
        return all(np.array_equal(one, arguments[i]) for one, i in zip(result, part.adds_to, strict=True))
    return len(result) == 1 and result[0].ndim == 0 and bool(np.isnan(result[0]))


def _difference(part: Part, result: list[np.ndarray], arguments: Sequence[Any]) -> str:
    """What is wrong with a result; empty if nothing is."""
    expected = _call(part, part.solution, arguments)
    if len(result) != len(expected):
        return f"it returns {len(result)} arrays, and {len(expected)} were asked for"
    for place, (ours, theirs) in enumerate(zip(expected, result, strict=True)):
        which = f"array {place + 1}: " if len(expected) > 1 else ""
        if ours.shape != theirs.shape:
            return f"{which}its shape is {theirs.shape}, and should be {ours.shape}"
    if _agree(result, expected, CLOSE):
        return ""
    for words, mistake in part.wrong.items():
        try:
            made = _call(part, mistake, arguments)
        except (ArithmeticError, ValueError):
            continue
        if len(made) == len(result) and _agree(result, made, CLOSE) and not _agree(made, expected, CLOSE):
            return words
    return _first_difference(result, expected)


def _first_difference(result: list[np.ndarray], expected: list[np.ndarray]) -> str:
    for place, (theirs, ours) in enumerate(zip(result, expected, strict=True)):
        which = f"array {place + 1}: " if len(expected) > 1 else ""
        if not np.isfinite(theirs).all():
            index = tuple(int(i) for i in np.argwhere(~np.isfinite(theirs))[0])
            return f"{which}not finite, first at index {index}: {theirs[index]}, and should be {ours[index]:.6g}"
        if _agree([theirs], [ours], CLOSE):
            continue
        known = np.abs(ours) > 1e-9
        ratios = theirs[known] / ours[known]
        if ratios.size and np.ptp(ratios) < 1e-6 * abs(ratios).max() and np.allclose(theirs[~known], 0):
            return f"{which}off by a factor of {ratios.flat[0]:.6g} everywhere"
        wrong = np.abs(theirs - ours) > CLOSE * np.abs(ours).max()
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        share = f"{int(wrong.sum())} of {wrong.size} entries are off"
        return f"{which}{share}, first at index {index}: {theirs[index]:.6g}, and should be {ours[index]:.6g}"
    return "off"


def _agree(a: Sequence[np.ndarray], b: Sequence[np.ndarray], tolerance: float) -> bool:
    if len(a) != len(b):
        return False
    for one, other in zip(a, b, strict=True):
        if one.shape != other.shape or not np.isfinite(one).all():
            return False
        size = float(np.abs(other).max()) if other.size else 0.0
        if other.size and float(np.abs(one - other).max()) > tolerance * (size or 1.0):
            return False
    return True


def _raised(error: Exception) -> str:
    """An exception in one line, with the line of the learner's file that raised it."""
    trace, line = error.__traceback__, 0
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__") == "exercise":
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"{f'line {line}: ' if line else ''}{type(error).__name__}: {error}"
