"""Writing files atomically: a reader sees the old file or the new one, and never half of either."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ava_np.errors import AvaError

# A new file of our own, never one that is there already, and never one that a symbolic link leads to.
NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)

PARTIAL = ".{name}.{token}.partial"  # name of a file that is being written; a killed process leaves it behind


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of ``path`` when the block ends, or leaves no trace if the block fails.

    The content is written to a temporary file with a name of its own in the same folder, flushed to the disk, and
    renamed. So two writers cannot disturb each other, and after a crash the file is the old one or the new one.

    Parameters
    ----------
    path : Path
        The file to write. A symbolic link is replaced, not followed.

    Yields
    ------
    binary file
        Open for reading and writing.

    Raises
    ------
    OSError
        If the file cannot be written; an older one is then left as it was.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_file(Path(folder, "codes.csv")) as file:
    ...         _ = file.write(b"picture,z1")
    ...     Path(folder, "codes.csv").read_text()
    'picture,z1'
    """
    temporary = path.with_name(PARTIAL.format(name=path.name, token=secrets.token_hex(8)))
    descriptor = os.open(temporary, NEW_FILE, 0o666)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            try:
                temporary.unlink()
            finally:  # a second Ctrl-C must not leave gigabytes behind
                temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a whole file by ``atomic_file``.

    Raises
    ------
    AvaError
        If the file cannot be written; an older one is then left as it was.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder, "codes.csv"), b"picture,z1")
    ...     Path(folder, "codes.csv").read_text()
    'picture,z1'
    """
    try:
        with atomic_file(path) as file:
            file.write(content)
    except OSError as error:
        raise AvaError(f"cannot write {path}: {error.strerror}") from error


def _sync_folder(folder: Path) -> None:
    """Flush a rename to the disk, where folders can be opened."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
