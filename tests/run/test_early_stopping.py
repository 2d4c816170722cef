"""Early stopping: it ends where the validation error says so, keeps the best weights, and survives stops."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np
import pytest

from ava_np.data.pictures import Pictures
from ava_np.errors import OptionError, RunError
from ava_np.run import training
from ava_np.run.checkpoint import saved_steps
from ava_np.run.checkpoint_interval import Interval
from ava_np.run.folder import Run
from ava_np.run.names import MODEL, TRAINING
from ava_np.specification import AE, RunOptions, Specification
from ava_np.training.trainer import Trainer
from tests.command import tree
from tests.run.small_runs import refused, specify

ERRORS = [0.5, 0.4, 0.3, 0.35, 0.3, 0.31, 0.2, 0.1]
"""Validation errors by epoch: the smallest of the first six is that of epoch 3."""

EVERY = Interval(steps=4)


@pytest.fixture(autouse=True)
def _errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each epoch its error, which for real pictures would depend on the training."""

    def error(trainer: Trainer, validation: object) -> float:
        return ERRORS[trainer.steps // 2 - 1]

    monkeypatch.setattr(Trainer, "_validation_error", error)


def waiting(patience: int, epochs: int = 8) -> Specification:
    """Three training pictures in batches of 2 and 1, and two validation pictures."""
    specification = specify(epochs=epochs)
    return msgspec.structs.replace(
        specification,
        model=AE(latent=2, hidden=(6,)),
        pictures=msgspec.structs.replace(specification.pictures, validation=0.4),
        training=msgspec.structs.replace(specification.training, patience=patience),
    )


def steps_of(run: Run, pictures: Pictures, patience: int | None = None) -> Iterator[object]:
    return training.train(run, training.resume(run, patience=patience), run.split(pictures), checkpoint_every=EVERY)


def finish(folder: Path, pictures: Pictures, patience: int, epochs: int = 8) -> Run:
    run = Run.create(folder, waiting(patience, epochs))
    list(steps_of(run, pictures))
    return run


@pytest.mark.parametrize(
    ("patience", "epochs", "best"), [(1, 4, 3), (2, 5, 3), (3, 6, 3), (4, 8, 8), (0, 8, 8)]
)  # an equal error is no improvement
def test_training_stops_when_the_error_has_not_improved(
    tmp_path: Path, pictures: Pictures, patience: int, epochs: int, best: int
) -> None:
    run = finish(tmp_path / "run", pictures, patience)
    assert [line["epoch"] for line in run.metrics()] == list(range(1, epochs + 1))
    assert run.header().steps == 2 * best
    assert saved_steps(run.folder / TRAINING) == 2 * epochs


def test_weights_are_those_of_the_best_epoch(tmp_path: Path, pictures: Pictures) -> None:
    """They are also those of a training that has only so many epochs."""
    run, short = finish(tmp_path / "run", pictures, 2), finish(tmp_path / "short", pictures, 0, epochs=3)
    for name, network in run.model().networks.items():
        np.testing.assert_array_equal(network.theta, short.model().networks[name].theta)


@pytest.mark.parametrize("stop", range(1, 12))
def test_training_that_was_stopped_anywhere_resumes_to_the_same_bytes(
    tmp_path: Path, pictures: Pictures, stop: int
) -> None:
    whole, run = finish(tmp_path / "whole", pictures, 3), Run.create(tmp_path / "run", waiting(3))
    stepping = steps_of(run, pictures)
    list(islice(stepping, stop))
    stepping.close()  # type: ignore[attr-defined]
    best = 2 * (min(range(stop // 2), key=lambda epoch: ERRORS[epoch]) + 1) if stop > 1 else 1
    assert run.header().steps == best
    list(steps_of(run, pictures))
    assert tree(run.folder) == tree(whole.folder)
    list(steps_of(run, pictures))  # nothing is left
    assert tree(run.folder) == tree(whole.folder)


def test_more_patience_continues(tmp_path: Path, pictures: Pictures) -> None:
    run, patient = finish(tmp_path / "run", pictures, 1), finish(tmp_path / "patient", pictures, 4)
    list(steps_of(run, pictures, patience=4))
    assert tree(run.folder) == tree(patient.folder)


def test_weights_that_were_written_before_a_crash_are_found_again(
    tmp_path: Path, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends after it has written the best weights and before it writes the state."""
    whole, run = finish(tmp_path / "whole", pictures, 3), Run.create(tmp_path / "run", waiting(3))

    def killed(*arguments: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("ava_np.run.saver.save_state", killed)
        with pytest.raises(SystemExit):
            list(steps_of(run, pictures))
    assert run.header().steps == 4
    assert saved_steps(run.folder / TRAINING) == 0
    list(steps_of(run, pictures))
    assert tree(run.folder) == tree(whole.folder)


def test_weights_that_were_deleted_are_written_again(tmp_path: Path, pictures: Pictures) -> None:
    run = finish(tmp_path / "run", pictures, 1)
    (run.folder / MODEL).unlink()
    list(steps_of(run, pictures))
    assert run.header().steps == saved_steps(run.folder / TRAINING) == 8


def test_patience_needs_what_it_waits_for(tmp_path: Path, pictures: Pictures) -> None:
    with pytest.raises(OptionError, match="hold out pictures"):
        RunOptions(patience=3)
    run = finish(tmp_path / "run", pictures, 0)
    refused(lambda: training.resume(run, patience=3), "began without --patience", RunError)


def test_patience_is_no_part_of_the_id(tmp_path: Path) -> None:
    first, second, without = (waiting(patience).with_id().id for patience in (2, 5, 0))
    assert first == second != without
    assert replace(RunOptions(validation=0.5), patience=2).patience == 2
