"""Forked processes that run ``ava``, and what must be true of a run after one of them has ended."""

import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ava_np.cli.main import main
from ava_np.errors import AvaError
from ava_np.run.folder import Run
from ava_np.run.names import CONFIG, MODEL, RUN_FILES, TRAINING
from tests.command import ava, tree, write_pictures
from tests.survival.write_points import WritePoints

OPTIONS = ("--hidden", "6", "--latent", "2", "--batch-size", "2", "--epochs", "4", "--checkpoint-every", "5")
"""12 steps, and the last is not one at which a training is saved in any case."""

Fate = Callable[[int, str, str], None]
"""Called at each write point, with its number, its name and the name of the file."""

Arguments = tuple[object, ...]


class Ended(NamedTuple):
    """How a process ended: its exit code, negative for a signal, and its standard error."""

    code: int
    err: str


class Place(NamedTuple):
    """A working folder with pictures, and an undisturbed run to compare with.

    Attributes
    ----------
    folder : Path
        The working folder.
    arguments : tuple
        Those of ``ava train``, without --out.
    expected : dict
        The files of the undisturbed run.
    points : int
        The number of its write points.
    """

    folder: Path
    arguments: Arguments
    expected: dict[str, bytes | None]
    points: int

    @property
    def run(self) -> Path:
        """The run folder of the trials."""
        return self.folder / "run"

    def train(self, fate: Fate | None = None, then: Callable[[int], None] = lambda child: None) -> Ended:
        """Begin the run anew, in a process that meets a fate; ``then`` gets its number at once."""
        shutil.rmtree(self.run, ignore_errors=True)
        return forked(("train", *self.arguments, "--out", self.run), self.run, fate, then)

    def faults(self, ended: Ended, allowed: set[int]) -> list[str]:
        """Resume the run, and return what is wrong with it before and after; ``allowed`` are exit codes besides 0."""
        found = _faults(ended, self.run, allowed)
        if not (self.run / CONFIG).exists():
            again: Arguments = (*self.arguments, "--out", self.run)
        elif (self.run / MODEL).exists() and not (self.run / TRAINING).exists():  # it never had room
            again = (*self.arguments, "--out", self.run, "--overwrite")
        else:
            again = ("--out", self.run, "--resume")
        resumed = forked(("train", *again), self.run)
        if resumed.code:
            found.append(f"does not resume: {resumed.err[-400:]}")
        elif tree(self.run) != self.expected:
            found.append("other bytes than the undisturbed run")
        return found


def prepare(folder: Path) -> Place:
    """Make the pictures and the undisturbed run, and count its write points."""
    arguments = (write_pictures(folder / "photos", 5), *OPTIONS)
    assert ava("train", *arguments, "--out", folder / "warm").code == 0  # the forked processes need not load kernels
    whole, log = folder / "whole", folder / "points"
    ended = forked(("train", *arguments, "--out", whole), whole, lambda number, name, file: note(log, number))
    assert ended.code == 0, ended.err
    return Place(folder, arguments, tree(whole), int(log.read_text()))


def note(log: Path, number: int) -> None:
    """Write a number to a file."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.write(descriptor, str(number).encode())
    os.close(descriptor)


def forked(
    arguments: Arguments, watched: Path, fate: Fate | None = None, then: Callable[[int], None] = lambda child: None
) -> Ended:
    """Run ``ava`` in a forked process, with a fate at the write points in a folder, and wait for its end."""
    err = watched.parent / "err"
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        _become_ava(arguments, watched, fate, err)
    then(child)
    return Ended(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), err.read_text())


def _become_ava(arguments: Arguments, watched: Path, fate: Fate | None, err: Path) -> None:
    """Run ``ava`` and end this process."""
    code = 99
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        descriptor = os.open(err, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        sys.argv = ["ava", *map(str, arguments)]
        if fate is not None:
            WritePoints(watched, fate).install()
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _faults(ended: Ended, run: Path, allowed: set[int]) -> list[str]:
    found = []
    if ended.code not in {0, *allowed}:
        found.append(f"exit code {ended.code}: {ended.err[-400:]}")
    if "Traceback" in ended.err:
        found.append(f"traceback: {ended.err[-400:]}")
    left = [path.name for name in (*RUN_FILES, "step-*.png") for path in run.rglob(f".{name}.*.partial")]
    if left and ended.code >= 0:
        found.append(f"left behind: {left}")
    if not (run / CONFIG).exists():
        return found
    try:
        opened = Run.open(run)
        opened.metrics()
        if (run / MODEL).exists():
            opened.model()
            stopped = [line for line in ended.err.splitlines() if line.startswith("stopped after step ")]
            if stopped and "saved after" not in stopped[0] and int(stopped[0].split()[3]) != opened.header().steps:
                found.append(f"{stopped[0]}, but the weights are of step {opened.header().steps}")
    except AvaError as error:
        found.append(f"not readable: {error}")
    return found
