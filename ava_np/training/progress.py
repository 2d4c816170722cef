"""The progress of ``fit``: a bar in a terminal and in a notebook, and a line now and then in a log."""

import sys
from types import TracebackType
from typing import Any

from ava_np.training.trainer import Metrics

LOG_SECONDS = 30.0  # between two lines of a log
BAR_SECONDS = 0.5  # between two states of a bar; a notebook that is run without a browser keeps them all


class Progress:
    """A bar of a training's steps with the terms of the last epoch; use it in a ``with`` statement.

    It is a line of text that is written again, also in a notebook, so that nothing needs to be installed there.

    Parameters
    ----------
    total : int
        Steps of the training.
    shown : bool
        Show nothing if false.

    Examples
    --------
    >>> from ava_np.training.progress import Progress
    >>> with Progress(10, shown=False) as progress:
    ...     progress.step(None)
    """

    def __init__(self, total: int, *, shown: bool) -> None:
        self._bar: Any = None
        if not shown:
            return
        from tqdm import tqdm  # only now: nobody else waits for it

        rewrites = sys.stderr.isatty() or "ipykernel" in sys.modules
        self._bar = tqdm(total=total, unit="step", mininterval=BAR_SECONDS if rewrites else LOG_SECONDS)

    def step(self, metrics: Metrics | None) -> None:
        """Count a step; ``metrics`` are those of the epoch that it ends, otherwise None."""
        if self._bar is None:
            return
        if metrics is not None:
            terms = "  ".join(f"{name} {value:.4g}" for name, value in metrics["nats"].items())
            self._bar.set_postfix_str(f"epoch {metrics['epoch']}  {terms}", refresh=False)
        self._bar.update()

    def __enter__(self) -> "Progress":
        """Return the progress itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the line."""
        if self._bar is not None:
            self._bar.close()
