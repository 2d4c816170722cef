"""How fast the steps are, beside PyTorch's and JAX's: what ``ava bench`` prints.

Contenders take turns in one process, so that what disturbs one disturbs all; what counts is the least time of each,
because disturbances only ever add. Before any time is taken, all must compute the same numbers from the same weights,
pictures and noise.
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
from ava_np.experiments.bench.torch_peers import Numbers
from ava_np.kernels.machine.parallel import cores
from ava_np.network.blas import single_threaded_blas

TOLERANCES = {"float32": 1e-3, "float64": 1e-9}
"""Largest length of a difference, relative to the array's, by float type."""

SECONDS, QUICK_SECONDS = 0.25, 0.05  # of a contender's turn, at least; always one step
OURS = "ours"
QUIET = 0.5  # load up to which nobody else is at work


class Contender(NamedTuple):
    """Somebody's way to do the work.

    Attributes
    ----------
    name : str
        Of several of one name the fastest counts, such as PyTorch's two memory formats.
    step : callable
        Does the work once, to its end.
    numbers : callable, optional
        What the work computes; None for a rate of the machine, which computes nothing.
    """

    name: str
    step: Callable[[], object]
    numbers: Callable[[], Numbers] | None


class Case(NamedTuple):
    """A piece of work and who can do it, ours first; ``threads`` 0 is all."""

    workload: str
    contenders: Sequence[Contender]
    threads: int = 0


@dataclass(frozen=True)
class Row:
    """A line of the table, and of the JSON file.

    Attributes
    ----------
    workload : str
        What was done.
    ours_ms : float
        Milliseconds; megabytes where the workload says so.
    peer : str or None
        Beside whom; None where there is nobody.
    peer_ms, ratio : float or None
        The peer's, and ours divided by it: below 1 we are faster.
    """

    workload: str
    ours_ms: float
    peer: str | None = None
    peer_ms: float | None = None
    ratio: float | None = None


@dataclass(frozen=True)
class Setting:
    """How everything is measured.

    Attributes
    ----------
    torch, jax : module or None
        None if it is left out.
    repeats : int
        Turns of each contender.
    quick : bool
        Short turns, and fewer sizes.
    """

    torch: ModuleType | None
    jax: ModuleType | None
    repeats: int
    quick: bool

    def rows(self, case: Case) -> list[Row]:
        """Check a case, time it, say so, and give a row for each peer."""
        check(case)
        use_threads(self.torch, case.threads)
        best = interleave(case.contenders, self.repeats, QUICK_SECONDS if self.quick else SECONDS)
        use_threads(self.torch, 0)
        found = beside(case.workload, best.pop(OURS), best)
        for row in found:
            say(text(row))
        return found


def use_threads(torch: Any, threads: int) -> None:
    """Our kernels and PyTorch on so many threads; 0 is all. JAX always has all."""
    ava_np.use_threads(threads)
    if torch is not None:
        torch.set_num_threads(threads or cores())


def check(case: Case) -> None:
    """Refuse a comparison in which somebody computes something else.

    Raises
    ------
    AvaError
        It names who and what.
    """
    ours, *peers = case.contenders
    assert ours.numbers is not None
    expected = ours.numbers()
    for peer in peers:
        if peer.numbers is None:
            continue
        found = peer.numbers()
        for name, array in found.items():
            error = difference(expected[name], array)
            if not error < TOLERANCES[array.dtype.name]:
                raise AvaError(
                    f"{case.workload}: {peer.name} and we differ in {name} by {error:.1e} of its length, so "
                    "that the times would not compare: please report it, and leave this workload out meanwhile"
                )


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Length of the difference relative to the length of theirs; infinite between different shapes."""
    if ours.shape != theirs.shape:
        return math.inf
    gap = float(np.linalg.norm((ours - theirs).ravel()))
    return gap / float(np.linalg.norm(theirs.ravel())) if gap else gap


def interleave(contenders: Sequence[Contender], repeats: int, seconds: float) -> dict[str, float]:
    """Least milliseconds of a step by name, over ``repeats`` turns of at least so many seconds each.

    NumPy's BLAS is held at one thread in our turns, as the trainer holds it.
    """
    best: dict[str, float] = {}
    for _ in range(repeats):
        for name, step, _ in contenders:
            with single_threaded_blas if name == OURS else nullcontext():
                step()  # whatever the others left in the caches
                end = time.perf_counter() + seconds
                while True:
                    start = time.perf_counter()
                    step()
                    stop = time.perf_counter()
                    best[name] = min(best.get(name, math.inf), (stop - start) * 1e3)
                    if stop >= end:
                        break
    return best


def beside(workload: str, ours: float, peers: dict[str, float]) -> list[Row]:
    """A row for each peer, or one without a peer."""
    rows = [Row(workload, ours, name, theirs, ours / theirs) for name, theirs in peers.items()]
    return rows or [Row(workload, ours)]


def summary(workload: str, rows: Sequence[Row]) -> Iterator[Row]:
    """The geometric means of several rows, and again the worst of them, for each peer."""
    for peer in dict.fromkeys(row.peer for row in rows if row.peer is not None):
        own = [row for row in rows if row.peer == peer]
        ours, theirs = _geometric(row.ours_ms for row in own), _geometric(row.peer_ms or 0 for row in own)
        yield Row(f"{workload}, geometric mean", ours, peer, theirs, ours / theirs)
        worst = max(own, key=lambda row: row.ratio or 0)
        yield Row(f"{workload}, worst: {worst.workload}", worst.ours_ms, peer, worst.peer_ms, worst.ratio)


def _geometric(values: Iterator[float]) -> float:
    return float(np.exp(np.mean(np.log(list(values)))))


def text(row: Row) -> str:
    """A row as progress."""
    if row.peer is None or row.peer_ms is None:
        return f"{row.workload}: ours {row.ours_ms:.3g}"
    return f"{row.workload}: ours {row.ours_ms:.3g}, {row.peer} {row.peer_ms:.3g}, ratio {row.ratio:.2f}"


def as_table(rows: Sequence[Row], rates: Sequence[Rates]) -> str:
    """The machine's rates and all rows."""
    machine = [[str(r.threads), f"{r.peak:.0f}", f"{r.sgemm:.0f}", f"{r.memory:.0f}"] for r in rates]
    cells = [
        [
            row.workload,
            _number(row.ours_ms),
            row.peer or "",
            "" if row.peer_ms is None else _number(row.peer_ms),
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
    """The rows as plain values."""
    return [asdict(row) for row in rows]


def machine_name() -> str:
    """Processor and threads."""
    import llvmlite.binding as llvm

    return f"{llvm.get_host_cpu_name()}, {platform.system()}, {cores()} threads"


def busy() -> str | None:
    """A warning if others are at work: peers that spin on every core then lose most, and the ratios flatter us."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load < QUIET:
        return None
    return (
        f"the machine is busy (load {load:.1f} before the first measurement): work on all cores suffers more than work "
        "on one, so that ratios may be wrong many times over; measure again on a quiet machine"
    )


def _number(value: float) -> str:
    """Three digits, more where they stand before the point."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
