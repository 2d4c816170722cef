"""Files that are there whole or not at all."""

from contextlib import suppress
from pathlib import Path

from ava_np.errors import AvaError


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all.

    Raises
    ------
    AvaError
        If it cannot be written.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise AvaError(f"cannot write {path}: {error.strerror}") from error
