"""Trials are done once each, whatever fails and wherever they run, and their results are the same bytes."""

import os
import signal
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import isnan, nan
from pathlib import Path

import joblib
import pytest

from ava_np.errors import AvaError
from ava_np.experiments import engines
from ava_np.experiments.trials import Trials


@dataclass(frozen=True)
class Plan:
    """What all results depend on."""

    steps: int = 3


@dataclass(frozen=True)
class Key:
    """One trial."""

    name: str
    rate: float


@dataclass(frozen=True, kw_only=True)
class Result:
    """Its result."""

    name: str
    rate: float
    error: float = nan
    ended: str


KEYS = [Key(name, rate) for name in ("a,b", "c") for rate in (1.0, 0.1, 1e-05)]


def trial(scale: float, key: Key) -> tuple[Result, dict[str, bytes]]:
    """Succeed."""
    result = Result(**asdict(key), error=scale * key.rate / 3, ended="trained")
    return result, {f"pictures/{key.name}-{key.rate}.txt": str(key).encode()}


def fail_at_a_tenth(scale: float, key: Key) -> tuple[Result, dict[str, bytes]]:
    """Fail with an error of two lines, for two of the six."""
    if key.rate == 0.1:
        raise FloatingPointError("too\nlarge")
    return trial(scale, key)


def be_killed_at_a_tenth(parent: int, key: Key) -> tuple[Result, dict[str, bytes]]:
    """Kill the process, for one of the six."""
    if key == Key("c", 0.1) and os.getpid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
    return trial(1, key)


def files(out: Path) -> dict[str, bytes]:
    """Return all files below a folder."""
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files after all trials, done one after the other in this process."""
    out = tmp_path_factory.mktemp("done")
    results = Trials(out, Plan(), Key, Result).run(trial, [0.5], KEYS, jobs=1)
    assert [result.error for result in results] == [0.5 * key.rate / 3 for key in KEYS]
    return files(out)


def test_a_result_is_read_as_it_was_written(done: dict[str, bytes], tmp_path: Path) -> None:
    for name, content in done.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert Trials(tmp_path, Plan(), Key, Result).results == {key: trial(0.5, key)[0] for key in KEYS}


def test_workers_in_any_order_leave_the_same_bytes(done: dict[str, bytes], tmp_path: Path) -> None:
    Trials(tmp_path, Plan(), Key, Result).run(trial, [0.5], KEYS[4:], jobs=1)  # some are done before the others
    Trials(tmp_path, Plan(), Key, Result).run(trial, [0.5], KEYS, jobs=2)
    assert files(tmp_path) == done


def test_a_stopped_sweep_continues_without_repeating_what_is_done(
    done: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Key] = []

    def until_stopped(scale: float, key: Key) -> tuple[Result, dict[str, bytes]]:
        begun.append(key)
        if len(begun) == 3:
            raise KeyboardInterrupt
        return trial(scale, key)

    with pytest.raises(KeyboardInterrupt):
        Trials(tmp_path, Plan(), Key, Result).run(until_stopped, [0.5], KEYS, jobs=1)
    with (tmp_path / "results.csv").open("a") as file:
        file.write('"a,b",0.')  # a line that a power cut left
    tmp_path.rename(tmp_path.with_name("moved"))  # as on another machine
    moved = tmp_path.with_name("moved")
    Trials(moved, Plan(), Key, Result).run(until_stopped, [0.5], KEYS, jobs=1)
    assert len(begun) == len(KEYS) + 1
    assert files(moved) == done


def test_a_failed_trial_is_a_line_with_its_reason_and_is_tried_again(
    done: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = Trials(tmp_path, Plan(), Key, Result).run(fail_at_a_tenth, [0.5], KEYS, jobs=1)
    failed = [result for result in results if result.rate == 0.1]
    assert [result.ended for result in failed] == ["failed: FloatingPointError: too"] * 2
    assert all(isnan(result.error) for result in failed)
    assert sum(result.ended == "trained" for result in results) == 4
    assert "2 of 6 trainings failed: FloatingPointError: too" in capsys.readouterr().err
    Trials(tmp_path, Plan(), Key, Result).run(trial, [0.5], KEYS, jobs=1)
    assert files(tmp_path) == done


def test_a_killed_process_costs_one_trial(tmp_path: Path) -> None:
    results = Trials(tmp_path, Plan(), Key, Result).run(be_killed_at_a_tenth, [os.getpid()], KEYS, jobs=2)
    assert [result.ended for result in results if result.ended != "trained"] == [f"failed: {engines.KILLED}"]
    assert results[4].ended.startswith("failed")


def test_a_trial_that_is_left_alone_does_not_take_the_experiment_with_it(tmp_path: Path) -> None:
    """Also where there is one core, or one trial is missing."""
    (result,) = Trials(tmp_path, Plan(), Key, Result).run(be_killed_at_a_tenth, [os.getpid()], KEYS[4:5])
    assert result.ended == f"failed: {engines.KILLED}"


def test_trials_and_kernels_share_the_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joblib, "cpu_count", lambda: 8)
    made: list[tuple[int | None, int]] = []

    def remember(
        attempt: engines.Attempt[Key, Result], keys: list[Key], together: int, *, alone: bool
    ) -> Iterator[None]:
        made.append((attempt.threads, together))
        return iter(())

    monkeypatch.setattr(engines, "_on_this_machine", remember)
    for jobs in (None, 1, 3, 20):
        list(engines.run_trials(trial, [1], KEYS, jobs=jobs, scheduler=None))
    assert made == [(1, 6), (None, 1), (2, 3), (1, 6)]


def test_a_folder_of_something_else_or_damaged_results_are_refused(done: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "photo.png").touch()
    with pytest.raises(AvaError, match="already used"):
        Trials(tmp_path / "used", Plan(), Key, Result)
    Trials(tmp_path / "out", Plan(), Key, Result).run(trial, [0.5], KEYS[:1], jobs=1)
    with pytest.raises(AvaError, match="other pictures or settings"):
        Trials(tmp_path / "out", Plan(4), Key, Result)
    (tmp_path / "out" / "results.csv").write_text("name,rate,error,ended\na,one,0,trained\n")
    with pytest.raises(AvaError, match="damaged"):
        Trials(tmp_path / "out", Plan(), Key, Result)


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """A Dask cluster with two worker processes on this machine."""
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster:
        yield cluster.scheduler_address


def test_a_dask_cluster_leaves_the_same_bytes(done: dict[str, bytes], tmp_path: Path, scheduler: str) -> None:
    Trials(tmp_path, Plan(), Key, Result).run(trial, [0.5], KEYS, scheduler=scheduler)
    assert files(tmp_path) == done


def test_failures_and_killed_workers_of_a_cluster_are_lines_too(tmp_path: Path, scheduler: str) -> None:
    results = Trials(tmp_path / "a", Plan(), Key, Result).run(fail_at_a_tenth, [0.5], KEYS, scheduler=scheduler)
    assert [result.ended for result in results if result.rate == 0.1] == ["failed: FloatingPointError: too"] * 2


def test_no_scheduler_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed")
    with pytest.raises(AvaError, match="no Dask scheduler at"):
        Trials(tmp_path, Plan(), Key, Result).run(trial, [0.5], KEYS, scheduler="nowhere")
