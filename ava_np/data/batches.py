"""Batches of pictures for a trainer: read, augmented and zoomed out when they are needed."""

import numpy as np

from ava_np.data.shards import Shards
from ava_np.data.stored import StoredArray
from ava_np.data.zoom import check_zoom, zoom_out


class Batches:
    """A set of pictures from which a trainer takes batches.

    Each batch is read, flipped, shifted and zoomed out when it is requested, so the pictures may be in a file. Pictures
    in memory that are neither flipped nor shifted are zoomed out only once, by the constructor.

    Parameters
    ----------
    array : ndarray or StoredArray, (N, zoom·H, zoom·W, C)
        Pictures at full size. Of a ``StoredArray``, only the pictures of a batch are read.
    zoom : int
        Side in pixels of the blocks that are averaged, at least 1.
    flip : bool
        Mirror each picture left to right with probability ½.
    shift : int
        Largest shift in pixels at full size, at least 0. Each picture is moved down and to the right by two numbers
        drawn uniformly from -shift to shift; the uncovered part repeats the edge.
    indices : ndarray of int, optional
        Indices in ``array`` of the pictures to use; the default is all of them.

    Attributes
    ----------
    shape : (H, W, C)
        Shape of one picture after zooming out.

    Raises
    ------
    ValueError
        If ``array`` does not have four axes, ``zoom`` is less than 1 or does not divide both sides, ``shift`` is
        negative, or ``indices`` is not one-dimensional or out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.data.batches import Batches
    >>> pictures = np.arange(48, dtype=np.float32).reshape(3, 4, 4, 1)
    >>> batches = Batches(pictures, zoom=2, indices=np.array([0, 2]))
    >>> len(batches), batches.shape
    (2, (2, 2, 1))
    >>> batches.rows(np.array([1, 0]), np.random.default_rng(0))
    array([[34.5, 36.5, 42.5, 44.5],
           [ 2.5,  4.5, 10.5, 12.5]], dtype=float32)
    """

    def __init__(
        self,
        array: np.ndarray | StoredArray,
        *,
        zoom: int = 1,
        flip: bool = False,
        shift: int = 0,
        indices: np.ndarray | None = None,
    ) -> None:
        check_zoom(array, zoom)
        if shift < 0:
            raise ValueError(f"shift must be at least 0, not {shift}")
        indices = np.arange(len(array)) if indices is None else np.asarray(indices, np.intp)
        if indices.ndim != 1 or (len(indices) and not (indices.min() >= 0 and indices.max() < len(array))):
            raise ValueError(f"indices must be one-dimensional, each at least 0 and less than {len(array)} (pictures)")
        self.shape = (array.shape[1] // zoom, array.shape[2] // zoom, array.shape[3])
        self._zoom, self._flip, self._shift = zoom, flip, shift
        if not isinstance(array, StoredArray):
            array = np.asarray(array, np.float32)
            if zoom > 1 and not flip and not shift:
                array, self._zoom = zoom_out(array, zoom), 1
        self._array, self._indices = array, indices
        self._order: tuple[tuple[int, ...], np.ndarray] = (), indices

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._indices)

    def order(self, key: tuple[int, ...]) -> np.ndarray:
        """Return the order of the pictures in an epoch: a permutation; of shards, one that reads a few at a time.

        Parameters
        ----------
        key : tuple of int
            Seed of the order. The same key gives the same order.

        Returns
        -------
        ndarray of int, (pictures,)
            Indices for ``rows``; do not change it.
        """
        if self._order[0] != key:  # every step of an epoch asks for it
            generator = np.random.default_rng(key)
            shards = self._array if isinstance(self._array, Shards) else None
            drawn = generator.permutation(len(self)) if shards is None else shards.epoch(self._indices, generator)
            self._order = key, drawn
        return self._order[1]

    def rows(
        self,
        indices: np.ndarray,
        generator: np.random.Generator,
        part: slice = slice(None),
    ) -> np.ndarray:
        """Return a batch, or a part of it; flips and shifts are drawn again in each call.

        Parameters
        ----------
        indices : ndarray of int, (batch,)
            Indices among the pictures in use, from 0 to ``len(self) - 1``, in any order.
        generator : Generator
            Draws the flips and shifts of the whole batch. It is not used if there are none.
        part : slice
            Read only these rows of the batch.

        Returns
        -------
        ndarray, (batch or part, H·W·C) float32
            One flattened picture per row; a new, C-contiguous array.
        """
        pictures = self._array.take(self._indices[indices[part]], axis=0)
        if self._flip or self._shift:
            pictures = _augmented(pictures, *(drawn[part] for drawn in self._draw(len(indices), generator)))
        if self._zoom > 1:
            pictures = zoom_out(pictures, self._zoom)
        return pictures.reshape(len(pictures), -1)

    def _draw(self, count: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw which pictures are flipped, and how far each is moved down and to the right, (count, 1)."""
        flipped = generator.random(count) < 0.5 if self._flip else np.zeros(count, bool)
        down, right = generator.integers(-self._shift, self._shift + 1, (2, count, 1))
        return flipped, down, right


def _augmented(pictures: np.ndarray, flipped: np.ndarray, down: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Flip, then shift: each output row and column has a source index, clipped so that the edge is repeated."""
    _, height, width, _ = pictures.shape
    rows, columns = np.arange(height) - down, np.arange(width) - right
    columns[flipped] = width - 1 - columns[flipped]
    augmented = np.empty_like(pictures)
    for target, picture, i, j in zip(augmented, pictures, rows, columns, strict=True):
        np.take(picture.take(i, 0, mode="clip"), j, 1, mode="clip", out=target)
    return augmented
