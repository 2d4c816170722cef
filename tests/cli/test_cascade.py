"""``ava train --model cascade --from RUN``: what the run of the VAE decides, what is refused, and what is kept."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import ava_np
from ava_np.run.session import start
from ava_np.specification import Cascade, RunOptions
from tests.cli.refusals import FAILURE, USAGE, refused
from tests.command import SMALL, ava, tree
from tests.idx_files import digits, write_idx
from tests.results import ran

OPTIONS = ("--model", "cascade", "--architecture", "mlp", "--hidden", 8, "--batch-size", 3)

pytestmark = pytest.mark.usefixtures("no_report")


@pytest.fixture
def place(place: Path, photos: Path) -> Path:
    """The working folder, with the run of a VAE in vae/, of padded and zoomed pictures."""
    shutil.copytree(photos, place / "photos")
    of_pictures = ("--size", "12x12", "--fit", "pad", "--zoom", 2)
    ran("train", "photos", "--model", "vae", *SMALL, "--lr", 0.1, *of_pictures, "--out", "vae")
    return place


def frozen(run: str) -> dict[str, bytes]:
    """Return the bytes of encoder and decoder."""
    networks = ava_np.load(run).networks
    return {name: networks[name].theta.tobytes() for name in ("encoder", "decoder")}


def test_the_run_of_the_vae_decides_the_code_and_the_pictures(place: Path) -> None:
    ran("train", "photos", *OPTIONS, "--from", "vae", "--epochs", 2, "--out", "cascade")
    vae, cascade = (json.loads((place / name / "config.json").read_bytes()) for name in ("vae", "cascade"))
    assert cascade["pictures"] == vae["pictures"]
    assert cascade["model"]["vae"] == vae["model"]
    assert (cascade["model"]["latent"], cascade["model"]["hidden"]) == (2, [8])
    assert len(cascade["model"]["vae_sha256"]) == 64
    assert str(place / "vae") not in (place / "cascade" / "config.json").read_text()
    assert frozen("cascade") == frozen("vae")


def test_what_the_vae_has_decided_may_be_said_again(place: Path) -> None:
    decided = ("--latent", 2, "--size", 12, "--fit", "pad", "--zoom", 2)
    ran("train", "photos", *OPTIONS, "--from", "vae", *decided, "--epochs", 1, "--out", "cascade")


def test_colours_are_read_as_grey_if_the_vae_is_grey(place: Path) -> None:
    write_idx(place / "digits.idx", digits(17))
    ran("train", "digits.idx", "--model", "vae", *SMALL, "--out", "grey")
    ran("train", "photos", *OPTIONS, "--from", "grey", "--epochs", 1, "--out", "cascade")
    assert ava_np.load("cascade").shape == ava_np.load("grey").shape
    assert ava_np.load("cascade").shape[2] == 1


def test_a_run_needs_its_vae_no_longer(place: Path) -> None:
    """It resumes to the bytes of an uninterrupted one, after the run of the VAE is gone."""
    shutil.copytree("vae", "moved")
    ran("train", "photos", *OPTIONS, "--from", "moved", "--epochs", 4, "--out", "whole")
    ran("train", "photos", *OPTIONS, "--from", "vae", "--epochs", 2, "--out", "stopped")
    shutil.rmtree("vae")
    ran("train", "--out", "stopped", "--resume", "--epochs", 4)
    assert tree(place / "stopped") == tree(place / "whole")
    assert frozen("whole") == frozen("moved")
    ran("sample", "stopped", "--seed", 0)


def test_another_vae_gives_another_run(place: Path) -> None:
    for folder in ("first", "second"):
        ran("train", "photos", *OPTIONS, "--from", "vae", "--epochs", 1, "--out", folder)
        ran("train", "--out", "vae", "--resume", "--epochs", 4)
    first, second = (json.loads((place / folder / "config.json").read_bytes()) for folder in ("first", "second"))
    assert first["id"] != second["id"]
    assert first["model"]["vae_sha256"] != second["model"]["vae_sha256"]


def test_python_starts_the_same_run(place: Path) -> None:
    ran("train", "photos", *OPTIONS, "--from", "vae", "--epochs", 2, "--out", "command")
    shared = {"trained_vae": "vae", "batch_size": 3, "epochs": 2}
    layers = {"architecture": "mlp", "hidden": (8,)}
    named = RunOptions("photos", model="cascade", model_options=layers, **shared)  # type: ignore[arg-type]
    specified = RunOptions("photos", model=Cascade(**layers), **shared)  # type: ignore[arg-type]
    for options, folder in ((named, "named"), (specified, "specified")):
        for _ in start(options, folder):
            pass
        assert tree(place / folder) == tree(place / "command")


def test_minutes_train_with_the_vae(place: Path) -> None:
    ran("train", "photos", *OPTIONS, "--from", "vae", "--minutes", 0.0001, "--out", "cascade")
    assert frozen("cascade") == frozen("vae")


def test_toy_points_have_a_cascade(place: Path) -> None:
    points = ("toy:ring", "--limit", 100)
    ran("train", *points, *OPTIONS, "--from", "toy", "--batch-size", 50, "--epochs", 1, "--out", "points")
    assert ava_np.load("points").sample(3, 0).shape == (3, 1, 2, 1)
    assert np.isfinite(ava_np.load("points").sample(3, 0)).all()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("photos", *OPTIONS), USAGE, ("--from", "trained VAE: name its run")),
        (("photos", "--model", "gan", "--from", "vae"), USAGE, ("--from", "only a cascade", "gan")),
        (("photos", "--from", "vae"), USAGE, ("--from", "only a cascade", "ava5")),
        (("photos", *OPTIONS, "--from", "gan"), USAGE, ("--from", "not from the model gan")),
        (("photos", *OPTIONS, "--from", "photos"), FAILURE, ("photos is not a run folder",)),
        (("photos", *OPTIONS, "--from", "nowhere"), FAILURE, ("nowhere is not a run folder",)),
        (("photos", *OPTIONS, "--from", "toy"), USAGE, ("--from", "on points, not on pictures")),
        (("toy:ring", *OPTIONS, "--from", "vae"), USAGE, ("--from", "on pictures, not on points")),
        (("photos", *OPTIONS, "--from", "vae", "--latent", 3), USAGE, ("--latent", "latent is 2, not 3")),
        (("photos", *OPTIONS, "--from", "vae", "--size", 9), USAGE, ("--size", "size 12x12")),
        (("photos", *OPTIONS, "--from", "vae", "--zoom", 1), USAGE, ("--zoom", "zoom 2")),
        (("photos", *OPTIONS, "--from", "vae", "--fit", "stretch"), USAGE, ("--fit", "fit pad")),
        (("photos", *OPTIONS, "--from", "vae", "--validation", 0.2), USAGE, ("--validation",)),
        (("--out", "run", "--resume", "--from", "vae"), USAGE, ("--from",)),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(
    place: Path, arguments: tuple[object, ...], code: int, words: tuple[str, ...]
) -> None:
    refused(place, ("train", *arguments), code, *words)


def test_damaged_vae_is_refused(place: Path) -> None:
    weights = place / "vae" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    refused(place, ("train", "photos", *OPTIONS, "--from", "vae"), FAILURE, "model.safetensors is damaged")


def test_a_run_that_never_saved_its_vae_does_not_resume(place: Path) -> None:
    """It would train with a VAE that knows nothing."""
    ran("train", "photos", *OPTIONS, "--from", "vae", "--epochs", 1, "--out", "cut")
    for name in ("model.safetensors", "training.safetensors", "metrics.jsonl"):
        (place / "cut" / name).unlink()
    refused(place, ("train", "--out", "cut", "--resume"), FAILURE, "before its VAE was saved", "--overwrite")


def test_the_start_says_where_the_codes_come_from(place: Path) -> None:
    outcome = ava("train", "photos", *OPTIONS, "--from", "vae", "--epochs", 1, "--out", "cascade")
    assert "codes from the VAE in vae" in outcome.err
