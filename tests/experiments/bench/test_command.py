"""``ava bench`` on the command line."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ava_np.cli.bench import WORKLOADS
from ava_np.experiments.bench import workloads
from ava_np.experiments.bench.machine import Rates
from ava_np.experiments.bench.measure import LIMIT, Row
from tests.command import ava
from tests.experiments.bench.small_models import small_model


def test_the_command_has_every_workload() -> None:
    assert tuple(workloads.WORKLOADS) == WORKLOADS


def test_rows_are_printed_as_a_table_and_saved_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fixed(names: tuple[str, ...], *, quick: bool, repeats: int) -> tuple[list[Row], list[Rates]]:
        assert (names, quick, repeats) == (("w1", "start"), True, 2)
        return [Row("W1", 2.0, "torch", 4.0, 0.5), Row("start", 1234.0)], [Rates(1, 195.0, 153.0, 18.0)]

    monkeypatch.setattr(workloads, "run", fixed)
    outcome = ava("bench", "w1", "start", "w1", "--quick", "--json", tmp_path / "rows.json")
    assert outcome.code == 0
    for word in ("FMA peak", "sgemm", "memory", "ratio", "195", "0.50", "1234"):
        assert word in outcome.out
    assert json.loads((tmp_path / "rows.json").read_text()) == [
        {"workload": "W1", "ours_ms": 2.0, "peer": "torch", "peer_ms": 4.0, "ratio": 0.5},
        {"workload": "start", "ours_ms": 1234.0, "peer": None, "peer_ms": None, "ratio": None},
    ]


@pytest.mark.parametrize(("load", "warned"), [(0.1, False), (3.0, True)])
def test_a_busy_machine_is_reported(load: float, warned: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (load, load, load), raising=False)
    monkeypatch.setattr(workloads, "run", lambda names, *, quick, repeats: ([Row("W1", 2.0)], []))
    outcome = ava("bench", "w1")
    assert ("the machine is busy (load 3.0" in outcome.out) is warned
    assert ("the machine is busy (load 3.0" in outcome.err) is warned


@pytest.mark.parametrize("arguments", [("w9",), ("w1", "--json", "missing/rows.json")])
def test_wrong_arguments_are_refused_before_anything_is_measured(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: Any, **__: Any) -> None:
        raise AssertionError("measured")

    monkeypatch.setattr(workloads, "run", run)
    outcome = ava("bench", *arguments)
    assert outcome.code == 2
    assert ("w9" if arguments == ("w9",) else "folder missing") in outcome.err


def test_ava_np_is_measured_without_the_frameworks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("torch", "jax"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(workloads, "w1_model", lambda: small_model("W1", np.float32)[0])
    monkeypatch.setattr(workloads, "measure_rates", lambda threads, repeats: Rates(threads, 1.0, 1.0, 1.0))
    rows, _ = workloads.run(("w1",), quick=True, repeats=1)
    assert [(row.workload, row.peer) for row in rows] == [("W1, batch 10", LIMIT), ("W1, batch 1", LIMIT)]
    progress = capsys.readouterr().err
    assert "torch is not installed and is left out" in progress
    assert "jax is not installed and is left out" in progress
