"""Split pictures into those to train on and those to hold out."""

from typing import NamedTuple

import numpy as np

from ava_np.errors import PictureError


class Split(NamedTuple):
    """Indices of the pictures of each part, in ascending order; each picture is in exactly one part.

    Attributes
    ----------
    train, validation, test : ndarray of int
        Indices from 0 to count - 1.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split(count: int, validation: float, test: float, seed: int) -> Split:
    """Choose at random which of ``count`` pictures are held out; the rest are trained on.

    Parameters
    ----------
    count : int
        Number of pictures.
    validation, test : float
        Fractions in [0, 1) to hold out, rounded to whole pictures.
    seed : int
        The same seed gives the same parts. The test part does not depend on ``validation``.

    Returns
    -------
    Split
        Indices of each part.

    Raises
    ------
    PictureError
        If a fraction is not 0 but less than half a picture, or no picture is left to train on.

    Examples
    --------
    >>> from ava_np.data.split import split
    >>> parts = split(10, validation=0.1, test=0.2, seed=0)
    >>> [len(part) for part in parts]
    [7, 1, 2]
    >>> all((parts.test == split(10, validation=0.4, test=0.2, seed=0).test))
    True
    """
    counts = {name: int(count * share + 0.5) for name, share in (("validation", validation), ("test", test))}
    for name, share in (("validation", validation), ("test", test)):
        if share and not counts[name]:
            raise PictureError(f"a {name} share of {share:g} is less than one of {count} pictures; raise or omit it")
    held_out = counts["validation"] + counts["test"]
    if held_out >= count:
        raise PictureError(
            f"shares of {validation:g} and {test:g} of {count} pictures leave none to train on; give smaller shares"
        )
    order = np.random.default_rng((seed, 5)).permutation(count)
    parts = np.split(order, [counts["test"], held_out])
    return Split(train=np.sort(parts[2]), validation=np.sort(parts[1]), test=np.sort(parts[0]))
