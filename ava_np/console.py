"""Results on standard output, and the progress of long tasks on standard error: a bar on a terminal, or plain lines.

All text is made printable here, because it may hold names and values from files of any origin.

rich is imported only if standard error is a terminal.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

import click

from ava_np.errors import printable

if TYPE_CHECKING:
    from ava_np.training.trainer import Metrics

MAX_MESSAGE = 2000  # characters; an error may quote a value of any length from a file
PLAIN_LINES = 10  # in a whole training, without a terminal
PLAIN_SECONDS = 60.0  # maximum time between two of them, at first
SLOWING = 5  # later, a share of the time that has passed
PLAIN_WAIT = 5.0  # seconds before the first line of a counter

COMPILING = "the first step may have to compile kernels, once"
COMPILING_WAIT = 3.0  # seconds; kernels that are in the cache are loaded in one


def say(text: str) -> None:
    """Print one line on standard error, if there is one: a message that nobody can read must not stop the work."""
    if len(text) > MAX_MESSAGE:
        text = f"{text[:MAX_MESSAGE]} ..."
    if sys.stderr is not None:
        with suppress(OSError, ValueError):  # full, closed, or the reader of a pipe is gone
            print(printable(text), file=sys.stderr, flush=True)


def echo(text: str) -> None:
    """Print the result of a command on standard output, in lines."""
    click.echo("\n".join(map(printable, text.split("\n"))))


def on_terminal() -> bool:
    """Return whether standard error is a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()


class Show(Protocol):
    """A function that is called after every step of a training."""

    def __call__(self, steps: int, metrics: "Metrics | None") -> None:
        """Show that ``steps`` steps are done; ``metrics`` are those of the epoch that this step ends, or None."""


@contextmanager
def training_progress(first: int, total: int, epochs: int) -> Iterator[Show]:
    """Show the speed, the remaining time, the losses and the validation error of a training.

    Speed and remaining time are those of the steps after the first, which also waits for the compilation of kernels.

    Parameters
    ----------
    first, total : int
        Steps that were done before, and in the whole training.
    epochs : int
        Epochs in the whole training.
    """
    pace = _Pace(first, total)
    if not on_terminal():
        with _said_after(COMPILING_WAIT, COMPILING) as stop:
            yield _plain(pace, stop, total, epochs)
        return
    from rich.console import Console, RenderableType
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    class WithLosses(Progress):
        """A bar with the losses on the line below, where there is room for them."""

        def get_renderables(self) -> Iterator[RenderableType]:
            yield from super().get_renderables()
            yield from (task.fields["losses"] for task in self.tasks)

    columns = (
        TextColumn("{task.fields[epoch]}"),
        BarColumn(None),
        TextColumn("{task.fields[speed]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),  # rich does not count the time before the first update either
    )
    losses = _Losses()
    with WithLosses(*columns, console=Console(stderr=True), expand=True) as progress:
        task = progress.add_task(
            "train", total=total, completed=first, epoch=f"epoch 0/{epochs}", speed="", losses=COMPILING
        )

        def show(steps: int, metrics: "Metrics | None") -> None:
            pace.add(steps)
            fields = {"speed": pace.speed, "losses": losses.text(metrics)}
            if metrics is not None:
                fields["epoch"] = f"epoch {metrics['epoch']}/{epochs}"
            with suppress(OSError):  # the terminal is gone
                progress.update(task, completed=steps, **fields)  # type: ignore[arg-type]

        yield show


def _plain(pace: "_Pace", compiled: Callable[[], None], total: int, epochs: int) -> Show:
    first, losses, begun = pace.steps, _Losses(), time.perf_counter()
    due = {"steps": 0.0, "time": begun + PLAIN_SECONDS}

    def show(steps: int, metrics: "Metrics | None") -> None:
        compiled()
        pace.add(steps)
        text, now = losses.text(metrics), time.perf_counter()
        epoch_due = metrics is not None and steps >= min(due["steps"], total)
        if not epoch_due and now < due["time"]:
            return
        silence = max(PLAIN_SECONDS, (now - begun) / SLOWING)  # a log of a night has few more lines than one of an hour
        due["steps"], due["time"] = steps + (total - first) / PLAIN_LINES, now + silence
        where = f"step {steps}/{total}" if metrics is None else f"epoch {metrics['epoch']}/{epochs}"
        say("  ".join(part for part in (where, pace.speed, pace.left, text) if part))

    return show


class _Pace:
    """The speed of a training, from the end of its first step in this process."""

    def __init__(self, first: int, total: int) -> None:
        self.steps, self._total = first, total
        self._begun: tuple[int, float] | None = None
        self._pace: float | None = None

    def add(self, steps: int) -> None:
        """Note that so many steps are done."""
        self.steps, now = steps, time.perf_counter()
        if self._begun is None:
            self._begun = steps, now
        elif steps > self._begun[0]:
            self._pace = (now - self._begun[1]) / (steps - self._begun[0])

    @property
    def speed(self) -> str:
        """Time for a step, as text; empty before the second step."""
        return "" if self._pace is None else f"{self._pace * 1e3:.1f} ms/step"

    @property
    def left(self) -> str:
        """Remaining time, as text; empty before the second step."""
        return "" if self._pace is None else f"{self._pace * (self._total - self.steps):.0f} s left"


class _Losses:
    """The terms of the last epoch as text, in nats per picture, and the last validation error: few epochs have one."""

    def __init__(self) -> None:
        self._terms, self._validation = "", ""

    def text(self, metrics: "Metrics | None") -> str:
        """Return the text after the step that ends an epoch, or after another step."""
        if metrics is not None:
            self._terms = "  ".join(f"{name} {value:.4g}" for name, value in metrics["nats"].items())
        if metrics is not None and "validation" in metrics:
            error = metrics["validation"]["reconstruction_error"]
            self._validation = f"  validation {error:.4g} (epoch {metrics['epoch']})"
        return self._terms + self._validation


@contextmanager
def _said_after(seconds: float, text: str) -> Iterator[Callable[[], None]]:
    """Print a line after some seconds, unless the function is called, or the block ends, before."""
    timer = threading.Timer(seconds, say, (text,))
    timer.daemon = True
    timer.start()
    try:
        yield timer.cancel
    finally:
        timer.cancel()


@contextmanager
def progress_counter(task_name: str, first: int = 0, together: int = 1) -> Iterator[Callable[[int, int], None]]:
    """Show the progress of a task; call the function with (done, total) after each item.

    Without a terminal, about ten lines are printed, and none if the task takes less than five seconds. The time that is
    left is estimated from the pace after the first items, which also wait for the start of the work.

    Parameters
    ----------
    task_name : str
        Such as "reading pictures".
    first : int
        Number of items that were done before.
    together : int
        Number of items that are worked on at the same time.
    """
    if on_terminal():
        from rich.console import Console
        from rich.progress import MofNCompleteColumn, Progress

        columns = (*Progress.get_default_columns(), MofNCompleteColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(task_name, total=None, completed=first)
            yield lambda done, total: bar.update(task, completed=done, total=total)
        return
    start = time.perf_counter()
    due, begun = start + PLAIN_WAIT, start

    def line(done: int, total: int) -> None:
        nonlocal due, begun
        now, counted = time.perf_counter(), done - first - together
        if counted <= 0:
            begun = now
        elif counted >= together and now >= due:
            left = (now - begun) / counted * (total - done)
            say(f"{task_name}: {done}/{total}, {left:.0f} s left")
            due = now + max(PLAIN_WAIT, (now - start + left) / PLAIN_LINES)

    yield line


@contextmanager
def spinner(task_name: str) -> Iterator[None]:
    """Show the name of a task and a spinner on a terminal, and nothing elsewhere."""
    if on_terminal():
        from rich.console import Console

        with Console(stderr=True).status(task_name):
            yield
    else:
        yield


def table(headings: list[str], rows: list[list[str]]) -> str:
    """Return a table as text: numbers are right-aligned, other cells left-aligned.

    Examples
    --------
    >>> print(table(["image", "(17)"], [["mean image", "0.1670"], ["floor", "0.1640"]]))
    image       (17)
    ----------  ------
    mean image  0.1670
    floor       0.1640
    """
    widths = [max(len(row[i]) for row in [headings, *rows]) for i in range(len(headings))]

    def line(row: list[str]) -> str:
        cells = (
            cell.rjust(width) if _numeric(cell) else cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        )
        return "  ".join(cells).rstrip()

    return "\n".join([line(headings), "  ".join("-" * width for width in widths), *map(line, rows)])


def _numeric(cell: str) -> bool:
    try:
        float(cell.replace(",", ""))
    except ValueError:
        return False
    return True
