"""The pictures of an experiment: MNIST as its sources use it, any other folder, or the built-in ones."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ava_np.data.labels import read_labels
from ava_np.data.sources import read_pictures
from ava_np.errors import AvaError

BUILT_IN_SIZE = (28, 28)


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures to train on, and others.

    Attributes
    ----------
    name : str
        Of the folder.
    training, test : ndarray, (N, H, W, C) float32
        In [0, 1].
    training_labels, test_labels : ndarray of str, (N,), or None
        Their classes, where the source tells them.
    sha256 : str
        Of both parts.
    """

    name: str
    training: np.ndarray
    test: np.ndarray
    training_labels: np.ndarray | None
    test_labels: np.ndarray | None
    sha256: str

    @property
    def has_labels(self) -> bool:
        """Whether the source tells the classes of both parts."""
        return self.training_labels is not None and self.test_labels is not None

    @property
    def labels(self) -> tuple[np.ndarray, np.ndarray]:
        """The classes of both parts.

        Raises
        ------
        AvaError
            If the source does not tell them.
        """
        if self.training_labels is None or self.test_labels is None:
            raise AvaError(
                f"the pictures of {self.name} have no classes: give a folder of MNIST, or one with subfolders"
            )
        return self.training_labels, self.test_labels


def read_parts(folder: Path | None, *, training: int, test: int) -> Pictures:
    """Read pictures to train on, and others.

    Parameters
    ----------
    folder : Path or None
        One that holds the files of MNIST, whose test digits are then the others; any other folder, of which a sixth,
        drawn with seed 0, are the others; or None for the built-in pictures, which are ten.
    training, test : int
        The most of each; drawn at random with seed 0.

    Returns
    -------
    Pictures
        At least one of each.

    Raises
    ------
    AvaError
        If the folder cannot be read, or holds only one picture.
    """
    generator = np.random.default_rng(0)
    read = read_pictures(folder, size=BUILT_IN_SIZE if folder is None else None)
    labels = None if folder is None else read_labels(folder, read.names)
    others = sorted(folder.glob("t10k-images-idx3-ubyte*")) if folder is not None and folder.is_dir() else []
    if others:
        held = read_pictures(others[0])
        held_labels = read_labels(others[0], held.names)
        rows, held_rows = generator.permutation(len(read.array)), generator.permutation(len(held.array))
    else:
        held, held_labels = read, labels
        order = generator.permutation(len(read.array))
        count = max(1, len(order) // 6)
        rows, held_rows = order[count:], order[:count]
        if not len(rows):
            raise AvaError(f"{folder}: one picture is too few: some are for training, others are held out")
    rows, held_rows = rows[:training], held_rows[:test]
    parts, digest = (read.array[rows], held.array[held_rows]), hashlib.sha256()
    for part in parts:
        digest.update(str(part.shape).encode() + part.tobytes())
    return Pictures(
        name="built-in" if folder is None else folder.resolve().name,
        training=parts[0],
        test=parts[1],
        training_labels=None if labels is None else labels[rows],
        test_labels=None if held_labels is None else held_labels[held_rows],
        sha256=digest.hexdigest(),
    )
