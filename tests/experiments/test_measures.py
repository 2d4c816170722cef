"""The tables of the measures have a row for each spoilt set, and say what was done to it."""

import subprocess
import sys

import numpy as np
import pytest

from ava_np.experiments import measures as experiment


@pytest.mark.parametrize("by_class", [False, True])
def test_rows_say_what_was_done(by_class: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment, "SEEDS", range(1))
    monkeypatch.setattr("ava_np.evaluation.features._train", lambda *arguments: None)
    generator = np.random.default_rng(0)
    digits = np.kron(generator.random((200, 3, 3, 1)) > 0.6, np.ones((1, 3, 3, 1), np.float32))  # of blocks
    labels = np.arange(200).astype(str).astype("U1")
    lines = list(experiment.table(digits[:150], labels[:150], digits[150:], by_class=by_class, count=40))
    header, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    values = {row[0]: dict(zip(header[1:], (float(cell.split()[0]) for cell in row[1:]), strict=True)) for row in rows}
    floor = values["real digits: the floor"]
    assert len(values) == 9
    assert values["blurred, 3 x 3"]["sharpness"] < floor["sharpness"] < values["with noise of 0.2"]["sharpness"]
    assert values["moved by 1 pixel"]["grey share"] == floor["grey share"] == 0
    assert values["the mean digit"]["recall"] == 0
    assert values["the mean digit"]["Fréchet distance"] > floor["Fréchet distance"]


def test_reconstruction_errors_fall_with_the_length() -> None:
    digits = np.random.default_rng(1).random((100, 9, 9, 1), np.float32)
    *_, row = experiment.errors(digits[:80], digits[80:])
    errors = [float(cell) for cell in row.strip("|").split("|")]
    assert sorted(errors, reverse=True) == errors


@pytest.mark.parametrize(("arguments", "said"), [([], "usage"), (["no-such-folder"], "no-such-folder")])
def test_a_wrong_folder_is_one_line(arguments: list[str], said: str) -> None:
    command = [sys.executable, "-m", "ava_np.experiments.measures", *arguments]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
