"""The best validation error of a training, and how long ago it was."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from ava_np.training.trainer import Metrics


@dataclass
class BestValidation:
    """The smallest validation error so far, the first of equal ones.

    It depends on the metrics alone, so a resumed training stops where an uninterrupted one does.

    Attributes
    ----------
    error : float
        The error; infinite before the first evaluation.
    epoch, step : int
        When it was measured; 0 before the first evaluation.
    waited : int
        Number of evaluations since then.

    Examples
    --------
    >>> from ava_np.training.early_stopping import BestValidation
    >>> best = BestValidation()
    >>> for epoch, error in enumerate([0.3, 0.2, 0.25, 0.2], start=1):
    ...     best.add({"epoch": epoch, "step": 5 * epoch, "validation": {"reconstruction_error": error}})
    >>> best
    BestValidation(error=0.2, epoch=2, step=10, waited=2)
    """

    error: float = inf
    epoch: int = 0
    step: int = 0
    waited: int = 0

    @classmethod
    def of(cls, lines: Iterable[Metrics]) -> "BestValidation":
        """Return the best of the metrics of some epochs, in order."""
        best = cls()
        for line in lines:
            best.add(line)
        return best

    def add(self, metrics: Metrics) -> None:
        """Take note of the metrics of the next epoch, which may have no validation error."""
        if "validation" not in metrics:
            return
        error = metrics["validation"]["reconstruction_error"]
        if error < self.error:
            self.error, self.epoch, self.step, self.waited = error, metrics["epoch"], metrics["step"], 0
        else:
            self.waited += 1
