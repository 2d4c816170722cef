"""The experiment ava-works: every run is done once, and the verdict follows from the numbers."""

from dataclasses import replace
from math import nan
from pathlib import Path

import numpy as np
import pytest

from ava_np.errors import AvaError
from ava_np.experiments.paper import ava_works
from ava_np.experiments.paper.ava_works import HIDDEN, WAYS, Pictures, Result, baselines, train
from ava_np.experiments.paper.ava_works_page import spread, verdicts
from tests.command import write_pictures

ZERO = Result("mlp", "vae", "default", 0, *[1.0] * 13)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ava_works, "HIDDEN", dict.fromkeys(HIDDEN, (2, 3)))
    monkeypatch.setattr(ava_works, "MAX_SAMPLES", 40)


@pytest.mark.parametrize("way", WAYS)
def test_a_run_trains_in_its_way_and_measures(way: str, small: None) -> None:
    pictures = np.random.default_rng(0).random((60, 8, 8, 1), dtype=np.float32)
    features = pictures.reshape(60, -1)
    known = Pictures(pictures[:20], pictures[20:], lambda array: array.reshape(len(array), -1), features[20:])
    result, sheet = train(known, 2, ("mlp", "ava1", way, 1))
    assert (result.architecture, result.model, result.way, result.seed) == ("mlp", "ava1", way, 1)
    assert all(np.isfinite(value) for value in list(result.__dict__.values())[4:])
    assert sheet.startswith(b"\x89PNG")
    assert baselines(known)["mean image"] > 0


def test_finished_runs_are_not_done_again(tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pictures(tmp_path / "photos")
    options = {"architectures": ("mlp",), "models": ("vae", "ava1"), "seeds": 1, "epochs": 1, "jobs": 1}
    page = ava_works.run(tmp_path / "photos", out=tmp_path / "out", **options)  # type: ignore[arg-type]
    lines = (tmp_path / "out" / "results.csv").read_text().splitlines()
    assert len(lines) == 1 + 3 + 4
    assert "too few pictures" in page.read_text()
    (tmp_path / "out" / "results.csv").write_text("\n".join([*lines[:-1], lines[-1][:9]]))  # killed in the last line
    ava_works.run(tmp_path / "photos", out=tmp_path / "out", **options)  # type: ignore[arg-type]
    again = (tmp_path / "out" / "results.csv").read_text().splitlines()
    assert again[:-1] == lines[:-1]
    assert again[-1].split(",")[:16] == lines[-1].split(",")[:16]  # all but the time
    with pytest.raises(AvaError, match="other pictures or settings"):
        ava_works.run(tmp_path / "photos", out=tmp_path / "out", **{**options, "epochs": 2})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ratios", "word"),
    [((0.5, 0.9), "draws better"), ((1.2, 1.1), "draws worse"), ((0.5, 0.99), "draws about as well")],
)
def test_a_verdict_needs_every_seed(ratios: tuple[float, float], word: str) -> None:
    vaes = [replace(ZERO, seed=seed) for seed in range(2)]
    avas = [replace(ZERO, model="ava1", seed=seed, frechet=ratio, error=2.0) for seed, ratio in enumerate(ratios)]
    groups = {("mlp", "vae", "default"): vaes, ("mlp", "ava1", "default"): avas}
    (line,) = verdicts(groups)
    assert line.startswith(f"AVA1, default, mlp: {word} ({np.mean(ratios):.2f} of the VAE's Fréchet distance)")
    assert "reconstructs worse (2.00" in line


def test_the_non_saturating_ava_is_compared_with_the_vae_of_the_printed_objective() -> None:
    groups = {
        ("mlp", "vae", "printed"): [replace(ZERO, way="printed", error=4.0)],
        ("mlp", "ava1", "non-saturating"): [replace(ZERO, model="ava1", way="non-saturating")],
    }
    assert "(0.25 of the VAE's reconstruction error)" in verdicts(groups)[0]


def test_a_spread_leaves_out_what_was_not_measured() -> None:
    assert spread([ZERO, replace(ZERO, error=3.0)], "error") == "2 ± 1.4"
    assert spread([ZERO], "error") == "1"
    assert spread([replace(ZERO, frechet=nan)], "frechet") == ""
