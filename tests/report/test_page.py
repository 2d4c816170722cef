"""What a run shows: the right pictures, a page that stands alone, and the same bytes for the same seed."""

import base64
import io
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib
import msgspec
import numpy as np
import pytest
from PIL import Image

from ava_np.data import toys
from ava_np.data.folder import load_pictures
from ava_np.data.pictures import Pictures
from ava_np.data.sources import read_pictures
from ava_np.data.split import Split
from ava_np.data.zoom import zoom_in, zoom_out
from ava_np.errors import RunError
from ava_np.evaluation import metrics
from ava_np.evaluation.evaluate import Evaluation, evaluate, evaluate_toy
from ava_np.models import Model
from ava_np.report import charts
from ava_np.report.curves import NETWORKS, TERMS, loss_curves
from ava_np.report.images import save_png
from ava_np.report.names import layers_text, model_title, objective_terms
from ava_np.report.page import write_pictures, write_report
from ava_np.run.folder import IMAGE_BEST, RECONSTRUCTIONS, REPORT, Run
from ava_np.specification import (
    FORMAT,
    MODELS,
    PicturesSpecification,
    Specification,
    TrainingSpecification,
)

WIDTH, HEIGHT, ZOOM, COUNT, EPOCHS, SEED = 12, 9, 3, 5, 4, 7
PAGE = ["samples.png", "reconstructions.png", "image_best.png", "losses.png", REPORT]
HOSTILE = '<script>alert("1")</script>&\'$\\frac{$.png'

Finished = tuple[Run, Model, Pictures, Evaluation]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a few pictures of one colour each, with noise."""
    folder = tmp_path_factory.mktemp("a folder") / "O'Neill & <b>"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for index in range(COUNT):
        colour = generator.uniform(0.2, 0.8, 3)
        save_png(folder / f"{index}.png", colour + generator.normal(0, 0.1, (HEIGHT, WIDTH, 3)))
    return folder


def specify(folder: Path, name: str = "ava5", channels: Any = 3, seed: int = SEED, **options: Any) -> Specification:
    return Specification(
        FORMAT,
        MODELS[name](**{"latent": 2, "hidden": (8,), "architecture": "mlp"} | options),  # type: ignore[arg-type]
        PicturesSpecification(str(folder), (WIDTH, HEIGHT), channels, ZOOM),
        TrainingSpecification("adam", 1e-2, "sum", batch_size=2, epochs=EPOCHS, seed=seed),
    )


def specify_toy(name: str, toy: str, **options: Any) -> Specification:
    """A model of a toy distribution, trained on 100 points."""
    d = 1 if toy == "gaussian" else 2
    return Specification(
        FORMAT,
        MODELS[name](latent=2, hidden=(8,), output="linear", **options),  # type: ignore[arg-type]
        PicturesSpecification(f"toy:{toy}", (d, 1), 1, 1, limit=100),
        TrainingSpecification("adam", 1e-2, "sum", batch_size=50, epochs=EPOCHS, seed=SEED),
    )


def train(run_folder: Path, specification: Specification, pictures: Pictures) -> tuple[Run, Model]:
    run = Run.create(run_folder, specification)
    trainer = run.resume()
    for _ in run.train(trainer, pictures):
        pass
    return run, trainer.model


def finish(run_folder: Path, specification: Specification, pictures: Pictures) -> Finished:
    """A whole run: created, trained, evaluated and shown."""
    run, model = train(run_folder, specification, pictures)
    evaluation = evaluate(model, pictures.array, ZOOM)
    write_pictures(run, model, pictures, evaluation)
    assert write_report(run, model, pictures, evaluation) == run_folder / REPORT
    return run, model, pictures, evaluation


def show(run: Run, model: Model, pictures: Pictures) -> str:
    """The page of a run that is shown without an evaluation, as text."""
    write_pictures(run, model, pictures, None)
    write_report(run, model, pictures, None)
    return " ".join(page(run).text.split())


@pytest.fixture(scope="module")
def finished(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finish(tmp_path_factory.mktemp("runs") / "run", specify(folder), load_pictures(folder, zoom=ZOOM))


def read(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture, np.float32) / 255


class Page(HTMLParser):
    """The tags of a page, checked to be balanced, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += data


def page(run: Run) -> Page:
    return Page((run.folder / REPORT).read_text("utf-8"))


def test_contact_sheets_have_the_expected_size_and_pictures(finished: Finished) -> None:
    run, model, pictures, _ = finished

    samples = read(run.folder / "samples.png")
    assert samples.shape == (8 * (HEIGHT + 2) + 2, 8 * (WIDTH + 2) + 2, 3)
    drawn = zoom_in(model.sample(64, np.random.default_rng((SEED, 3))), ZOOM)
    last_cell = samples[-2 - HEIGHT : -2, -2 - WIDTH : -2]
    np.testing.assert_allclose(last_cell, drawn[-1], atol=0.51 / 255)

    pairs = read(run.folder / "reconstructions.png")
    assert pairs.shape == (2 * (HEIGHT + 2) + 2, COUNT * (WIDTH + 2) + 2, 3)
    small = zoom_out(pictures.array, ZOOM)
    for row, shown in enumerate((small, model.reconstruct(small))):
        for column in range(COUNT):
            top, left = 2 + row * (HEIGHT + 2), 2 + column * (WIDTH + 2)
            cell = pairs[top : top + HEIGHT, left : left + WIDTH]
            np.testing.assert_allclose(cell, zoom_in(shown, ZOOM)[column], atol=0.51 / 255)

    with Image.open(run.folder / "losses.png") as picture:
        picture.load()
        assert picture.width == charts.WIDTH * charts.DOTS


def test_image_best_is_the_image_whose_error_is_reported(finished: Finished) -> None:
    run, _, pictures, evaluation = finished
    image = read(run.folder / "image_best.png")
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert metrics.rmse(image, pictures.array) == pytest.approx(evaluation.rmse, abs=0.5 / 255)
    assert f"{evaluation.rmse:.4f}" in page(run).text


@pytest.mark.parametrize(("width", "height"), [(256, 256), (700, 20), (5000, 3)])
def test_contact_sheets_of_large_pictures_stay_modest(folder: Path, tmp_path: Path, width: int, height: int) -> None:
    specification = specify(folder, "vae")
    shape = PicturesSpecification(None, (width, height), 1, 1)
    run = Run.create(tmp_path / "run", msgspec.structs.replace(specification, pictures=shape))
    pictures = replace(load_pictures(folder), array=np.full((12, height, width, 1), 0.5, np.float32), names=("x",) * 12)
    evaluation = Evaluation(np.zeros(12), np.zeros(12), 0, {})
    write_pictures(run, run.new_model(), pictures, evaluation)
    for name in ("samples.png", "reconstructions.png"):
        sheet = read(run.folder / name)
        assert sheet.shape[1] <= max(2100, width + 4)
    assert sheet.shape[0] == 2 * (height + 2) + 2


def test_report_stands_alone(finished: Finished) -> None:
    html = (finished[0].folder / REPORT).read_text("utf-8")
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


def test_report_says_what_was_measured(finished: Finished) -> None:
    run, model, pictures, evaluation = finished
    text = page(run).text
    parameters = sum(network.theta.size for network in model.networks.values())
    steps = EPOCHS * 3
    small = zoom_out(pictures.array, ZOOM)
    all_mean = np.mean([metrics.reconstruction_error(one[None], small.mean(0)[None]) for one in small])
    expected = [
        evaluation.reconstruction_error,
        *evaluation.reconstruction_errors,
        *evaluation.baselines.values(),
        all_mean,
    ]
    assert all(f"{value:.4f}" in text for value in expected)
    assert f"{parameters:,}" in text
    assert f"Steps{steps}{EPOCHS} of {EPOCHS} epochs" in text.replace("\n", "")
    assert all(name in text for name in pictures.names)
    assert "At 0° they agree" in text


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_a_report_with_all_its_terms(folder: Path, tmp_path: Path, name: str) -> None:
    pictures = load_pictures(folder, zoom=ZOOM)
    run, model = train(tmp_path / "run", specify(folder, name), pictures)
    terms = objective_terms(run.specification.model)
    assert set(run.metrics()[-1]["nats"]) <= set(terms)
    assert set(run.metrics()[-1].get("angle", ())) <= set(NETWORKS)
    assert set(terms) <= set(TERMS)
    evaluation = None if model.encoder_name is None else evaluate(model, pictures.array, ZOOM)
    write_pictures(run, model, pictures, evaluation)
    write_report(run, model, pictures, evaluation)
    text = page(run).text
    assert text.lstrip().startswith(model_title(run.specification.model))
    for key in run.metrics()[-1]["nats"]:
        assert terms[key].meaning in text
    for network in model.networks.values():
        assert layers_text(network) in text
    assert ("imageBest" in text) == (evaluation is not None)


@pytest.mark.parametrize("name", ["gan", "dcgan"])
def test_a_model_without_an_encoder_shows_nothing_back(finished: Finished, tmp_path: Path, name: str) -> None:
    _, _, pictures, _ = finished
    run, model = train(tmp_path / "run", specify(tmp_path, name), pictures)
    for stale in (RECONSTRUCTIONS, IMAGE_BEST):
        (run.folder / stale).write_bytes(b"of another run")
    text = show(run, model, pictures)
    assert {path.name for path in run.folder.glob("*.png")} == {"samples.png", "losses.png"}
    for absent in ("econstruction", "imageBest", "wn error", "(17)"):
        assert absent not in text
    assert "collapsed" in text


@pytest.mark.parametrize(("toy", "modes"), [("gaussian", 1), ("ring", 8), ("grid", 25)])
@pytest.mark.parametrize("name", ["gan", "ae"])
def test_toys_are_charted_and_judged(tmp_path: Path, name: str, toy: str, modes: int) -> None:
    specification = specify_toy(name, toy)
    points = read_pictures(f"toy:{toy}", limit=100)
    run, model = train(tmp_path / "run", specification, points)
    text = show(run, model, points)
    with Image.open(run.folder / "samples.png") as chart:
        assert chart.width == charts.WIDTH * charts.DOTS
    judged = evaluate_toy(model, specification)
    expected = toys.mode_coverage(toy, model.sample(1000, np.random.default_rng((SEED, 3))))
    assert (judged.modes_found, judged.mode_count, judged.good_fraction) == (expected[0], modes, expected[1])
    assert f"Modes found{judged.modes_found} of {modes}" in text
    assert f"Good samples{100 * judged.good_fraction:.1f} %" in text
    assert f"toy:{toy}: 100 points in {2 - (toy == 'gaussian')} dimension" in text
    if toy == "gaussian":
        assert f"Mean of samples{judged.points.mean():.3f}of the data: {points.array.mean():.3f}" in text
        assert f"Deviation of samples{judged.points.std():.3f}of the data: {points.array.std():.3f}" in text
    assert "icture" not in text.split("Make it again")[0]


def test_only_toys_are_judged_as_toys(finished: Finished) -> None:
    with pytest.raises(ValueError, match="no toy"):
        evaluate_toy(finished[1], finished[0].specification)


def test_the_page_tells_what_was_held_out_and_what_is_shown(finished: Finished) -> None:
    run, model, pictures, evaluation = finished
    many = Split(np.arange(9000), np.arange(900), np.arange(100))
    try:
        write_report(run, model, pictures, evaluation, parts=many)
        text = " ".join(page(run).text.split())
        assert "10,000 pictures of 12 × 9 pixels, seen by the networks as 4 × 3; 9,000 trained on, 900 held out" in text
        assert "100 for a test; 5 of those trained on, evenly spaced, are judged and shown here" in text
        write_report(run, model, pictures, evaluation, parts=Split(np.arange(COUNT), np.arange(0), np.arange(0)))
        text = " ".join(page(run).text.split())
        assert "5 pictures of 12 × 9 pixels" in text
        assert "trained on" not in text
    finally:
        write_report(run, model, pictures, evaluation)


def test_validation_is_drawn_and_told(folder: Path, tmp_path: Path) -> None:
    specification = specify(folder, "ae")
    held = msgspec.structs.replace(specification.pictures, validation=0.4)
    pictures = load_pictures(folder, zoom=ZOOM)
    run, *_ = finish(tmp_path / "run", msgspec.structs.replace(specification, pictures=held), pictures)
    errors = [line["validation"]["reconstruction_error"] for line in run.metrics() if "validation" in line]
    assert f"Own error, validation{errors[-1]:.4f}" in page(run).text.replace("\n", "").replace("  ", "")
    figure = loss_curves(run.metrics(), run.specification)
    assert [axes.get_title("left") for axes in figure.axes] == ["Reconstruction", "Own error of what is held out"]
    np.testing.assert_array_equal(figure.axes[1].lines[0].get_ydata(), errors)


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("vaegan", {}, ("-1.10 on what is real", "-0.41 on what is not")),
        ("vaegan", {"reconstructions_are_fake": False}, ("end at -log 2 when",)),
        ("gan", {"smoothing": 0.1}, ("-0.80 on what is real", "-0.60 on what is not")),
        ("gan", {}, ("end at -log 2 when",)),
        ("ae", {"likelihood": "bernoulli"}, ("cross-entropy", "H(x, x′)", "Bernoulli values")),
        ("ae", {}, ("½‖x - x′‖²", "Gaussian with unit variance", "has no prior")),
        ("aae", {"prior": "swiss-roll"}, ("AAE with a Swiss roll prior", "drawn from the Swiss roll prior")),
        ("vae", {"beta": 4.0}, ("VAE with β = 4, exact propagation", "before β = 4 weighs it")),
        ("bigan", {}, ("No step of a BiGAN compares",)),
    ],
)
def test_the_page_explains_this_model(
    folder: Path, tmp_path: Path, name: str, options: dict[str, Any], expected: tuple[str, ...]
) -> None:
    pictures = load_pictures(folder, zoom=ZOOM)
    run, model = train(tmp_path / "run", specify(folder, name, **options), pictures)
    evaluation = None if model.encoder_name is None else evaluate(model, pictures.array, ZOOM)
    write_pictures(run, model, pictures, evaluation)
    write_report(run, model, pictures, evaluation)
    text = " ".join(page(run).text.replace("\N{MINUS SIGN}", "-").split())
    for words in expected:
        assert words in text


def test_hostile_names_stay_text(finished: Finished) -> None:
    run, model, pictures, evaluation = finished
    clean = page(run)
    hostile = replace(pictures, names=(HOSTILE,) * COUNT, skipped=(HOSTILE,))
    try:
        write_report(run, model, hostile, evaluation)
        dirty = page(run)
    finally:
        write_report(run, model, pictures, evaluation)
    assert "script" not in [tag for tag, _ in dirty.tags]
    assert HOSTILE in dirty.text
    assert "O'Neill & <b>" in clean.text
    assert "b" not in [tag for tag, _ in clean.tags]


def test_same_seed_gives_the_same_bytes(finished: Finished, folder: Path, tmp_path: Path) -> None:
    first, _, pictures, _ = finished
    again, *_ = finish(tmp_path / "elsewhere" / "again", specify(folder), pictures)
    other, *_ = finish(tmp_path / "other", specify(folder, seed=SEED + 1), pictures)

    def contents(run: Run) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in run.folder.iterdir()}

    assert set(PAGE) < set(contents(first))
    assert contents(first) == contents(again)
    assert all(contents(first)[name] != contents(other)[name] for name in PAGE)


def test_vae_on_grey_pictures_has_no_discriminators_to_explain(folder: Path, tmp_path: Path) -> None:
    pictures = load_pictures(folder, zoom=ZOOM, colour="grey")
    run, *_ = finish(tmp_path / "run", specify(folder, "vae", channels=1), pictures)
    assert read(run.folder / "samples.png").ndim == 2
    assert "iscriminator" not in page(run).text


def test_untrained_run_on_one_picture_has_a_report(folder: Path, tmp_path: Path) -> None:
    pictures = load_pictures(folder / "0.png", zoom=ZOOM)
    run = Run.create(tmp_path / "run", specify(folder))
    model = run.new_model()
    evaluation = evaluate(model, pictures.array, ZOOM)
    write_pictures(run, model, pictures, evaluation)
    write_report(run, model, pictures, evaluation)
    assert f"0 of {EPOCHS} epochs" in page(run).text


def test_report_without_its_pictures_is_refused(finished: Finished, tmp_path: Path) -> None:
    run, model, pictures, evaluation = finished
    empty = Run.create(tmp_path / "empty", run.specification)
    with pytest.raises(RunError, match=r"reconstructions\.png is needed"):
        write_report(empty, model, pictures, evaluation)


def lines(count: int, **changes: Any) -> list[dict[str, Any]]:
    """Metrics of ``count`` epochs of an AVA1."""
    generator = np.random.default_rng(1)
    nats = ("reconstruction", "kl", "log_d_real", "log_d_fake")
    signs = (1, 1, -1, -1)
    return [
        {
            "epoch": epoch,
            "step": epoch,
            "nats": {name: sign * float(generator.exponential()) for name, sign in zip(nats, signs, strict=True)},
            "angle": {"encoder": 30.0, "decoder": 120.0, "discriminator": 0.0},
            **changes,
        }
        for epoch in range(1, count + 1)
    ]


AVA1 = specify(Path("pictures"), "ava1")


@pytest.mark.parametrize("count", [1, 2, 10_000])
def test_curves_are_the_metrics(count: int) -> None:
    epochs = lines(count)
    figure = loss_curves(epochs, AVA1)
    assert len(figure.axes) == 3
    drawn = []
    for axes in figure.axes:
        low, high = axes.get_ylim()
        for curve in axes.lines:
            x, y = np.asarray(curve.get_xdata()), np.asarray(curve.get_ydata())
            assert low <= y.min() <= y.max() <= high
            if x[0] == 1:  # and not a level line, which begins at 0
                drawn.append(y)
        assert axes.get_ylabel() in ("nats per picture", "degrees")
    expected = [[line["nats"][name] for line in epochs] for name in epochs[0]["nats"]]
    expected += [[line["angle"][name] for line in epochs] for name in epochs[0]["angle"]]
    np.testing.assert_array_equal(drawn, expected)
    assert figure.axes[-1].get_xlabel() == "epoch"
    with Image.open(io.BytesIO(charts.to_png(figure))) as picture:
        picture.load()


def test_curves_without_discriminators_angles_or_epochs() -> None:
    vae = [{"epoch": 1, "step": 1, "nats": {"reconstruction": 3.0, "kl": 0.0}}]
    for epochs in (vae, []):
        figure = loss_curves(epochs, specify(Path("x"), "vae"))
        assert len(figure.axes) == 1
        charts.to_png(figure)


def test_curves_of_discriminators_alone() -> None:
    gan = [{"epoch": e, "step": e, "nats": {"log_d_real": -0.7, "log_d_fake": -0.6}} for e in (1, 2)]
    figure = loss_curves(gan, specify(Path("x"), "gan"))
    assert [axes.get_title("left") for axes in figure.axes] == ["Discriminators: how sure of what is the case"]
    assert "cannot tell" in figure.axes[0].get_title("right")
    smoothed = loss_curves(gan, specify(Path("x"), "gan", smoothing=0.1))
    assert not smoothed.axes[0].get_title("right")  # where it cannot tell is elsewhere, for each curve


@pytest.mark.parametrize("values", [(0.0, 0.0), (1e-30, 0.0), (0.0, 5.0), (1e-38, 1e3)])
def test_a_divergence_of_nothing_is_no_obstacle(values: tuple[float, float]) -> None:
    epochs = [{"epoch": e, "step": e, "nats": {"reconstruction": 0.0, "kl": kl}} for e, kl in enumerate(values, 1)]
    figure = loss_curves(epochs, specify(Path("x"), "vae"))
    (axes,) = figure.axes
    low, high = axes.get_ylim()
    assert np.isfinite([low, high]).all()
    assert low < high
    if max(values) > 0:
        assert low < max(values) < high
        assert low > 1e-10 * max(values)
    charts.to_png(figure)


def test_labels_of_curves_that_end_together_do_not_overlap() -> None:
    same = dict.fromkeys(("log_d_real", "log_d_fake", "log_D_real", "log_D_fake"), -0.693)
    figure = loss_curves(lines(3, nats={"reconstruction": 5.0, "kl": 5.0, **same}), AVA1)
    figure.draw_without_rendering()
    for axes in figure.axes:
        boxes = sorted((text.get_window_extent() for text in axes.texts), key=lambda box: box.y0)
        assert all(above.y0 >= below.y1 - 1 for below, above in pairwise(boxes))


def test_charts_do_not_depend_on_the_users_settings() -> None:
    plain = charts.to_png(loss_curves(lines(3), AVA1))
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "savefig.bbox": "tight"}):
        assert charts.to_png(loss_curves(lines(3), AVA1)) == plain


def test_charts_leave_pyplot_alone() -> None:
    code = "import sys, ava_np.report.page; sys.exit('matplotlib.pyplot' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_own_errors_are_drawn_the_worst_first() -> None:
    evaluation = Evaluation(np.array([0.1, 0.3, 0.2]), np.zeros(3), 0, {})
    figure = charts.reconstruction_error_bars(evaluation, ["a", HOSTILE, "\N{CJK UNIFIED IDEOGRAPH-732B}" * 60], 0.15)
    (axes,) = figure.axes
    assert [bar.get_width() for bar in axes.patches] == [0.3, 0.2, 0.15, 0.1]  # type: ignore[attr-defined]
    assert axes.yaxis_inverted()
    assert [label.get_text()[-6:] for label in axes.get_yticklabels()] == [
        "0.3000",
        "0.2000",
        "0.1500",
        "0.1000",
    ]
    charts.to_png(figure)


def test_own_errors_of_many_pictures_are_one_shape() -> None:
    errors = np.random.default_rng(2).uniform(0, 0.3, 60_000)
    figure = charts.reconstruction_error_bars(Evaluation(errors, errors, 0, {}), ["x"] * len(errors), 0.15)
    (axes,) = figure.axes
    (shape,) = axes.patches
    np.testing.assert_array_equal(shape.get_data().values, np.sort(errors)[::-1])  # type: ignore[attr-defined]
    charts.to_png(figure)


def test_rivals_are_drawn_the_worst_first_and_the_model_apart(finished: Finished) -> None:
    evaluation = finished[-1]
    (axes,) = charts.baseline_bars(evaluation).axes
    drawn = {bar.get_width(): bar.get_facecolor() for bar in axes.patches}  # type: ignore[attr-defined]
    named = ("grey", "copy_mean", "single_colour", "mean_image", "floor")
    expected = [*(evaluation.baselines[name] for name in named), evaluation.rmse]
    assert list(drawn) == sorted(expected, reverse=True)
    own = drawn.pop(evaluation.rmse)
    assert own not in drawn.values()


def test_toy_points_are_the_samples_over_the_data() -> None:
    generator = np.random.default_rng(4)
    data = generator.normal(size=(50, 1, 2, 1)).astype(np.float32)
    points = np.concatenate(
        [data[:20] + 0.01, np.full((3, 1, 2, 1), 100.0), np.full((1, 1, 2, 1), -100.0), np.full((2, 1, 2, 1), np.nan)]
    )
    figure = charts.toy_points(data, points, "samples")
    (axes,) = figure.axes
    below, above = (np.asarray(collection.get_offsets()) for collection in axes.collections)
    np.testing.assert_allclose(below, data.reshape(50, 2), rtol=1e-6)
    np.testing.assert_allclose(above, points[:20].reshape(20, 2), rtol=1e-6)
    assert axes.get_aspect() == 1.0
    assert axes.get_title("right") == "6 of 26 samples lie outside"
    charts.to_png(figure)


def test_toy_points_of_one_dimension_are_two_densities() -> None:
    data = np.random.default_rng(5).normal(4, 0.5, (1000, 1, 1, 1))
    (axes,) = charts.toy_points(data, data[:500] + 0.1, "samples").axes
    bars, (outline,) = axes.patches[:-1], axes.patches[-1:]
    area = sum(bar.get_width() * bar.get_height() for bar in bars)  # type: ignore[attr-defined]
    assert area == pytest.approx(1)
    assert not outline.get_fill()
    assert not axes.get_title("right")
    (axes,) = charts.toy_points(data, np.concatenate([data, data + 100]), "samples").axes
    assert axes.get_title("right") == "1,000 of 2,000 samples lie outside"
