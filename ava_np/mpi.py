"""Several processes that train one model together, over MPI: each computes its rows of every batch.

Under ``mpirun -n 4 ava train ...`` every ``ava`` command runs in process 0, the leader. The others follow: they wait
for a trainer and its pictures, and then take each of its steps. All keep the whole model, and after each step all have
the same bytes. The result is that of one process up to rounding, and the same bytes for the same number of processes.

In a step, the processes exchange

    gradients     of large dense layers as their factors, the inputs x and the errors δ (sufficient factor broadcasting,
                  Xie et al. 2016); the rest is added
    batch norm    sums over the channels, forward and back
    minibatch discrimination, a calibrated variance, terms
                  the compared vectors and their errors; a few numbers

Sums are added in the order of the processes, whatever algorithm MPI would choose. Large ones are scattered first, so
that each process adds one part, and sends it to the others: 2 (n - 1) / n of the array, as in a ring.
"""

import os
import pickle
import signal
import sys
from contextlib import suppress
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from ava_np.errors import AvaError, NotFiniteError
from ava_np.share import Share

if TYPE_CHECKING:
    from mpi4py import MPI

SCATTERED = 1 << 14  # bytes: smaller arrays are sent to all, which takes one message instead of two
CHUNK = 1 << 30  # bytes of a message: MPI counts them in 31 bits


class Ranks(Share):
    """This process among those of ``mpirun``.

    Threads are divided among the processes of one machine, unless its launcher has bound them to cores.

    Parameters
    ----------
    communicator : mpi4py.MPI.Comm, optional
        The processes; by default all.

    Attributes
    ----------
    sent : int
        Bytes that this process has sent, counted once for each receiver.

    Raises
    ------
    AvaError
        If mpi4py or an MPI library is missing.

    Notes
    -----
    A script that ``mpirun -n 4 python -m mpi4py FILE`` runs in each of four processes::

        ranks = Ranks()
        if ranks.rank:
            ranks.follow()  # until the first process ends
        else:
            trainer = Trainer(model, training)
            trainer.share = ranks
            for metrics in trainer.run(Batches(pictures)):
                ...
            ranks.dismiss()
    """

    def __init__(self, communicator: "MPI.Comm | None" = None) -> None:
        try:
            from mpi4py import MPI
        except (ImportError, RuntimeError) as error:  # the package, or the library that it looks for
            raise AvaError(f"mpirun needs mpi4py and an MPI library: pip install 'ava-np[mpi]' ({error})") from None
        self.communicator = communicator or MPI.COMM_WORLD
        self.rank, self.size, self.sent = self.communicator.rank, self.communicator.size, 0
        self._share_cores(self.communicator.Split_type(MPI.COMM_TYPE_SHARED).size)

    @staticmethod
    def _share_cores(processes: int) -> None:
        """Divide the cores of this machine among its processes, if no launcher has done so."""
        from ava_np.kernels.machine.parallel import cores, use_threads

        if cores() * processes > (os.cpu_count() or 1):
            use_threads(max(1, (os.cpu_count() or 1) // processes))

    def add(self, array: np.ndarray) -> None:
        """Replace an array by its sum over the processes."""
        if array.nbytes < SCATTERED:
            everything = np.empty((self.size, *array.shape), array.dtype)
            self.communicator.Allgather(array, everything)
            self.sent += (self.size - 1) * array.nbytes
            _add_rows(array, everything)
            return
        flat = array.reshape(-1)
        bounds = [flat.size * rank // self.size for rank in range(self.size + 1)]
        counts, starts = np.diff(bounds), bounds[:-1]
        mine = counts[self.rank]
        parts = np.empty((self.size, mine), array.dtype)  # of each process, what this one adds
        kind = _mpi_type(array)
        self.communicator.Alltoallv(
            [flat, (counts, starts), kind], [parts, ([mine] * self.size, [mine * r for r in range(self.size)]), kind]
        )
        total = np.empty(mine, array.dtype)
        _add_rows(total, parts)
        self.communicator.Allgatherv([total, kind], [flat, (counts, starts), kind])
        self.sent += array.nbytes - total.nbytes + (self.size - 1) * total.nbytes

    def rows(self, array: np.ndarray) -> np.ndarray:
        """Return the rows of all processes."""
        array = np.ascontiguousarray(array)
        rows = np.array(self.communicator.allgather(len(array)))
        everything = np.empty((int(rows.sum()), *array.shape[1:]), array.dtype)
        counts, kind = rows * prod(array.shape[1:]), _mpi_type(array)
        self.communicator.Allgatherv([array, kind], [everything, (counts, np.cumsum(counts) - counts), kind])
        self.sent += (self.size - 1) * array.nbytes
        return everything

    def tell(self, message: object) -> None:
        """Send a message from the leader to the others.

        Raises
        ------
        AvaError
            If it holds what no other process can have, such as a function that is defined in a script as the prior.
        """
        try:
            data = np.frombuffer(pickle.dumps(message, pickle.HIGHEST_PROTOCOL), np.uint8)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise AvaError(f"the training cannot be sent to the other processes: {error}") from error
        self.communicator.bcast(len(data))
        for start in range(0, len(data), CHUNK):
            self.communicator.Bcast(data[start : start + CHUNK])

    def follow(self) -> None:
        """Take part in the leader's trainings, until it has no more.

        A process that fails ends all of them, and a training then continues from its last save.
        """
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"):
            if hasattr(signal, name):  # the leader saves, and dismisses this process
                signal.signal(getattr(signal, name), signal.SIG_IGN)
        try:
            trainer = batches = None
            while (message := self._receive()) is not None:
                if isinstance(message, tuple):
                    trainer, batches = message
                    trainer.share = self
                else:
                    assert trainer is not None
                    with suppress(NotFiniteError):  # as in the leader, which says what comes next
                        x, noise = trainer.batch(batches, trainer.steps)
                        trainer.step(x, noise, message, size=trainer.batch_size(batches, trainer.steps))
        except BaseException as error:
            print(f"Error: process {self.rank} failed: {error!r}", file=sys.stderr, flush=True)
            self.abort()
            raise

    def dismiss(self) -> None:
        """Let the other processes end."""
        self.tell(None)

    def abort(self) -> None:
        """End all processes at once."""
        self.communicator.Abort(1)

    def _receive(self) -> object:
        data = np.empty(self.communicator.bcast(None), np.uint8)
        for start in range(0, len(data), CHUNK):
            self.communicator.Bcast(data[start : start + CHUNK])
        return pickle.loads(data.tobytes())


def _add_rows(total: np.ndarray, rows: np.ndarray) -> None:
    """Write the sum of the rows, from the first to the last."""
    np.copyto(total, rows[0])
    for row in rows[1:]:
        total += row


def _mpi_type(array: np.ndarray) -> "MPI.Datatype":
    from mpi4py.util.dtlib import from_numpy_dtype

    return from_numpy_dtype(array.dtype)
