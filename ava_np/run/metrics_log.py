"""Appending to ``metrics.jsonl`` during a training."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from ava_np.errors import AvaError


class MetricsLog:
    """The file of a run's metrics, open for appending. While the disk is full, lines wait in memory.

    Parameters
    ----------
    path : Path
        The file; created if it is missing.
    run : str
        ``Specification.id`` of the run, which every line carries.
    """

    def __init__(self, path: Path, run: str) -> None:
        self._path, self._run, self._waiting = path, run, b""
        self._file = path.open("ab", buffering=0)  # with a buffer, closing would try again, and fail again
        self._length = self._file.seek(0, os.SEEK_END)

    def __enter__(self) -> "MetricsLog":
        """Return this log."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the file."""
        self._file.close()

    def add(self, metrics: dict[str, Any]) -> None:
        """Add the line of an epoch, and write it if that is possible now."""
        self._waiting += msgspec.json.encode({"run": self._run, **metrics}) + b"\n"
        with suppress(AvaError):  # ``write`` is called again before the training is saved
            self.write()

    def write(self) -> None:
        """Write all lines that wait, and flush them to the disk: the state must not be ahead of the metrics.

        Raises
        ------
        AvaError
            If they cannot be written; they still wait then.
        """
        try:
            self._file.truncate(self._length)  # an earlier attempt may have left half a line
            rest = memoryview(self._waiting)
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            raise AvaError(f"cannot write {self._path}: {error.strerror}") from error
        self._length += len(self._waiting)
        self._waiting = b""
