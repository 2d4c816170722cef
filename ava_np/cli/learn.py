"""``ava learn``: exercises in backpropagation, checked as soon as they are written."""

import time
from pathlib import Path

import rich_click as click

from ava_np.console import echo, say, table
from ava_np.errors import AvaError

PAUSE = 0.3  # seconds between two looks at a file


@click.command()
@click.argument("number", type=click.IntRange(1), required=False)
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
def learn(context: click.Context, number: int | None, folder: Path, watch: bool, solution: bool) -> None:
    """Learn backpropagation in sixteen exercises, from a sigmoid to AVA's rules.

    The first call for an exercise writes a file with a text and functions to fill in; a second call checks them by
    finite differences of your own forward pass, by a solution, at several shapes and at the limits. A wrong answer that
    others have given before is told by name. The exit code is 1 until all is right.

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
    file = folder / file_name(number)
    if solution:
        echo(stub(number, solved=True))
        return
    new = not file.exists()
    if new:
        _write(file, stub(number))
    right = _watch(file, number) if watch else not new and _check(file, number)
    if right and number < len(EXERCISES):
        say(f"next: ava learn {number + 1}")
    context.exit(0 if right or new else 1)


def _print_course(folder: Path) -> None:
    """Print all exercises, and which of those that were begun are right."""
    from ava_np.learn import EXERCISES, check_file, file_name, title

    rows = []
    for number in range(1, len(EXERCISES) + 1):
        file, state = folder / file_name(number), ""
        if file.is_file():
            state = "right" if all(one.right for one in check_file(file, number)) else "begun"
        rows.append([str(number), title(number), state])
    echo(table(["", "exercise", ""], rows))
    say("begin with: ava learn 1")


def _write(file: Path, text: str) -> None:
    from ava_np.files import write_atomically

    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, text.encode())
    echo(f"{file}: read it, write what is left out, and run the same command again")


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
