"""Limit NumPy's BLAS to one thread while something of ours computes.

Then its sums do not depend on the number of cores. And its threads, which spin while they wait, do not stall each other
on shared cores (measured: 35 times slower beside other programs).
"""

import os
from functools import cache
from threading import RLock

from threadpoolctl import ThreadpoolController


class _SingleThreaded:
    """A context that several threads may hold at once and leave in any order.

    The limit belongs to the process. So the first holder sets it and the last one restores what was before. If each
    holder restored what it had found, the first to leave would lift the limit for the others.
    """

    def __init__(self) -> None:
        self._lock = RLock()  # reentrant: a generator that holds the context may be collected, and leave it, anywhere
        self._holders = 0
        if hasattr(os, "register_at_fork"):  # otherwise a child forked while a thread holds the lock would never get it
            os.register_at_fork(
                before=self._lock.acquire, after_in_parent=self._lock.release, after_in_child=self._lock.release
            )

    def __enter__(self) -> None:
        with self._lock:
            if not self._holders:
                self._limit = _blas().limit(limits=1)
            self._holders += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._holders -= 1
            if not self._holders:
                self._limit.restore_original_limits()


@cache
def _blas() -> ThreadpoolController:
    """The BLAS library that NumPy has loaded; cached, because the search takes a hundred times as long as a limit."""
    return ThreadpoolController().select(user_api="blas")


single_threaded_blas = _SingleThreaded()
"""The context: ``with single_threaded_blas: ...``"""
