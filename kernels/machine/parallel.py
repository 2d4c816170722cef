"""Parallel work: the launcher, which runs the parts of some work on several threads.

A *part* is a share of the work, for one thread. Its code is a compiled function ``part(index, record)``, and the
launcher knows only its address, because numba takes three times as long to compile a function that may run in parallel:
the launcher is the only one. The record tells the code what to do (kernels/machine/records.py).

Every sum is computed within one part, so that results do not depend on the number of threads.
"""

import os
from collections.abc import Callable
from functools import cache
from threading import Lock

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import config
from numba.extending import intrinsic

from ava_np.kernels.machine.compile import compiled_address, kernel_for

MIN_MULTIPLY_ADDS = 1 << 23
"""Multiply-adds per part, about 0.1 ms of computation: waking a sleeping thread takes 0.08 ms. Work that is limited by
memory is counted in elements instead; see MIN_ELEMENTS in ``elementwise`` and in ``gemv``."""

WAIT_POLICY = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "6000"}
"""How OpenMP's threads wait: asleep; with GNU's OpenMP, after they have looked for work 6000 times, about 0.1 ms."""

_max_threads = 0  # 0: as many as cores
_launcher_lock = Lock()  # some of numba's threading layers must not be entered from two threads at once


@intrinsic
def call_part(context, address, part, record):  # type: ignore[no-untyped-def]
    """Call the code of a part by its address, in compiled code."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        integer = ir.IntType(64)
        code = ir.FunctionType(ir.VoidType(), [integer, integer]).as_pointer()
        builder.call(builder.inttoptr(arguments[0], code), arguments[1:])
        return context.get_dummy_value()

    return types.void(*[types.intp] * 3), generate


def compile_part(part: Callable[..., None]) -> int:
    """Compile ``part(index, record)`` and return the address of its code, for ``run_parts`` and ``call_part``."""
    return compiled_address(part, types.void(types.intp, types.CPointer(types.intp)))


def use_threads(count: int) -> None:
    """Set the maximum number of threads that share one product, convolution or update.

    The setting applies to the whole process, from the next operation on. It changes the time that an operation takes,
    and no bit of its result. Small operations use one thread in any case. A forked process always uses one thread,
    whatever the setting; a spawned one starts with all cores.

    Parameters
    ----------
    count : int
        Number of threads, at least 0. 0, the initial setting, stands for the number of cores, and so does every larger
        number. The environment variable ``NUMBA_NUM_THREADS`` limits the number of cores.

    Raises
    ------
    ValueError
        If ``count`` is negative.

    Examples
    --------
    >>> import ava_np
    >>> ava_np.use_threads(1)  # for example in each of several processes
    >>> ava_np.use_threads(0)  # all cores
    """
    global _max_threads
    if count < 0:
        raise ValueError(f"the number of threads must be at least 0, not {count}")
    _max_threads = count


def cores() -> int:
    """Return the number of cores that this process may use."""
    return int(config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]


def part_count(work: int, max_parts: int, min_work: int | None = None) -> int:
    """Return the number of parts for ``work``: at most one per thread, each with at least ``min_work`` of it.

    ``min_work`` is ``MIN_MULTIPLY_ADDS`` unless given.
    """
    if min_work is None:
        min_work = MIN_MULTIPLY_ADDS
    if work < 2 * min_work:
        return 1
    return min(_max_threads or cores(), cores(), max_parts, work // min_work)


def run_parts(address: int, parts: int, record: np.ndarray) -> None:
    """Run all parts: on several threads, or on this one if the launcher is in use by another thread of this process."""
    if parts == 1:
        _sequential_launcher()(address, 1, record.ctypes.data)
    elif _launcher_lock.acquire(blocking=False):
        try:
            _parallel_launcher()(address, parts, record.ctypes.data)
        finally:
            _launcher_lock.release()
    else:
        _sequential_launcher()(address, parts, record.ctypes.data)


def _run_in_parallel(address: int, parts: int, record: int) -> None:
    for part in numba.prange(parts):
        call_part(address, part, record)  # type: ignore[call-arg]


def _run_in_sequence(address: int, parts: int, record: int) -> None:
    # Not the function above without parallel=True: numba's cache does not distinguish the two.
    for part in range(parts):
        call_part(address, part, record)  # type: ignore[call-arg]


@cache
def _parallel_launcher() -> Callable[[int, int, int], None]:
    """Compile the launcher, and start the threads of OpenMP with a wait policy that lets them sleep soon.

    By default they spin for long. If other programs use the cores too, a spinning thread waits for one that is not
    running: a step of a dense AVA took 60 ms instead of 3. Waking a sleeping thread takes 0.08 ms, and a thread that
    looks for work 0.004 ms: a step of a convolutional VAE, on an idle machine, took 5.9 ms with threads that sleep at
    once and 4.7 ms with this policy. OpenMP reads the variables once, when numba first loads it. If one of them is set
    already, none is changed.
    """
    added = {} if WAIT_POLICY.keys() & os.environ.keys() else WAIT_POLICY
    os.environ.update(added)
    try:
        launch = kernel_for("void(intp, intp, intp)", parallel=True)(_run_in_parallel)
        launch(0, 0, 0)
    finally:
        for name in added:
            del os.environ[name]
    return launch


@cache
def _sequential_launcher() -> Callable[[int, int, int], None]:
    return kernel_for("void(intp, intp, intp)")(_run_in_sequence)


def _forked() -> None:
    """Make a forked process use one thread: it has none of its parent's, and OpenMP ends it if it starts new ones."""
    global _launcher_lock
    _launcher_lock = Lock()
    _launcher_lock.acquire()  # and never release it: all parts run in sequence
    use_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
