"""How often a training that diverges returns to its last save."""

from dataclasses import dataclass

MAX_ROLLBACKS = 10  # to the same save, in a row; each halves the learning rate
PATIENCE = 3  # rollbacks to the same save, in a row, before it is taken to be spoilt


@dataclass
class Rollbacks:
    """Counts the returns to the last save, and tells when they do not help.

    Parameters
    ----------
    first : int
        The step at which this process began.
    """

    first: int
    _saved: int = -1
    _count: int = 0

    def returned(self, steps: int) -> None:
        """Note a return to the save of a step."""
        self._count = self._count + 1 if steps == self._saved else 1
        self._saved = steps

    @property
    def hopeless(self) -> bool:
        """Whether the training must stop."""
        return self._count > MAX_ROLLBACKS

    @property
    def spoilt(self) -> bool:
        """Whether the training must begin again: what was saved diverges at any rate.

        A training that was resumed does not begin again, since its first save may be the work of hours.
        """
        return self._count > PATIENCE and self._saved > self.first == 0
