"""``ava learn``: exercises in backpropagation, checked as soon as they are written."""

import time
from contextlib import suppress
from pathlib import Path

import rich_click as click

from ava_np.console import echo, say, table
from ava_np.errors import AvaError

PAUSE = 0.3  # seconds between two looks at a file


@click.command()
@click.argument("number", required=False)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default="learn",
    show_default=True,
    help="Where your files are.",
)
@click.option("--watch", is_flag=True, help="Check again whenever you save the file, until it is right.")
@click.option("--solution", is_flag=True, help="Print a solution.")
@click.pass_context
def learn(context: click.Context, number: str | None, folder: Path, watch: bool, solution: bool) -> None:
    """Learn backpropagation in sixteen exercises, from a sigmoid to AVA's rules.

    The first call for an exercise writes a file with a text and functions to fill in; a second call checks them by
    finite differences of your own forward pass, by a solution, at several shapes and at the limits. A wrong answer that
    others have given before is told by name. The exit code of a check is 1 until all is right.

    \b
    ava learn                   the exercises, and how far you are
    ava learn 1                 write learn/01_sigmoid.py; then check it
    ava learn 1 --watch         check it whenever you save it
    ava learn 1 --solution      give up
    """
    from ava_np.learn import EXERCISES, file_name, stub

    if number is None:
        if watch or solution:
            raise click.UsageError("say which exercise: ava learn 1")
        _print_course(folder)
        return
    if not number.isdecimal() or not 1 <= int(number) <= len(EXERCISES):
        raise click.UsageError(f"an exercise is a number from 1 to {len(EXERCISES)}, not {number}")
    chosen = int(number)
    file = folder / file_name(chosen)
    if solution:
        echo(stub(chosen, solved=True))
        return
    new = not file.exists()
    if new:
        _write(file, stub(chosen))
    right = _watch(file, chosen) if watch else not new and _check(file, chosen)
    if right:
        say(f"next: ava learn {chosen + 1}" if chosen < len(EXERCISES) else "that was the last one")
    context.exit(0 if right or new else 1)


def _print_course(folder: Path) -> None:
    """Print all exercises, and which of those that were begun are right."""
    from ava_np.learn import EXERCISES, check_file, file_name, title

    states = [""] * len(EXERCISES)
    for i in range(len(EXERCISES)):
        file = folder / file_name(i + 1)
        if file.is_file():
            states[i] = "right" if all(one.right for one in check_file(file, i + 1)) else "begun"
    echo(table(["", "exercise", ""], [[str(i + 1), title(i + 1), state] for i, state in enumerate(states)]))
    open_ones = [i + 1 for i, state in enumerate(states) if state != "right"]
    if not any(states):
        say("begin with: ava learn 1")
    elif open_ones:
        say(f"go on with: ava learn {open_ones[0]}")
    else:
        say("all are right")


def _write(file: Path, text: str) -> None:
    from ava_np.files import write_atomically

    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, text.encode())
    echo(f"new file {file.resolve()}: read it, write what is left out, and run the same command again")


def _check(file: Path, number: int) -> bool:
    from ava_np.learn.course import check_file, line

    verdicts = check_file(file, number)
    for one in verdicts:
        echo(line(one))
    return all(one.right for one in verdicts)


def _watch(file: Path, number: int) -> bool:
    """Check a file whenever it changes, until it is right."""
    say(f"watching {file}; Ctrl-C ends it")
    seen = 0
    with suppress(KeyboardInterrupt):
        while True:
            try:
                now = file.stat().st_mtime_ns
            except FileNotFoundError:
                raise AvaError(f"{file} is gone") from None
            if now != seen:
                if seen:
                    echo("")
                seen = now
                if _check(file, number):
                    return True
            time.sleep(PAUSE)
    return False
