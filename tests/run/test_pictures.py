"""The pictures of a run: read as specified, split once, and subsampled for the evaluation."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from ava_np.data.pictures import Pictures
from ava_np.data.sources import read_pictures
from ava_np.errors import PictureError
from ava_np.run.folder import Run
from ava_np.run.pictures import split_pictures, subsample
from tests.command import tree, write_pictures
from tests.run.small_runs import refused, specify


def test_pictures_are_read_from_the_source_of_the_specification(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "photos", 4)
    run = Run.create(tmp_path / "run", specify(str(folder)))
    assert run.pictures().array.shape == (4, 9, 12, 3)
    assert run.pictures().names == ("1.png", "2.png", "3.png", "4.png")


def test_other_pictures_get_the_size_and_the_channels_of_the_run(tmp_path: Path) -> None:
    other = write_pictures(tmp_path / "other", 2, size=(40, 25))
    run = Run.create(tmp_path / "run", specify("photos"))
    assert run.other_pictures(other).array.shape == (2, 9, 12, 3)
    grey = msgspec.structs.replace(specify().pictures, channels=1, zoom=2)
    run = Run(tmp_path / "grey", msgspec.structs.replace(specify(), pictures=grey))
    assert run.other_pictures(other).array.shape == (2, 8, 12, 1)


def test_older_run_finds_its_pictures(tmp_path: Path) -> None:
    """Its config.json says nothing of fit and by_folder: it has stretched the first pictures of all folders."""
    for name in ("cats", "dogs"):
        write_pictures(tmp_path / "photos" / name, 3, size=(12, 16) if name == "dogs" else (16, 12))
    first = {"fit": "stretch", "by_folder": False, "limit": 4, "size": (12, 9), "zoom": 3}
    expected = read_pictures(tmp_path / "photos", **first)  # type: ignore[arg-type]
    specification = specify(str(tmp_path / "photos"))
    pictures = msgspec.structs.replace(specification.pictures, limit=4, sha256=expected.sha256)
    Run.create(tmp_path / "run", msgspec.structs.replace(specification, pictures=pictures))
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    del config["pictures"]["fit"], config["pictures"]["by_folder"]
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    run = Run.open(tmp_path / "run")
    assert run.pictures().names == ("cats/1.png", "cats/2.png", "cats/3.png", "dogs/1.png")
    np.testing.assert_array_equal(run.other_pictures(tmp_path / "photos").array[:4], expected.array)


def test_missing_pictures_are_reported(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", specify(str(tmp_path / "gone")))
    refused(run.pictures, "no longer in", PictureError)


def test_batches_hold_the_training_and_the_validation_pictures(pictures: Pictures) -> None:
    data = split_pictures(pictures, validation=0.4, test=0.2, seed=0)
    assert [len(indices) for indices in data.split] == [2, 2, 1]
    training, validation = data.batches(specify().pictures)
    assert validation is not None
    small = pictures.array[:, ::3, ::3].reshape(len(pictures.names), -1)
    for batches, indices in ((training, data.split.train), (validation, data.split.validation)):
        rows = batches.rows(np.arange(len(batches)), np.random.default_rng(0))
        np.testing.assert_allclose(rows, small[indices], rtol=1e-6)
    assert split_pictures(pictures, 0, 0, 0).batches(specify().pictures)[1] is None


def test_evaluated_pictures_are_those_of_a_part(tmp_path: Path, pictures: Pictures) -> None:
    shares = msgspec.structs.replace(specify().pictures, validation=0.4)
    run = Run(tmp_path, msgspec.structs.replace(specify(), pictures=shares))
    data = run.split(pictures)
    names = run.evaluation_pictures(data).names + run.evaluation_pictures(data, "validation").names
    assert sorted(names) == sorted(pictures.names)
    refused(lambda: run.evaluation_pictures(data, "test"), "holds out no test pictures", PictureError)


def test_subsample_is_evenly_spaced(monkeypatch: pytest.MonkeyPatch, pictures: Pictures) -> None:
    assert subsample(pictures).names == pictures.names
    monkeypatch.setattr("ava_np.run.pictures.MAX_EVALUATED", 3)
    chosen = subsample(pictures)
    assert chosen.names == ("0", "2", "4")
    np.testing.assert_array_equal(chosen.array, pictures.array[[0, 2, 4]])
    assert subsample(pictures, np.array([1, 3])).names == ("1", "3")


def test_cache_that_a_run_names_is_read_and_never_written(tmp_path: Path) -> None:
    """A run folder from a stranger may name any path."""
    photos, cache = write_pictures(tmp_path / "photos", 4), tmp_path / "anywhere"
    specification = specify(str(photos))
    named = msgspec.structs.replace(specification.pictures, cache=str(cache))
    run = Run.create(tmp_path / "run", msgspec.structs.replace(specification, pictures=named))
    expected = np.asarray(run.pictures().array)
    assert not cache.exists()

    other = tmp_path / "chosen"
    np.testing.assert_array_equal(np.asarray(run.pictures(cache=other).array), expected)  # the caller may choose one
    assert sorted(path.suffix for path in other.iterdir()) == [".json", ".npy"]
    before = tree(other)
    np.testing.assert_array_equal(np.asarray(run.pictures().array), expected)
    assert tree(other) == before
    assert not cache.exists()
