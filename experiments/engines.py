"""Where trials run: on the cores of this machine with joblib, or on the workers of a Dask cluster.

A trial that raises an error, or whose process is killed, gives a ``Failure`` and stops nothing. Each trial may use as
many threads as there are cores for it, so that trials and kernels together never want more than the machine has.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError
from threadpoolctl import threadpool_limits

from ava_np import use_threads
from ava_np.console import say
from ava_np.errors import AvaError, printable

K = TypeVar("K")
R = TypeVar("R")

KILLED = "its process was killed, perhaps for lack of memory"


@dataclass(frozen=True)
class Failure:
    """Why a trial has no result, in one line."""

    reason: str


@dataclass(frozen=True)
class Attempt(Generic[K, R]):
    """What a process does with a trial: its result, or the reason for having none. None leaves the threads as set."""

    trial: Callable[[K], R]
    threads: int | None

    def __call__(self, key: K) -> tuple[K, R | Failure]:
        """Do the trial."""
        if self.threads is not None:
            use_threads(self.threads)
        try:
            with threadpool_limits(self.threads):
                return key, self.trial(key)
        except Exception as error:  # any: a sweep of hundreds must not end with one of them
            name = "" if isinstance(error, AvaError) else f"{type(error).__name__}: "
            return key, Failure(printable(f"{name}{error}".splitlines()[0] if str(error) else type(error).__name__))


def worker_count(jobs: int | None, trials: int) -> int:
    """Return the number of trials at the same time on this machine: ``jobs`` or one per core, at most ``trials``."""
    return max(1, min(jobs or joblib.cpu_count(), trials))


def run_trials(
    trial: Callable[..., R], shared: Sequence[Any], keys: Sequence[K], *, jobs: int | None, scheduler: str | None
) -> Iterator[tuple[K, R | Failure]]:
    """Do all trials, and yield each with its result as it ends, in any order.

    Parameters
    ----------
    trial : callable
        ``trial(*shared, key)`` returns the result. It and all values can be pickled.
    shared : sequence
        What all trials read, such as the pictures.
    keys : sequence
        One for each trial.
    jobs : int or None
        Trials at the same time on this machine; None for one per core. They run in other processes, or with 1 in this.
    scheduler : str or None
        The address of a Dask scheduler, whose workers do the trials.

    Raises
    ------
    AvaError
        If the scheduler cannot be reached, or Dask is not installed.
    """
    if scheduler is not None:
        yield from _on_cluster(trial, shared, keys, scheduler)
        return
    together = worker_count(jobs, len(keys))
    threads = None if jobs == 1 else max(1, joblib.cpu_count() // together)
    yield from _on_this_machine(Attempt(partial(trial, *shared), threads), keys, together, alone=jobs == 1)


def _on_this_machine(
    attempt: Attempt[K, R], keys: Iterable[K], together: int, *, alone: bool
) -> Iterator[tuple[K, R | Failure]]:
    """Do ``together`` trials at a time in other processes, or in this process alone.

    If a process is killed, do the rest one by one, to see which one it is.
    """
    waiting = dict.fromkeys(keys)
    # joblib takes one job for this process, where a trial that is killed would end all: so it gets two, one at a time.
    processes = 1 if alone else max(2, together)
    parallel = joblib.Parallel(n_jobs=processes, pre_dispatch=together, return_as="generator_unordered")
    try:
        for key, result in parallel(joblib.delayed(attempt)(key) for key in list(waiting)):
            del waiting[key]
            yield key, result
    except TerminatedWorkerError:
        say("a training was killed, perhaps for lack of memory: one at a time from here on")
    for key in list(waiting):
        try:
            (ended,) = joblib.Parallel(n_jobs=2)([joblib.delayed(attempt)(key)])
        except TerminatedWorkerError:
            ended = key, Failure(KILLED)
        yield ended


def _on_cluster(
    trial: Callable[..., R], shared: Sequence[Any], keys: Sequence[K], scheduler: str
) -> Iterator[tuple[K, R | Failure]]:
    """Do the trials on the workers of a Dask cluster, each on one thread, because Dask gives a trial one of them."""
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise AvaError("--scheduler needs Dask: pip install 'ava-np[sweep]'") from None
    try:
        client = Client(scheduler)
    except (OSError, ValueError) as error:
        raise AvaError(f"no Dask scheduler at {scheduler}: {error}") from None
    with client:
        values = client.scatter(list(shared), broadcast=True, hash=False)
        futures = {client.submit(_attempt, trial, key, *values, pure=False): key for key in keys}
        for future in as_completed(futures):
            yield future.result() if future.status == "finished" else (futures[future], Failure(KILLED))


def _attempt(trial: Callable[..., R], key: K, *shared: Any) -> tuple[K, R | Failure]:
    return Attempt[K, R](partial(trial, *shared), 1)(key)
