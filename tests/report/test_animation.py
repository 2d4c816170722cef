"""The animation of a training: its frames, its end, and pictures that do not belong to it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ava_np.data.folder import load_pictures
from ava_np.data.sources import read_pictures
from ava_np.errors import RunError
from ava_np.images import to_image
from ava_np.report.animation import CAPTION, write_animation
from ava_np.run.names import ANIMATION
from ava_np.run.progress_folder import progress_picture, progress_pictures
from ava_np.run.progress_sheet import progress_sheet
from tests.report.finished_runs import EPOCHS, ZOOM, Finished, finish, specify, specify_toy

STEPS = 3 * EPOCHS
MOMENTS = [0, 1, 2, 3, 4, 6, 8, 12]


@pytest.fixture
def made(folder: Path, tmp_path: Path) -> Finished:
    return finish(tmp_path / "run", specify(folder), load_pictures(folder, zoom=ZOOM))


def animate(finished: Finished) -> None:
    run, model, pictures, _ = finished
    write_animation(run, model, run.header().steps, run.split(pictures))


def frames(finished: Finished) -> list[np.ndarray]:
    with Image.open(finished.run.folder / ANIMATION) as file:
        found = []
        for number in range(getattr(file, "n_frames", 1)):
            file.seek(number)
            found.append(np.asarray(file.convert("RGB"), np.float32))
    return found


def test_animation_shows_each_picture_in_order_and_ends_with_the_model(made: Finished) -> None:
    run, model, pictures, _ = made
    assert list(progress_pictures(run.folder)) == MOMENTS
    animate(made)
    found = frames(made)
    assert len(found) == len(MOMENTS)  # the last picture is that of the model itself
    for frame, path in zip(found[:-1], progress_pictures(run.folder).values(), strict=False):
        with Image.open(path) as picture:
            assert np.abs(frame[:-CAPTION] - np.asarray(picture, np.float32)).mean() < 16  # a palette for all
    last = np.asarray(to_image(progress_sheet(model, run.specification, run.split(pictures))), np.float32)
    assert np.abs(found[-1][:-CAPTION] - last).mean() < 8
    captions = {frame[-CAPTION:].tobytes() for frame in found}
    assert len(captions) == len(found)  # each has its step


def test_model_between_two_moments_is_shown_too(made: Finished) -> None:
    progress_picture(made.run.folder, STEPS).unlink()
    animate(made)
    assert len(frames(made)) == len(MOMENTS)


def test_run_without_pictures_has_no_animation(made: Finished) -> None:
    animate(made)
    for path in progress_pictures(made.run.folder).values():
        path.unlink()
    animate(made)
    assert not (made.run.folder / ANIMATION).exists()


def test_pictures_of_another_size_are_left_out_and_damaged_ones_refused(made: Finished) -> None:
    path = progress_picture(made.run.folder, 4)
    Image.new("RGB", (3, 3)).save(path)
    animate(made)
    assert len(frames(made)) == len(MOMENTS) - 1
    path.write_bytes(b"no picture")
    with pytest.raises(RunError, match=r"step-000004\.png is damaged"):
        animate(made)
    path.write_bytes(progress_picture(made.run.folder, 3).read_bytes()[:-200])
    with pytest.raises(RunError, match=r"step-000004\.png is damaged"):
        animate(made)


@pytest.mark.parametrize("toy", ["ring", "gaussian"])
def test_points_are_animated(tmp_path: Path, toy: str) -> None:
    finished = finish(tmp_path / "run", specify_toy("gan", toy), read_pictures(f"toy:{toy}", limit=100))
    animate(finished)
    assert len(frames(finished)) == len(progress_pictures(finished.run.folder))


def test_grey_pictures_stay_grey(folder: Path, tmp_path: Path) -> None:
    pictures = load_pictures(folder, zoom=ZOOM, colour="grey")
    finished = finish(tmp_path / "run", specify(folder, "gan", channels=1), pictures)
    animate(finished)
    for frame in frames(finished):
        assert np.ptp(frame, axis=-1).max() == 0
