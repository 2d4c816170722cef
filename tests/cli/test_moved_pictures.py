"""The pictures of a run have moved, or have changed: what messages advise works, and no trained picture is tested."""

import json
import shutil
from pathlib import Path

import pytest

from ava_np.run.folder import Run
from tests.command import SMALL, ava, tree, write_pictures
from tests.results import printed


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on half of eight pictures, of which a quarter each is held out; its source is the path photos."""
    place = tmp_path_factory.mktemp("made")
    photos = write_pictures(place / "photos", 8)
    outcome = ava("train", photos, *SMALL, "--validation", 0.25, "--test", 0.25, "--out", place / "run")
    assert outcome.code == 0, outcome.err
    config = json.loads((place / "run" / "config.json").read_text())
    config["pictures"]["source"] = "photos"
    (place / "run" / "config.json").write_text(json.dumps(config))
    return place


@pytest.fixture
def split_run(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: a copy of the run and its pictures."""
    shutil.copytree(made, tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    return tmp_path / "place"


@pytest.mark.parametrize(
    "command",
    [
        ("evaluate", "run", "--part", "test"),
        ("evaluate", "run"),
        ("encode", "run"),
        ("reconstruct", "run"),
        ("interpolate", "run"),
        ("train", "--out", "run", "--resume", "--epochs", "5"),
    ],
)
@pytest.mark.parametrize("change", ["renamed", "added", "removed", "painted"])
def test_changed_pictures_are_refused(split_run: Path, command: tuple[str, ...], change: str) -> None:
    photos = split_run / "photos"
    if change == "renamed":
        (photos / "1.png").rename(photos / "9.png")
    elif change == "added":
        write_pictures(split_run / "new", 1, seed=5)
        shutil.copy(split_run / "new" / "1.png", photos / "0.png")
    elif change == "removed":
        (photos / "8.png").unlink()
    else:
        shutil.copy(photos / "1.png", photos / "8.png")
    before = tree(split_run)
    outcome = ava(*command)
    assert outcome.code == 1
    assert len(outcome.err.splitlines()) == 1
    assert "have changed since the training of run" in outcome.err
    assert tree(split_run) == before


def test_any_pictures_can_be_evaluated_by_their_folder(split_run: Path) -> None:
    (split_run / "photos" / "8.png").unlink()
    assert ava("evaluate", "run", "photos").code == 0


def test_moved_pictures_are_found_by_their_folder(split_run: Path) -> None:
    """Each command is what the message of the one before advises."""
    expected = printed("evaluate", "run", "--part", "test")
    (split_run / "photos").rename(split_run / "moved")
    outcome = ava("evaluate", "run", "--part", "test")
    assert outcome.code == 1
    assert "are no longer in" in outcome.err
    assert "name the folder where they are now" in outcome.err
    assert printed("evaluate", "run", "moved", "--part", "test") == expected

    outcome = ava("train", "--out", "run", "--resume", "--epochs", "5")
    assert outcome.code == 1
    assert "name the folder where they are now" in outcome.err
    assert ava("train", "moved", "--out", "run", "--resume", "--epochs", "5").code == 0
    assert Run.open("run").specification.pictures.source == str(split_run / "moved")
    assert ava("evaluate", "run", "--part", "test").code == 0


def test_part_of_other_pictures_is_refused(split_run: Path) -> None:
    write_pictures(split_run / "other", 8, seed=9)
    outcome = ava("evaluate", "run", "other", "--part", "test")
    assert outcome.code == 1
    assert "have changed since the training of run" in outcome.err
