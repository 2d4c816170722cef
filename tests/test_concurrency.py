"""Trainings at the same time, in threads and in processes, give the bytes that each gives alone.

Each case runs in a new interpreter, which is killed after a time limit.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from ava_np.data.batches import Batches
from ava_np.network.blas import _blas, single_threaded_blas
from tests import concurrent_trainings, fork_while_compiling
from tests.workers import PICTURES, trainer

ROOT = Path(__file__).resolve().parents[1]
TIME_LIMIT = 120  # seconds

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


def run(module: str, *arguments: str, **environment: str) -> None:
    """Run a module in an interpreter whose operations use four threads; kill it and its children after the limit."""
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, "NUMBA_NUM_THREADS": "4", **environment},
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    ) as process:
        try:
            _, errors = process.communicate(timeout=TIME_LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    assert process.returncode == 0, errors


@pytest.mark.parametrize("case", concurrent_trainings.CASES)
def test_concurrent_trainings_give_the_bytes_of_each_alone(case: str) -> None:
    if case == "dask":
        pytest.importorskip("dask")
    if ("fork" in case or "multiprocessing" in case) and not hasattr(os, "fork"):
        pytest.skip("this system does not fork")
    run(concurrent_trainings.__name__, case)


def test_threading_layer_that_is_not_thread_safe_is_entered_by_one_thread_at_a_time() -> None:
    """With two threads numba would end the process; OpenMP's layer is thread-safe, but not available everywhere."""
    run(concurrent_trainings.__name__, "threads", NUMBA_THREADING_LAYER="workqueue")


@needs_fork
def test_process_forked_while_a_thread_compiles_can_compile(tmp_path: Path) -> None:
    run(fork_while_compiling.__name__, NUMBA_CACHE_DIR=str(tmp_path))


def blas_threads() -> list[int]:
    """Return the number of threads of each BLAS library in this process."""
    threads = [library["num_threads"] for library in _blas().info()]
    if not threads:
        pytest.skip("threadpoolctl finds no BLAS here")
    return threads


def test_blas_uses_one_thread_until_the_last_training_ends() -> None:
    before = blas_threads()
    first, second = (trainer(seed).run(Batches(PICTURES)) for seed in (0, 1))
    assert isinstance(first, Generator)
    assert isinstance(second, Generator)
    next(first)
    next(second)
    first.close()
    assert blas_threads() == [1] * len(before)
    next(second)
    second.close()
    assert blas_threads() == before


def test_one_thread_may_limit_blas_twice() -> None:
    before = blas_threads()
    with single_threaded_blas:
        with single_threaded_blas:
            pass
        assert blas_threads() == [1] * len(before)
    assert blas_threads() == before
