"""The class of each picture, where the source tells it: the labels of MNIST, class folders, or numbered file names."""

import re
from collections import Counter
from pathlib import Path, PurePosixPath

import numpy as np

from ava_np.data.idx import choose_idx, idx_files, is_idx, read_idx_labels
from ava_np.errors import PictureError

NUMBERED = re.compile(r"(.+?)[_-]+\d+")
"""A file's name without its suffix: the class, and the number of the picture, as obj10__3 or cat-001."""


def read_labels(source: str | Path, names: tuple[str, ...]) -> np.ndarray | None:
    """Return the class of each picture of a source, or None if the source does not tell.

    - An idx file, or its folder: the file of labels beside it, whose name has "labels-idx1" for "images-idx3".
    - A folder with a subfolder for each class: the name of the subfolder.
    - A folder of files such as obj10__3.png or cat-001.jpg: the part of the name in front of the number.

    Parameters
    ----------
    source : path
        What the pictures were read from.
    names : tuple of str, length N
        ``Pictures.names``.

    Returns
    -------
    ndarray of str, (N,), or None
        At least two classes of at least two pictures each.

    Raises
    ------
    PictureError
        If the file of labels is damaged, or holds fewer labels than there are pictures.

    Examples
    --------
    >>> from ava_np.data.labels import read_labels
    >>> read_labels("pets", ("cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "dog/2.jpg")).tolist()
    ['cat', 'cat', 'dog', 'dog']
    >>> read_labels("coil", ("obj1__0.png", "obj1__1.png", "obj2__0.png", "obj2__1.png")).tolist()
    ['obj1', 'obj1', 'obj2', 'obj2']
    >>> read_labels("frames", ("01.png", "02.png")) is None
    True
    """
    path = _idx_labels(Path(source))
    if path is not None and names == tuple(map(str, range(len(names)))):
        labels = read_idx_labels(path)
        if len(labels) < len(names):
            raise PictureError(f"{path}: {len(labels)} labels for {len(names)} pictures; these are of another file")
        return labels[: len(names)].astype(str)
    paths = [PurePosixPath(name) for name in names]
    folders = [path.parts[0] for path in paths if len(path.parts) > 1]
    prefixes = [match[1] for path in paths if (match := NUMBERED.fullmatch(path.stem))]
    for classes in (folders, prefixes):
        counts = Counter(classes)
        if len(classes) == len(names) and len(counts) > 1 and min(counts.values()) > 1:
            return np.array(classes)
    return None


def _idx_labels(source: Path) -> Path | None:
    """Return the existing file of labels that belongs to an idx file of pictures or its folder, or None."""
    if not is_idx(source):
        files = idx_files(source)
        if not files:
            return None
        source = choose_idx(source, files)
    name = source.name.replace("images-idx3", "labels-idx1").removesuffix(".gz")
    found = [path for path in (source.with_name(name), source.with_name(name + ".gz")) if path.is_file()]
    return found[0] if found and found[0] != source else None
