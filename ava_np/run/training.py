"""Training in a run folder: the metrics, the saves, and what happens after a divergence."""

import logging
import os
from collections.abc import Generator
from contextlib import suppress
from typing import BinaryIO

import msgspec

from ava_np.data.batches import Batches
from ava_np.errors import AvaError, NotFiniteError, RunError
from ava_np.files import write_atomically
from ava_np.models import from_specification
from ava_np.run.checkpoint import MODEL, TRAINING, load_state, save_checkpoint
from ava_np.run.checkpoint_interval import MINUTE, Clock, Interval
from ava_np.run.folder import METRICS, Run
from ava_np.run.pictures import SplitPictures
from ava_np.specification import OnDivergence, Specification
from ava_np.training.trainer import Metrics, Trainer

MAX_ROLLBACKS = 10  # to the first step, in a row; each halves the learning rate
PATIENCE = 3  # rollbacks to a later step, in a row, before it is taken to be spoilt

logger = logging.getLogger("ava_np")


def new_trainer(specification: Specification) -> Trainer:
    """Return a trainer at step 0, of a model with its first weights."""
    training = specification.training
    model = from_specification(specification.model, specification.pictures.shape, seed=training.seed)
    return Trainer(model, training)


def resume(run: Run, *, epochs: int | None = None, learning_rate: float | None = None) -> Trainer:
    """Return a trainer at the last save of a run, or at step 0 if nothing was saved, and lock the run.

    The folder is not changed before ``train``.

    Parameters
    ----------
    run : Run
        The run.
    epochs : int, optional
        New number of epochs of the whole training.
    learning_rate : float, optional
        New γ, for example after a divergence.

    Raises
    ------
    RunError
        If the saved state is missing or damaged, or already has more epochs, or another training is writing the run.
    """
    run.lock()
    training = run.specification.training
    training = msgspec.structs.replace(
        training, epochs=epochs or training.epochs, learning_rate=learning_rate or training.learning_rate
    )
    specification = msgspec.structs.replace(run.specification, training=training)
    if (run.folder / MODEL).exists():
        run.model()  # a damaged or hostile file is refused before memory is taken
    trainer = new_trainer(specification)
    if (run.folder / MODEL).exists() or (run.folder / TRAINING).exists():
        load_state(trainer, run.folder / TRAINING, specification.id)
    done = [line for line in run.metrics() if line["step"] <= trainer.steps]
    if done and trainer.progress.totals and trainer.progress.totals.keys() != done[-1]["nats"].keys():
        raise RunError(f"{run.folder}: {TRAINING} has other terms than {METRICS}")
    if done and done[-1]["epoch"] > training.epochs:
        raise RunError(
            f"{run.folder} has already trained {done[-1]['epoch']} epochs, more than {training.epochs}: "
            "choose a larger --epochs"
        )
    return trainer


def train(
    run: Run,
    trainer: Trainer,
    data: SplitPictures,
    *,
    checkpoint_every: Interval = MINUTE,
    on_divergence: OnDivergence = "stop",
) -> Generator[Metrics | None, None, None]:
    """Train to the last epoch, write the metrics, and save at intervals and at the end.

    A training that stops early is saved too, and ``resume`` continues it to the same bytes. A new run is saved before
    its first step, so that there is always a state to return to. Metrics of steps after the last save are removed.

    Parameters
    ----------
    run : Run
        The run; it is locked until the training ends.
    trainer : Trainer
        From ``resume``, or new.
    data : SplitPictures
        The run's pictures, from ``run.split``.
    checkpoint_every : Interval
        Time between two saves.
    on_divergence : {"stop", "rollback"}
        What to do if a value is not finite: raise the error, or return to the last save and continue with half of the
        learning rate. If that does not help three times in a row, the training begins again at its first step. An
        interval in steps makes the result independent of the speed of the machine.

    Yields
    ------
    dict or None
        After each step: the metrics of the epoch that it ends, otherwise None.

    Raises
    ------
    NotFiniteError
        As in ``Trainer.run``; nothing is saved then, and the last save stays.
    PictureError
        As in ``Trainer.run``.
    RunError
        If another training writes the run, or has trained it further than ``trainer``.
    AvaError
        If a file cannot be written. If this happens at an interval, a warning is logged instead.
    """
    with run:
        if (run.folder / MODEL).exists() and (run.header().steps or 0) > trainer.steps:
            raise RunError(f"{run.folder} has been trained further in the meantime: resume it")
        specification = run.specification
        if trainer.steps < trainer.training.total_steps(len(data.split.train)):
            specification = msgspec.structs.replace(specification, training=trainer.training)
        run.update(specification)
        _keep_metrics(run, trainer)
        if not (run.folder / TRAINING).exists():
            save(run, trainer)
        batches, saved, rollbacks = data.batches(run.specification.pictures), trainer.steps, 0
        while True:
            clock = Clock(checkpoint_every)
            try:
                yield from _steps(run, trainer, batches, clock)
            except NotFiniteError as error:
                if not (run.folder / TRAINING).exists():  # it did not fit on the disk
                    raise
                load_state(trainer, run.folder / TRAINING, run.specification.id)
                rollbacks, saved = rollbacks + 1 if trainer.steps == saved else 1, trainer.steps
                if on_divergence == "stop" or rollbacks > MAX_ROLLBACKS:
                    raise NotFiniteError(f"{error}; {_advice(run, trainer)}") from error
                if trainer.steps and rollbacks > PATIENCE:
                    trainer.restore(*new_trainer(run.specification).state())
                    save(run, trainer)
                    rollbacks, saved = 1, 0
                _roll_back(run, trainer)
                logger.warning(
                    "%s; back to step %d, with learning rate %g", error, trainer.steps, trainer.training.learning_rate
                )
            else:
                return


def save(run: Run, trainer: Trainer) -> None:
    """Save the weights and the state of a training, if no step is half applied and all values are finite.

    Raises
    ------
    AvaError
        If the weights cannot be written.
    """
    if trainer.between_steps and trainer.finite():
        save_checkpoint(trainer, run.folder, run.specification.id)


def _steps(
    run: Run, trainer: Trainer, batches: tuple[Batches, Batches | None], clock: Clock
) -> Generator[Metrics | None, None, None]:
    """Train to the last epoch, and save; but not after a divergence."""
    with (run.folder / METRICS).open("ab") as file:
        try:
            for metrics in trainer.run(*batches):
                if metrics is not None:
                    _write_line(file, run, metrics)
                yield metrics
                if clock.due(trainer.steps):
                    _sync(file)
                    _save_or_warn(run, trainer)
                    clock.restart()
        except NotFiniteError:
            raise
        except BaseException:  # Ctrl-C, or the caller has closed this generator
            _sync(file)
            save(run, trainer)
            raise
        _sync(file)
        save(run, trainer)


def _sync(file: BinaryIO) -> None:
    """Flush the metrics to the disk: after a power failure, the state must not be ahead of them."""
    with suppress(OSError):  # the weights matter more
        os.fsync(file.fileno())


def _write_line(file: BinaryIO, run: Run, metrics: Metrics) -> None:
    try:
        file.write(msgspec.json.encode({"run": run.specification.id, **metrics}) + b"\n")
        file.flush()
    except OSError as error:
        raise AvaError(f"cannot write {run.folder / METRICS}: {error.strerror}") from error


def _save_or_warn(run: Run, trainer: Trainer) -> None:
    """Save; a disk that is full for a while must not end a long training."""
    try:
        save(run, trainer)
    except AvaError as error:
        logger.warning("%s; the training goes on, and is saved later", error)


def _advice(run: Run, trainer: Trainer) -> str:
    """What to do after a divergence."""
    lower = trainer.training.learning_rate / 10
    return (
        f"the run is as it was saved after step {trainer.steps}: ava train --out {run.folder} --resume --lr {lower:g}"
    )


def _roll_back(run: Run, trainer: Trainer) -> None:
    """Continue from the state that was loaded, with half of the learning rate."""
    trainer.training = msgspec.structs.replace(trainer.training, learning_rate=trainer.training.learning_rate / 2)
    run.update(msgspec.structs.replace(run.specification, training=trainer.training))
    _keep_metrics(run, trainer)


def _keep_metrics(run: Run, trainer: Trainer) -> None:
    """Remove the metrics of epochs that are still to be trained, or to be reported again."""
    pending = trainer.progress.seen > 0  # an epoch that ends at this step has not been reported for certain
    kept = [line for line in run.metrics() if line["step"] < trainer.steps + (not pending)]
    write_atomically(run.folder / METRICS, b"".join(msgspec.json.encode(line) + b"\n" for line in kept))
