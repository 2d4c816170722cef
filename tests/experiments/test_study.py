"""A study continues after a stop, compares what it measures with what was printed, and every script is one."""

import csv
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from html import unescape
from importlib import import_module
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ava_np.cli.studies import STUDIES
from ava_np.errors import AvaError
from ava_np.experiments.paper import ava_tables, judge, modes
from ava_np.experiments.spread import Spread
from ava_np.experiments.study import (
    Finding,
    Key,
    Measure,
    Printed,
    Result,
    Row,
    Study,
    agreement,
    group,
    less,
    picture_name,
)
from ava_np.experiments.study_run import run_study
from ava_np.images import grid, to_png
from tests.command import ava, write_pictures


@dataclass(frozen=True)
class Height(Result):
    """The result of the study below."""

    height: float = nan


def trial(offset: float, key: Key) -> tuple[Height, Mapping[str, bytes]]:
    """Return a height that depends on the seed, or fail."""
    if key.case == "broken":
        raise ValueError("no such thing")
    picture = to_png(grid(np.full((1, 2, 2, 1), 0.5), columns=1))
    return Height(key.case, key.seed, height=offset + key.seed), {picture_name(key): picture}


@dataclass(frozen=True)
class Plan:
    """The plan of the study below."""

    offset: float


def example(seeds: int = 3, cases: tuple[str, ...] = ("low", "broken"), offset: float = 1.0) -> Study:
    """Return a study without networks."""
    return Study(
        name="example",
        title="How high?",
        claimed="It is 2 high.",
        protocol="Count.",
        cases={case: f"the {case} one" for case in cases},
        measures={"height": Measure("height, m", "more")},
        result=Height,
        trial=trial,
        shared=[offset],
        plan=Plan(offset),
        keys=[Key(case, seed) for case in cases for seed in range(seeds)],
        printed={("low", "height"): Printed("2.0", 0.1)},
        findings=lambda rows: [Finding("It is high", "holds", f"{rows['low'].spread('height')} m")],
        references={"a tree": {"height": 20.0}},
        picture="A square",
    )


def test_the_page_has_printed_and_measured_figures_and_what_failed(tmp_path: Path) -> None:
    page = run_study(example(), out=tmp_path / "out", jobs=1).read_text()
    assert "2 ± 1" in page
    assert "printed 2.0 ± 0.1: agrees" in page
    assert "It is high: holds. 2 (1 to 3) m." in page
    assert "the broken one, seed 1: failed: ValueError: no such thing." in page
    assert "a tree" in page
    assert page.count("data:image/png") == 1
    assert not re.search(r"<script|https?:|src=\"(?!data:)", page)
    assert "low,3,height,2,1,3,2.0,0.1" in (tmp_path / "out" / "tables.csv").read_text()


def test_a_stopped_study_continues_to_the_same_bytes_and_more_seeds_are_added(tmp_path: Path) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    run_study(example(cases=("low",)), out=whole, jobs=1)
    run_study(example(seeds=1, cases=("low",)), out=stopped, jobs=1)
    with (stopped / "results.csv").open("a") as file:
        file.write("low,1,tra")  # an incomplete line
    run_study(example(cases=("low",)), out=stopped, jobs=2)
    files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
    assert len(files) == 4 + 3
    for name in files:
        assert (stopped / name).read_bytes() == (whole / name).read_bytes(), name
    with pytest.raises(AvaError, match="other pictures or settings"):
        run_study(example(cases=("low",), offset=2.0), out=stopped, jobs=1)


def test_a_printed_figure_agrees_if_the_ranges_touch() -> None:
    printed = Printed("6.3", 0.5)
    assert agreement(Spread(7.5, 6.8, 8.0), printed) == "agrees"
    assert agreement(Spread(7.5, 6.9, 8.0), printed) == "above"
    assert agreement(Spread(5.0, 4.0, 5.7), printed) == "below"
    assert agreement(Spread(nan, nan, nan), printed) == ""
    assert agreement(Spread(0.2094, 0.2094, 0.2094), Printed("0.209")) == "agrees"  # half of the last digit
    assert agreement(Spread(0.2096, 0.2096, 0.2096), Printed("0.209")) == "above"


def test_less_needs_every_seed() -> None:
    def row(*heights: float) -> Row:
        return Row([Height("a", seed, height=height) for seed, height in enumerate(heights)])

    assert less("Lower", "height", row(1, 2), row(3, 4)).verdict == "holds"
    assert less("Lower", "height", row(1, 3.5), row(3, 4)).verdict == "undecided"
    assert str(less("Lower", "height", row(1, 2), row(3, 4))) == "Lower: holds. 1.5 (1 to 2) against 3.5 (3 to 4)."
    assert less("Lower", "height", row(1), None).verdict == "not measured"


SMALLER: dict[str, dict[str, Any]] = {
    "ava-balance": {"QUICK_TABLES": ava_tables.Plan((0.1,), 2, "")},
    "gaussian-1d": {"POINTS": 200},
    "modes": {"POINTS": {"pacgan": 200, "manual": 256}, "QUICK": modes.Plan(2, 2)},
}
"""What makes a trial smaller still, by the names in its script."""


@pytest.mark.parametrize("name", STUDIES)
def test_every_script_trains_each_case_and_writes_its_page(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published, options = STUDIES[name], dict[str, Any]()
    script = import_module(f"ava_np.experiments.paper.{name.replace('-', '_')}")
    for constant, value in SMALLER.get(name, {}).items():
        monkeypatch.setattr(script, constant, value)
    if published.folder:
        options["folder"] = tmp_path / "pictures"  # of two classes, so that features and neighbours are measured
        for seed, name_of_class in enumerate(("a", "b")):
            write_pictures(options["folder"] / name_of_class, 18, size=(16, 16), seed=seed)
        monkeypatch.setattr(judge, "FEWEST", 2)
    if published.seeds:
        options["seeds"] = 1
    study = script.study(**options, quick=True)
    assert study.name == name
    first = {key.case: key for key in reversed(study.keys)}
    assert set(first) == set(study.cases)
    study = replace(study, keys=list(first.values()))
    page = unescape(run_study(study, out=tmp_path / "out", jobs=1).read_text())
    with (tmp_path / "out" / "results.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["ended"] for line in lines] == ["trained"] * len(study.cases)
    for measure in study.measures:  # one of an encoder may be missing in a GAN, and one of a GAN nowhere
        assert any(line[measure] != "nan" for line in lines), measure
    failed = [study.result(**asdict(key), ended="failed: no memory") for key in study.keys]
    for finding in study.findings(group(study, failed)):
        assert "nan" not in str(finding), finding
        assert finding.verdict not in ("holds", "does not hold", "agrees"), finding
    assert all(title in page for title in study.cases.values())
    assert {measure for _, measure in study.printed} <= set(study.measures)
    assert {case for case, _ in study.printed} <= set(study.cases)
    assert not re.search(r"<script|https?:|src=\"(?!data:)", page)


def test_help_names_every_study_and_its_options() -> None:
    listed = ava("experiment", "--help").out
    for name, published in STUDIES.items():
        assert name in listed
        text = ava("experiment", name, "--help").out
        assert ("--seeds" in text) == bool(published.seeds)
        assert ("[FOLDER]" in text) == bool(published.folder)
