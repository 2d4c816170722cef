"""Results on standard output, and the progress of long tasks on standard error: a bar on a terminal, or plain lines.

All text is made printable here, because it may hold names and values from files of any origin.

rich is imported only if standard error is a terminal.
"""

import sys
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
PLAIN_SECONDS = 60.0  # maximum time between two of them
PLAIN_WAIT = 5.0  # seconds before the first line of a counter


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
    """Show the speed, the remaining time and the losses of a training from step ``first`` to ``total``."""
    start = time.perf_counter()
    if not on_terminal():
        yield _plain(start, first, total, epochs)
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
        TimeRemainingColumn(),
    )
    with WithLosses(*columns, console=Console(stderr=True), expand=True) as progress:
        task = progress.add_task("train", total=total, completed=first, epoch=f"epoch 0/{epochs}", speed="", losses="")

        def show(steps: int, metrics: "Metrics | None") -> None:
            milliseconds = (time.perf_counter() - start) / max(1, steps - first) * 1e3
            fields = {"speed": f"{milliseconds:.1f} ms/step"}
            if metrics is not None:
                fields |= {"epoch": f"epoch {metrics['epoch']}/{epochs}", "losses": _losses(metrics)}
            with suppress(OSError):  # the terminal is gone
                progress.update(task, completed=steps, **fields)  # type: ignore[arg-type]

        yield show


def _plain(start: float, first: int, total: int, epochs: int) -> Show:
    due = {"steps": 0.0, "time": start + PLAIN_SECONDS}

    def show(steps: int, metrics: "Metrics | None") -> None:
        now = time.perf_counter()
        epoch_due = metrics is not None and steps >= min(due["steps"], total)
        if not epoch_due and now < due["time"]:
            return
        due["steps"], due["time"] = steps + (total - first) / PLAIN_LINES, now + PLAIN_SECONDS
        pace = (now - start) / max(1, steps - first)  # the first call may report an epoch, without a step
        where = f"step {steps}/{total}" if metrics is None else f"epoch {metrics['epoch']}/{epochs}"
        left = f"{pace * (total - steps):.0f} s left"
        say(f"{where}  {pace * 1e3:.1f} ms/step  {left}  {_losses(metrics) if metrics else ''}".rstrip())

    return show


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


def _losses(metrics: "Metrics") -> str:
    """The terms of an epoch as text, in nats per picture."""
    return "  ".join(f"{name} {value:.4g}" for name, value in metrics["nats"].items())


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
