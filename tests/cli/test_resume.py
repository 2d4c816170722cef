"""``ava train --resume`` and ``--overwrite``, and trainings that Ctrl-C stops."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ava_np.run import checkpoint, training
from ava_np.run.folder import Run
from ava_np.run.names import ARCHITECTURE, CARD, METRICS_CSV, MODEL, RUN_FILES
from ava_np.run.progress_folder import progress_pictures
from tests.command import SMALL, ava, spawn, tree, write_pictures
from tests.results import BOLD, printed, ran


def test_resumed_run_has_the_bytes_of_an_uninterrupted_one(photos: Path, place: Path) -> None:
    outcome = ava("train", "--out", "run", "--resume", "--epochs", 5)
    assert outcome.code == 0
    assert "resuming run after step 3" in outcome.err
    ran("train", photos, *BOLD, "--epochs", 5, "--out", "whole")
    assert tree(place / "run") == tree(place / "whole")


def test_resuming_a_finished_run_changes_nothing(place: Path) -> None:
    before = tree(place / "run")
    ran("train", "--out", "run", "--resume")
    assert tree(place / "run") == before


def test_overwrite_replaces_the_run_and_leaves_other_files(photos: Path, place: Path) -> None:
    (place / "run" / "notes.txt").write_text("mine")
    ran("train", photos, *SMALL, "--model", "vae", "--out", "run", "--overwrite")
    ran("train", photos, *SMALL, "--model", "vae", "--out", "fresh")
    assert (place / "run" / "notes.txt").read_text() == "mine"
    (place / "run" / "notes.txt").unlink()
    assert tree(place / "run") == tree(place / "fresh")


def test_training_does_not_resume_on_other_pictures(tmp_path: Path) -> None:
    photos, out = write_pictures(tmp_path / "photos"), tmp_path / "run"
    assert ava("train", photos, "--out", out, *SMALL).code == 0
    before = tree(out)
    (photos / "1.png").unlink()
    outcome = ava("train", "--out", out, "--resume", "--epochs", 5)
    assert outcome.code == 1
    assert "have changed" in outcome.err
    assert tree(out) == before


def test_overwrite_leaves_the_model_folders_of_other_programs_alone(place: Path) -> None:
    folder = place / "bert"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert", "hidden_size": 768}')
    (folder / "model.safetensors").write_bytes(b"weights of somebody else")
    before = tree(folder)
    outcome = ava("train", *SMALL, "--out", folder, "--overwrite")
    assert outcome.code == 1
    assert "--overwrite replaces only runs" in outcome.err
    assert len(outcome.err.splitlines()) == 1
    assert tree(folder) == before


@pytest.mark.usefixtures("no_report")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_stopped_training_is_saved_and_resumes(place: Path, photos: Path, number: signal.Signals) -> None:
    training = spawn("train", photos, *SMALL, "--epochs", 200_000, "--out", place / "stopped")
    assert training.stderr is not None
    assert any(line.startswith("epoch ") for line in training.stderr)  # reads up to the first epoch
    training.send_signal(number)
    out, err = training.communicate(timeout=60)
    assert (training.returncode, out) == (128 + number, "")
    lines = [line for line in err.splitlines() if not line.startswith("epoch ")]
    assert lines[0].startswith("stopped after step ")
    assert lines[0].endswith(f"of 200000; continue with: ava train --out {place / 'stopped'} --resume")
    assert lines[1:] == [f"its pictures and its report: {place / 'stopped' / 'report.html'}"]

    steps = int(lines[0].split()[3])
    assert steps < 100_000
    found = set(tree(place / "stopped"))
    drawn = {str(path.relative_to(place / "stopped")) for path in progress_pictures(place / "stopped").values()}
    assert found == {*RUN_FILES, CARD, "progress", *drawn} - {ARCHITECTURE, METRICS_CSV}
    assert max(progress_pictures(place / "stopped")) <= steps
    assert printed("info", "stopped")["progress"]["steps"] == steps
    ran("sample", "stopped")
    ran("train", "--out", "stopped", "--resume", "--epochs", steps + 2)
    ran("train", photos, *SMALL, "--epochs", steps + 2, "--out", "whole")
    assert (place / "stopped" / MODEL).read_bytes() == (place / "whole" / MODEL).read_bytes()


def test_second_interrupt_does_not_wait(monkeypatch: pytest.MonkeyPatch, photos: Path, place: Path) -> None:
    """Ctrl-C comes twice within one step."""
    survived = []

    def interrupted(*arguments: Any, **options: Any) -> Iterator[Any]:
        for number in (1, 2):
            signal.raise_signal(signal.SIGINT)
            survived.append(number)
        yield None

    monkeypatch.setattr("ava_np.run.session.train", interrupted)
    before = signal.getsignal(signal.SIGINT)
    outcome = ava("train", photos, *SMALL, "--out", "other")
    assert (outcome.code, outcome.err.splitlines()[-1]) == (130, "Error: interrupted")
    assert survived == [1]
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.usefixtures("no_report")
def test_second_training_is_refused_beside_a_running_one(place: Path, photos: Path) -> None:
    """Before there was a lock, the first one ended with an empty metrics.jsonl."""
    running = spawn("train", photos, *SMALL, "--epochs", 200_000, "--out", place / "busy")
    assert running.stderr is not None
    assert any(line.startswith("epoch ") for line in running.stderr)
    for options in (("--resume",), ("--overwrite", *SMALL)):
        outcome = ava("train", *(() if "--resume" in options else (photos,)), "--out", "busy", *options)
        assert outcome.code == 1
        assert outcome.err.splitlines()[-1] == (
            "Error: busy is in use by another training: wait until it ends, or choose another folder"
        )
    ran("sample", "busy", "--out", "while.png")
    running.send_signal(signal.SIGINT)
    err = running.communicate(timeout=60)[1]
    assert running.returncode == 130
    steps = int(next(line for line in err.splitlines() if line.startswith("stopped")).split()[3])
    ran("train", photos, *SMALL, "--epochs", steps, "--out", "whole")
    assert (place / "busy" / MODEL).read_bytes() == (place / "whole" / MODEL).read_bytes()
    assert [line["epoch"] for line in Run.open("busy").metrics()] == list(range(1, steps + 1))


@pytest.mark.usefixtures("no_report")
def test_two_trainings_that_begin_at_once_have_two_folders(place: Path) -> None:
    trainings = [spawn("train", *SMALL, "--size", 20) for _ in range(2)]
    for started in trainings:
        assert started.communicate(timeout=120)[0] is not None
        assert started.returncode == 0
    names = {path.name for path in (place / "runs").iterdir()}
    assert names == {"builtin-ava5", "builtin-ava5-2"}
    ids = {printed("info", place / "runs" / name)["progress"]["steps"] for name in names}
    assert ids == {3}


@pytest.mark.usefixtures("no_report")
def test_stop_says_so_if_there_was_never_room_for_the_state(
    monkeypatch: pytest.MonkeyPatch, photos: Path, place: Path
) -> None:
    """Only the weights are written, and Ctrl-C comes after the first step."""

    def weights_alone(folder: Path, steps: int, state: Callable[[], bytes], weights: Callable[[], bytes]) -> None:
        (folder / MODEL).write_bytes(weights())

    def stepping(*arguments: Any, **options: Any) -> Iterator[Any]:
        for metrics in training.train(*arguments, **options):
            signal.raise_signal(signal.SIGINT)
            yield metrics

    monkeypatch.setattr(checkpoint, "_write_both", weights_alone)
    monkeypatch.setattr("ava_np.run.session.train", stepping)
    outcome = ava("train", photos, *SMALL, "--out", "other")
    assert (outcome.code, outcome.err.splitlines()[-2]) == (
        130,
        "stopped after step 1 of 3; its weights are saved, but it cannot be continued",
    )
