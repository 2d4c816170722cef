"""Environment variables of other libraries: those that would stop a command with a traceback, and those of MPI."""

import os

from ava_np.errors import AvaError

MPI_SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS")
"""By which launchers say how many processes they have started: Open MPI's; those of MPICH, Intel and Slurm."""


def prepare_environment() -> None:
    """Override the variables that ``ava`` has no use for, and refuse the values that it cannot work with.

    ``MPLBACKEND`` names a matplotlib backend for a screen or a notebook, often one that is not installed here: Jupyter
    sets it for every command that it starts. Charts are written to files, which needs no backend.
    ``NUMBA_THREADING_LAYER`` is for numba's own parallel loops, and there are none.

    Raises
    ------
    AvaError
        If ``NUMBA_DISABLE_JIT`` is set, or ``NUMBA_NUM_THREADS`` is not a number of threads.
    """
    os.environ["MPLBACKEND"] = "agg"
    os.environ.pop("NUMBA_THREADING_LAYER", None)
    if os.environ.get("NUMBA_DISABLE_JIT", "") not in {"", "0"}:
        raise AvaError("NUMBA_DISABLE_JIT is set, and the kernels run only when they are compiled: unset it")
    threads = os.environ.get("NUMBA_NUM_THREADS", "1")
    if not threads.isdecimal() or int(threads) == 0:
        raise AvaError(f"NUMBA_NUM_THREADS is {threads!r}, not a number from 1 on: correct it or unset it")


def launched_by_mpi() -> bool:
    """Return whether ``mpirun`` or its like has started several processes."""
    return any(os.environ.get(name, "") not in ("", "1") for name in MPI_SIZES)
