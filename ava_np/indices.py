"""Which of many elements to look at, where all of them would take too long."""

import numpy as np


def evenly_spaced(count: int, at_most: int) -> np.ndarray:
    """Return the indices of at most ``at_most`` of ``count`` elements, evenly spaced, ascending.

    Parameters
    ----------
    count : int
        Number of elements, at least 1.
    at_most : int
        Maximum number of indices, at least 1. With two or more, the first and the last element are among them.

    Returns
    -------
    ndarray of int, (min(count, at_most),)

    Examples
    --------
    >>> evenly_spaced(10, 4).tolist()
    [0, 3, 6, 9]
    >>> evenly_spaced(3, 4).tolist()
    [0, 1, 2]
    """
    return np.linspace(0, count - 1, min(count, at_most)).round().astype(int)
