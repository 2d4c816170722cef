"""What a process has of a batch: all of it, or one of several shares.

Several processes can train one model together (``ava_np.mpi``). Each computes its rows of every batch, and they add
what they have found. ``Share`` is for one process alone; its methods are all that the layers, the models and the
trainer ask of the others.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


class Share:
    """All of each batch: there is no other process.

    Attributes
    ----------
    rank, size : int
        Number of this process, from 0, and the number of processes.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.share import ALONE
    >>> ALONE.part(10), ALONE.rows(np.ones((10, 2))).shape
    (slice(0, 10, None), (10, 2))
    """

    rank: int = 0
    size: int = 1

    def part(self, batch: int) -> slice:
        """Return the rows of a batch that this process computes; shares differ by one row at most.

        Parameters
        ----------
        batch : int
            Number of pictures in the whole batch.
        """
        return slice(batch * self.rank // self.size, batch * (self.rank + 1) // self.size)

    def add(self, array: "np.ndarray") -> None:
        """Replace an array by its sum over the processes, added in their order: the same bytes in all of them.

        Parameters
        ----------
        array : ndarray
            C-contiguous, of the same shape and type in all processes.
        """

    def rows(self, array: "np.ndarray") -> "np.ndarray":
        """Return the rows of all processes, in their order.

        Parameters
        ----------
        array : ndarray, (rows, ...)
            Its rows may differ in number between the processes.

        Returns
        -------
        ndarray, (all rows, ...)
            ``array`` itself if there is no other process.
        """
        return array

    def tell(self, message: object) -> None:
        """Send a message from process 0 to the others, which wait for one.

        Parameters
        ----------
        message : object
            Anything that can be pickled.
        """

    def abort(self) -> None:
        """End the other processes and this one at once: they wait in the middle of a step for what will not come."""


ALONE = Share()
