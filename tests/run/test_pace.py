"""The number of epochs for a training of so many minutes."""

from typing import Any

import numpy as np
import pytest

from ava_np.data.batches import Batches
from ava_np.run import pace
from ava_np.specification import AE, FORMAT, PicturesSpecification, Specification, TrainingSpecification
from ava_np.training.trainer import Trainer


@pytest.mark.parametrize(("minutes", "epochs"), [(0.01, 1), (1, 59), (10, 599)])
def test_epochs_fill_the_time_that_the_trial_leaves(
    monkeypatch: pytest.MonkeyPatch, minutes: float, epochs: int
) -> None:
    """A step takes 0.25 s, an epoch of four steps 1 s, and the trial, of a first step and three more, 1 s."""
    clock, step = [0.0], Trainer.step

    def slow_step(self: Trainer, *arguments: Any) -> None:
        clock[0] += 0.25
        step(self, *arguments)

    monkeypatch.setattr(Trainer, "step", slow_step)
    monkeypatch.setattr("time.perf_counter", lambda: clock[0])
    monkeypatch.setattr(pace, "LEAST_SECONDS", 0.5)
    specification = Specification(
        FORMAT,
        AE(latent=2, hidden=(4,)),
        PicturesSpecification(None, (3, 4), 1, 1),
        TrainingSpecification("adam", 0.001, "sum", batch_size=5, epochs=1000, seed=0),
    )
    pictures = Batches(np.random.default_rng(0).random((20, 4, 3, 1), dtype=np.float32))
    assert pace.epochs_in(minutes, specification, pictures) == epochs
