"""``ava evaluate``: the library's measures, as a table and as JSON."""

import json
from pathlib import Path

import numpy as np
import pytest

import ava_np
from ava_np.data import toys
from ava_np.data.folder import load_pictures
from ava_np.data.zoom import zoom_in
from ava_np.evaluation import metrics
from ava_np.report.names import BASELINES
from tests.command import SMALL, ava, write_pictures
from tests.results import ZOOM, printed, ran, refused


def test_evaluate_prints_what_the_library_measures(place: Path, photos: Path) -> None:
    found = printed("evaluate", "run")
    pictures = load_pictures(photos, zoom=ZOOM)
    result = ava_np.evaluate(ava_np.load("run"), pictures.array, ZOOM)
    assert found["reconstruction_error"] == pytest.approx(result.reconstruction_error)
    assert found["reconstruction_errors"] == pytest.approx(
        dict(zip(pictures.names, result.reconstruction_errors, strict=True))
    )
    assert found["reconstruction_error"] == pytest.approx(np.mean(list(found["reconstruction_errors"].values())))
    assert found["rmse"] == pytest.approx(result.rmse)
    assert found["image_best"] == pictures.names[result.best]
    assert set(found["baselines"]) == set(BASELINES)
    assert found["baselines"]["floor"] <= found["rmse"] <= found["rmse_mean"]


def test_evaluate_prints_tables(place: Path) -> None:
    text, found = ran("evaluate", "run"), printed("evaluate", "run")
    expected = found["reconstruction_errors"] | {
        baseline.label: found["baselines"][key] for key, baseline in BASELINES.items()
    }
    for name, value in expected.items():
        assert any(line.split() == [*name.split(), f"{value:.4f}"] for line in text.splitlines()), name


def test_other_pictures_can_be_evaluated(place: Path) -> None:
    write_pictures(place / "other", 3, size=(30, 20), seed=9)
    found = printed("evaluate", "run", "other")
    assert set(found["reconstruction_errors"]) == {"1.png", "2.png", "3.png"}
    assert found["reconstruction_error"] != printed("evaluate", "run")["reconstruction_error"]


@pytest.fixture
def parted(place: Path, photos: Path) -> str:
    """A run that holds two of its six pictures out for validation, and one for a test."""
    ran("train", photos, *SMALL, "--model", "ae", "--validation", 0.34, "--test", 0.17, "--out", "parted")
    return "parted"


def test_parts_of_a_run_are_evaluated_separately(parted: str) -> None:
    parts = {
        name: printed("evaluate", parted, "--part", name)["reconstruction_errors"]
        for name in ("train", "validation", "test")
    }
    assert [len(errors) for errors in parts.values()] == [3, 2, 1]
    assert sorted(name for errors in parts.values() for name in errors) == [f"{k}.png" for k in range(1, 7)]
    assert printed("evaluate", parted)["reconstruction_errors"] == parts["train"]


def test_empty_part_is_refused(place: Path, photos: Path) -> None:
    assert "holds out no test pictures" in refused("evaluate", "run", "--part", "test")
    assert "leave out FOLDER and --part" in refused("evaluate", "toy", "--part", "train")
    assert "leave out FOLDER and --part" in refused("evaluate", "toy", photos)


@pytest.mark.parametrize("folder", [False, True])
def test_of_many_pictures_some_are_evaluated_and_few_listed(
    monkeypatch: pytest.MonkeyPatch, place: Path, photos: Path, folder: bool
) -> None:
    monkeypatch.setattr("ava_np.run.pictures.MAX_EVALUATED", 4)
    monkeypatch.setattr("ava_np.cli.evaluate.MAX_LISTED", 3)
    monkeypatch.setattr("ava_np.cli.evaluate.WORST", 2)
    arguments = ("evaluate", "run", photos) if folder else ("evaluate", "run")
    outcome = ava(*arguments, "--json")
    assert outcome.err == "evaluating 4 of 6 pictures, evenly spaced\n"
    errors = json.loads(outcome.out)["reconstruction_errors"]
    assert list(errors) == ["1.png", "3.png", "4.png", "6.png"]
    lines = ran(*arguments).splitlines()
    assert lines[0].startswith("the 2 worst of 4 pictures")
    assert [line.split()[0] for line in lines[2:4]] == sorted(errors, key=lambda name: -errors[name])[:2]
    assert not lines[4]


def words(*arguments: object) -> str:
    """The output of a command with single spaces."""
    return " ".join(ran(*arguments).split())


def test_samples_are_measured_for_a_model_without_an_encoder(place: Path, photos: Path) -> None:
    found = printed("evaluate", "gan")
    pictures = load_pictures(photos, zoom=ZOOM).array
    samples = zoom_in(ava_np.load("gan").sample(100, np.random.default_rng((0, 3))), ZOOM)
    rmses = [metrics.rmse(sample, pictures) for sample in samples]
    assert found["rmse"] == pytest.approx(min(rmses))
    assert found["rmse_mean"] == pytest.approx(np.mean(rmses))
    assert found["baselines"] == pytest.approx(metrics.baselines(pictures, ZOOM))
    assert "reconstruction_error" not in found
    text = words("evaluate", "gan")
    assert f"best of 100 samples {found['rmse']:.4f}" in text
    assert "reconstruction error" not in text


def test_samples_are_compared_with_a_toy_distribution(place: Path) -> None:
    for name, toy, of in (("toy", "ring", 8), ("line", "gaussian", 1)):
        points = ava_np.load(name).sample(1000, np.random.default_rng((0, 3)))
        expected = toys.mode_coverage(toy, points)
        found = printed("evaluate", name)
        assert (found["modes"], found["of"], found["good"]) == (expected.modes_found, of, expected.good_fraction)
        text = words("evaluate", name)
        assert f"modes found {expected.modes_found} of {of}" in text
        assert f"good samples {100 * expected.good_fraction:.1f} %" in text
    assert found["mean"] == pytest.approx(points.mean())
    assert found["deviation"] == pytest.approx(points.std())
