"""A folder of pictures with a difficult name, and a finished run on it."""

from pathlib import Path

import numpy as np
import pytest

from ava_np.data.folder import load_pictures
from ava_np.images import save_png
from tests.report.finished_runs import COUNT, HEIGHT, WIDTH, ZOOM, Finished, finish, specify


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a few pictures, each of one colour with noise."""
    folder = tmp_path_factory.mktemp("a folder") / "O'Neill & <b>"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for index in range(COUNT):
        colour = generator.uniform(0.2, 0.8, 3)
        save_png(folder / f"{index}.png", colour + generator.normal(0, 0.1, (HEIGHT, WIDTH, 3)))
    return folder


@pytest.fixture(scope="package")
def finished(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A finished run with its report; tests that change its folder must restore it."""
    run = finish(tmp_path_factory.mktemp("runs") / "run", specify(folder), load_pictures(folder, zoom=ZOOM))
    run.show()
    return run
