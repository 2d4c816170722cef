"""The type of the arrays that are measured, and chunks that keep temporary arrays small."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

MAX_CHUNK_VALUES = 1 << 16
"""In one temporary array: enough to hide the overhead of NumPy's calls, few enough for the processor's cache."""


def chunks(count: int, values_each: int) -> Iterator[slice]:
    """Return slices that cover ``count`` items in order, each of one item or of at most ``MAX_CHUNK_VALUES`` values."""
    size = max(1, MAX_CHUNK_VALUES // values_each)
    return (slice(start, start + size) for start in range(0, count, size))
