"""Messages are remarks: where they cannot be printed, the work goes on. No text rules the terminal."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import ava_np
from ava_np.console import COMPILING, MAX_MESSAGE, echo, progress_counter, say, training_progress
from tests.command import SMALL

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(ava_np.__file__).parents[1]), "PYTHONIOENCODING": "utf-8"}


@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full", "2>&1 >/dev/null | head -n 1"])
def test_training_survives_an_unusable_standard_error(tmp_path: Path, stderr: str) -> None:
    command = (
        f"'{sys.executable}' -m ava_np train --size 16 {' '.join(map(str, SMALL))} --out '{tmp_path / 'run'}' {stderr}"
    )
    subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], env=ENVIRONMENT, check=True, capture_output=True)
    assert (tmp_path / "run" / "report.html").is_file()
    assert (tmp_path / "run" / "model.safetensors").is_file()


def test_text_of_any_origin_is_printable(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\x1b[31m\nb\x9b\u202e")
    echo("a\x1b[31m\nb\x9b\u2069 é 漢")
    assert capsys.readouterr() == ("a\\x1b[31m\nb\\x9b\\u2069 é 漢\n", "a\\x1b[31m\\nb\\x9b\\u202e\n")


@pytest.mark.parametrize(
    "path", sorted((Path(ava_np.__file__).parent / "cli").glob("*.py")), ids=lambda path: path.stem
)
def test_commands_print_through_the_console(path: Path) -> None:
    source = path.read_text("utf-8")
    assert "click.echo" not in source
    assert "print(" not in source.replace("_print(", "")


@pytest.mark.parametrize("together", [1, 2])
def test_time_left_does_not_depend_on_the_start_of_the_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], together: int
) -> None:
    """The first items take 100 seconds, and each later one 10 seconds."""
    now = 0.0
    monkeypatch.setattr("ava_np.console.on_terminal", lambda: False)
    monkeypatch.setattr("ava_np.console.time.perf_counter", lambda: now)
    with progress_counter("training", 3, together) as show:
        for item in range(1, 11):
            now = 100.0 + 10 * max(0, item - together)
            show(3 + item, 13)
    lines = capsys.readouterr().err.splitlines()
    for line in lines:
        done, total, left = map(int, re.findall(r"\d+", line))
        assert total == 13
        assert left == 10 * (13 - done)
    assert lines[0].startswith(f"training: {3 + 2 * together}/13")


def metrics_of(epoch: int, **more: Any) -> dict[str, Any]:
    return {"epoch": epoch, "step": epoch, "nats": {"kl": 1.0}, **more}


def test_time_left_of_a_training_does_not_count_its_first_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first step compiles for 100 seconds, and each later one takes 10 seconds."""
    now = 0.0
    monkeypatch.setattr("ava_np.console.on_terminal", lambda: False)
    monkeypatch.setattr("ava_np.console.time.perf_counter", lambda: now)
    with training_progress(3, 13, 10) as show:
        for step in range(1, 11):
            now = 90.0 + 10 * step
            show(3 + step, metrics_of(step))
    first, *lines = capsys.readouterr().err.splitlines()
    assert "left" not in first
    assert "ms/step" not in first
    for step, line in enumerate(lines, start=2):
        assert f"10000.0 ms/step  {10 * (10 - step)} s left" in line


def test_a_long_training_has_few_lines_in_a_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A day of one epoch, with a step in each minute, has more than the ten lines of a short training, but not 1440."""
    now = 0.0
    monkeypatch.setattr("ava_np.console.on_terminal", lambda: False)
    monkeypatch.setattr("ava_np.console.time.perf_counter", lambda: now)
    with training_progress(0, 1440, 1) as show:
        for step in range(1, 1441):
            now += 60.0
            show(step, metrics_of(1) if step == 1440 else None)
    lines = capsys.readouterr().err.splitlines()
    assert 10 <= len(lines) <= 40
    assert lines[-1].startswith("epoch 1/1")


def test_epoch_that_is_reported_without_a_step_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A training that was stopped at the end of an epoch reports it when it is resumed."""
    monkeypatch.setattr("ava_np.console.on_terminal", lambda: False)
    with training_progress(5, 10, 2) as show:
        show(5, metrics_of(1))
        show(5, None)
    assert capsys.readouterr().err == "epoch 1/2  kl 1\n"


def test_validation_error_stays_on_the_line_until_the_next(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ava_np.console.on_terminal", lambda: False)
    with training_progress(0, 3, 3) as show:
        show(1, metrics_of(1))
        show(2, metrics_of(2, validation={"reconstruction_error": 0.25}))
        show(3, metrics_of(3))
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition("kl 1")[2] for line in lines] == ["", *2 * ["  validation 0.25 (epoch 2)"]]


@pytest.mark.parametrize("quick", [True, False])
def test_compilation_is_mentioned_if_the_first_step_takes_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], quick: bool
) -> None:
    monkeypatch.setattr("ava_np.console.on_terminal", lambda: False)
    monkeypatch.setattr("ava_np.console.COMPILING_WAIT", 0.05)
    with training_progress(0, 3, 3) as show:
        if quick:
            show(1, None)
        time.sleep(0.2)
        show(2, None)
    assert (COMPILING in capsys.readouterr().err) == (not quick)


def test_long_message_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    say("x" * 100_000)
    assert capsys.readouterr().err == "x" * MAX_MESSAGE + " ...\n"
