"""The moments at which a process changes the files of a folder, in the order in which they come.

Each is a point at which a trial can kill or signal the process, or fill its disk: before a file is opened for writing,
renamed, removed or synced, before a folder is made, and before, in the middle of and after each write.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

EVENTS = {"os.rename": "rename", "os.remove": "remove", "os.mkdir": "mkdir"}


class WritePoints:
    """Counts the points of this process and calls an action at each; it stays for the life of the process.

    Parameters
    ----------
    folder : Path
        Changes outside this folder do not count.
    action : callable
        Called with (number, name, file) at each point, counted from 1. It may raise an OSError.
    """

    def __init__(self, folder: Path, action: Callable[[int, str, str], None]) -> None:
        self.count, self.opened, self._folder, self._action = 0, "", os.fspath(folder), action
        self._inside = False

    def install(self) -> None:
        """Watch this process from now on."""
        sys.addaudithook(self._audit)
        open_descriptor, open_path, sync = os.fdopen, Path.open, os.fsync
        points = self

        def fdopen(descriptor: int, *arguments: Any) -> Any:
            return WatchedFile(open_descriptor(descriptor, *arguments), points, points.opened)

        def path_open(path: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
            file = open_path(path, mode, *arguments, **options)
            return WatchedFile(file, points, path.name) if mode == "ab" else file

        def fsync(descriptor: int) -> None:
            points.reach("fsync", "")
            sync(descriptor)

        os.fdopen, Path.open, os.fsync = fdopen, path_open, fsync  # type: ignore[assignment,method-assign]

    def reach(self, name: str, file: str) -> None:
        """Count a point and act."""
        if self._inside:
            return
        self.count += 1
        self._inside = True  # what the action itself writes does not count
        try:
            self._action(self.count, name, file)
        finally:
            self._inside = False

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str | os.PathLike) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                self._reach_inside(path, "open")
        elif event in EVENTS:
            self._reach_inside(arguments[0], EVENTS[event])

    def _reach_inside(self, path: Any, name: str) -> None:
        if os.path.abspath(os.fspath(path)).startswith(self._folder):  # noqa: PTH100
            self.opened = Path(path).name
            self.reach(name, self.opened)


class WatchedFile:
    """A file for writing whose writes are points: before, half done, and done."""

    def __init__(self, file: Any, points: WritePoints, name: str) -> None:
        self._file, self._points, self._name = file, points, name

    def __enter__(self) -> "WatchedFile":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, content: bytes) -> int:
        """Write in two halves."""
        self._points.reach("write", self._name)
        half = len(content) // 2
        self._file.write(content[:half])
        self._file.flush()
        self._points.reach("half a write", self._name)
        self._file.write(content[half:])
        self._file.flush()
        self._points.reach("written", self._name)
        return len(content)
