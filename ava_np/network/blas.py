"""NumPy's BLAS on one thread, while something of ours computes.

Its sums then do not depend on how many cores there are, and its spinning threads do not stall each other where the
cores are shared (measured: 35 times slower beside other jobs).
"""

import os
from functools import cache
from threading import RLock

from threadpoolctl import ThreadpoolController


class _OneThread:
    """A context that any threads may hold at once and leave in any order: the first limits BLAS, the last restores it.

    The limit is the process's. Were each holder to restore what it found, the first to leave would lift it for the
    others, and the last would leave it behind for good.
    """

    def __init__(self) -> None:
        self._lock = RLock()  # a generator that holds the context may be collected, and leave it, anywhere
        self._holders = 0
        if hasattr(os, "register_at_fork"):  # a child forked while another thread holds the lock would never get it
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
    """The BLAS that is loaded, which NumPy did; looked for once, because that takes a hundred times as long."""
    return ThreadpoolController().select(user_api="blas")


single_threaded_blas = _OneThread()
