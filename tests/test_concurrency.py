"""Trainings beside each other, in threads and in processes, compute the bytes that each computes alone.

Each case runs in an interpreter of its own, which is ended if it waits for ever.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from ava_np.data.batches import Batches
from ava_np.kernels.machine.compile import _Files
from ava_np.network.blas import _blas, single_threaded_blas
from tests.workers import PICTURES, trainer

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 120

ALONE = """
from concurrent.futures import ThreadPoolExecutor
import multiprocessing, os
import joblib
from ava_np.kernels.machine import parallel
from tests.workers import SEEDS, train, trained

def wait_for(child):
    assert os.waitpid(child, 0)[1] == 0

alone = trained()
"""

THREADS = """
with ThreadPoolExecutor(len(SEEDS)) as pool:
    assert list(pool.map(train, SEEDS)) == alone
"""

JOBLIB = """
with joblib.parallel_config("{backend}", n_jobs=2, inner_max_num_threads={inner}):
    assert joblib.Parallel()(joblib.delayed(train)(seed) for seed in SEEDS) == alone
"""

PROCESSES = """
with multiprocessing.get_context("{method}").Pool(2) as pool:
    assert pool.map(train, SEEDS) == alone
"""

DASK = """
import dask
tasks = [dask.delayed(train)(seed) for seed in SEEDS]
assert list(dask.compute(*tasks, scheduler="threads")) == alone
"""

FORK_THAT_ASKS_FOR_THREADS = """
child = os.fork()
if not child:
    parallel.use_threads(2)
    os._exit(train(1) != alone[1])
wait_for(child)
assert train(2) == alone[2]
"""

FORK_BESIDE_A_TRAINING = """
with ThreadPoolExecutor(1) as pool:
    beside = [pool.submit(train, seed) for seed in (*SEEDS, *SEEDS)]
    for seed in SEEDS:
        child = os.fork()
        if not child:
            os._exit(train(seed) != alone[seed])
        wait_for(child)
    assert [training.result() for training in beside] == alone + alone
"""

CASES = {
    "threads": THREADS,
    "joblib threads": JOBLIB.format(backend="threading", inner="None"),
    "joblib loky": JOBLIB.format(backend="loky", inner="2"),
    "joblib multiprocessing": JOBLIB.format(backend="multiprocessing", inner="None"),
    "spawned": PROCESSES.format(method="spawn"),
    "forked": PROCESSES.format(method="fork"),
    "forked, with threads": FORK_THAT_ASKS_FOR_THREADS,
    "forked beside a training": FORK_BESIDE_A_TRAINING,
    "dask": DASK,
}

FORK_BESIDE_A_COMPILER = """
import os, threading
import numpy as np
from numba.core import event
from ava_np.kernels.activations import exp_forward, relu_forward

compiling = threading.Event()

class Listener(event.Listener):
    def on_start(self, event):
        compiling.set()
    def on_end(self, event):
        pass

array = np.ones((2, 2), np.float32)
with event.install_listener("numba:compile", Listener()):
    beside = threading.Thread(target=exp_forward, args=(array.copy(),))
    beside.start()
    compiling.wait()
    child = os.fork()
    if not child:
        relu_forward(array)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    beside.join()
"""


def run(code: str, **environment: str) -> None:
    """Run code in an interpreter that has four threads for products; end it and its children after a while."""
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "NUMBA_NUM_THREADS": "4", **environment},
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    ) as process:
        try:
            _, errors = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    assert process.returncode == 0, errors


@pytest.mark.parametrize("case", CASES)
def test_trainings_beside_each_other(case: str) -> None:
    if case == "dask":
        pytest.importorskip("dask")
    if ("fork" in case or "multiprocessing" in case) and not hasattr(os, "fork"):
        pytest.skip("this system does not fork")
    run(ALONE + CASES[case])


def test_a_threading_layer_that_two_threads_may_not_enter_is_entered_by_one() -> None:
    """numba ends the process if they do; that of OpenMP does not mind, but is not everywhere."""
    run(ALONE + THREADS, NUMBA_THREADING_LAYER="workqueue")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_process_that_is_forked_while_another_thread_compiles_can_compile_too(tmp_path: Path) -> None:
    run(FORK_BESIDE_A_COMPILER, NUMBA_CACHE_DIR=str(tmp_path))


def test_processes_that_fill_the_cache_at_once_do_not_mix_up_what_they_keep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have seen an empty cache, and the first is slow to write its code."""
    first, second = (_Files(str(tmp_path), "kernel", "stamp") for _ in range(2))
    waiting = []
    monkeypatch.setattr(first, "_save_data", lambda *written: waiting.append(written))
    for files in (first, second):
        monkeypatch.setattr(files, "_load_index", dict)
    first.save("float32", "code for float32")
    second.save("float64", "code for float64")
    monkeypatch.undo()
    first._save_data(*waiting.pop())
    assert first.load("float64") == second.load("float64") == "code for float64"
    assert first.load("float32") in (None, "code for float32")


def blas_threads() -> list[int]:
    return [library["num_threads"] for library in _blas().info()]


def test_blas_stays_on_one_thread_until_the_last_training_ends() -> None:
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


def test_blas_may_be_held_twice_by_one_thread() -> None:
    before = blas_threads()
    with single_threaded_blas:
        with single_threaded_blas:
            pass
        assert blas_threads() == [1] * len(before)
    assert blas_threads() == before
