"""The launcher: every part runs once, work is split by its size, and forked processes use one thread."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from ava_np.kernels.machine import parallel
from ava_np.kernels.machine.records import array_at, read, write
from tests.kernels.machine import fork_after_parallel_work


class Count(NamedTuple):
    counts: int
    parts: int


def count_part(index, record):  # type: ignore[no-untyped-def]
    """Add 1 to the count of a part."""
    work = read(Count, record)
    array_at(np.int64, work.counts, work.parts)[index] += 1


@pytest.fixture(autouse=True)
def _all_threads() -> Iterator[None]:
    yield
    parallel.use_threads(0)


def run(parts: int) -> np.ndarray:
    """Return how often each part was run."""
    counts = np.zeros(parts, np.int64)
    parallel.run_parts(parallel.compile_part(count_part), parts, write(Count(counts.ctypes.data, parts)))
    return counts


@pytest.mark.parametrize("parts", [1, 2, 7, 100])
def test_every_part_runs_once(parts: int) -> None:
    np.testing.assert_array_equal(run(parts), np.ones(parts))


def test_every_part_runs_once_while_another_thread_uses_the_launcher() -> None:
    with parallel._launcher_lock:
        np.testing.assert_array_equal(run(7), np.ones(7))


def test_small_work_is_one_part() -> None:
    assert parallel.part_count(2 * parallel.MIN_MULTIPLY_ADDS - 1, 100) == 1
    assert parallel.part_count(99, 100, min_work=50) == 1


def test_large_work_has_a_part_for_each_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "cores", lambda: 8)
    assert parallel.part_count(1 << 40, 100) == 8
    assert parallel.part_count(1 << 40, 3) == 3
    assert parallel.part_count(2 * parallel.MIN_MULTIPLY_ADDS, 100) == 2
    assert parallel.part_count(350, 100, min_work=100) == 3


def test_threads_are_limited_by_the_setting_and_by_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "cores", lambda: 8)
    for setting, expected in ((1, 1), (5, 5), (9, 8), (0, 8)):
        parallel.use_threads(setting)
        assert parallel.part_count(1 << 40, 100) == expected


def test_negative_number_of_threads_is_refused() -> None:
    with pytest.raises(ValueError, match="must be at least 0, not -1"):
        parallel.use_threads(-1)


@pytest.mark.parametrize("variable", [None, *parallel.WAIT_POLICY])
def test_wait_policy_of_the_environment_is_kept(monkeypatch: pytest.MonkeyPatch, variable: str | None) -> None:
    """It is set only while the launcher is compiled, and only if neither variable is set."""
    for name in parallel.WAIT_POLICY:
        monkeypatch.delenv(name, raising=False)
    if variable is not None:
        monkeypatch.setenv(variable, "1")
    seen: list[dict[str, str]] = []

    def kernel_for(signature: str, **flags: object) -> object:
        seen.append({name: os.environ[name] for name in parallel.WAIT_POLICY if name in os.environ})
        return lambda function: lambda *arguments: None

    monkeypatch.setattr(parallel, "kernel_for", kernel_for)
    parallel._parallel_launcher.__wrapped__()
    assert seen == [parallel.WAIT_POLICY if variable is None else {variable: "1"}]
    assert [name for name in parallel.WAIT_POLICY if name in os.environ] == ([] if variable is None else [variable])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_forked_process_uses_one_thread() -> None:
    script = fork_after_parallel_work.__name__
    subprocess.run([sys.executable, "-W", "ignore", "-m", script], cwd=Path(__file__).parents[3], check=True)
