"""A sweep trains like ``ava train``, ranks by held-out pictures, and continues after a stop."""

import csv
import json
import re
from math import nan
from pathlib import Path

import pytest

from ava_np.experiments import sweep as sweeps
from ava_np.experiments.sweep import Key, Result, write_page
from ava_np.experiments.trials import Trials
from ava_np.specification import RunOptions
from tests.command import ava, write_pictures


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of ten small pictures."""
    return write_pictures(tmp_path / "pictures", 10)


@pytest.fixture
def without_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run writes no pictures and no report."""
    monkeypatch.setattr(sweeps, "report_run", lambda session: None)


def lines(out: Path) -> list[dict[str, str]]:
    """Return the lines of results.csv."""
    return list(csv.DictReader((out / "results.csv").read_text().splitlines()))


def test_every_combination_is_a_run_like_that_of_ava_train(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shared = [str(pictures), "--model", "vae", "--hidden", "8", "--epochs", "2"]
    done = ava("sweep", *shared, "--grid", "latent=2,3", "--grid", "lr=0.01", "--out", str(out), "--jobs", "1")
    assert done.code == 0, done.err
    assert [line["options"] for line in lines(out)] == ["--latent 2 --lr 0.01", "--latent 3 --lr 0.01"]
    alone = tmp_path / "alone"
    assert ava(
        "train", *shared, "--latent", "3", "--lr", "0.01", "--test", "0.2", "--seed", "0", "--out", str(alone)
    ).code == 0  # fmt: skip
    run = out / "runs" / "latent-3-lr-0.01-seed-0"
    for name in ("config.json", "metrics.jsonl", "model.safetensors", "samples.png"):
        assert (run / name).read_bytes() == (alone / name).read_bytes(), name
    page = (out / "report.html").read_text()
    for link in re.findall(r'href="([^"]+)"', page):
        assert (out / link).exists()
    assert not re.search(r"<script|https?:", page)


@pytest.mark.usefixtures("without_reports")
def test_more_values_and_seeds_continue_a_sweep(pictures: Path, tmp_path: Path) -> None:
    start = ["sweep", str(pictures), "--model", "ae", "--hidden", "8", "--epochs", "1", "--out", str(tmp_path / "out")]
    assert ava(*start, "--grid", "latent=2", "--jobs", "1").code == 0
    first = (tmp_path / "out" / "results.csv").read_text()
    done = ava(*start, "--grid", "latent=2,3", "--seeds", "2", "--jobs", "1")
    assert "1 of 4 trainings are done" in done.err
    assert first.splitlines()[1] in (tmp_path / "out" / "results.csv").read_text()
    assert len(lines(tmp_path / "out")) == 4


@pytest.mark.usefixtures("without_reports")
def test_a_divergence_is_a_line_and_stops_nothing(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = ava(
        "sweep", str(pictures), "--model", "vae", "--optimiser", "sgd", "--reduction", "sum", "--epochs", "40",
        "--grid", "lr=1,0.0001", "--out", str(out), "--jobs", "1",
    )  # fmt: skip
    assert done.code == 0, done.err
    ends = [line["ended"] for line in lines(out)]
    assert ends[0].startswith("diverged")
    assert "--resume" not in ends[0]  # its folder is gone
    assert ends[1] == "trained"
    assert "diverged" in (out / "report.html").read_text()


@pytest.mark.usefixtures("without_reports")
def test_a_failed_run_has_its_reason(pictures: Path, tmp_path: Path) -> None:
    """A zoom that is larger than the pictures is found when they have been read."""
    done = ava(
        "sweep", str(pictures), "--epochs", "1", "--grid", "zoom=1,50", "--out", str(tmp_path / "out"), "--jobs", "1"
    )
    assert done.code == 0, done.err
    ends = [line["ended"] for line in lines(tmp_path / "out")]
    assert ends[0] == "trained"
    assert ends[1].startswith("failed: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--grid", "lr"], "lr=0.001,0.0003"),
        (["--grid", "size2=3"], "not an option of ava train"),
        (["--grid", "lr=0.1,2"], "--lr"),
        (["--grid", "latent=2", "--model", "nothing"], "there is no 'nothing'"),
        (["--grid", "latent=2", "--minutes", "3"], "--minutes"),
        (["--grid", "gamma=1", "--model", "vae"], "gamma"),
        ([], "--grid"),
    ],
)
def test_bad_options_are_refused_before_any_training(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = ava("sweep", *arguments, "--out", str(tmp_path / "out"))
    assert done.code == 2
    assert message in done.err
    assert not (tmp_path / "out").exists()


def test_the_page_puts_the_least_mean_error_first(tmp_path: Path) -> None:
    results = [
        Result(options=options, seed=seed, error=error, ended="trained")
        for options, errors in (("--latent 2", (0.1, 0.4)), ("--latent 3", (0.2, 0.22)), ("--latent 4", (0.3, 0.3)))
        for seed, error in enumerate(errors)
    ]
    page = write_page(tmp_path, [], results).read_text()
    assert re.findall(r"<tr><th>(.*?)</th>", page) == ["options", "--latent 3", "--latent 2", "--latent 4"]


def test_without_a_measure_to_rank_by_the_order_is_that_of_the_grid(tmp_path: Path) -> None:
    """Less sharpness is not better, and a few toy points have no measure at all."""
    for sharpness in ((0.2, 0.1), (nan, nan)):
        results = [
            Result(options=f"--lr {i}", seed=0, sharpness=value, ended="trained") for i, value in enumerate(sharpness)
        ]
        page = write_page(tmp_path, [], results).read_text()
        assert re.findall(r"<tr><th>(.*?)</th>", page) == ["options", "--lr 0", "--lr 1"]
        assert "Too few pictures are held out to rank them" in page


def test_an_option_that_says_no_reaches_the_training(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    no = "--reconstructions-are-not-fake"
    arguments = (str(pictures), "--model", "vaegan", "--hidden", "8", no, "--epochs", "1")
    done = ava("sweep", *arguments, "--grid", "latent=2", "--out", str(out), "--jobs", "1")
    assert done.code == 0, done.err
    config = json.loads((out / "runs" / "latent-2-seed-0" / "config.json").read_text())
    assert config["model"]["reconstructions_are_fake"] is False


@pytest.mark.usefixtures("without_reports")
def test_a_model_without_reconstructions_is_ranked_by_its_samples(tmp_path: Path) -> None:
    of_model = {"latent": 2, "hidden": (8,)}
    options = {
        Key(f"--lr {rate}", 0): RunOptions(
            "toy:ring", model="gan", model_options=of_model, epochs=1, limit=1000, test=0.2, learning_rate=rate
        )
        for rate in (0.001, 1e-6)
    }
    page = sweeps.run(["toy:ring"], options, out=tmp_path, jobs=1).read_text()
    assert "the one with the least Fréchet distance" in page
    results = Trials(tmp_path, sweeps.Plan(("toy:ring",)), Key, Result).results
    assert all(one.frechet_distance > 0 for one in results.values())
    config = json.loads((tmp_path / "runs" / "lr-0.001-seed-0" / "config.json").read_text())
    assert config["training"]["learning_rate"] == 0.001
