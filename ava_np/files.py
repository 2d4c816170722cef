"""Writing files atomically."""

from contextlib import suppress
from pathlib import Path

from ava_np.errors import AvaError


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under a temporary name and rename it, so that a reader never sees half of it.

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
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise AvaError(f"cannot write {path}: {error.strerror}") from error
