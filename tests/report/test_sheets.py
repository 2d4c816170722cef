"""The pictures in a run folder: contact sheets of the right pictures, and imageBest."""

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from ava_np.data.folder import load_pictures
from ava_np.data.zoom import zoom_in, zoom_out
from ava_np.evaluation import metrics
from ava_np.evaluation.evaluate import Evaluation
from ava_np.report import charts
from ava_np.report.sheets import write_pictures
from ava_np.run.folder import Run
from ava_np.run.training import new_trainer
from ava_np.specification import PicturesSpecification
from tests.report.finished_runs import COUNT, HEIGHT, SEED, WIDTH, ZOOM, Finished, finish, page, read, specify


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
        assert picture.width == charts.WIDTH * charts.DOTS_PER_INCH


def test_image_best_is_the_image_whose_error_is_reported(finished: Finished) -> None:
    run, _, pictures, evaluation = finished
    assert evaluation is not None
    image = read(run.folder / "image_best.png")
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert metrics.rmse(image, pictures.array) == pytest.approx(evaluation.rmse, abs=0.5 / 255)
    assert f"{evaluation.rmse:.4f}" in page(run).text


@pytest.mark.parametrize(("width", "height"), [(256, 256), (700, 20), (5000, 3)])
def test_contact_sheets_of_large_pictures_have_a_limited_width(
    folder: Path, tmp_path: Path, width: int, height: int
) -> None:
    specification = specify(folder, "vae")
    shape = PicturesSpecification(None, (width, height), 1, 1)
    run = Run.create(tmp_path / "run", msgspec.structs.replace(specification, pictures=shape))
    pictures = replace(load_pictures(folder), array=np.full((12, height, width, 1), 0.5, np.float32), names=("x",) * 12)
    write_pictures(
        run, new_trainer(run.specification).model, pictures, Evaluation(np.zeros(12), np.zeros(12), 0, {}, 0.3, 0.1)
    )
    for name in ("samples.png", "reconstructions.png"):
        sheet = read(run.folder / name)
        assert sheet.shape[1] <= max(2100, width + 4)
    assert sheet.shape[0] == 2 * (height + 2) + 2


def test_sheets_of_grey_pictures_are_grey(folder: Path, tmp_path: Path) -> None:
    pictures = load_pictures(folder, zoom=ZOOM, colour="grey")
    finished = finish(tmp_path / "run", specify(folder, "vae", channels=1), pictures)
    assert "iscriminator" not in finished.show()  # a VAE has none to explain
    assert read(finished.run.folder / "samples.png").ndim == 2
