"""Kill, stop and starve a training at its write points, or at random moments; resume it, and compare every byte.

    python -m tests.survival.harness FOLDER [--every N] [--moments N] [--report] [--actions KILL "full disk" ...]

FOLDER is new. Each trial forks a process that runs ``ava train`` and meets its fate. Afterwards the run must be
readable, ``--resume`` must end well, and the folder must have the bytes of an undisturbed run. Prints one line for each
action, and one for each fault.
"""

import argparse
import errno
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import ava_np.report.live
import ava_np.report.run
from ava_np.report.run import Report
from tests.survival.processes import Fate, Place, prepare

NEEDS_ROOM = {"open", "write", "half a write", "written", "fsync", "mkdir"}


def kill(at: int) -> Fate:
    """SIGKILL at one point."""

    def act(number: int, name: str, file: str) -> None:
        if number == at:
            os.kill(os.getpid(), signal.SIGKILL)

    return act


def signals(which: signal.Signals, times: int = 1) -> Callable[[int], Fate]:
    """A signal at one point, or at several in a row."""

    def fate(at: int) -> Fate:
        def act(number: int, name: str, file: str) -> None:
            if at <= number < at + times:
                signal.raise_signal(which)

        return act

    return fate


def full_disk(points: int, only: str = "") -> Callable[[int], Fate]:
    """No space left on the disk, at some points in a row; or only in files whose name holds a word."""

    def fate(at: int) -> Fate:
        def act(number: int, name: str, file: str) -> None:
            if name in NEEDS_ROOM and at <= number < at + points and only in file:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        return act

    return fate


ACTIONS: dict[str, tuple[Callable[[int], Fate], set[int]]] = {
    "KILL": (kill, {-9}),
    "TERM": (signals(signal.SIGTERM), {143, -15}),  # -15: before or after the training itself
    "HUP": (signals(signal.SIGHUP), {129, -1}),
    "INT": (signals(signal.SIGINT), {130}),
    "INT twice": (signals(signal.SIGINT, 2), {130}),
    "full disk": (full_disk(10**9), {1}),
    "disk full once": (full_disk(1), {1}),
    "disk full for a while": (full_disk(20), {1}),
    "no room for the state": (full_disk(10**9, "training.safetensors"), set()),
}
"""By name: what happens, and the exit codes that it may cause; 0 if it comes too late or does no harm."""


def at_points(place: Place, action: str, every: int) -> tuple[int, list[str]]:
    """Try an action at each ``every``-th write point; return the number of trials, and the faults."""
    fate, allowed = ACTIONS[action]
    numbers = range(1, place.points + 1, every)
    found = [
        f"{action} at point {at} of {place.points}: {fault}"
        for at in numbers
        for fault in place.faults(place.train(fate(at)), allowed)
    ]
    return len(numbers), found


def at_moments(place: Place, count: int, seed: int = 0) -> tuple[int, list[str]]:
    """Send signals at random moments, whatever the process does then; return the number of trials, and the faults."""
    start = time.perf_counter()
    place.train()
    duration = time.perf_counter() - start
    generator, found = random.Random(seed), []
    for trial in range(count):
        which = generator.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
        delay = generator.uniform(0, duration)

        def strike(child: int, which: signal.Signals = which, delay: float = delay) -> None:
            time.sleep(delay)
            os.kill(child, which)

        ended = place.train(then=strike)
        faults = place.faults(ended, {-which, 128 + which})
        found += [f"{which.name} after {delay:.3f} s, trial {trial}: {fault}" for fault in faults]
    return count, found


def without_report() -> None:
    """Leave out the report, the slowest part, and the page while training, whose moments depend on the time."""
    ava_np.report.run.report_run = lambda session: Report(None, [])
    ava_np.report.live.LivePage.refresh = lambda self: None  # type: ignore[method-assign]


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--moments", type=int, default=0)
    parser.add_argument("--report", action="store_true", help="write the report, too: slow")
    parser.add_argument("--actions", nargs="*", choices=ACTIONS, default=list(ACTIONS))
    options = parser.parse_args()
    if not options.report:
        without_report()
    place = prepare(options.folder)
    results = {action: at_points(place, action, options.every) for action in options.actions}
    if options.moments:
        results["random moments"] = at_moments(place, options.moments)
    for name, (count, found) in results.items():
        print("\n  ".join([f"{name}: {count} trials, {len(found)} faults", *found]), flush=True)
    return any(found for _, found in results.values())


if __name__ == "__main__":
    sys.exit(_main())
