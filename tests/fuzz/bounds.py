"""What holds for every input: an end within seconds, in bounded memory, and no write outside of one folder."""

import os
import signal
import sys
import tempfile
import time
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

SECONDS = 5.0  # of processor time, for one input
BYTES = 10**9  # of memory, above that at the start

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.truncate", "os.chmod"}
PROGRAMS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect"}
UNFIT = {"Cc", "Cs", "Zl", "Zp"}
"""Categories of control characters, surrogates, and separators of lines and paragraphs."""

TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
"""Bidirectional classes of the characters that turn the direction of writing around."""


class TooLong(BaseException):
    """The time for one input is over; not an ``Exception``, which code under test might handle."""


@contextmanager
def sandbox() -> Iterator[Path]:
    """Work in a new folder, where warnings are errors; it is deleted at the end."""
    with tempfile.TemporaryDirectory() as name, chdir(name), warnings.catch_warnings():
        warnings.simplefilter("error")
        yield Path(name).resolve()


@contextmanager
def bounded(writable: Path) -> Iterator[None]:
    """Assert that a block keeps within the bounds, and writes only below a folder.

    The time is the processor's, so that a busy machine does not matter.
    """
    previous = signal.signal(signal.SIGPROF, _stop)
    memory, start, _watch.found = reset_peak(), time.process_time(), []
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    _watch.folder = os.fspath(writable)
    try:
        yield
    except TooLong as error:
        raise AssertionError(f"more than {SECONDS:g} s") from error
    finally:
        _watch.folder = None
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)
    assert not _watch.found, _watch.found
    taken = time.process_time() - start  # a signal waits until a call of a C function returns
    assert taken < SECONDS, f"{taken:.1f} s"
    grown = peak() - memory
    assert grown < BYTES, f"{grown / 1e6:.0f} MB"


def one_line(text: str) -> None:
    """Assert that a text is one line that rules no terminal and is not empty."""
    assert text.strip(), "an empty message"
    for character in text:
        assert unicodedata.category(character) not in UNFIT, ascii(text)
        assert unicodedata.bidirectional(character) not in TURNING, ascii(text)


def printable_lines(text: str) -> None:
    """Assert that no line of a text rules a terminal."""
    for line in text.split("\n"):
        if line.strip():
            one_line(line)


class _Watch:
    """The folder that may be written now, and the writes elsewhere."""

    folder: str | None = None
    found: list[str] = []  # noqa: RUF012


_watch = _Watch()


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    """Note a write outside of the folder, or a program that is started. Raising here could be handled by the caller."""
    if _watch.folder is None:
        return
    if event in PROGRAMS:
        _watch.found.append(f"{event} {arguments!r}"[:300])
    elif event in CHANGES or (event == "open" and _writes(*arguments)):
        for path in arguments[: 2 if event == "os.rename" else 1]:
            if isinstance(path, str | bytes | os.PathLike) and not _allowed(os.fsdecode(path)):
                _watch.found.append(f"{event} {path!r}")


def _writes(path: object, mode: object, flags: object) -> bool:
    return bool(flags & WRITING) if isinstance(flags, int) and mode is None else bool({*"wax+"} & {*str(mode)})


def _allowed(path: str) -> bool:
    path = os.path.abspath(path)  # noqa: PTH100  (resolve would open links)
    # Numba and Python keep compiled code.
    return f"{path}{os.sep}".startswith(f"{_watch.folder}{os.sep}") or "__pycache__" in path or path == os.devnull


sys.addaudithook(_audit)


def _stop(number: int, frame: FrameType | None) -> None:
    raise TooLong


def reset_peak() -> int:
    """Forget the largest size of this process and return its size now, in bytes; 0 if the system does not tell."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return 0
    return peak()


def peak() -> int:
    """The largest size of this process since the last reset, in bytes; 0 if the system does not tell."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
