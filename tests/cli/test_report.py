"""``ava report``: the pictures and the page of a run again, finished or not, and of pictures that have moved."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ava_np.errors import NotFiniteError
from ava_np.run import training
from ava_np.run.folder import Run
from ava_np.run.names import (
    ANIMATION,
    CARD,
    CONFIG,
    IMAGE_BEST,
    LOSSES,
    METRICS,
    MODEL,
    RECONSTRUCTIONS,
    REPORT,
    SAMPLES,
)
from tests.cli.refusals import FAILURE, NOT_FINITE
from tests.command import SMALL, ava, tree
from tests.results import ran, refused

MADE = (SAMPLES, RECONSTRUCTIONS, IMAGE_BEST, LOSSES, ANIMATION, REPORT)


@pytest.mark.parametrize("name", ["run", "gan", "toy", "line"])
def test_report_writes_the_bytes_that_the_training_wrote(place: Path, name: str) -> None:
    before = tree(place / name)
    for made in MADE:
        (place / name / made).unlink(missing_ok=True)
    assert ran("report", name) == f"{Path(name, REPORT)}\n"
    assert tree(place / name) == before


def test_stopped_training_has_the_report_of_its_last_step(
    place: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stepping(*arguments: Any, **options: Any) -> Iterator[Any]:
        for number, metrics in enumerate(training.train(*arguments, **options), start=1):
            if number == 5:
                signal.raise_signal(signal.SIGTERM)
            yield metrics

    options = (*SMALL, "--model", "gan", "--epochs", 9)
    with monkeypatch.context() as patch:
        patch.setattr("ava_np.run.session.train", stepping)
        outcome = ava("train", photos, *options, "--out", "stopped")
    assert outcome.code == 143
    assert outcome.err.splitlines()[-1] == "its pictures and its report: stopped/report.html"
    before = tree(place / "stopped")
    assert {SAMPLES, LOSSES, ANIMATION, REPORT, "progress/step-000004.png"} <= set(before)
    assert "5 of 9 epochs" in (place / "stopped" / REPORT).read_text("utf-8")
    ran("report", "stopped")
    assert tree(place / "stopped") == before
    ran("train", "--out", "stopped", "--resume")
    ran("train", photos, *options, "--out", "whole")
    assert tree(place / "stopped") == tree(place / "whole")


@pytest.fixture
def _heeds_interrupts() -> Iterator[None]:
    """Python ignores SIGINT if it was started in the background of a shell."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.mark.usefixtures("_heeds_interrupts")
def test_second_interrupt_ends_the_report(place: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stepping(*arguments: Any, **options: Any) -> Iterator[Any]:
        for metrics in training.train(*arguments, **options):
            signal.raise_signal(signal.SIGINT)
            yield metrics

    monkeypatch.setattr("ava_np.run.session.train", stepping)
    monkeypatch.setattr("ava_np.report.run.report_run", lambda session: signal.raise_signal(signal.SIGINT))
    outcome = ava("train", photos, *SMALL, "--out", "stopped")
    assert (outcome.code, outcome.err.splitlines()[-1]) == (130, "Error: interrupted")
    assert Run.open("stopped").header().steps == 1


def test_diverged_training_has_the_report_of_its_last_save(
    place: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverging(*arguments: Any, **options: Any) -> Iterator[Any]:
        yield next(training.train(*arguments, **options))
        raise NotFiniteError("the term kl is not finite")

    monkeypatch.setattr("ava_np.run.session.train", diverging)
    outcome = ava("train", photos, *SMALL, "--model", "ae", "--out", "wild")
    assert (outcome.code, outcome.err.splitlines()[-1]) == (NOT_FINITE, "Error: the term kl is not finite")
    assert set(MADE) <= set(tree(place / "wild"))
    assert "http-equiv" not in (place / "wild" / REPORT).read_text("utf-8")  # nobody will write it again


def test_moved_pictures_are_named(place: Path, photos: Path) -> None:
    shutil.copytree(photos, place / "moved")
    ran("train", "moved", *SMALL, "--model", "gan", "--out", "own")
    before = tree(place / "own")
    (place / "moved").rename(place / "elsewhere")
    assert "name the folder where they are now" in refused("report", "own")
    assert tree(place / "own") == before
    ran("report", "own", "elsewhere")
    changed = {name for name, content in tree(place / "own").items() if content != before[name]}
    assert changed == {CARD, REPORT}  # which name the folder


def test_run_that_is_being_trained_is_left_alone(place: Path) -> None:
    run = Run.open(place / "run")
    with run:
        assert "in use by another training" in refused("report", "run")


@pytest.mark.parametrize("missing", [CONFIG, MODEL])
def test_damaged_run_is_refused(place: Path, missing: str) -> None:
    (place / "run" / missing).unlink()
    outcome = ava("report", "run")
    assert outcome.code == FAILURE
    assert len(outcome.err.splitlines()) == 1


def test_run_of_an_older_version_has_no_animation(place: Path) -> None:
    shutil.rmtree(place / "run" / "progress")
    (place / "run" / METRICS).unlink()
    ran("report", "run")
    assert not (place / "run" / ANIMATION).exists()
