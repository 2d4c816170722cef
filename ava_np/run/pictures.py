"""The pictures of a run, split into training, validation and test pictures."""

from dataclasses import dataclass, replace

import numpy as np

from ava_np.data.batches import Batches
from ava_np.data.pictures import Pictures
from ava_np.data.split import Split, split
from ava_np.indices import evenly_spaced
from ava_np.specification import PicturesSpecification

MAX_EVALUATED = 1000  # pictures that are evaluated and shown after a training


@dataclass(frozen=True)
class SplitPictures:
    """Pictures and their split.

    Parameters
    ----------
    pictures : Pictures
        All pictures of a run, at full size.
    split : Split
        Their indices by part: ``train``, ``validation`` and ``test``.

    Examples
    --------
    >>> import ava_np
    >>> from ava_np.run.pictures import split_pictures
    >>> data = split_pictures(ava_np.read_pictures(None), validation=0.2, test=0.1, seed=0)
    >>> [len(indices) for indices in data.split]
    [7, 2, 1]
    """

    pictures: Pictures
    split: Split

    def batches(self, specification: PicturesSpecification) -> tuple[Batches, Batches | None]:
        """Return batches of the training pictures, and of the validation pictures if there are any."""
        array, zoom = self.pictures.array, specification.zoom
        training = Batches(
            array, zoom=zoom, flip=specification.flip, shift=specification.shift, indices=self.split.train
        )
        if not len(self.split.validation):
            return training, None
        return training, Batches(array, zoom=zoom, indices=self.split.validation)


def split_pictures(pictures: Pictures, validation: float, test: float, seed: int) -> SplitPictures:
    """Split pictures; parameters and errors as in ``ava_np.data.split.split``."""
    return SplitPictures(pictures, split(len(pictures.names), validation, test, seed))


def subsample(pictures: Pictures, indices: np.ndarray | None = None) -> Pictures:
    """Return the pictures at ``indices``, by default all; of more than 1000, 1000 that are evenly spaced."""
    indices = np.arange(len(pictures.names)) if indices is None else indices
    indices = indices[evenly_spaced(len(indices), MAX_EVALUATED)]
    return replace(
        pictures,
        array=pictures.array[indices],
        names=tuple(pictures.names[i] for i in indices),
        sizes=tuple(pictures.sizes[i] for i in indices),
        stored_sha256=None,
    )
