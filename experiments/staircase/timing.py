"""Time the steps of a staircase, and print them beside the processor's peak."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import ava_np
from ava_np.console import table
from ava_np.experiments.bench.machine import Spin
from ava_np.experiments.bench.measure import Implementation, machine_name, shortest_times
from ava_np.kernels.machine.parallel import cores

REPEATS, SECONDS = 5, 0.05  # turns of each step, and the shortest turn
PEAK = "FMA peak"


class Step(NamedTuple):
    """One step of a staircase.

    Attributes
    ----------
    name : str
        Number and idea.
    run : callable
        Computes the result; the first argument is the array that it overwrites.
    threads : int
        Number of threads; 0 is one per core.
    """

    name: str
    run: Callable[..., None]
    threads: int = 1


def print_times(title: str, steps: Sequence[Step], arguments: tuple[Any, ...], operations: int) -> None:
    """Run the steps in turns, and print the shortest time of each.

    Parameters
    ----------
    title : str
        Printed above the table.
    steps : sequence of Step
        All compute the same.
    arguments : tuple
        Passed to each step.
    operations : int
        Floating-point operations of one run; a multiply-add counts twice.
    """

    def run(step: Step) -> None:
        ava_np.use_threads(step.threads)
        step.run(*arguments)

    timed = [Implementation(step.name, partial(run, step), None) for step in steps]
    best = shortest_times([*timed, Implementation(PEAK, partial(Spin(), operations), None)], REPEATS, SECONDS)
    ava_np.use_threads(0)

    def row(name: str, threads: int) -> list[str]:
        share = best[PEAK] / (threads * best[name])
        return [name, f"{best[name]:.3g}", f"{operations / best[name] / 1e6:.3g}", f"{100 * share:.1f}"]

    rows = [*(row(step.name, step.threads or cores()) for step in steps), row(PEAK, 1)]
    print(f"{title}; {machine_name()}; minimum of {REPEATS} interleaved turns\n")
    print(table(["step", "ms", "GFLOP/s", "% of the peak"], rows), end="\n\n")
