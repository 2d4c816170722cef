"""Find the files of a folder among which its pictures are, in natural order: 2 before 10."""

import os
import re
from collections import Counter
from pathlib import Path

RUN_MARKERS = {"config.json", "metrics.jsonl"}
"""A folder that holds both is a run folder: its pictures are results, and are not read."""


def find_files(root: Path) -> tuple[list[Path], list[OSError]]:
    """Return every file in a folder and its subfolders, and the errors of unreadable subfolders.

    The files are in natural order. Hidden files and folders, and run folders, are left out.
    """
    paths: list[Path] = []
    visited: set[Path] = set()
    errors: list[OSError] = []
    for directory, subfolders, files in os.walk(root, onerror=errors.append, followlinks=True):
        # A link may lead to a folder above it. Each folder is visited once, and in natural order, so that the name
        # under which it is visited does not depend on the file system.
        here = Path(directory).resolve()
        if here in visited:
            subfolders.clear()
            continue
        visited.add(here)
        if set(files) >= RUN_MARKERS:
            subfolders.clear()
            continue
        subfolders[:] = sorted((name for name in subfolders if not name.startswith(".")), key=_natural_text)
        paths += [Path(directory, name) for name in files if not name.startswith(".")]
    return sorted(paths, key=natural_order), errors


def folders_in_turn(paths: list[Path]) -> list[Path]:
    """Return the first file of each folder, then the second of each, and so on.

    Examples
    --------
    >>> from ava_np.data.picture_files import folders_in_turn
    >>> paths = [Path("cats/1.png"), Path("cats/2.png"), Path("cats/3.png"), Path("dogs/1.png")]
    >>> [path.as_posix() for path in folders_in_turn(paths)]
    ['cats/1.png', 'dogs/1.png', 'cats/2.png', 'cats/3.png']
    """
    counts: Counter[Path] = Counter()
    turns = {}
    for path in paths:
        turns[path] = counts[path.parent]
        counts[path.parent] += 1
    return sorted(paths, key=turns.__getitem__)


def natural_order(path: Path) -> list[tuple[list[str | int], str]]:
    """Sort key of paths: natural order, folder by folder."""
    return [_natural_text(part) for part in path.parts]


def _natural_text(text: str) -> tuple[list[str | int], str]:
    """Sort key that reads runs of digits as numbers, and compares case only between names that are otherwise equal."""
    parts = re.split("([0-9]+)", text)
    return [int(part) if index % 2 else part.casefold() for index, part in enumerate(parts)], text
