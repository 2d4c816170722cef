"""Lines of the metrics wait while the disk is full, and none is lost or cut."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from ava_np.errors import AvaError
from ava_np.run.metrics_log import MetricsLog


class Disk:
    """A file on a disk with some room left."""

    def __init__(self, file: Any, room: int) -> None:
        self._file, self.room = file, room

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, content: memoryview) -> int:
        """Write what fits, as a system call does."""
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        count = self._file.write(content[: self.room])
        self.room -= count
        return int(count)


def test_lines_wait_for_room(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b"{}\n")
    with MetricsLog(path, "a") as log:
        disk = Disk(log._file, 30)
        log._file = disk  # type: ignore[assignment]
        for epoch in range(1, 5):
            log.add({"epoch": epoch})  # of 22 bytes
        with pytest.raises(AvaError, match=r"cannot write .*metrics\.jsonl: No space left on device"):
            log.write()
        assert path.read_bytes().startswith(b'{}\n{"run":"a","epoch":1}\n')
        disk.room = 10**6
        log.write()
        log.add({"epoch": 5})
    assert path.read_bytes() == b"{}\n" + b"".join(b'{"run":"a","epoch":%d}\n' % epoch for epoch in range(1, 6))
