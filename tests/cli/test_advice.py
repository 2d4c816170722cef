"""What a message advises works: each test does it."""

from pathlib import Path

import pytest

from tests.command import SMALL, Outcome, ava, write_pictures

pytestmark = pytest.mark.usefixtures("no_report")


def advised(outcome: Outcome, words: str) -> None:
    """Assert that a command was refused with this advice."""
    assert outcome.code in (1, 2, 3)
    assert words in outcome.err.splitlines()[-1]


@pytest.mark.parametrize("follow", [("--out", "other"), ("--out", "run", "--overwrite")])
def test_folder_in_use(place: Path, photos: Path, follow: tuple[str, ...]) -> None:
    advised(ava("train", photos, *SMALL, "--out", "run"), "choose another --out, or add --resume or --overwrite")
    assert ava("train", photos, *SMALL, *follow).code == 0


def test_folder_in_use_is_resumed(place: Path, photos: Path) -> None:
    advised(ava("train", photos, *SMALL, "--out", "run"), "or add --resume")
    advised(ava("train", photos, *SMALL, "--out", "run", "--resume"), "takes --hidden from the run: leave it out")
    advised(
        ava("train", photos, "--out", "run", "--resume", "--latent", "2"), "takes --latent from the run: leave it out"
    )
    assert ava("train", photos, "--out", "run", "--resume").code == 0


def test_fewer_epochs_than_done(place: Path) -> None:
    advised(ava("train", "--out", "run", "--resume", "--epochs", 1), "choose a larger --epochs")
    assert ava("train", "--out", "run", "--resume", "--epochs", 4).code == 0


def test_picture_that_would_be_alone(tmp_path: Path, photos: Path) -> None:
    command = ("train", photos, "--model", "dcgan", "--hidden", "2,3", "--size", "20x28", "--epochs", 1)
    advised(ava(*command, "--batch-size", 5, "--out", tmp_path / "run"), "choose another --batch-size")
    assert ava(*command, "--batch-size", 3, "--out", tmp_path / "run").code == 0
    one = write_pictures(tmp_path / "one", 1)
    advised(ava("train", one, *command[2:], "--out", tmp_path / "other"), "there is only one: give more pictures")


def test_diverging_training(tmp_path: Path, photos: Path) -> None:
    out = tmp_path / "run"
    options = ("--optimiser", "momentum", "--lr", 1, "--reduction", "sum", "--epochs", 40, "--hidden", 8, "--latent", 2)
    outcome = ava("train", photos, *options, "--model", "aae", "--out", out)
    assert outcome.code == 3
    for _ in range(6):
        if outcome.code == 0:
            break
        assert outcome.code == 3
        advice = outcome.err.splitlines()[-1].split("ava ")[-1]
        assert advice.startswith(f"train --out {out} --resume --lr ")
        outcome = ava(*advice.split())
    assert outcome.code == 0
