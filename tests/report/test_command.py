"""The command line in a report gives the same specification again."""

import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ava_np.report.command import command
from ava_np.run.folder import Run
from ava_np.specification import (
    FORMAT,
    MAX_PIXELS,
    PicturesSpecification,
    Specification,
    TrainingSpecification,
    specify_model,
    validated,
)
from tests.command import ava, write_pictures

TRAINING = TrainingSpecification("adam", 1e-3, "sum", batch_size=3, epochs=1, seed=5, momentum=0.9)
SMALL = {"latent": 2, "hidden": (4,)}
NEW: dict[str, Any] = {"size": (12, 9), "channels": 3, "zoom": 3, "fit": "crop", "by_folder": True}


def specify(name: str, source: str | None, training: TrainingSpecification = TRAINING, **options: Any) -> Specification:
    pictures = {name: options.pop(name) for name in PicturesSpecification.__struct_fields__ if name in options}
    model: Any = specify_model(name, **{**SMALL, **options})
    kept = validated(PicturesSpecification, **{"source": source, **NEW, **pictures})
    return Specification(FORMAT, model, kept, training)


def changed(**values: Any) -> TrainingSpecification:
    return msgspec.structs.replace(TRAINING, **values)


def remade(parts: list[str], folder: Path) -> Specification:
    """Run the command line with another run folder; return the specification of its run."""
    program, subcommand, *arguments = shlex.split(" ".join(parts))
    assert (program, subcommand) == ("ava", "train")
    outcome = ava("train", *arguments, "--out", folder)
    assert outcome.code == 0, outcome.err
    return Run.open(folder).specification


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("a place") / "O'Neill & sons")


@pytest.fixture(autouse=True)
def _no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ava_np.report.run.report_run", lambda session: (None, []))


@pytest.mark.parametrize(
    ("name", "options", "training"),
    [
        ("ava5", {}, TRAINING),
        ("ava2", {"propagation": "paper", "minibatch_discrimination": True, "hidden": (8, 4)}, TRAINING),
        ("vae", {"beta": 0.5, "likelihood": "bernoulli"}, changed(optimiser="sgd", reduction="fan")),
        ("ae", {"hidden": ()}, changed(optimiser="momentum", momentum=0.5, weight_decay=1e-5)),
        ("gan", {"smoothing": 0.1, "saturating": True}, changed(momentum=0.5, ema=0.999)),
        ("gan", {"augment": ("colour", "cutout")}, changed(momentum=0.5, ema=0.9)),
        ("gan", {}, changed(schedule="cosine", clip=2.5, optimiser="rmsprop")),
        ("dcgan", {"prior": "uniform"}, changed(milestones=(2, 3), decay=0.5)),
        ("dcgan", {"architecture": "mlp", "latent": 100, "hidden": (4,)}, changed(momentum=0.4)),
        ("aae", {"prior": "swiss-roll", "stochastic": True}, TRAINING),
        ("vae-gan-costs", {"prior": "uniform"}, TRAINING),
        ("bigan", {}, changed(momentum=0.5)),
        ("vaegan", {"gamma": 1e-5, "reconstructions_are_fake": False}, TRAINING),
        ("vae-gan-sum", {"adversarial_weight": 2.0, "saturating": True}, TRAINING),
        ("avb", {"likelihood": "gaussian"}, changed(momentum=0.5)),
        ("alphagan", {"reconstruction_weight": 0.3}, changed(momentum=0.5)),
        ("vae", {"architecture": "conv28", "hidden": (2, 3), "zoom": 1}, TRAINING),
        ("vae", {"limit": 5, "validation": 0.2, "flip": True, "shift": 1}, TRAINING),
        ("vae", {"test": 0.4}, changed(learning_rate=3e-5, ema=0.5)),
        ("ae", {"fit": "pad"}, TRAINING),
        ("ae", {"fit": "stretch"}, TRAINING),
    ],
)
def test_command_gives_the_same_specification(
    photos: Path, tmp_path: Path, name: str, options: dict[str, Any], training: TrainingSpecification
) -> None:
    specification = specify(name, str(photos), training, **options)
    again = remade(command(specification), tmp_path / "run")
    pictures = msgspec.structs.replace(again.pictures, sha256=None, count=0)
    assert (again.model, pictures, again.training) == (
        specification.model,
        specification.pictures,
        specification.training,
    )


def test_command_of_a_toy_has_no_size_or_zoom(tmp_path: Path) -> None:
    specification = specify(
        "gan",
        "toy:ring",
        changed(momentum=0.5, batch_size=50),
        output="linear",
        size=(2, 1),
        channels=1,
        zoom=1,
        limit=100,
    )
    parts = command(specification)
    assert not any(part.startswith(("--size", "--fit", "--zoom", "--output")) for part in parts)
    again = remade(parts, tmp_path / "run")
    assert again.model == specification.model
    assert msgspec.structs.replace(again.pictures, sha256=None, count=0) == specification.pictures


def test_vae_of_a_cascade_is_a_run_in_the_command(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = ("--model", "vae", "--hidden", 5, "--latent", 2, "--size", "12x9", "--zoom", 3, "--epochs", 1)
    assert ava("train", photos, *made, "--out", "VAE").code == 0
    vae = Run.open("VAE")
    specification = specify(
        "cascade",
        str(photos),
        changed(momentum=0.5, ema=0.999),
        architecture="mlp",
        vae=vae.specification.model,
        vae_sha256=vae.header().sha256,
    )
    parts = command(specification)
    assert "--from VAE" in parts
    assert remade(parts, tmp_path / "run").model == specification.model


def test_custom_architecture_is_a_file_in_the_command(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {
        "encoder": ({"layer": "flatten"}, {"layer": "dense", "width": 3}, {"layer": "activation", "function": "relu"})
    }
    specification = specify("ae", str(photos), architecture=own)
    parts = command(specification)
    assert "--architecture architecture.json" in parts
    monkeypatch.chdir(tmp_path)
    stored = msgspec.json.decode(msgspec.json.encode(specification))["model"]["architecture"]
    Path("architecture.json").write_bytes(msgspec.json.encode(stored))
    assert remade(parts, tmp_path / "run").model == specification.model


def test_limit_of_pixels_is_in_the_command(photos: Path, tmp_path: Path) -> None:
    for limit, shown in ((1000, True), (MAX_PIXELS, False)):
        specification = specify("ae", str(photos), max_pixels=limit)
        assert any(part.startswith("--max-pixels") for part in command(specification)) is shown
        assert remade(command(specification), tmp_path / str(limit)).pictures.max_pixels == limit


def test_cache_is_in_the_command(photos: Path, tmp_path: Path) -> None:
    specification = specify("ae", str(photos), cache=str(tmp_path / "a cache"))
    assert remade(command(specification), tmp_path / "run").pictures.cache == str(tmp_path / "a cache")


def test_command_of_built_in_pictures_has_no_source() -> None:
    assert command(specify("ava5", None))[:2] == ["ava train", "--model ava5"]


def test_defaults_are_left_out_of_the_command() -> None:
    model: Any = specify_model("dcgan")
    specification = Specification(
        FORMAT, model, PicturesSpecification(None, (64, 64), 3, 1, fit="crop"), changed(momentum=0.5, ema=0.999)
    )
    names = [part.split()[0] for part in command(specification)[1:]]
    expected = [
        "--model",
        "--size",
        "--zoom",
        "--optimiser",
        "--lr",
        "--reduction",
        "--batch-size",
        "--epochs",
        "--seed",
    ]
    assert sorted(names) == sorted(expected)
