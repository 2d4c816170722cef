"""Trainings at the same time, in threads and in processes: ``python -m tests.concurrent_trainings CASE``.

Each case asserts that every training gives the bytes that it gives alone. The process may hang if it does not; whoever
starts it must set a time limit.
"""

import multiprocessing
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import joblib

from ava_np.kernels.machine import parallel
from tests.workers import SEEDS, train, train_in_sequence

Trainings = list[bytes]


def in_threads(alone: Trainings) -> None:
    with ThreadPoolExecutor(len(SEEDS)) as pool:
        assert list(pool.map(train, SEEDS)) == alone


def with_joblib(alone: Trainings, backend: str, inner_max_num_threads: int | None = None) -> None:
    with joblib.parallel_config(backend, n_jobs=2, inner_max_num_threads=inner_max_num_threads):
        assert joblib.Parallel()(joblib.delayed(train)(seed) for seed in SEEDS) == alone


def in_processes(alone: Trainings, method: str) -> None:
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(train, SEEDS) == alone


def with_dask(alone: Trainings) -> None:
    import dask

    tasks = [dask.delayed(train)(seed) for seed in SEEDS]
    assert list(dask.compute(*tasks, scheduler="threads")) == alone


def in_a_fork_that_sets_the_number_of_threads(alone: Trainings) -> None:
    child = os.fork()
    if not child:
        parallel.use_threads(2)
        os._exit(train(1) != alone[1])
    wait_for(child)
    assert train(2) == alone[2]


def in_forks_during_a_training(alone: Trainings) -> None:
    with ThreadPoolExecutor(1) as pool:
        during = [pool.submit(train, seed) for seed in (*SEEDS, *SEEDS)]
        for seed in SEEDS:
            child = os.fork()
            if not child:
                os._exit(train(seed) != alone[seed])
            wait_for(child)
        assert [training.result() for training in during] == alone + alone


def wait_for(child: int) -> None:
    assert os.waitpid(child, 0)[1] == 0


CASES: dict[str, Callable[[Trainings], None]] = {
    "threads": in_threads,
    "joblib-threads": partial(with_joblib, backend="threading"),
    "joblib-loky": partial(with_joblib, backend="loky", inner_max_num_threads=2),
    "joblib-multiprocessing": partial(with_joblib, backend="multiprocessing"),
    "spawned": partial(in_processes, method="spawn"),
    "forked": partial(in_processes, method="fork"),
    "forked-with-threads": in_a_fork_that_sets_the_number_of_threads,
    "forked-during-a-training": in_forks_during_a_training,
    "dask": with_dask,
}

if __name__ == "__main__":
    CASES[sys.argv[1]](train_in_sequence())
