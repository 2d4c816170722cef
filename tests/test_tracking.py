"""Logs have what metrics.jsonl has, also after a stop, and nothing is imported that was not asked for."""

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ava_np
from ava_np.tracking import CSVLog, numbers
from tests.command import ava, write_pictures


def rows(path: Path) -> list[dict[str, float]]:
    """Return the lines of a CSV file, without empty cells."""
    lines = csv.DictReader(path.read_text().splitlines())
    return [{name: float(value) for name, value in line.items() if value} for line in lines]


@pytest.fixture
def arguments(tmp_path: Path) -> list[Any]:
    """The options of a short training with a part held out."""
    pictures = write_pictures(tmp_path / "pictures", 10)
    return ["train", pictures, "--model", "vae", "--hidden", "8", "--latent", "2", "--validation", "0.2"]


def test_a_csv_file_has_every_number_and_continues(arguments: list[Any], tmp_path: Path) -> None:
    from ava_np.run.folder import Run

    out = tmp_path / "run"
    assert ava(*arguments, "--epochs", "3", "--out", out, "--log", "csv").code == 0
    assert ava("train", "--out", out, "--resume", "--epochs", "5", "--log", "csv").code == 0
    expected = [numbers(line) for line in Run.open(out).metrics()]
    assert [line["epoch"] for line in expected] == [1, 2, 3, 4, 5]
    assert rows(out / "metrics.csv") == expected
    assert {"nats/kl", "validation/reconstruction_error", "angle/encoder"} <= set(expected[0])


def test_tensorboard_gets_every_number(arguments: list[Any], tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    out = tmp_path / "run"
    done = ava(*arguments, "--epochs", "2", "--out", out, "--log", "tensorboard", "--log", "csv")
    assert done.code == 0, done.err
    (events,) = (out / "tensorboard").iterdir()
    content = events.read_bytes()
    for name in rows(out / "metrics.csv")[0]:
        assert (name.encode() in content) == (name != "step"), name


def test_a_log_is_a_callback_and_steps_that_are_trained_again_replace_their_lines(tmp_path: Path) -> None:
    log = CSVLog(tmp_path / "metrics.csv")
    x = np.random.default_rng(0).random((4, 4, 4, 1), np.float32)
    model = ava_np.build("gan", (4, 4, 1), hidden=(8,))
    first = ava_np.fit(model, x, epochs=3, callbacks=[log])
    second = ava_np.fit(model, x, epochs=2, callbacks=[log])  # a rollback to the start
    log.close()
    assert rows(tmp_path / "metrics.csv") == [numbers(line) for line in second]
    assert len(first) == 3


def test_a_missing_package_is_one_line(arguments: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    done = ava(*arguments, "--epochs", "1", "--out", tmp_path / "run", "--log", "tensorboard")
    assert done.code == 1
    assert "pip install 'ava-np[track]'" in done.err
