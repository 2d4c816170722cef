"""Training in a run folder: the metrics, the saves, and what happens after a divergence."""

import logging
from collections.abc import Generator
from contextlib import ExitStack, closing
from shlex import quote

import msgspec

from ava_np.data.batches import Batches
from ava_np.errors import NotFiniteError, RunError
from ava_np.files import write_atomically
from ava_np.models import Cascade, Model, from_specification
from ava_np.run.checkpoint import load_state, saved_steps
from ava_np.run.checkpoint_interval import MINUTE, Clock, Interval
from ava_np.run.first_save import FirstSave
from ava_np.run.folder import Run
from ava_np.run.metrics_log import MetricsLog
from ava_np.run.names import METRICS, MODEL, TRAINING
from ava_np.run.pictures import SplitPictures
from ava_np.run.progress_folder import remove_progress_pictures
from ava_np.run.progress_pictures import ProgressPictures
from ava_np.run.rollback import Rollbacks
from ava_np.run.saver import Saver, save
from ava_np.specification import OnDivergence, Specification
from ava_np.training.trainer import Metrics, Trainer

logger = logging.getLogger("ava_np")


def new_trainer(specification: Specification, vae: Model | None = None) -> Trainer:
    """Return a trainer at step 0, of a model with its first weights; a cascade takes those of its VAE from ``vae``."""
    training = specification.training
    model = from_specification(specification.model, specification.pictures.shape, seed=training.seed)
    if vae is not None and isinstance(model, Cascade):
        model.take_vae(vae)
    return Trainer(model, training)


def resume(
    run: Run, *, epochs: int | None = None, learning_rate: float | None = None, patience: int | None = None
) -> Trainer:
    """Return a trainer at the last save of a run, or at step 0 if nothing was saved, and lock the run.

    Its files are not changed before ``train``, but those that a killed training left half written are removed.

    Parameters
    ----------
    run : Run
        The run.
    epochs : int, optional
        New number of epochs of the whole training.
    learning_rate : float, optional
        New γ, for example after a divergence.
    patience : int, optional
        New patience, to continue a training that stopped early.

    Raises
    ------
    RunError
        If the saved state is missing or damaged, or already has more epochs, or another training is writing the run; or
        if a patience is given and the run began without one, so that its best weights are not known.
    """
    run.lock()
    training = run.specification.training
    if patience and not training.patience:
        raise RunError(f"{run.folder} began without --patience, so its best weights were not kept: leave it out")
    training = msgspec.structs.replace(
        training,
        epochs=epochs or training.epochs,
        learning_rate=learning_rate or training.learning_rate,
        patience=patience or training.patience,
    )
    specification = msgspec.structs.replace(run.specification, training=training)
    if (run.folder / MODEL).exists():
        _check_files(run)
    trainer = new_trainer(specification)
    if (run.folder / MODEL).exists() or (run.folder / TRAINING).exists():
        load_state(trainer, run.folder / TRAINING, specification.id)
    elif getattr(specification.model, "vae_sha256", ""):
        raise RunError(f"{run.folder} was stopped before its VAE was saved: begin again with --overwrite")
    done = [line for line in run.metrics() if line["step"] <= trainer.steps]
    if done and trainer.progress.totals and trainer.progress.totals.keys() != done[-1]["nats"].keys():
        raise RunError(f"{run.folder}: {TRAINING} has other terms than {METRICS}")
    if done and done[-1]["epoch"] > training.epochs:
        raise RunError(
            f"{run.folder} has already trained {done[-1]['epoch']} epochs, more than {training.epochs}: "
            "choose a larger --epochs"
        )
    return trainer


def _check_files(run: Run) -> None:
    """Refuse damaged or hostile files before memory is taken for the model, and say what can be done."""
    if not (run.folder / TRAINING).exists():
        raise RunError(
            f"{run.folder / TRAINING} does not exist: the training cannot be continued, but its model can be used; "
            "--overwrite begins again"
        )
    try:
        run.model()
    except RunError as error:
        raise RunError(f"{error}; if {TRAINING} is intact, delete {MODEL}, and --resume writes it again") from error


def train(
    run: Run,
    trainer: Trainer,
    data: SplitPictures,
    *,
    checkpoint_every: Interval = MINUTE,
    on_divergence: OnDivergence = "stop",
) -> Generator[Metrics | None, None, None]:
    """Train to the last epoch, write the metrics and pictures of the progress, and save at intervals and at the end.

    A training that stops early is saved too, and ``resume`` continues it to the same bytes. The first state of a new
    run is saved too, while its first step is computed, so that there is always one to return to. Metrics and pictures
    of steps after the last save are removed.

    With ``TrainingSpecification.patience``, the training ends when the validation error has not improved for so many
    evaluations. ``model.safetensors`` then always holds the weights with the smallest error so far, and
    ``training.safetensors`` the last state, from which ``resume`` continues.

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
        learning rate, at most ten times in a row. If that does not help three times in a row, a training that was not
        resumed begins again at its first step. An interval in steps makes the result independent of the speed of the
        machine.

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
    with run, ExitStack() as stack:
        if (run.folder / TRAINING).exists() and saved_steps(run.folder / TRAINING) > trainer.steps:
            raise RunError(f"{run.folder} has been trained further in the meantime: resume it")
        specification = run.specification
        if trainer.steps < trainer.training.total_steps(len(data.split.train)):
            specification = msgspec.structs.replace(specification, training=trainer.training)
        pictures = msgspec.structs.replace(specification.pictures, count=len(data.pictures.names))  # 0 in format 2
        run.update(msgspec.structs.replace(specification, pictures=pictures))
        _keep_metrics(run, trainer)
        first_save = stack.enter_context(closing(FirstSave(run, trainer)))
        batches, rollbacks = data.batches(run.specification.pictures), Rollbacks(trainer.steps)
        while True:
            try:
                yield from _steps(run, trainer, data, batches, Clock(checkpoint_every), first_save)
            except NotFiniteError as error:
                _return_to_save(run, trainer, error)
                rollbacks.returned(trainer.steps)
                if on_divergence == "stop" or rollbacks.hopeless:
                    raise NotFiniteError(f"{error}; {_advice(run, trainer)}") from error
                if rollbacks.spoilt:
                    trainer.restore(*new_trainer(run.specification, trainer.model).state())
                    _keep_metrics(run, trainer)
                    save(run, trainer)
                _halve_rate(run, trainer)
                logger.warning(
                    "%s; back to step %d, with learning rate %g", error, trainer.steps, trainer.training.learning_rate
                )
            else:
                return


def _steps(
    run: Run,
    trainer: Trainer,
    data: SplitPictures,
    batches: tuple[Batches, Batches | None],
    clock: Clock,
    first_save: FirstSave,
) -> Generator[Metrics | None, None, None]:
    """Train to the last epoch or until the patience ends, and save; but not after a divergence."""
    last, patience = trainer.training.total_steps(len(batches[0])), trainer.training.patience
    with MetricsLog(run.folder / METRICS, run.specification.id) as log:
        progress = ProgressPictures(run, data, trainer)
        saver = Saver(run, trainer, log, progress, batches[0])
        progress.draw()
        try:
            for metrics in first_save.during_first(trainer.run(*batches)):
                progress.draw()
                if metrics is not None:
                    saver.add(metrics)
                yield metrics
                if patience and saver.best.waited >= patience:
                    break
                if trainer.steps < last and clock.due(trainer.steps):
                    saver.save_or_warn()
                    clock.restart()
        except NotFiniteError:
            raise
        except BaseException:  # Ctrl-C, or the caller has closed this generator
            saver.save()
            raise
        saver.save()


def _return_to_save(run: Run, trainer: Trainer, error: NotFiniteError) -> None:
    """Restore the last save; raise the error if there is none, because it did not fit on the disk."""
    try:
        load_state(trainer, run.folder / TRAINING, run.specification.id)
    except RunError:
        raise error from None
    _keep_metrics(run, trainer)
    remove_progress_pictures(run.folder, after=trainer.steps)


def _advice(run: Run, trainer: Trainer) -> str:
    """What to do after a divergence."""
    lower = trainer.training.learning_rate / 10
    return (
        f"the run is as it was saved after step {trainer.steps}; continue with a lower learning rate: "
        f"ava train --out {quote(str(run.folder))} --resume --lr {lower:g}"
    )


def _halve_rate(run: Run, trainer: Trainer) -> None:
    """Continue with half of the learning rate."""
    trainer.training = msgspec.structs.replace(trainer.training, learning_rate=trainer.training.learning_rate / 2)
    run.update(msgspec.structs.replace(run.specification, training=trainer.training))


def _keep_metrics(run: Run, trainer: Trainer) -> None:
    """Remove the metrics of epochs that are still to be trained, or to be reported again."""
    pending = trainer.progress.seen > 0  # an epoch that ends at this step has not been reported for certain
    kept = [line for line in run.metrics() if line["step"] < trainer.steps + (not pending)]
    write_atomically(run.folder / METRICS, b"".join(msgspec.json.encode(line) + b"\n" for line in kept))
