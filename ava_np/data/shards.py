"""Pictures in several files, for more of them than a machine's memory holds: shards.

A folder of shards holds .npy files of shape (n, H, W, C) with 8-bit values or float32 in [0, 1], or tar files of
pictures (``ava_np.data.tar_shard``), all of the same H, W and C. Nothing but the pictures of a batch is in memory. An
epoch takes the shards in a new order, and shuffles the pictures within a window of that order: so it reads a few files
at a time, and its order depends on its number and the seed alone. A training that is stopped anywhere resumes exactly.
"""

import hashlib
from pathlib import Path

import numpy as np

from ava_np.data.messages import reason
from ava_np.data.stored import StoredArray
from ava_np.data.tar_shard import TarShard
from ava_np.errors import PictureError

WINDOW = 1 << 14  # pictures that are shuffled together
SAMPLED_BYTES = 1 << 16  # read at the start, the middle and the end of each file for the checksum


class Shards(StoredArray):
    """Pictures (N, H, W, C) in several files, one after the other.

    Parameters
    ----------
    paths : sequence of Path
        The files, in their order. They stay open until the array is no longer used.

    Attributes
    ----------
    starts : ndarray of int
        Number of the first picture of each file.

    Raises
    ------
    PictureError
        If a file cannot be read, is no shard, or has pictures of another shape than the first.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from ava_np.data.shards import Shards
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name, value in (("a", 0), ("b", 255)):
    ...         np.save(Path(folder, f"{name}.npy"), np.full((2, 4, 4, 1), value, np.uint8))
    ...     shards = Shards(sorted(Path(folder).glob("*.npy")))
    ...     shards.shape, shards[[3, 0]].mean(axis=(1, 2, 3)).tolist()
    ((4, 4, 4, 1), [1.0, 0.0])
    """

    def __init__(self, paths: list[Path]) -> None:
        self.path, self.paths, self._shards = paths[0].parent, paths, list[StoredArray | TarShard]()
        for path in paths:
            try:
                self._shards.append(TarShard(path) if path.suffix == ".tar" else StoredArray(path))
            except OSError as error:
                raise PictureError(f"{path}: cannot be read ({reason(error)})") from None
            except ValueError as error:
                raise PictureError(f"{path}: no shard of pictures: {error}") from None
            if self._shards[-1].shape[1:] != self._shards[0].shape[1:]:
                raise PictureError(f"{path}: pictures of another shape than in {paths[0].name}")
        lengths = [len(shard) for shard in self._shards]
        self.starts = np.cumsum([0, *lengths[:-1]])
        self.shape = (sum(lengths), *self._shards[0].shape[1:])

    def __getitem__(self, index: object) -> np.ndarray:
        """Return the pictures that an index chooses, as ``StoredArray`` does."""
        if isinstance(index, slice):
            numbers = np.arange(*index.indices(len(self)))
        else:
            numbers = np.asarray(index)
            if numbers.dtype == bool:
                numbers = np.flatnonzero(numbers)
        if isinstance(index, tuple) or (numbers.size and numbers.dtype.kind not in "iu"):
            raise IndexError("shards are indexed by whole pictures; np.asarray reads all of them")
        if numbers.size and not (numbers.min() >= -len(self) and numbers.max() < len(self)):
            raise IndexError(f"there are {len(self)} pictures")
        numbers = numbers.astype(np.intp) % max(1, len(self))
        pictures = np.empty((*numbers.shape, *self.shape[1:]), self.dtype)
        files = np.searchsorted(self.starts, numbers, side="right") - 1
        rows = pictures.reshape(-1, *self.shape[1:])
        for number, file, picture in zip(numbers.flat, files.flat, rows, strict=True):
            self._shards[file].read(int(number - self.starts[file]), picture)
        return pictures

    def sha256(self) -> str:
        """Return a checksum of names, lengths, and the start, middle and end of each file: all would take too long."""
        digest = hashlib.sha256()
        for path, shard in zip(self.paths, self._shards, strict=True):
            digest.update(f"{path.name} {shard.shape}\n".encode())
            digest.update(shard.sampled(SAMPLED_BYTES))
        return digest.hexdigest()

    def epoch(self, indices: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the order of an epoch: shards in a random order, and within windows of it the pictures.

        Parameters
        ----------
        indices : ndarray of int, (count,)
            Numbers of the pictures that take part, in ascending order.
        generator : Generator
            Draws the order.

        Returns
        -------
        ndarray of int, (count,)
            Positions in ``indices``; each once.
        """
        bounds = np.searchsorted(indices, [*self.starts[1:], len(self)])
        parts = np.split(np.arange(len(indices)), bounds[:-1])
        order = np.concatenate([parts[k] for k in generator.permutation(len(parts))])
        for start in range(0, len(order), WINDOW):
            generator.shuffle(order[start : start + WINDOW])
        return order

    def __reduce__(self) -> tuple[type["Shards"], tuple[list[Path]]]:  # type: ignore[override]
        """Copy and pickle the paths: a copy opens the files again."""
        return type(self), (self.paths,)


def shard_files(folder: Path) -> list[Path]:
    """Return the .npy and .tar files in a folder, in the order of their names; none if it is no folder."""
    try:
        files = (path for path in folder.iterdir() if path.suffix in (".npy", ".tar") and path.is_file())
        return sorted(path for path in files if not path.name.startswith("."))
    except (OSError, ValueError):  # ValueError: of a name with a null byte
        return []
