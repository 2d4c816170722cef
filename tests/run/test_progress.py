"""Pictures of the progress: their moments, what they show, and that they survive whatever a training survives."""

import errno
import os
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ava_np.data.pictures import Pictures
from ava_np.data.sources import read_pictures
from ava_np.errors import AvaError, NotFiniteError
from ava_np.files import write_atomically
from ava_np.images import to_image
from ava_np.run import progress_pictures as drawing
from ava_np.run import training
from ava_np.run.checkpoint_interval import Interval
from ava_np.run.folder import Run
from ava_np.run.progress_folder import is_moment, progress_pictures
from ava_np.run.progress_sheet import BLUE, GAP, PADDING, PALE, progress_sheet
from ava_np.specification import FORMAT, GAN, PicturesSpecification, Specification, TrainingSpecification
from tests.command import tree
from tests.run.small_runs import COUNT, STEPS, specify, train


def test_moments_are_dense_at_first_and_few() -> None:
    moments = [step for step in range(2**20 + 1) if is_moment(step)]
    assert moments[:5] == [0, 1, 2, 3, 4]
    assert len(moments) == 41
    assert sum(step <= 1000 for step in moments) == 20
    for earlier, later in pairwise(moments[3:]):
        assert 4 / 3 <= later / earlier <= 3 / 2


def test_training_draws_itself_at_its_moments(trained: Run, pictures: Pictures) -> None:
    found = progress_pictures(trained.folder)
    assert list(found) == [step for step in range(STEPS + 1) if is_moment(step)]
    sheet = to_image(progress_sheet(trained.model(), trained.specification, trained.split(pictures)))
    with Image.open(found[STEPS]) as picture:  # 12 is a moment
        np.testing.assert_array_equal(np.asarray(picture), np.asarray(sheet))
    contents = [path.read_bytes() for path in found.values()]
    assert len(set(contents)) == len(contents)


def test_sheet_shows_pictures_their_reconstructions_and_the_same_samples(trained: Run, pictures: Pictures) -> None:
    model, data = trained.model(), trained.split(pictures)
    sheet = progress_sheet(model, trained.specification, data)
    np.testing.assert_array_equal(sheet, progress_sheet(model, trained.specification, data))
    height, width, _ = model.shape
    down, right = height + PADDING, width + PADDING
    originals = pictures.array[data.split.train, ::3, ::3]
    for row, shown in enumerate((originals, model.reconstruct(originals))):
        for column in range(COUNT):
            top, left = PADDING + row * down, PADDING + column * right
            cell = sheet[top : top + height, left : left + width]
            np.testing.assert_allclose(cell, shown[column], atol=1e-6)
    assert (sheet[2 * down + PADDING : 2 * down + PADDING + GAP] == 1).all()
    samples = model.sample(32, np.random.default_rng((trained.specification.training.seed, 3)))
    top = 2 * down + PADDING + GAP + PADDING
    np.testing.assert_array_equal(sheet[top : top + height, PADDING : PADDING + width], samples[0])
    np.testing.assert_array_equal(sheet[-PADDING - height : -PADDING, -PADDING - width : -PADDING], samples[-1])


@pytest.mark.parametrize("toy", ["ring", "gaussian"])
def test_points_are_drawn_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toy: str) -> None:
    """A model that draws the data itself covers them."""
    points = read_pictures(f"toy:{toy}", limit=1000)
    specification = Specification(
        FORMAT,
        GAN(latent=2, hidden=(4,), output="linear"),
        PicturesSpecification(f"toy:{toy}", points.size, 1, 1, limit=1000),
        TrainingSpecification("adam", 0.01, "sum", 100, 1, 0),
    )
    run = Run.create(tmp_path / "run", specification)
    model = training.new_trainer(run.specification).model
    monkeypatch.setattr(model, "decode", lambda codes: points.array)
    sheet = progress_sheet(model, run.specification, run.split(points))
    blue = np.isclose(sheet, BLUE).all(axis=-1)
    pale = np.isclose(sheet, PALE).all(axis=-1)
    assert blue.any()
    if toy == "ring":
        assert not pale.any()
        rows, columns = np.nonzero(blue)
        assert abs(rows.mean() - columns.mean()) < 10  # the ring is in the middle
        assert not blue[len(blue) // 2, len(blue) // 2]  # and empty inside
    else:
        top = len(sheet) - pale.sum(axis=0).max() - 3
        assert abs(np.nonzero(blue)[0].min() - top) <= 3  # the line of the samples is at the top of the bars
    monkeypatch.setattr(model, "decode", lambda codes: np.float32(1e36) * points.array)
    far = progress_sheet(model, run.specification, run.split(points))
    assert far.shape == sheet.shape


@pytest.mark.parametrize("stop", [1, 2, 3, 7])
def test_resumed_training_has_the_pictures_of_an_uninterrupted_one(
    tmp_path: Path, trained: Run, pictures: Pictures, stop: int
) -> None:
    run = Run.create(tmp_path / "stopped", specify())
    train(run, pictures, steps=stop)
    (run.folder / "progress" / ".step-000004.png.0123.partial").write_bytes(b"of a killed process")
    if stop == 2:
        (run.folder / "progress" / "step-000002.png").unlink()  # killed before it was written
    train(run, pictures)
    assert tree(run.folder) == tree(trained.folder)


def test_pictures_of_steps_that_are_still_to_be_trained_are_removed(tmp_path: Path, pictures: Pictures) -> None:
    run = Run.create(tmp_path / "run", specify())
    train(run, pictures, steps=5)
    (run.folder / "progress" / "step-000012.png").write_bytes(b"of another branch")
    train(run, pictures, steps=2)
    assert list(progress_pictures(run.folder)) == [0, 1, 2, 3, 4, 6]


def test_pictures_wait_while_the_disk_is_full(
    tmp_path: Path, trained: Run, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, write, full = Run.create(tmp_path / "other", specify()), write_atomically, [True]

    def writing(path: Path, content: bytes) -> None:
        if full[0]:
            raise AvaError(os.strerror(errno.ENOSPC))
        write(path, content)

    monkeypatch.setattr(drawing, "write_atomically", writing)
    for metrics in training.train(run, training.resume(run), run.split(pictures)):
        if metrics is not None:
            full[0] = metrics["epoch"] < 2
            assert bool(progress_pictures(run.folder)) == (metrics["epoch"] > 2)
    assert tree(run.folder) == tree(trained.folder)


def test_pictures_are_written_if_there_is_room_after_the_last_save(
    tmp_path: Path, trained: Run, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run.create(tmp_path / "other", specify())

    def writing(path: Path, content: bytes) -> None:
        if (run.header().steps or 0) < STEPS:
            raise AvaError(os.strerror(errno.ENOSPC))
        write_atomically(path, content)

    monkeypatch.setattr(drawing, "write_atomically", writing)
    train(run, pictures)
    assert tree(run.folder) == tree(trained.folder)


def test_picture_that_cannot_be_drawn_does_not_end_the_training(
    tmp_path: Path, trained: Run, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*arguments: Any) -> np.ndarray:
        raise ValueError("pictures need values in [0, 1]")

    monkeypatch.setattr(drawing, "progress_sheet", failing)
    run = Run.create(tmp_path / "other", specify())
    train(run, pictures)
    assert not progress_pictures(run.folder)
    assert run.header() == trained.header()


def test_overwritten_run_leaves_no_pictures_but_other_files(trained: Run) -> None:
    (trained.folder / "progress" / "notes.txt").write_text("mine")
    trained.close()
    Run.create(trained.folder, specify(epochs=2), overwrite=True)
    assert [path.name for path in (trained.folder / "progress").iterdir()] == ["notes.txt"]


def test_return_to_a_save_removes_later_pictures(tmp_path: Path, pictures: Pictures) -> None:
    run = Run.create(tmp_path / "run", specify())
    trainer = training.resume(run)
    stepping = training.train(run, trainer, run.split(pictures), checkpoint_every=Interval(steps=5))
    list(islice(stepping, 7))
    assert max(progress_pictures(run.folder)) == 6
    trainer.model.networks["encoder"].theta[:] = np.nan
    with pytest.raises(NotFiniteError, match="saved after step 5"):
        next(stepping)
    assert max(progress_pictures(run.folder)) == 4
