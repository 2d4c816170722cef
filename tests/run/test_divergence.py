"""A training that diverges: the run stays as it was last saved, or the training goes back and continues."""

import logging
from dataclasses import replace
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np
import pytest

from ava_np.data.pictures import Pictures
from ava_np.errors import NotFiniteError
from ava_np.models import build
from ava_np.run import training
from ava_np.run.checkpoint import read_header
from ava_np.run.checkpoint_interval import Interval
from ava_np.run.folder import Run
from ava_np.run.rollback import MAX_ROLLBACKS, PATIENCE
from ava_np.specification import MODELS, Specification, TrainingSpecification, specify_model
from ava_np.training.trainer import Trainer
from tests.command import tree
from tests.run.small_runs import STEPS, specify


def diverging(name: str = "aae", rate: float = 1.0) -> Specification:
    return msgspec.structs.replace(
        specify(),
        model=specify_model(name, latent=2, hidden=(6,)),
        training=TrainingSpecification("momentum", rate, "sum", 2, 60, 0, momentum=0.9),
    )


# a batch of one has no statistics
@pytest.mark.parametrize("name", [name for name in MODELS if name not in ("dcgan", "cascade")])
def test_the_advice_of_the_message_works(tmp_path: Path, pictures: Pictures, name: str) -> None:
    run = Run.create(tmp_path / "run", diverging(name))
    data, loud = run.split(pictures), replace(pictures, array=1e19 * pictures.array)
    with pytest.raises(NotFiniteError) as error:
        list(training.train(run, training.new_trainer(run.specification), run.split(loud)))
    assert "the run is as it was saved after step 0; continue with a lower learning rate: " in str(error.value)
    advice = f"ava train --out {run.folder} --resume --lr 0.1"
    assert advice in str(error.value)
    run.close()

    again = Run.open(run.folder)
    assert again.header().steps == 0
    assert np.isfinite(again.model().sample(2, 0)).all()
    trainer = training.resume(again, learning_rate=1e-4, epochs=2)
    list(training.train(again, trainer, data))
    assert again.header().steps == trainer.steps == 6
    assert [line["learning_rate"] for line in again.metrics()] == [1e-4, 1e-4]


def test_a_cascade_that_begins_again_keeps_its_vae(
    tmp_path: Path, pictures: Pictures, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    specification = diverging("cascade", rate=1e-3)
    vae = build("vae", specification.pictures.shape, seed=9, architecture="mlp", hidden=(6,), latent=2)
    model = specify_model("cascade", architecture="mlp", hidden=(6,), latent=2, vae=vae.specification)
    run = Run.create(tmp_path / "run", msgspec.structs.replace(specification, model=model))
    trainer = training.new_trainer(run.specification, vae)
    step, failures = trainer.step, iter(range(PATIENCE + 1))

    def fail(*arguments: object) -> None:
        if trainer.steps == 5 and next(failures, None) is not None:
            raise NotFiniteError("a term is not finite")
        step(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(trainer, "step", fail)
    every = Interval(steps=2)
    list(training.train(run, trainer, run.split(pictures), checkpoint_every=every, on_divergence="rollback"))
    assert "back to step 0" in caplog.text
    for name in ("encoder", "decoder"):
        np.testing.assert_array_equal(run.model().networks[name].theta, vae.networks[name].theta)


@pytest.mark.parametrize("phase", ["reconstruction", "discriminator", "regularisation"])
def test_last_save_stays_whatever_phase_diverges(
    tmp_path: Path, pictures: Pictures, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    specification = diverging(rate=1e-4)
    run = Run.create(tmp_path / "run", specification)
    trainer = training.new_trainer(run.specification)
    require = trainer._require_finite

    def fail(current: object, terms: dict[str, float], applied: bool) -> dict[str, float]:
        if trainer.steps == 5 and current.name == phase:  # type: ignore[attr-defined]
            raise NotFiniteError("a term is not finite")
        return require(current, terms, applied)  # type: ignore[arg-type]

    monkeypatch.setattr(trainer, "_require_finite", fail)
    with pytest.raises(NotFiniteError, match="as it was saved after step 4"):
        list(training.train(run, trainer, run.split(pictures), checkpoint_every=Interval(steps=2)))
    assert run.header().steps == trainer.steps == 4


def test_rollback_halves_the_rate_and_ends(
    tmp_path: Path, pictures: Pictures, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    run = Run.create(tmp_path / "run", diverging(rate=1.0))
    data, every = run.split(pictures), Interval(steps=10)
    trainer = training.new_trainer(run.specification)
    list(training.train(run, trainer, data, checkpoint_every=every, on_divergence="rollback"))
    assert "is not finite" in caplog.text
    assert "back to step 0, with learning rate 0.5" in caplog.text
    assert "back to step 30, with" in caplog.text  # which is spoilt: later it begins again
    rate = 1.0 / 2 ** len(caplog.records)
    assert run.specification.training.learning_rate == Run.open(run.folder).specification.training.learning_rate == rate
    lines = run.metrics()
    assert [line["epoch"] for line in lines] == list(range(1, 61))
    assert lines[-1]["learning_rate"] == rate
    assert run.header().steps == 180

    other = Run.create(tmp_path / "other", diverging(rate=1.0))
    list(
        training.train(
            other,
            training.new_trainer(other.specification),
            data,
            checkpoint_every=every,
            on_divergence="rollback",
        )
    )
    assert tree(run.folder) == tree(other.folder)


def test_rollback_gives_up(tmp_path: Path, pictures: Pictures, caplog: pytest.LogCaptureFixture) -> None:
    run = Run.create(tmp_path / "run", diverging(rate=1e38))
    with pytest.raises(NotFiniteError, match="as it was saved after step 0"):
        list(
            training.train(run, training.new_trainer(run.specification), run.split(pictures), on_divergence="rollback")
        )
    assert len(caplog.records) == MAX_ROLLBACKS


def test_epoch_that_was_interrupted_in_its_diagnostics_is_reported_after_resuming(
    tmp_path: Path, trained: Run, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run.create(tmp_path / "stopped", specify())
    trainer = training.new_trainer(run.specification)

    def interrupted(self: Trainer, *arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_epoch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            list(training.train(run, trainer, run.split(pictures)))
    assert run.header().steps == 3
    assert run.metrics() == []
    list(training.train(run, training.resume(run), run.split(pictures)))
    assert tree(run.folder) == tree(trained.folder)


@pytest.mark.parametrize("stop", range(STEPS + 1))
def test_metrics_survive_a_stop_at_every_step(tmp_path: Path, trained: Run, pictures: Pictures, stop: int) -> None:
    """The consumer may stop right after it took an epoch's metrics: the line is written once."""
    run = Run.create(tmp_path / "stopped", specify())
    stepping = training.train(run, training.new_trainer(run.specification), run.split(pictures))
    for _ in islice(stepping, stop):
        pass
    stepping.close()
    list(training.train(run, training.resume(run), run.split(pictures)))
    assert tree(run.folder) == tree(trained.folder)
    assert read_header(run.folder).steps == STEPS
