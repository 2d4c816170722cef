"""Drawing the progress of a training while it runs: a picture of the model after steps that grow further apart."""

from contextlib import suppress

from ava_np.errors import AvaError
from ava_np.files import write_atomically
from ava_np.images import to_png
from ava_np.run.folder import Run
from ava_np.run.names import PROGRESS
from ava_np.run.pictures import SplitPictures
from ava_np.run.progress_folder import is_moment, progress_picture, remove_progress_pictures
from ava_np.run.progress_sheet import progress_sheet
from ava_np.training.trainer import QUIET, Trainer


class ProgressPictures:
    """The pictures in ``progress/`` of a run. While the disk is full, they wait in memory.

    Pictures of steps that are still to be trained are removed: they will be drawn again.

    Parameters
    ----------
    run : Run
        The run.
    data : SplitPictures
        Its pictures.
    trainer : Trainer
        Before its next step.
    """

    def __init__(self, run: Run, data: SplitPictures, trainer: Trainer) -> None:
        self._run, self._data, self._trainer = run, data, trainer
        self._drawn = -1
        self._waiting: dict[int, bytes] = {}
        remove_progress_pictures(run.folder, after=trainer.steps)

    @QUIET
    def draw(self) -> None:
        """Draw the model, if this is the moment for it, and write the picture if that is possible now."""
        step = self._trainer.steps
        if step == self._drawn or not is_moment(step):
            return
        self._drawn = step
        with suppress(AvaError, ValueError):  # what is not finite, the next step will say
            sheet = progress_sheet(self._trainer.average.model, self._run.specification, self._data)
            self._waiting[step] = to_png(sheet, compression=1)
        with suppress(AvaError):  # ``write`` is called again before the training is saved
            self.write()

    def write(self) -> None:
        """Write all pictures that wait: the saved state must not be ahead of them.

        Raises
        ------
        AvaError
            If they cannot be written; they still wait then.
        """
        for step in list(self._waiting):
            try:
                (self._run.folder / PROGRESS).mkdir(exist_ok=True)
            except OSError as error:
                raise AvaError(f"cannot write {self._run.folder / PROGRESS}: {error.strerror}") from error
            write_atomically(progress_picture(self._run.folder, step), self._waiting[step])
            del self._waiting[step]
