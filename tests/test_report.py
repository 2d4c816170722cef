"""What a run shows: the right pictures, a page that stands alone, and the same bytes for the same seed."""

import base64
import io
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import matplotlib
import msgspec
import numpy as np
import pytest
from PIL import Image

from ava_np import metrics, plots
from ava_np.errors import RunError
from ava_np.evaluation import Evaluation, evaluate, zoom_in, zoom_out
from ava_np.models import Model
from ava_np.pictures import Pictures, load_pictures
from ava_np.report import command, write_pictures, write_report
from ava_np.run import REPORT, Run
from ava_np.sheets import save_png
from ava_np.specification import (
    FORMAT,
    ModelSpecification,
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


def specify(folder: Path, name: Any = "ava5", channels: Any = 3, seed: int = SEED) -> Specification:
    return Specification(
        FORMAT,
        ModelSpecification(name, "exact", latent=2, hidden=(8,)),
        PicturesSpecification(str(folder), (WIDTH, HEIGHT), channels, ZOOM),
        TrainingSpecification("adam", 1e-2, "sum", batch_size=2, epochs=EPOCHS, seed=seed),
    )


def finish(run_folder: Path, specification: Specification, pictures: Pictures) -> Finished:
    """A whole run: created, trained, evaluated and shown."""
    run = Run.create(run_folder, specification)
    trainer = run.resume()
    for _ in run.train(trainer, zoom_out(pictures.array, ZOOM)):
        pass
    evaluation = evaluate(trainer.model, pictures.array, ZOOM)
    write_pictures(run, trainer.model, pictures, evaluation)
    assert write_report(run, trainer.model, pictures, evaluation) == run_folder / REPORT
    return run, trainer.model, pictures, evaluation


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
        assert picture.width == plots.WIDTH * plots.DOTS


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
    all_mean = np.mean([metrics.own_error(one[None], small.mean(0)[None]) for one in small])
    expected = [evaluation.own_error, *evaluation.own_errors, *evaluation.rivals.values(), all_mean]
    assert all(f"{value:.4f}" in text for value in expected)
    assert f"{parameters:,}" in text
    assert f"Steps{steps}{EPOCHS} of {EPOCHS} epochs" in text.replace("\n", "")
    assert all(name in text for name in pictures.names)
    assert "At 0° they agree" in text


def test_command_makes_the_same_specification(folder: Path) -> None:
    from ava_np.cli.train import train

    specification = specify(folder)
    program, subcommand, *arguments = shlex.split(" ".join(command(specification)))
    assert (program, subcommand) == ("ava", "train")
    context = click.Context(train)
    train.parse_args(context, arguments)
    given = context.params
    model, pictures, training = specification.model, specification.pictures, specification.training
    assert (given["folder"], given["size"], given["zoom"]) == (folder, pictures.size, pictures.zoom)
    assert (given["model"], given["propagation"]) == (model.name, model.propagation)
    assert (given["latent"], given["hidden"]) == (model.latent, model.hidden)
    assert (given["optimiser"], given["lr"]) == (training.optimiser, training.learning_rate)
    assert (given["reduction"], given["batch_size"]) == (training.reduction, training.batch_size)
    assert (given["epochs"], given["seed"]) == (training.epochs, training.seed)


def test_built_in_pictures_need_no_folder_in_the_command(folder: Path) -> None:
    built_in = PicturesSpecification(None, (WIDTH, HEIGHT), 3, ZOOM)
    parts = command(msgspec.structs.replace(specify(folder), pictures=built_in))
    assert parts[:2] == ["ava train", "--model ava5"]


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
    with pytest.raises(RunError, match=r"samples\.png is needed"):
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


@pytest.mark.parametrize("count", [1, 2, 10_000])
def test_curves_are_the_metrics(count: int) -> None:
    epochs = lines(count)
    figure = plots.loss_curves(epochs)
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
    with Image.open(io.BytesIO(plots.to_png(figure))) as picture:
        picture.load()


def test_curves_without_discriminators_angles_or_epochs() -> None:
    vae = [{"epoch": 1, "step": 1, "nats": {"reconstruction": 3.0, "kl": 0.0}}]
    for epochs in (vae, []):
        figure = plots.loss_curves(epochs)
        assert len(figure.axes) == 1
        plots.to_png(figure)


def test_labels_of_curves_that_end_together_do_not_overlap() -> None:
    same = dict.fromkeys(("log_d_real", "log_d_fake", "log_D_real", "log_D_fake"), -0.693)
    figure = plots.loss_curves(lines(3, nats={"reconstruction": 5.0, "kl": 5.0, **same}))
    figure.draw_without_rendering()
    for axes in figure.axes:
        boxes = sorted((text.get_window_extent() for text in axes.texts), key=lambda box: box.y0)
        assert all(above.y0 >= below.y1 - 1 for below, above in pairwise(boxes))


def test_charts_do_not_depend_on_the_users_settings() -> None:
    plain = plots.to_png(plots.loss_curves(lines(3)))
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "savefig.bbox": "tight"}):
        assert plots.to_png(plots.loss_curves(lines(3))) == plain


def test_charts_leave_pyplot_alone() -> None:
    code = "import sys, ava_np.report; sys.exit('matplotlib.pyplot' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_own_errors_are_drawn_the_worst_first() -> None:
    evaluation = Evaluation(np.array([0.1, 0.3, 0.2]), np.zeros(3), 0, {})
    figure = plots.own_error_bars(evaluation, ["a", HOSTILE, "\N{CJK UNIFIED IDEOGRAPH-732B}" * 60], 0.15)
    (axes,) = figure.axes
    assert [bar.get_width() for bar in axes.patches] == [0.3, 0.2, 0.15, 0.1]  # type: ignore[attr-defined]
    assert axes.yaxis_inverted()
    assert [label.get_text()[-6:] for label in axes.get_yticklabels()] == [
        "0.3000",
        "0.2000",
        "0.1500",
        "0.1000",
    ]
    plots.to_png(figure)


def test_own_errors_of_many_pictures_are_one_shape() -> None:
    errors = np.random.default_rng(2).uniform(0, 0.3, 60_000)
    figure = plots.own_error_bars(Evaluation(errors, errors, 0, {}), ["x"] * len(errors), 0.15)
    (axes,) = figure.axes
    (shape,) = axes.patches
    np.testing.assert_array_equal(shape.get_data().values, np.sort(errors)[::-1])  # type: ignore[attr-defined]
    plots.to_png(figure)


def test_rivals_are_drawn_the_worst_first_and_the_model_apart(finished: Finished) -> None:
    evaluation = finished[-1]
    (axes,) = plots.rival_bars(evaluation).axes
    drawn = {bar.get_width(): bar.get_facecolor() for bar in axes.patches}  # type: ignore[attr-defined]
    named = ("grey", "copy_mean", "single_colour", "mean_image", "floor")
    expected = [*(evaluation.rivals[name] for name in named), evaluation.rmse]
    assert list(drawn) == sorted(expected, reverse=True)
    own = drawn.pop(evaluation.rmse)
    assert own not in drawn.values()
