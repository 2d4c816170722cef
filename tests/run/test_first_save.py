"""The first save of a run is written while its first step is computed, and holds the state before it."""

from collections.abc import Callable, Generator
from pathlib import Path
from threading import Event

import pytest

from ava_np.data.pictures import Pictures
from ava_np.errors import AvaError, NotFiniteError
from ava_np.run import checkpoint, training
from ava_np.run.checkpoint import save_checkpoint
from ava_np.run.folder import Run
from ava_np.run.names import MODEL, TRAINING
from ava_np.training.trainer import Trainer
from tests.run.small_runs import specify

WAIT = 60.0  # seconds, for a thread that must not come too late

write_both = checkpoint._write_both


def begin(run: Run, pictures: Pictures) -> Generator[object, None, None]:
    return training.train(run, training.resume(run), run.split(pictures))


def test_it_ends_with_the_first_step_and_holds_the_state_before_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pictures: Pictures
) -> None:
    stepped, step = Event(), Trainer.step

    def write_after_the_step(*arguments: object) -> None:
        assert stepped.wait(WAIT)
        write_both(*arguments)  # type: ignore[arg-type]

    def step_and_tell(self: Trainer, *arguments: object) -> None:
        step(self, *arguments)  # type: ignore[arg-type]
        stepped.set()

    run, before = Run.create(tmp_path / "run", specify()), tmp_path / "before"
    before.mkdir()
    save_checkpoint(training.new_trainer(run.specification), before, run.specification.id)
    monkeypatch.setattr(checkpoint, "_write_both", write_after_the_step)
    monkeypatch.setattr(Trainer, "step", step_and_tell)
    steps = begin(run, pictures)
    next(steps)
    for name in (MODEL, TRAINING):
        assert (run.folder / name).read_bytes() == (before / name).read_bytes()
    monkeypatch.setattr(checkpoint, "_write_both", write_both)
    steps.close()


def test_an_error_is_raised_after_the_first_step(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pictures: Pictures
) -> None:
    def fail(folder: Path, steps: int, state: Callable[[], bytes], weights: Callable[[], bytes]) -> None:
        raise AvaError("no space left on device")

    monkeypatch.setattr(checkpoint, "_write_both", fail)
    with pytest.raises(AvaError, match="no space left on device"):
        next(begin(Run.create(tmp_path / "run", specify()), pictures))


def test_a_divergence_in_the_first_step_returns_to_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pictures: Pictures
) -> None:
    def diverge(self: Trainer, *arguments: object) -> None:
        raise NotFiniteError("the loss is not finite")

    monkeypatch.setattr(Trainer, "step", diverge)
    run = Run.create(tmp_path / "run", specify())
    with pytest.raises(NotFiniteError, match="saved after step 0"):
        next(begin(run, pictures))
    assert checkpoint.saved_steps(run.folder / TRAINING) == 0
