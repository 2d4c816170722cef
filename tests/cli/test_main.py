"""The ``ava`` command: its help texts, and how it ends when a pipe, a disk or a terminal fails."""

import json
import shutil
from pathlib import Path

import pytest

from ava_np.cli.main import ava as group
from tests.command import SCRIPT, SMALL, ava, spawn
from tests.results import printed, ran


@pytest.mark.parametrize("command", sorted(group.commands))
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_of_every_command_has_an_example(command: str, option: str) -> None:
    text = ran(command, option)
    examples = [line.strip() for line in text.splitlines() if line.strip().startswith(f"ava {command}")]
    if command == "experiment":
        text = ran(command, "ava-tables", option)
        examples = [line.strip() for line in text.splitlines() if line.strip().startswith(f"ava {command} ava-tables")]
    assert examples
    assert "Usage:" in text


def test_help_lists_every_command_and_exit_code() -> None:
    text = " ".join(ran("--help").split())
    for command in group.commands:
        assert f"│ {command} " in text
    for code in ("0 success", "1 bad input", "2 wrong option", "3 a loss", "130 interrupted"):
        assert code in text


def test_help_is_printed_without_a_command() -> None:
    outcome = ava()
    assert outcome.code == 2
    assert "Usage:" in outcome.out + outcome.err


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_interrupts_and_memory_errors_become_one_line(
    monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise error("no room")

    monkeypatch.setattr("ava_np.run.session.read_pictures", fail)
    outcome = ava("train")
    expected = {KeyboardInterrupt: (130, "Error: interrupted"), MemoryError: (1, "Error: not enough memory: no room")}
    assert (outcome.code, outcome.err.strip()) == expected[error]


@pytest.mark.parametrize("arguments", [("evaluate", "run", "--json"), ("--help",)])
def test_closed_pipe_is_not_reported(place: Path, arguments: tuple[str, ...]) -> None:
    process = spawn(*arguments)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 1
    process.stderr.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full does not exist here")
@pytest.mark.parametrize("arguments", [("info", "run"), ("--help",)])
def test_full_disk_is_reported_in_one_line(place: Path, arguments: tuple[str, ...]) -> None:
    script = f"import os; os.dup2(os.open('/dev/full', os.O_WRONLY), 1); {SCRIPT}"
    process = spawn(*arguments, script=script)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, "Error: [Errno 28] No space left on device\n")


def test_characters_that_a_terminal_cannot_print_are_escaped(place: Path, photos: Path) -> None:
    """JSON is ASCII in any case."""
    shutil.copytree(photos, place / "bilder")
    (place / "bilder" / "1.png").rename(place / "bilder" / "münze γ.png")
    script = f"import sys; sys.stdout.reconfigure(encoding='ascii'); {SCRIPT}"

    def out(*arguments: object) -> str:
        process = spawn(*arguments, script=script)
        text, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        return text

    assert "\\u03b3" in out("train", "--help")
    assert (
        "münze γ.png" in json.loads(out("evaluate", place / "run", place / "bilder", "--json"))["reconstruction_errors"]
    )


def test_console_script_runs_the_same_command(place: Path) -> None:
    process = spawn("info", place / "run", "--json")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert json.loads(out) == printed("info", place / "run")


def test_settings_for_notebooks_and_parallel_loops_do_not_stop_a_training(
    monkeypatch: pytest.MonkeyPatch, photos: Path, place: Path
) -> None:
    monkeypatch.setenv("MPLBACKEND", "module://of_another_environment")
    monkeypatch.setenv("NUMBA_THREADING_LAYER", "missing")
    process = spawn("train", photos, *SMALL, "--out", "charts")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert (place / "charts" / "report.html").exists()


@pytest.mark.parametrize(
    ("name", "value"), [("NUMBA_DISABLE_JIT", "1"), ("NUMBA_NUM_THREADS", "0"), ("NUMBA_NUM_THREADS", "two")]
)
def test_settings_that_numba_cannot_work_with_are_refused(
    monkeypatch: pytest.MonkeyPatch, place: Path, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    outcome = ava("train", "--out", "refused")
    assert outcome.code == 1
    assert outcome.err.startswith(f"Error: {name} is ")
    assert outcome.err.count("\n") == 1
    assert not (place / "refused").exists()
