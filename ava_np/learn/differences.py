"""What is wrong with the numbers of an answer: a mistake by its name, a factor, or how many entries are off."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ava_np.learn.exercise import Part

CLOSE = 1e-6  # largest error, relative to the largest value
LEAST = 1e-100  # what nothing depends on
ZERO = 1e-2  # values below this share of the largest argument are not told from rounding any better


def agree(part: Part, a: Sequence[np.ndarray], b: Sequence[np.ndarray], tolerance: float, arguments: Any) -> bool:
    """Return whether an answer agrees with the right one, ``b``.

    Parameters
    ----------
    part : Part
        What was asked for.
    a, b : sequence of ndarray
        The arrays of both.
    tolerance : float
        Largest difference, relative to the largest value; or, if ``part.counts_small``, to each value.
    arguments : sequence
        Of the function.

    Examples
    --------
    >>> from ava_np.learn.course import exercise
    >>> agree(exercise(1).parts[0], [np.array([1.0])], [np.array([1.1])], 1e-6, [np.array([2.0])])
    False
    """
    if len(a) != len(b):
        return False
    least = ZERO * max((float(np.abs(one).max()) for one in arguments if np.size(one)), default=0.0)
    for one, other in zip(a, b, strict=True):
        if one.shape != other.shape or not np.isfinite(one).all():
            return False
        if not other.size:
            continue
        size: Any = np.abs(other) if part.counts_small else max(float(np.abs(other).max()), least)
        if (np.abs(one - other) > tolerance * size + LEAST).any():
            return False
    return True


def difference(part: Part, result: list[np.ndarray], expected: list[np.ndarray], arguments: Sequence[Any]) -> str:
    """Return what is wrong with an answer; empty if nothing is.

    Examples
    --------
    >>> from ava_np.learn.course import exercise
    >>> difference(exercise(1).parts[0], [np.array([-1.0])], [np.array([1.0])], [np.array([2.0]), np.array([0.5])])
    'it is -1, and should be 1'
    """
    names = part.results
    for name, ours, theirs in zip(names, expected, result, strict=True):
        which = f"{name}: " if len(names) > 1 else ""
        if ours.shape != theirs.shape:
            if not ours.ndim:
                return f"{which}an array of shape {theirs.shape}, and should be one number: is a sum missing?"
            return f"{which}its shape is {theirs.shape}, and should be {ours.shape}"
    if agree(part, result, expected, CLOSE, arguments):
        return ""
    for words, mistake in part.wrong.items():
        try:
            made = part.arrays(mistake, arguments)
        except (ArithmeticError, ValueError, IndexError):
            continue
        if agree(part, result, made, CLOSE, arguments) and not agree(part, made, expected, CLOSE, arguments):
            return words
    return _unknown(part, result, expected, arguments)


def _unknown(part: Part, result: list[np.ndarray], expected: list[np.ndarray], arguments: Sequence[Any]) -> str:
    """Describe a mistake that has no name."""
    wrong = [
        i
        for i, (theirs, ours) in enumerate(zip(result, expected, strict=True))
        if not agree(part, [theirs], [ours], CLOSE, arguments)
    ]
    names = [part.results[i] for i in wrong]
    of_all = f"{_listed(names)}: " if len(expected) > 1 else ""
    factor = _common_factor(np.concatenate([result[i].ravel() for i in wrong]), _flat(expected, wrong))
    if factor:
        return of_all + _factor_text(factor, arguments)
    first = wrong[0]
    others = f"{_listed(names)} are wrong; " if len(wrong) > 1 else ""
    which = f"{part.results[first]}: " if len(expected) > 1 else ""
    return f"{others}{which}{_first_entry(result[first], expected[first])}"


def _first_entry(theirs: np.ndarray, ours: np.ndarray) -> str:
    finite = np.isfinite(theirs)
    off = np.abs(theirs - ours) > CLOSE * np.abs(ours).max() if finite.all() else ~finite
    if not off.any():  # in the smallest entries alone
        off = np.abs(theirs - ours) > CLOSE * np.abs(ours)
    index = tuple(int(i) for i in np.argwhere(off)[0])
    values = f"{theirs[index]:.6g}, and should be {ours[index]:.6g}"
    if theirs.size == 1:
        return f"it is {values}"
    kind = "are off" if finite.all() else "are not finite"
    return f"{int(off.sum())} of {off.size} entries {kind}, first at index {index}: {values}"


def _flat(arrays: Sequence[np.ndarray], which: Sequence[int]) -> np.ndarray:
    return np.concatenate([arrays[i].ravel() for i in which])


def _common_factor(theirs: np.ndarray, ours: np.ndarray) -> float:
    """The factor between all entries, or 0 if there is none; one entry alone has any."""
    known = np.abs(ours) > 1e-9
    if np.count_nonzero(known) < 2 or not np.isfinite(theirs).all() or not np.allclose(theirs[~known], 0):
        return 0.0
    ratios = theirs[known] / ours[known]
    return float(ratios[0]) if np.ptp(ratios) < CLOSE * np.abs(ratios).max() else 0.0


def _factor_text(factor: float, arguments: Sequence[Any]) -> str:
    if np.isclose(factor, -1):
        return "the sign is wrong"
    counts = {count for one in arguments for count in (*np.shape(one), np.size(one))}
    for count in sorted(counts - {0, 1}):
        if np.isclose(factor, 1 / count):
            return f"1/{count} of what it should be: did you take a mean instead of a sum?"
    return f"off by a factor of {factor:.6g} everywhere"


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
