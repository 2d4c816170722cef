"""The page of a run: self-contained, true to its numbers and its model, and the same bytes for the same seed."""

import base64
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

from ava_np.data import toys
from ava_np.data.folder import load_pictures
from ava_np.data.sources import read_pictures
from ava_np.data.split import Split
from ava_np.data.zoom import zoom_out
from ava_np.errors import RunError
from ava_np.evaluation import metrics
from ava_np.evaluation.evaluate import evaluate_toy
from ava_np.report import charts
from ava_np.report.curves import NETWORKS, TERMS
from ava_np.report.names import layers_text, model_title, objective_terms
from ava_np.report.page import write_report
from ava_np.run.folder import Run
from ava_np.run.names import IMAGE_BEST, RECONSTRUCTIONS, REPORT
from ava_np.run.training import new_trainer
from ava_np.specification import MODELS
from tests.command import tree
from tests.report.finished_runs import (
    COUNT,
    EPOCHS,
    HOSTILE,
    PAGE,
    SEED,
    ZOOM,
    Finished,
    Page,
    evaluated,
    finish,
    page,
    specify,
    specify_toy,
    text,
)


def test_report_is_self_contained(finished: Finished) -> None:
    html = (finished.run.folder / REPORT).read_text("utf-8")
    outside = re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "data:", html)
    assert not re.search(r"http|<script|<link|@import|url\(|href|srcset|\son\w+=", outside)
    images = [attributes for tag, attributes in Page(html).tags if tag == "img"]
    assert len(images) == outside.count("src=") == 8
    for attributes in images:
        assert attributes["alt"]
        source = attributes["src"] or ""
        assert source.startswith("data:image/png;base64,")
        with Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2], validate=True))) as picture:
            picture.load()


def test_report_contains_the_measured_values(finished: Finished) -> None:
    run, model, pictures, evaluation = finished
    assert evaluation is not None
    shown = page(run).text
    parameters = sum(network.theta.size for network in model.networks.values())
    small = zoom_out(pictures.array, ZOOM)
    mean_image_error = np.mean([metrics.reconstruction_error(one[None], small.mean(0)[None]) for one in small])
    expected = [
        evaluation.reconstruction_error,
        *evaluation.reconstruction_errors,
        *evaluation.baselines.values(),
        mean_image_error,
    ]
    assert all(f"{value:.4f}" in shown for value in expected)
    assert f"{parameters:,}" in shown
    assert f"Steps{EPOCHS * 3}{EPOCHS} of {EPOCHS} epochs" in shown.replace("\n", "")
    assert all(name in shown for name in pictures.names)
    assert "At 0° they agree" in shown


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_a_report_with_all_its_terms(folder: Path, tmp_path: Path, name: str) -> None:
    finished = finish(tmp_path / "run", specify(folder, name), load_pictures(folder, zoom=ZOOM))
    run = finished.run
    terms = objective_terms(run.specification.model)
    assert set(run.metrics()[-1]["nats"]) <= set(terms)
    assert set(run.metrics()[-1].get("angle", ())) <= set(NETWORKS)
    assert set(terms) <= set(TERMS)
    shown = finished.show()
    assert shown.startswith(model_title(run.specification.model))
    for key in run.metrics()[-1]["nats"]:
        assert terms[key].meaning in shown
    for network in finished.model.networks.values():
        assert layers_text(network) in shown
    assert ("imageBest" in shown) == (finished.evaluation is not None)


@pytest.mark.parametrize("name", ["gan", "dcgan", "cascade"])
def test_report_of_a_model_without_an_encoder_has_no_reconstructions(folder: Path, tmp_path: Path, name: str) -> None:
    finished = finish(tmp_path / "run", specify(folder, name), load_pictures(folder, zoom=ZOOM))
    for stale in (RECONSTRUCTIONS, IMAGE_BEST):
        (finished.run.folder / stale).write_bytes(b"of another run")
    shown = finished.show()
    assert {path.name for path in finished.run.folder.glob("*.png")} == {"samples.png", "losses.png"}
    for absent in ("econstruction", "imageBest", "(17)"):
        assert absent not in shown
    assert "collapsed" in shown


@pytest.mark.parametrize(("toy", "modes"), [("gaussian", 1), ("ring", 8), ("grid", 25)])
@pytest.mark.parametrize("name", ["gan", "ae"])
def test_report_of_a_toy_has_a_chart_and_the_modes_found(tmp_path: Path, name: str, toy: str, modes: int) -> None:
    specification = specify_toy(name, toy)
    points = read_pictures(f"toy:{toy}", limit=100)
    finished = finish(tmp_path / "run", specification, points)
    shown = finished.show()
    with Image.open(finished.run.folder / "samples.png") as chart:
        assert chart.width == charts.WIDTH * charts.DOTS_PER_INCH
    result = evaluate_toy(finished.model, specification)
    expected = toys.mode_coverage(toy, finished.model.sample(1000, np.random.default_rng((SEED, 3))))
    assert (result.modes_found, result.mode_count, result.good_fraction) == (
        expected.modes_found,
        modes,
        expected.good_fraction,
    )
    assert f"Modes found{result.modes_found} of {modes}" in shown
    assert f"Good samples{100 * result.good_fraction:.1f} %" in shown
    assert f"toy:{toy}: 100 points in {2 - (toy == 'gaussian')} dimension" in shown
    if toy == "gaussian":
        assert f"Mean of samples{result.points.mean():.3f}of the data: {points.array.mean():.3f}" in shown
        deviations = f"{result.points.std():.3f}of the data: {points.array.std():.3f}"
        assert f"Standard deviation of samples{deviations}" in shown
    assert "icture" not in shown.split("Reproduce")[0]


def test_only_toys_are_evaluated_as_toys(finished: Finished) -> None:
    with pytest.raises(ValueError, match="toy"):
        evaluate_toy(finished.model, finished.run.specification)


def test_report_says_what_is_held_out_and_what_is_shown(finished: Finished) -> None:
    try:
        write_report(*finished, Split(np.arange(9000), np.arange(900), np.arange(100)))
        shown = text(finished.run)
        assert "10,000 pictures of 12 × 9 pixels, zoomed out to 4 × 3; 9,000 for training, 900" in shown
        assert "100 for testing; this page evaluates and shows 5 of the training pictures, evenly spaced" in shown
    finally:
        write_report(*finished, finished.split)
    shown = text(finished.run)
    assert "5 pictures of 12 × 9 pixels" in shown
    assert "for training" not in shown


def test_report_has_the_validation_error(folder: Path, tmp_path: Path) -> None:
    specification = specify(folder, "ae")
    shares = msgspec.structs.replace(specification.pictures, validation=0.4)
    specification = msgspec.structs.replace(specification, pictures=shares)
    finished = finish(tmp_path / "run", specification, load_pictures(folder, zoom=ZOOM))
    errors = [line["validation"]["reconstruction_error"] for line in finished.run.metrics() if "validation" in line]
    assert f"Reconstruction error, validation{errors[-1]:.4f}" in finished.show()


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("vaegan", {}, ("-1.10 on real data", "-0.41 on fake data")),
        ("vaegan", {"reconstructions_are_fake": False}, ("is at -log 2.",)),
        ("gan", {"smoothing": 0.1}, ("-0.80 on real data", "-0.60 on fake data")),
        ("gan", {}, ("is at -log 2.",)),
        ("alphagan", {}, ("-1.10 on real data", "codes at -log 2 on both", "Laplace distribution")),
        ("ae", {"likelihood": "bernoulli"}, ("cross-entropy", "H(x, x′)", "Bernoulli values")),
        ("ae", {}, ("½‖x - x′‖²", "Gaussian with unit variance", "has no prior")),
        ("aae", {"prior": "swiss-roll"}, ("AAE with a Swiss roll prior", "Codes from the Swiss roll prior")),
        ("vae", {"beta": 4.0}, ("VAE with β = 4, exact propagation", "before the weight β = 4")),
        ("cascade", {}, ("Codes from the VAE, μ(g(r)) with r from N(0, I), decoded", "VAE stands for the run folder")),
        ("bigan", {}, ("A BiGAN is not trained to match the two rows",)),
    ],
)
def test_report_explains_its_model(
    folder: Path, tmp_path: Path, name: str, options: dict[str, Any], expected: tuple[str, ...]
) -> None:
    finished = finish(tmp_path / "run", specify(folder, name, **options), load_pictures(folder, zoom=ZOOM))
    shown = finished.show().replace("\N{MINUS SIGN}", "-")
    for words in expected:
        assert words in shown


def test_names_with_markup_are_escaped(finished: Finished) -> None:
    run, model, pictures, evaluation = finished
    clean = page(run)
    hostile = replace(pictures, names=(HOSTILE,) * COUNT, skipped=(HOSTILE,))
    try:
        write_report(run, model, hostile, evaluation, finished.split)
        dirty = page(run)
    finally:
        write_report(*finished, finished.split)
    assert "script" not in [tag for tag, _ in dirty.tags]
    assert HOSTILE in dirty.text
    assert "O'Neill & <b>" in clean.text
    assert "b" not in [tag for tag, _ in clean.tags]


def test_every_file_that_was_left_out_is_named_without_control_characters(finished: Finished) -> None:
    run, model, pictures, evaluation = finished
    names = tuple(f"{number}.png: torn \x1b[31m\x9b\u202e" for number in range(300))
    try:
        write_report(run, model, replace(pictures, skipped=names, names=names[:COUNT]), evaluation, finished.split)
        found = page(run)
    finally:
        write_report(*finished, finished.split)
    assert "300 files were left out" in found.text
    for number in range(300):
        assert rf"{number}.png: torn \x1b[31m\x9b\u202e" in found.text
    assert all(line.isprintable() for line in found.text.split("\n"))
    assert ("details", {}) in found.tags


def test_same_seed_gives_the_same_bytes(finished: Finished, folder: Path, tmp_path: Path) -> None:
    again = finish(tmp_path / "elsewhere" / "again", specify(folder), finished.pictures)
    other = finish(tmp_path / "other", specify(folder, seed=SEED + 1), finished.pictures)
    for run in (again, other):
        run.show()

    def contents(finished: Finished) -> dict[str, bytes | None]:
        return tree(finished.run.folder)

    assert set(PAGE) < set(contents(finished))
    assert contents(finished) == contents(again)
    assert all(contents(finished)[name] != contents(other)[name] for name in PAGE)


def test_untrained_run_on_one_picture_has_a_report(folder: Path, tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", specify(folder))
    model = new_trainer(run.specification).model
    finished = evaluated(run, model, load_pictures(folder / "0.png", zoom=ZOOM))
    assert f"0 of {EPOCHS} epochs" in finished.show()


def test_report_without_its_pictures_is_refused(finished: Finished, tmp_path: Path) -> None:
    empty = Run.create(tmp_path / "empty", finished.run.specification)
    with pytest.raises(RunError, match=r"reconstructions\.png is needed"):
        write_report(empty, *finished[1:], finished.split)
