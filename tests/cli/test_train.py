"""``ava train``: what it writes and prints, what its options do, and the same bytes for the same command."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from ava_np.console import COMPILING
from ava_np.run.folder import Run
from ava_np.run.names import MODEL
from ava_np.specification.defaults import DENSE_STEPS
from tests.command import SMALL, Outcome, ava, tree, write_pictures
from tests.data.picture_files import noise, write_picture
from tests.idx_files import digits, write_idx
from tests.results import BOLD, printed, ran

FILES = {
    "config.json",
    "model.safetensors",
    "training.safetensors",
    "metrics.jsonl",
    "samples.png",
    "reconstructions.png",
    "image_best.png",
    "losses.png",
    "training.gif",
    "README.md",
    "report.html",
    "progress",
    *(f"progress/step-00000{step}.png" for step in range(4)),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A folder with pictures in photos/ and a run on them, and what its training printed."""
    place = tmp_path_factory.mktemp("place")
    photos = write_pictures(place / "photos")
    return place, ava("train", photos, *SMALL, "--lr", "0.1", "--out", place / "run")


def test_train_writes_a_complete_run_folder(made: tuple[Path, Outcome]) -> None:
    place, outcome = made
    assert outcome.code == 0
    assert set(tree(place / "run")) == FILES
    assert str(place / "run" / "report.html") in outcome.out
    assert "reconstruction error" in outcome.out
    training = Run.open(place / "run").specification.training
    assert (training.epochs, training.optimiser, training.reduction) == (3, "adam", "sum")


def test_train_prints_plain_lines_without_a_terminal(made: tuple[Path, Outcome]) -> None:
    place, outcome = made
    lines = [line for line in outcome.err.splitlines() if line != COMPILING]  # if there is no cache
    assert lines[0] == f"6 pictures in {place / 'photos'}, RGB 12x9"
    assert lines[1].startswith("ava5 (exact propagation), 8,218 parameters, at most 39")
    assert lines[1].endswith(" MB of memory; γ = 0.1 (adam, sum), gradients scaled by 1")
    assert [line.split()[1] for line in lines[2:]] == ["1/3", "2/3", "3/3"]
    for line in lines[2:]:
        for word in ("reconstruction", "kl", "log_d_real", "log_D_fake"):
            assert word in line
    assert "left" not in lines[2]  # the first step also waits for kernels
    for line in lines[3:]:
        assert "ms/step" in line
        assert "s left" in line
    assert "\x1b" not in outcome.err + outcome.out  # no colours in a file


@pytest.mark.usefixtures("no_report")
def test_long_training_prints_few_lines(photos: Path, place: Path) -> None:
    outcome = ava("train", photos, *SMALL, "--model", "vae", "--epochs", 500, "--out", "long")
    epochs = [line for line in outcome.err.splitlines() if line.startswith("epoch ")]
    assert 5 <= len(epochs) <= 15
    assert epochs[-1].startswith("epoch 500/500 ")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--model", "vae"), {"name": "vae", "propagation": "exact"}),
        (("--propagation", "paper"), {"name": "ava5", "propagation": "paper"}),
        (("--hidden", "8, 4"), {"hidden": [8, 4]}),
        (("--latent", "5"), {"latent": 5}),
        (("--size", "15x30", "--zoom", "5"), {"size": [15, 30], "zoom": 5}),
        (("--size", "16"), {"size": [16, 16]}),
        (("--optimizer", "sgd"), {"optimiser": "sgd", "learning_rate": 0.3, "reduction": "fan"}),
        (("--optimiser", "sgd", "--lr", "0.5", "--reduction", "mean"), {"learning_rate": 0.5, "reduction": "mean"}),
        (("--batch-size", "4", "--seed", "7"), {"batch_size": 4, "seed": 7}),
        (("--model", "vae", "--beta", "4", "--likelihood", "bernoulli"), {"beta": 4, "likelihood": "bernoulli"}),
        (("--model", "gan", "--saturating", "--smoothing", "0.1"), {"saturating": True, "smoothing": 0.1}),
        (("--model", "gan", "--augment", "Cutout, colour"), {"augment": ["colour", "cutout"]}),
        (("--model", "gan", "--augment", "none"), {"augment": []}),
        (("--model", "gan"), {"saturating": False, "minibatch_discrimination": False, "momentum": 0.5}),
        (("--model", "dcgan"), {"name": "dcgan", "architecture": "dcgan"}),
        (("--model", "aae", "--prior", "swiss-roll", "--stochastic"), {"prior": "swiss-roll", "stochastic": True}),
        (("--model", "vae-gan-costs", "--minibatch-discrimination"), {"minibatch_discrimination": True}),
        (("--model", "bigan", "--architecture", "conv28"), {"name": "bigan", "architecture": "conv28"}),
        (("--model", "vaegan", "--reconstructions-are-not-fake"), {"reconstructions_are_fake": False}),
        (("--optimiser", "rmsprop", "--clip", "1", "--weight-decay", "0.1"), {"clip": 1, "weight_decay": 0.1}),
        (("--schedule", "cosine", "--momentum", "0.8"), {"schedule": "cosine", "momentum": 0.8}),
        (("--ema", "0.99"), {"ema": 0.99}),
        (("--flip", "--shift", "1", "--limit", "5"), {"flip": True, "shift": 1, "limit": 5}),
        (("--flip",), {"fit": "crop", "by_folder": True}),
        (("--fit", "Pad", "--size", "16"), {"fit": "pad"}),
        (("--max-pixels", "200000000"), {"max_pixels": 200_000_000}),
        (("--validation", "0.2", "--test", "0.2"), {"validation": 0.2, "test": 0.2}),
    ],
)
@pytest.mark.usefixtures("no_report")
def test_options_of_train_are_in_the_specification(
    photos: Path, place: Path, options: tuple[str, ...], expected: dict[str, Any]
) -> None:
    ran("train", photos, *SMALL, *options, "--out", "other")
    assert settings("other").items() >= expected.items()


def settings(run: str) -> dict[str, Any]:
    """All values that ``ava info`` prints of a run, without their sections."""
    return {key: value for section in printed("info", run).values() for key, value in section.items()}


@pytest.mark.usefixtures("no_report")
def test_run_reads_its_pictures_again_with_the_same_limit_of_pixels(place: Path) -> None:
    write_pictures(place / "mixed", 4)
    write_picture(place / "mixed" / "large.png", noise(30, 30))
    ran("train", "mixed", *SMALL, "--size", "12x9", "--max-pixels", 500, "--out", "few")
    ran("train", "--out", "few", "--resume", "--epochs", 4)  # it would refuse other pictures
    assert len(ran("encode", "few").splitlines()) == 1 + 4  # a header, and all but large.png


@pytest.mark.usefixtures("no_report")
@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_pictures_of_other_ratios_are_fitted_alike_by_every_command(place: Path, fit: str) -> None:
    write_pictures(place / "mixed", 4)
    write_picture(place / "mixed" / "tall.png", noise(30, 12))
    outcome = ava("train", "mixed", *SMALL, "--fit", fit, "--out", "fitted")
    assert outcome.code == 0
    (line,) = [line for line in outcome.err.splitlines() if line.startswith("pictures have ratios from 2:5 to 4:3: ")]
    assert line.count("--fit ") == 2
    assert ava("train", "--out", "fitted", "--resume", "--epochs", 4).code == 0  # it would refuse other values
    shutil.copytree(place / "mixed", place / "copied")
    own, copied = printed("evaluate", "fitted"), printed("evaluate", "fitted", "copied")
    assert own["reconstruction_errors"] == copied["reconstruction_errors"]


@pytest.mark.usefixtures("no_report")
def test_pictures_of_one_ratio_need_no_word_about_it(photos: Path, place: Path) -> None:
    assert "ratio" not in ava("train", photos, *SMALL, "--size", "24x18", "--out", "one").err


@pytest.mark.usefixtures("no_report")
def test_train_reads_every_source(place: Path) -> None:
    write_idx(place / "digits" / "train-images-idx3-ubyte.gz", digits(7), zipped=True)
    for source, size in (("digits", [4, 6]), ("toy:ring", [2, 1]), ("digits/train-images-idx3-ubyte.gz", [4, 6])):
        ran("train", source, *SMALL, "--model", "vae", "--epochs", 1, "--out", "other", "--overwrite")
        assert settings("other")["size"] == size


@pytest.mark.usefixtures("no_report")
def test_cached_folder_trains_to_the_same_bytes(photos: Path, place: Path) -> None:
    ran("train", photos, *BOLD, "--cache", "cache", "--out", "cached")
    assert len(list((place / "cache").glob("*.npy"))) == 1
    assert (place / "cached" / MODEL).read_bytes() == (place / "run" / MODEL).read_bytes()
    outcome = ava("train", "--out", "cached", "--resume", "--epochs", 4)
    assert outcome.code == 0
    assert "the copy of the pictures" not in outcome.err  # is missing: it was built for the default size


@pytest.mark.usefixtures("no_report")
def test_custom_architecture_is_trained(photos: Path, place: Path) -> None:
    layers = [{"layer": "convolution", "channels": 2, "kernel": 3}, {"layer": "activation", "function": "tanh"}]
    (place / "net.json").write_text(json.dumps({"encoder": layers}))
    ran("train", photos, *SMALL, "--architecture", "net.json", "--out", "own")
    assert json.loads((place / "own" / "config.json").read_text())["model"]["architecture"] == {"encoder": layers}
    ran("sample", "own")


@pytest.mark.usefixtures("no_report")
def test_epochs_default_to_a_number_of_steps(photos: Path, place: Path) -> None:
    ran("train", photos, "--hidden", 8, "--latent", 2, "--model", "vae", "--batch-size", 4, "--out", "whole")
    assert settings("whole")["epochs"] == math.ceil(DENSE_STEPS / 2)


def test_same_command_gives_the_same_bytes(photos: Path, place: Path) -> None:
    ran("train", photos, *BOLD, "--out", "again")
    assert tree(place / "again") == tree(place / "run")


@pytest.mark.usefixtures("no_report")
def test_any_number_of_threads_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch, photos: Path, place: Path) -> None:
    monkeypatch.setattr(
        "ava_np.kernels.machine.parallel.MIN_MULTIPLY_ADDS", 1000
    )  # multiply-adds for which a thread is woken
    monkeypatch.setattr("ava_np.kernels.machine.parallel._max_threads", 0)
    for threads in (1, 2):
        ran("train", photos, *SMALL, "--hidden", 600, "--batch-size", 6, "--threads", threads, "--out", threads)
    assert (place / "1" / MODEL).read_bytes() == (place / "2" / MODEL).read_bytes()


@pytest.mark.usefixtures("no_report")
def test_another_seed_gives_other_weights(photos: Path, place: Path) -> None:
    ran("train", photos, *BOLD, "--seed", 1, "--out", "other")
    assert (place / "other" / MODEL).read_bytes() != (place / "run" / MODEL).read_bytes()


@pytest.mark.usefixtures("no_report")
def test_default_run_folders_have_different_names(photos: Path, place: Path) -> None:
    for _ in range(3):
        ran("train", photos, *SMALL, "--epochs", 1)
    ran("train", "--size", "18x25", *SMALL, "--epochs", 1, "--model", "vae", "--propagation", "paper")
    names = {path.name for path in (place / "runs").iterdir()}
    assert names == {"photos-ava5", "photos-ava5-2", "photos-ava5-3", "builtin-vae-paper"}
    assert settings("runs/builtin-vae-paper")["source"] is None


def test_single_picture_can_be_trained_on(photos: Path, place: Path) -> None:
    outcome = ava("train", photos / "3.png", *SMALL, "--out", "one")
    assert outcome.code == 0
    assert outcome.err.startswith("1 picture in ")
    assert printed("evaluate", "one")["baselines"]["floor"] == pytest.approx(0.1, abs=0.1)
    for command in (("sample", "one"), ("reconstruct", "one"), ("interpolate", "one"), ("encode", "one")):
        ran(*command)


def test_error_printed_after_training_is_the_evaluated_one(made: tuple[Path, Outcome]) -> None:
    place, outcome = made
    found = printed("evaluate", place / "run")
    assert f"reconstruction error {found['reconstruction_error']:.4f} (the mean picture" in outcome.out


def test_words_are_read_in_capital_letters_too(made: tuple[Path, Outcome], tmp_path: Path) -> None:
    words = ("--model", "AVA1", "--optimiser", "Adam", "--architecture", "MLP", "--propagation", "Exact")
    ran("train", made[0] / "photos", *SMALL, *words, "--out", tmp_path / "capital")
    found = printed("info", tmp_path / "capital")
    assert found["model"].items() >= {"name": "ava1", "architecture": "mlp", "propagation": "exact"}.items()
    assert found["training"]["optimiser"] == "adam"
    ran("train", "toy:Ring", *SMALL, "--model", "gan", "--limit", 50, "--out", tmp_path / "ring")
    assert printed("evaluate", tmp_path / "ring")["of"] == 8
