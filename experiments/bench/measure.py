"""Measure implementations of the same work against each other, and print what ``ava bench`` prints.

The implementations take turns in one process, so that a disturbance affects all of them. The shortest time of each
counts, because a disturbance can only add time. Before any time is taken, all of them must compute the same results
from the same weights, pictures and noise.
"""

import math
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

import ava_np
from ava_np.console import say, table
from ava_np.errors import AvaError
from ava_np.experiments.bench.machine import Rates
from ava_np.kernels.machine.parallel import cores
from ava_np.network.blas import single_threaded_blas

Results = dict[str, np.ndarray]
"""What an implementation computes: arrays by name."""

TOLERANCES = {"float32": 1e-3, "float64": 1e-9}
"""Largest norm of a difference, relative to the norm of the array, by float type."""

TURN_SECONDS, QUICK_TURN_SECONDS = 0.25, 0.05  # of one implementation, at least; a turn has at least one run
OURS = "ours"
LIMIT = "the machine's limit"
MAX_IDLE_LOAD = 0.5  # up to this load average the machine counts as idle


class Implementation(NamedTuple):
    """One way to do the work of a case.

    Attributes
    ----------
    name : str
        Several implementations may share a name, such as PyTorch's two memory formats; the fastest of them counts.
    run : callable
        Do the work once, and wait for its end.
    results : callable, optional
        Return what the work computes; None for a rate of the machine, which computes nothing.
    """

    name: str
    run: Callable[[], object]
    results: Callable[[], Results] | None


class Case(NamedTuple):
    """Work to measure, and its implementations, ours first; ``threads`` 0 is one thread per core.

    ``least`` returns the least time of the work in milliseconds, for a number of threads, if that is known.
    """

    workload: str
    implementations: Sequence[Implementation]
    threads: int = 0
    least: Callable[[int], float] | None = None


@dataclass(frozen=True)
class Row:
    """One line of the table, and one entry of the JSON file.

    Attributes
    ----------
    workload : str
        What was measured.
    ours_ms : float
        Our time in milliseconds; megabytes where the workload says so.
    peer : str or None
        The implementation that ours is compared with; None if there is none.
    peer_ms : float or None
        Its time.
    ratio : float or None
        Our time divided by the peer's: below 1 we are faster.
    """

    workload: str
    ours_ms: float
    peer: str | None = None
    peer_ms: float | None = None
    ratio: float | None = None


@dataclass(frozen=True)
class Settings:
    """How to measure.

    Attributes
    ----------
    torch, jax : module or None
        None leaves the framework out.
    repeats : int
        Number of turns of each implementation.
    quick : bool
        Take shorter turns and fewer sizes.
    rates : sequence of Rates
        Those of the machine, from which the least time of a step is computed; there may be none.
    """

    torch: ModuleType | None
    jax: ModuleType | None
    repeats: int
    quick: bool
    rates: Sequence[Rates] = ()

    def measure(self, case: Case) -> list[Row]:
        """Check a case, time it, print its rows as progress, and return them, one for each peer."""
        check(case)
        use_threads(self.torch, case.threads)
        seconds = QUICK_TURN_SECONDS if self.quick else TURN_SECONDS
        best = shortest_times(case.implementations, self.repeats, seconds)
        if case.least is not None:
            best[LIMIT] = case.least(case.threads or cores())
        use_threads(self.torch, 0)
        rows = compare(case.workload, best.pop(OURS), best)
        for row in rows:
            say(progress_line(row))
        return rows


def use_threads(torch: Any, threads: int) -> None:
    """Set the number of threads of our kernels and of PyTorch; 0 is one per core. JAX always uses all cores."""
    ava_np.use_threads(threads)
    if torch is not None:
        torch.set_num_threads(threads or cores())


def check(case: Case) -> None:
    """Check that all implementations of a case compute the same.

    Raises
    ------
    AvaError
        If one of them differs from ours; the message names it and the array.
    """
    ours, *peers = case.implementations
    assert ours.results is not None
    expected = ours.results()
    for peer in peers:
        if peer.results is None:
            continue
        for name, array in peer.results().items():
            error = relative_difference(expected[name], array)
            if not error < TOLERANCES[array.dtype.name]:
                raise AvaError(
                    f"{case.workload}: {peer.name} and ava-np differ in {name} by {error:.1e} of its norm, so their "
                    "times cannot be compared: please report it, and leave this workload out until then"
                )


def relative_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the norm of the difference relative to the norm of theirs; infinity if the shapes differ."""
    if ours.shape != theirs.shape:
        return math.inf
    gap = float(np.linalg.norm((ours - theirs).ravel()))
    return gap / float(np.linalg.norm(theirs.ravel())) if gap else gap


def shortest_times(implementations: Sequence[Implementation], repeats: int, seconds: float) -> dict[str, float]:
    """Run the implementations in turns, and return the shortest time of a run in milliseconds, by name.

    Each of the ``repeats`` turns starts with a run that is not timed, and then lasts at least ``seconds``. During our
    turns NumPy's BLAS is limited to one thread, as in the trainer.
    """
    best: dict[str, float] = {}
    for _ in range(repeats):
        for name, run, _ in implementations:
            with single_threaded_blas if name == OURS else nullcontext():
                run()  # not timed: the caches hold the data of the implementation before
                end = time.perf_counter() + seconds
                while True:
                    start = time.perf_counter()
                    run()
                    stop = time.perf_counter()
                    best[name] = min(best.get(name, math.inf), (stop - start) * 1e3)
                    if stop >= end:
                        break
    return best


def compare(workload: str, ours: float, peers: dict[str, float]) -> list[Row]:
    """Return a row for each peer, or one row without a peer."""
    rows = [Row(workload, ours, name, theirs, ours / theirs) for name, theirs in peers.items()]
    return rows or [Row(workload, ours)]


def summary(workload: str, rows: Sequence[Row]) -> Iterator[Row]:
    """For each peer, return a row of geometric means, and a copy of the row with the largest ratio."""
    for peer in dict.fromkeys(row.peer for row in rows if row.peer is not None):
        compared = [row for row in rows if row.peer == peer]
        ours = _geometric_mean([row.ours_ms for row in compared])
        theirs = _geometric_mean([row.peer_ms or 0 for row in compared])
        yield Row(f"{workload}, geometric mean", ours, peer, theirs, ours / theirs)
        worst = max(compared, key=lambda row: row.ratio or 0)
        yield Row(f"{workload}, worst: {worst.workload}", worst.ours_ms, peer, worst.peer_ms, worst.ratio)


def _geometric_mean(values: list[float]) -> float:
    return float(np.exp(np.mean(np.log(values))))


def progress_line(row: Row) -> str:
    """Return a row as one line of text, to print as soon as it is measured."""
    if row.peer is None or row.peer_ms is None:
        return f"{row.workload}: ours {row.ours_ms:.3g}"
    return f"{row.workload}: ours {row.ours_ms:.3g}, {row.peer} {row.peer_ms:.3g}, ratio {row.ratio:.2f}"


def as_table(rows: Sequence[Row], rates: Sequence[Rates]) -> str:
    """Return the rates of the machine and all rows as two tables of text."""
    machine = [[str(r.threads), f"{r.peak:.0f}", f"{r.sgemm:.0f}", f"{r.memory:.0f}"] for r in rates]
    cells = [
        [
            row.workload,
            _three_digits(row.ours_ms),
            row.peer or "",
            "" if row.peer_ms is None else _three_digits(row.peer_ms),
            "" if row.ratio is None else f"{row.ratio:.2f}",
        ]
        for row in rows
    ]
    return "\n\n".join(
        [
            table(["threads", "FMA peak, GFLOP/s", "sgemm, GFLOP/s", "memory, GB/s"], machine),
            table(["workload", "ours, ms", "peer", "peer, ms", "ratio"], cells),
        ]
    )


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the rows as dictionaries of plain values."""
    return [asdict(row) for row in rows]


def machine_name() -> str:
    """Return the processor, the operating system and the number of threads."""
    import llvmlite.binding as llvm

    return f"{llvm.get_host_cpu_name()}, {platform.system()}, {cores()} threads"


def load_warning() -> str | None:
    """Return a warning if the machine is busy, else None.

    PyTorch's threads spin on every core while they wait. On a busy machine they lose most, which flatters our ratios.
    """
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load < MAX_IDLE_LOAD:
        return None
    return (
        f"the machine is busy (load {load:.1f} before the first measurement): work on all cores suffers more than work "
        "on one, so that ratios may be wrong many times over; measure again on a quiet machine"
    )


def _three_digits(value: float) -> str:
    """Format with three significant digits, and with all digits before the point."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
