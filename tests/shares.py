"""Processes that share batches, played by threads: the same trainings as with MPI, without MPI."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import numpy as np

from ava_np.share import Share

T = TypeVar("T")


class Meeting:
    """Where the threads meet: each lays down an array, and takes those of all."""

    def __init__(self, size: int) -> None:
        self.size, self.barrier, self.arrays = size, Barrier(size, timeout=60), [np.empty(0)] * size

    def exchange(self, rank: int, array: np.ndarray) -> list[np.ndarray]:
        """Return the arrays of all threads."""
        self.arrays[rank] = array.copy()
        self.barrier.wait()
        taken = list(self.arrays)
        self.barrier.wait()
        return taken


class ThreadShare(Share):
    """The share of one thread."""

    def __init__(self, rank: int, meeting: Meeting) -> None:
        self.rank, self.size, self.meeting = rank, meeting.size, meeting

    def add(self, array: np.ndarray) -> None:
        """Replace an array by its sum over the threads."""
        array[...] = sum(self.meeting.exchange(self.rank, array))

    def rows(self, array: np.ndarray) -> np.ndarray:
        """Return the rows of all threads."""
        return np.concatenate(self.meeting.exchange(self.rank, array))


def together(size: int, work: Callable[[Share], T]) -> list[T]:
    """Return what ``work`` returns in each of several threads, which share every batch."""
    meeting = Meeting(size)

    def one(rank: int) -> T:
        try:
            return work(ThreadShare(rank, meeting))
        except BaseException:
            meeting.barrier.abort()
            raise

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(one, range(size)))
