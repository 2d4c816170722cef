"""Trainings that stop, are killed or are extended end in the same bytes as uninterrupted ones."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from ava_np.data.pictures import Pictures
from ava_np.run import training
from ava_np.run.checkpoint import read_header
from ava_np.run.checkpoint_interval import Interval
from ava_np.run.folder import Run
from ava_np.run.names import METRICS, TRAINING
from ava_np.run.saver import save
from ava_np.run.training import new_trainer
from tests.command import tree
from tests.run.small_runs import EPOCHS, STEPS, at_full_size, refused, specify, train


@pytest.mark.parametrize("stop", [0, 1, 2, 3, 7, STEPS - 1, STEPS])
def test_stopped_run_resumes_to_the_same_bytes(trained: Run, tmp_path: Path, pictures: Pictures, stop: int) -> None:
    train(Run.create(tmp_path / "stopped", specify()), pictures, stop)
    train(Run.open(tmp_path / "stopped"), pictures)
    assert tree(tmp_path / "stopped") == tree(trained.folder)


def test_killed_run_resumes_to_the_same_bytes(trained: Run, tmp_path: Path, pictures: Pictures) -> None:
    """The metrics are ahead of the last save, and the last line is cut off."""
    lines = (trained.folder / METRICS).read_bytes().splitlines(keepends=True)
    killed = Run.create(tmp_path / "killed", specify())
    train(killed, pictures, 4)
    (killed.folder / METRICS).write_bytes(b"".join(lines[:3]) + lines[3][:40])
    train(Run.open(killed.folder), pictures)
    assert tree(killed.folder) == tree(trained.folder)


def test_run_that_was_killed_before_its_first_save_starts_again(
    trained: Run, tmp_path: Path, pictures: Pictures
) -> None:
    killed = Run.create(tmp_path / "killed", specify())
    (killed.folder / METRICS).write_bytes((trained.folder / METRICS).read_bytes()[:-200])
    train(killed, pictures)
    assert tree(killed.folder) == tree(trained.folder)


def test_training_saves_at_intervals(tmp_path: Path, pictures: Pictures) -> None:
    run = Run.create(tmp_path / "run", specify())
    steps = training.train(run, training.resume(run), run.split(pictures), checkpoint_every=Interval(steps=2))
    saved = [read_header(run.folder).steps for _ in islice(steps, 6)]
    assert saved == [0, 0, 2, 2, 4, 4]  # a step is saved before the next one begins


def test_finished_run_can_be_extended(trained: Run, tmp_path: Path, pictures: Pictures) -> None:
    longer = Run.create(tmp_path / "longer", specify(epochs=EPOCHS + 2))
    train(longer, pictures)
    train(trained, pictures, epochs=EPOCHS + 2)
    assert tree(trained.folder) == tree(longer.folder)


def test_run_cannot_be_shortened(trained: Run) -> None:
    before = tree(trained.folder)
    refused(lambda: training.resume(trained, epochs=EPOCHS - 1), f"has already trained {EPOCHS} epochs")
    assert tree(trained.folder) == before
    assert trained.specification.training.epochs == EPOCHS


def test_trained_run_without_its_state_does_not_resume(trained: Run) -> None:
    """It would start again from the first weights and overwrite the trained ones."""
    (trained.folder / TRAINING).unlink()
    before = tree(trained.folder)
    refused(lambda: training.resume(trained, epochs=EPOCHS + 1), f"{TRAINING} does not exist")
    assert tree(trained.folder) == before


def test_damaged_state_leaves_the_run_unchanged(trained: Run) -> None:
    (trained.folder / TRAINING).write_bytes(b"damage")
    before = tree(trained.folder)
    refused(lambda: training.resume(trained, epochs=EPOCHS + 1), f"{TRAINING} is damaged")
    assert tree(trained.folder) == before


def test_weights_that_are_not_finite_are_not_saved(trained: Run) -> None:
    before = tree(trained.folder)
    trainer = training.resume(trained)
    trainer.model.networks["decoder"].theta[3] = np.nan
    save(trained, trainer)
    assert tree(trained.folder) == before


def test_half_applied_step_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run.create(tmp_path / "run", specify())
    trainer = new_trainer(run.specification)
    save(run, trainer)
    before = (run.folder / TRAINING).read_bytes()

    def stop(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer.optimisers["step", "decoder"], "step", stop)  # after the encoder's step
    pictures = at_full_size(np.full((3, *trainer.model.shape), 0.5, np.float32))
    with pytest.raises(KeyboardInterrupt):
        list(training.train(run, trainer, run.split(pictures)))
    assert (run.folder / TRAINING).read_bytes() == before
