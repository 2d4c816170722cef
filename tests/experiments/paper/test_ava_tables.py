"""The reproduction of the paper's tables continues after a stop, and its page shows and compares all figures."""

import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from ava_np.data.sources import read_pictures
from ava_np.errors import AvaError, NotFiniteError
from ava_np.evaluation import metrics
from ava_np.experiments import attempt
from ava_np.experiments.paper import ava_tables
from ava_np.experiments.paper.ava_tables import Plan, run, train
from ava_np.experiments.paper.ava_tables_summary import PRINTED, Key, Result, Summary, summarise
from ava_np.specification import PaperModel, Propagation
from tests.command import write_pictures

BASELINES = {"grey": 0.243, "single_colour": 0.1885, "mean_image": 0.1664, "floor": 0.1628}


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of small pictures, and a plan of 24 short training runs on them."""
    monkeypatch.setattr(ava_tables, "SIZE", (12, 9))
    monkeypatch.setattr(ava_tables, "QUICK", Plan((1.0, 0.1), 2, ""))
    return write_pictures(tmp_path / "pictures")


def results(rmse: dict[str, float]) -> list[Result]:
    """Return results at two rates for every model and propagation, 0.001 above and below ``rmse``."""
    return [
        Result(propagation, model, rate, rmse[model] + sign * 0.001, 0.2, 0.1, 0.5, "trained")
        for propagation in get_args(Propagation)
        for model in get_args(PaperModel)
        for rate, sign in ((1.0, 1), (0.1, -1))
    ]


def test_a_stopped_experiment_continues_to_the_same_results(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    run(pictures, quick=True, out=whole, jobs=1)
    trained = []

    def train_until_stopped(data: np.ndarray, steps: int, key: Key) -> tuple[Result, dict[str, bytes]]:
        trained.append(key)
        if len(trained) == 6:
            raise KeyboardInterrupt
        return train(data, steps, key)

    monkeypatch.setattr(ava_tables, "train", train_until_stopped)
    with pytest.raises(KeyboardInterrupt):
        run(pictures, quick=True, out=stopped, jobs=1)
    with (stopped / "results.csv").open("a") as file:
        file.write("exact,vae")  # an incomplete line
    run(pictures, quick=True, out=stopped, jobs=1)
    assert len(trained) == 24 + 1  # only the sixth is trained again
    for name in ("results.csv", "tables.csv", "report.html", "figure5.png"):
        assert (stopped / name).read_bytes() == (whole / name).read_bytes()


def test_the_page_is_self_contained_and_shows_every_figure(pictures: Path, tmp_path: Path) -> None:
    page = run(pictures, quick=True, out=tmp_path / "out", jobs=1).read_text()
    assert not re.search(r"<script|https?:|src=\"(?!data:)", page)
    for figures in PRINTED.values():
        assert f"{figures.mean:.4f}" in page
    _, *lines = (tmp_path / "out" / "results.csv").read_text().splitlines()
    assert len(lines) == 24
    for line in lines:
        assert f"{float(line.split(',')[3]):.4f}" in page


def test_results_of_another_plan_are_refused(pictures: Path, tmp_path: Path) -> None:
    run(pictures, quick=True, out=tmp_path / "out", jobs=1)
    (pictures / "1.png").unlink()
    with pytest.raises(AvaError, match="other pictures or settings"):
        run(pictures, quick=True, out=tmp_path / "out", jobs=1)
    with pytest.raises(AvaError, match="already used"):
        run(pictures, quick=True, out=pictures, jobs=1)


def test_a_training_run_measures_its_model(pictures: Path) -> None:
    read = read_pictures(pictures, size=(12, 9), zoom=3).array
    untrained, _ = train(read, 1, Key("exact", "vae", 1e-9))
    assert untrained.brightness == pytest.approx(0.5, abs=1e-4)  # the decoder starts from even grey
    grey = metrics.rmse(np.full_like(read[0], 0.5), read)
    assert untrained.rmse == pytest.approx(grey, abs=1e-5)
    assert train(read, 200, Key("exact", "vae", 1.0))[0].reconstruction_error < untrained.reconstruction_error


def test_a_diverged_run_is_measured_before_its_divergence(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(*arguments: object, **options: object) -> None:
        raise NotFiniteError("at step 1")

    monkeypatch.setattr(attempt, "fit", diverge)
    read = read_pictures(pictures, size=(12, 9), zoom=3).array
    result, _ = train(read, 3, Key("exact", "vae", 0.1))
    assert result.ended == "diverged: at step 1"
    assert result.brightness == 0.5


def test_claims_are_checked_against_the_figures() -> None:
    as_printed = summarise(results({model: figures.mean for model, figures in PRINTED.items()}), BASELINES)
    assert as_printed.claims[0].holds == {"printed": True, "paper": True, "exact": True}
    reversed_order = {model: 0.25 - 0.3 * (figures.mean - 0.2) for model, figures in PRINTED.items()}
    as_reversed = summarise(results(reversed_order), BASELINES)
    assert as_reversed.claims[0].holds == {"printed": True, "paper": False, "exact": False}
    assert [claim.holds["printed"] for claim in as_printed.claims] == [True] * 7 + [False]


def test_figures_are_mean_minimum_and_deviation_over_the_rates() -> None:
    summary: Summary = summarise(results(dict.fromkeys(PRINTED, 0.2)), BASELINES)
    figures = summary.measured["paper", "ava3"]
    assert (figures.mean, figures.minimum, figures.deviation) == pytest.approx((0.2, 0.199, 0.001))
    assert summary.verdict("paper", "ava3") == "+0.0217"
    assert summarise(results({m: f.mean for m, f in PRINTED.items()}), BASELINES).verdict("paper", "vae") == "agrees"
