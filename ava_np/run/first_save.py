"""The first save of a new run, which is written while its first step is computed."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import islice

from ava_np.errors import AvaError
from ava_np.run.checkpoint import checkpoint_writer
from ava_np.run.folder import Run
from ava_np.run.names import TRAINING
from ava_np.training.trainer import Metrics, Trainer


class FirstSave:
    """Writes the state that a new run has before its first step, while that step is computed.

    The first step compiles kernels, and a large network has hundreds of megabytes to write: neither needs the other.

    Parameters
    ----------
    run : Run
        If it has been saved before, nothing is written.
    trainer : Trainer
        Its state is copied, so that it can go on at once.
    """

    def __init__(self, run: Run, trainer: Trainer) -> None:
        self._written: Future[None] | None = None
        if not (run.folder / TRAINING).exists() and trainer.finite():
            thread = ThreadPoolExecutor(1, "first-save")
            self._written = thread.submit(checkpoint_writer(trainer, run.folder, run.specification.id))
            thread.shutdown(wait=False)  # after what was submitted

    def during_first(self, steps: Iterator[Metrics | None]) -> Iterator[Metrics | None]:
        """Yield what ``steps`` yields; its first step ends when the files are written.

        Raises
        ------
        AvaError
            If not even the weights can be written.
        """
        try:
            first = list(islice(steps, 1))
        finally:
            self.wait()
        yield from first
        yield from steps

    def wait(self) -> None:
        """Wait for the files; errors as in ``during_first``."""
        if self._written is not None:
            self._written.result()

    def close(self) -> None:
        """Wait for the files; an error has been raised after the first step, unless that failed, too."""
        with suppress(AvaError):
            self.wait()
