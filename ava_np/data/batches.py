"""What a trainer draws from: batches of pictures, varied and zoomed out on the way."""

import numpy as np

from ava_np.data.zoom import zoom_out


class Batches:
    """Pictures, as rows of a batch.

    Each batch is read, flipped, shifted and zoomed out when it is asked for, so pictures may be mapped from a file.
    What is the same every time is done once: pictures in memory that are not varied are zoomed out at the start.

    Parameters
    ----------
    array : ndarray, (N, zoom·H, zoom·W, C)
        Pictures at full size; a float32 ``np.memmap`` is read as it is needed.
    zoom : int
        Block means of so many pixels each way (``kernels/zoom.py``).
    flip : bool
        Mirror each picture, left to right, with probability ½.
    shift : int
        Move each picture down, and to the right, by -shift to shift pixels of full size, each drawn uniformly; what
        comes in repeats the edge.
    chosen : ndarray of int, optional
        Which pictures there are, by their place in ``array``; by default all.

    Attributes
    ----------
    shape : (H, W, C)
        Of a zoomed picture.

    Raises
    ------
    ValueError
        If the array has no four axes or no multiples of ``zoom`` for sides, ``zoom`` or ``shift`` is out of range, or
        ``chosen`` is not within the array.
    """

    def __init__(
        self,
        array: np.ndarray,
        *,
        zoom: int = 1,
        flip: bool = False,
        shift: int = 0,
        chosen: np.ndarray | None = None,
    ) -> None:
        if array.ndim != 4 or zoom < 1 or array.shape[1] % zoom or array.shape[2] % zoom:
            raise ValueError(f"pictures of shape {array.shape} cannot be zoomed out by {zoom}")
        if shift < 0:
            raise ValueError(f"shift must be at least 0, not {shift}")
        chosen = np.arange(len(array)) if chosen is None else np.asarray(chosen, np.intp)
        if chosen.ndim != 1 or (len(chosen) and not (chosen.min() >= 0 and chosen.max() < len(array))):
            raise ValueError(f"chosen must be places in {len(array)} pictures")
        self.shape = (array.shape[1] // zoom, array.shape[2] // zoom, array.shape[3])
        self._zoom, self._flip, self._shift = zoom, flip, shift
        mapped = isinstance(array, np.memmap)
        array = np.asarray(array, np.float32)
        if zoom > 1 and not flip and not shift and not mapped:
            array, self._zoom = zoom_out(array, zoom), 1
        self._array, self._chosen = array, chosen

    def __len__(self) -> int:
        return len(self._chosen)

    def rows(self, indices: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """A batch of the pictures at these places among the chosen, drawn anew where they are varied.

        Parameters
        ----------
        indices : ndarray of int, (batch,)
            From 0 to ``len(self)`` - 1, in any order.
        generator : Generator
            Of the flips and shifts; nothing is drawn from it where there are none.

        Returns
        -------
        (batch, H·W·C) float32
            C-contiguous, the caller's own.
        """
        pictures = self._array.take(self._chosen[indices], axis=0)
        if self._flip or self._shift:
            pictures = self._varied(pictures, generator)
        if self._zoom > 1:
            pictures = zoom_out(pictures, self._zoom)
        return pictures.reshape(len(pictures), -1)

    def _varied(self, pictures: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Flipped, then shifted: each row and column is looked up where it comes from; the clip repeats the edge."""
        count, height, width, _ = pictures.shape
        flipped = generator.random(count) < 0.5 if self._flip else np.zeros(count, bool)
        down, right = generator.integers(-self._shift, self._shift + 1, (2, count, 1))
        rows, columns = np.arange(height) - down, np.arange(width) - right
        columns[flipped] = width - 1 - columns[flipped]
        varied = np.empty_like(pictures)
        for target, picture, i, j in zip(varied, pictures, rows, columns, strict=True):
            np.take(picture.take(i, 0, mode="clip"), j, 1, mode="clip", out=target)
        return varied
