"""Missing and damaged runs, folders without pictures and unwritable paths: one line, and nothing changed."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from ava_np.run.checkpoint import load_model, save_checkpoint, save_model
from ava_np.run.folder import Run
from ava_np.run.training import resume
from tests.cli.refusals import FAILURE, refused

RUN_COMMANDS = ("sample", "reconstruct", "encode", "interpolate", "evaluate", "report", "info")


@pytest.mark.parametrize("command", RUN_COMMANDS)
@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("missing", "missing is not a run folder"),
        ("photos", "photos is not a run folder"),
        ("file", "file is not a run folder"),
    ],
)
def test_paths_that_are_not_run_folders_are_refused(workspace: Path, command: str, folder: str, words: str) -> None:
    refused(workspace, (command, folder), FAILURE, words, "config.json")


@pytest.mark.parametrize("command", RUN_COMMANDS)
def test_names_that_are_too_long_are_refused(workspace: Path, command: str) -> None:
    refused(workspace, (command, "x" * 300), FAILURE, "File name too long")


@pytest.mark.parametrize("command", ["reconstruct", "encode", "interpolate", "evaluate"])
@pytest.mark.parametrize("folder", ["missing", "empty", "texts", "file", "all-torn"])
def test_folders_without_usable_pictures_are_refused(workspace: Path, command: str, folder: str) -> None:
    refused(workspace, (command, "run", folder), FAILURE, folder)


@pytest.mark.parametrize(
    ("arguments", "out"),
    [
        (("sample", "run"), "missing/grid.png"),
        (("sample", "run"), "file/grid.png"),
        (("reconstruct", "run"), "file/pairs.png"),
        (("interpolate", "run"), "file/strip.png"),
        (("encode", "run"), "missing/codes.csv"),
        (("encode", "run"), "file/codes.csv"),
        (("encode", "run"), "file/codes.npy"),
    ],
)
def test_unwritable_output_paths_are_refused(workspace: Path, arguments: tuple[str, ...], out: str) -> None:
    refused(workspace, (*arguments, "--out", out), FAILURE, out)


def cut(name: str) -> Callable[[Path], None]:
    """Leave the first half of a file."""

    def damage(run: Path) -> None:
        content = (run / name).read_bytes()
        (run / name).write_bytes(content[: len(content) // 2])

    return damage


def without(name: str) -> Callable[[Path], None]:
    return lambda run: (run / name).unlink()


def config(**values: object) -> Callable[[Path], None]:
    """Set values of config.json's first level."""

    def damage(run: Path) -> None:
        found = json.loads((run / "config.json").read_text())
        (run / "config.json").write_text(json.dumps(found | values))

    return damage


def not_a_number(run: Path) -> None:
    """Weights that are not finite, in a file that is intact."""
    trainer = resume(Run.open(run))
    trainer.model.networks["encoder"].theta[0] = np.nan
    save_checkpoint(trainer, run, Run.open(run).specification.id)


def of_another_run(run: Path) -> None:
    save_model(load_model(run), run / "model.safetensors")


def of_another_program(run: Path) -> None:
    path = run / "model.safetensors"
    save_file(load_file(path), path, {"made": "elsewhere"})


DAMAGES = {
    "no config": (without("config.json"), "not a run folder"),
    "half a config": (cut("config.json"), "config.json is damaged"),
    "no model": (without("model.safetensors"), "model.safetensors does not exist"),
    "half a model": (cut("model.safetensors"), "model.safetensors is damaged"),
    "not a number": (not_a_number, "encoder.dense1.W is not finite"),
    "of another program": (of_another_program, "model.safetensors was not written by ava-np"),
    "other version": (config(format=1), "is of format 1; this ava-np reads formats 2, 3 and 4"),
    "of another run": (of_another_run, "model.safetensors belongs to another run than config.json"),
    "config of another run": (config(id="0123456789abcdef"), "belongs to another run"),
    "unknown key": (config(dropout=0.5), "dropout"),
    "other model": (
        config(model={"name": "ava5", "propagation": "exact", "latent": 3, "hidden": [8]}),
        "is not of the model that config.json describes",
    ),
}


@pytest.mark.parametrize("command", RUN_COMMANDS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_runs_are_refused(workspace: Path, command: str, damage: str) -> None:
    spoil, words = DAMAGES[damage]
    spoil(workspace / "run")
    refused(workspace, (command, "run"), FAILURE, words)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (cut("training.safetensors"), "training.safetensors is damaged"),
        (without("training.safetensors"), "training.safetensors does not exist"),
        (lambda run: (run / "metrics.jsonl").write_text("one\ntwo\n"), "metrics.jsonl is damaged"),
        (config(format=1), "format 1"),
        (
            config(model={"name": "ava5", "propagation": "exact", "latent": 3, "hidden": [8]}),
            "is not of the model that config.json describes",
        ),
    ],
)
def test_damaged_trainings_do_not_resume(workspace: Path, damage: Callable[[Path], None], words: str) -> None:
    damage(workspace / "run")
    refused(workspace, ("train", "--out", "run", "--resume", "--epochs", "5"), FAILURE, words)


def test_training_does_not_resume_if_its_pictures_are_gone(workspace: Path) -> None:
    (workspace / "photos").rename(workspace / "moved")
    refused(workspace, ("train", "--out", "run", "--resume", "--epochs", "5"), FAILURE, "no longer in photos")
