"""Saving a training: its metrics, its pictures, its weights and its state, in an order that survives a crash."""

import logging
from contextlib import suppress

import numpy as np

from ava_np.data.batches import Batches
from ava_np.errors import AvaError, NotFiniteError
from ava_np.indices import evenly_spaced
from ava_np.run.checkpoint import Weights, copy_weights, save_checkpoint, save_state, save_weights
from ava_np.run.folder import Run
from ava_np.run.metrics_log import MetricsLog
from ava_np.run.names import MODEL
from ava_np.run.pictures import MAX_EVALUATED
from ava_np.run.progress_pictures import ProgressPictures
from ava_np.training.early_stopping import BestValidation
from ava_np.training.trainer import Metrics, Trainer

logger = logging.getLogger("ava_np")


def save(run: Run, trainer: Trainer) -> None:
    """Save the weights and the state of a training, if no step is half applied and all values are finite.

    Raises
    ------
    AvaError
        If the weights cannot be written.
    """
    if trainer.between_steps and trainer.finite():
        save_checkpoint(trainer, run.folder, run.specification.id)


class Saver:
    """Saves a training, with its last weights, or with the best ones if the training has a patience.

    The best weights wait in memory for the next save. They are written before the state: if the process is killed in
    between, a resumed training finds them again. In the other order they would be lost.

    Parameters
    ----------
    run : Run
        The run.
    trainer : Trainer
        Before its next step.
    log : MetricsLog
        Where ``add`` writes the metrics.
    progress : ProgressPictures
        Its pictures are written before the state, too.
    training : Batches
        The training pictures: the distribution of their codes is saved with the weights.

    Attributes
    ----------
    best : BestValidation
        The best validation error so far.
    """

    def __init__(
        self, run: Run, trainer: Trainer, log: MetricsLog, progress: ProgressPictures, training: Batches
    ) -> None:
        self.best, self._training = BestValidation.of(run.metrics()), training
        self._run, self._trainer, self._log, self._progress = run, trainer, log, progress
        self._kept: Weights | None = None

    def add(self, metrics: Metrics) -> None:
        """Log the metrics of an epoch that has just ended, and keep its weights if they are the best."""
        self._log.add(metrics)
        self.best.add(metrics)
        if self._trainer.training.patience and self.best.step == metrics["step"]:
            self._fit_codes()
            self._kept = copy_weights(self._trainer, self._run.specification.id)

    def save(self) -> None:
        """Save even if the metrics or the pictures cannot be written: the weights matter more.

        Raises
        ------
        AvaError
            If something cannot be written.
        """
        try:
            self._write()
        except AvaError:
            self._save()
            self._write()  # there may be room now
        else:
            self._save()

    def save_or_warn(self) -> None:
        """Save; a disk that is full for a while must not end a long training."""
        try:
            self._write()
            self._save()
        except AvaError as error:
            logger.warning("%s; the training goes on, and is saved later", error)

    def _fit_codes(self) -> None:
        model, pictures = self._trainer.average.model, self._training
        rows = pictures.rows(evenly_spaced(len(pictures), MAX_EVALUATED), np.random.default_rng(0))
        with suppress(NotFiniteError):  # of weights that are not saved either
            model.fit_codes(rows.reshape(-1, *model.shape))

    def _write(self) -> None:
        self._log.write()
        self._progress.write()

    def _save(self) -> None:
        trainer, folder = self._trainer, self._run.folder
        if not trainer.training.patience or not self.best.step or (not self._kept and not (folder / MODEL).exists()):
            self._fit_codes()
            save(self._run, trainer)
        elif trainer.between_steps and trainer.finite():
            if self._kept is not None:
                save_weights(self._kept, folder)
                self._kept = None
            save_state(trainer, folder, self._run.specification.id)
