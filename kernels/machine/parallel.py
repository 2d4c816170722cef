"""The one launcher: it runs parts of a piece of work side by side, and knows of them only where their code begins.

numba takes three times as long to compile what may run in parallel, so nothing else is compiled that way.

Whoever splits work keeps every sum within one part. Then a number is the same for any number of threads.
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
"""Multiply-adds of a part, some 0.1 ms: with fewer, waking a thread that sleeps takes longer than it saves."""

WAITING = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "6000"}
"""How threads of OpenMP wait: asleep, and GNU's after they have looked for work 6000 times, for about 0.1 ms."""

_count = 0  # 0: all cores
_one_at_a_time = Lock()  # not every threading layer of numba can be entered from two threads


@intrinsic
def call_part(context, address, part, record):  # type: ignore[no-untyped-def]
    """Call the code at an address, for one part of the work that the record describes."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        integer = ir.IntType(64)
        code = ir.FunctionType(ir.VoidType(), [integer, integer]).as_pointer()
        builder.call(builder.inttoptr(arguments[0], code), arguments[1:])
        return context.get_dummy_value()

    return types.void(*[types.intp] * 3), generate


def compile_part(part: Callable[..., None]) -> int:
    """Compile ``part(index, record)``, and return where its code begins, for ``run_parts`` and ``call_part``."""
    return compiled_address(part, types.void(types.intp, types.CPointer(types.intp)))


def use_threads(count: int) -> None:
    """Use at most so many threads from now on; 0 is as many as there are cores."""
    global _count
    if count < 0:
        raise ValueError(f"a number of threads is at least 0, not {count}")
    _count = count


def cores() -> int:
    """The cores that this process may use."""
    return int(config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]


def part_count(work: int, max_parts: int, min_work: int | None = None) -> int:
    """Return the number of parts for ``work``: at most one per thread, each with at least ``min_work`` of it.

    ``min_work`` is ``MIN_MULTIPLY_ADDS`` unless given.
    """
    if min_work is None:
        min_work = MIN_MULTIPLY_ADDS
    if work < 2 * min_work:
        return 1
    return min(_count or cores(), cores(), max_parts, work // min_work)


def run_parts(address: int, parts: int, record: np.ndarray) -> None:
    """Run every part, side by side unless another thread is doing so: then one after the other."""
    if parts == 1:
        _one_after_the_other()(address, 1, record.ctypes.data)
    elif _one_at_a_time.acquire(blocking=False):
        try:
            _launcher()(address, parts, record.ctypes.data)
        finally:
            _one_at_a_time.release()
    else:
        _one_after_the_other()(address, parts, record.ctypes.data)


def _side_by_side(address: int, parts: int, record: int) -> None:
    for part in numba.prange(parts):
        call_part(address, part, record)  # type: ignore[call-arg]


def _in_turn(address: int, parts: int, record: int) -> None:
    # Not the same function without parallel=True: numba's cache would take one for the other.
    for part in range(parts):
        call_part(address, part, record)  # type: ignore[call-arg]


@cache
def _launcher() -> Callable[[int, int, int], None]:
    """Compile the launcher, and start the threads of OpenMP as ones that soon sleep while they wait.

    By default they spin for long. Where other programs use the cores too, each then waits for one that is not running:
    a step of a dense AVA took 60 ms instead of 3. To wake one that sleeps takes 0.08 ms, and to wake one that looks for
    work 0.004: a step of a convolutional VAE, alone, took 5.9 ms with the one and 4.7 with the other. OpenMP reads the
    variables once, when numba first loads it. If one of them is set, they are left as they are.
    """
    ours = {} if WAITING.keys() & os.environ.keys() else WAITING
    os.environ.update(ours)
    try:
        launch = kernel_for("void(intp, intp, intp)", parallel=True)(_side_by_side)
        launch(0, 0, 0)
    finally:
        for name in ours:
            del os.environ[name]
    return launch


@cache
def _one_after_the_other() -> Callable[[int, int, int], None]:
    return kernel_for("void(intp, intp, intp)")(_in_turn)


def _forked() -> None:
    """A forked process has none of its parent's threads, and OpenMP ends it if it asks for them: it works alone."""
    global _one_at_a_time
    _one_at_a_time = Lock()
    _one_at_a_time.acquire()  # for good: whatever parts there are come one after the other
    use_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
