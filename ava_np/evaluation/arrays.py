"""The type and the shape of the arrays that are measured, and chunks that keep temporary arrays small."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ava_np.errors import PictureError

Floats = NDArray[np.floating]

MAX_CHUNK_VALUES = 1 << 16
"""In one temporary array: enough to hide the overhead of NumPy's calls, few enough for the processor's cache."""

BLOCK = 512
"""Rows whose distances to all others are held at once."""


def chunks(count: int, values_each: int) -> Iterator[slice]:
    """Return slices that cover ``count`` items in order, each of one item or of at most ``MAX_CHUNK_VALUES`` values."""
    size = max(1, MAX_CHUNK_VALUES // values_each)
    return (slice(start, start + size) for start in range(0, count, size))


def check_reconstructions(pictures: Floats, reconstructions: Floats) -> None:
    """Refuse what are no pictures, and reconstructions of another shape.

    Raises
    ------
    PictureError
        If there is nothing to measure.
    ValueError
        If the two shapes differ or are not (N, H, W, C).

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.arrays import check_reconstructions
    >>> check_reconstructions(np.zeros((2, 4, 4, 1)), np.zeros((1, 4, 4, 1)))
    Traceback (most recent call last):
        ...
    ValueError: reconstructions of shape (1, 4, 4, 1) for pictures of (2, 4, 4, 1)
    """
    check_pictures(pictures)
    if reconstructions.shape != pictures.shape:
        raise ValueError(f"reconstructions of shape {reconstructions.shape} for pictures of {pictures.shape}")


def squared_distances(x: Floats, y: Floats) -> Iterator[tuple[slice, Floats]]:
    """Yield the rows of a block of x, and the squared Euclidean distances of its rows to all of y.

    Parameters
    ----------
    x : ndarray, (N, F)
        Rows that may be many.
    y : ndarray, (M, F)
        Rows that each block is compared with.

    Yields
    ------
    slice
        At most 512 rows of x.
    ndarray, (rows, M)
        In the precision of x and y; rounding can make a distance of about 0 negative.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.arrays import squared_distances
    >>> for rows, squares in squared_distances(np.array([[0.0, 0.0], [3.0, 4.0]]), np.zeros((1, 2))):
    ...     print(rows, squares.tolist())
    slice(0, 512, None) [[0.0], [25.0]]
    """
    lengths = np.einsum("nf,nf->n", y, y)
    for start in range(0, len(x), BLOCK):
        rows = slice(start, start + BLOCK)
        squares = x[rows] @ y.T
        squares *= -2
        squares += lengths
        squares += np.einsum("nf,nf->n", x[rows], x[rows])[:, None]
        yield rows, squares


def check_pictures(pictures: Floats) -> None:
    """Refuse what are no pictures.

    Raises
    ------
    PictureError
        If there is nothing to measure.
    ValueError
        If the shape is not (N, H, W, C).

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.arrays import check_pictures
    >>> check_pictures(np.zeros((0, 28, 28, 1)))
    Traceback (most recent call last):
        ...
    ava_np.errors.PictureError: there is no picture to measure: give at least one
    """
    if len(pictures.shape) != 4:
        raise ValueError(f"pictures must have the shape (N, H, W, C), not {pictures.shape}")
    if 0 in pictures.shape:
        raise PictureError("there is no picture to measure: give at least one")
