"""Bad input: one line that says what is wrong, the right exit code, and nothing left behind."""

import gzip
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from ava_np.run.checkpoint import load_model, save_model
from tests.command import SMALL, Outcome, ava, spawn, tree, write_pictures
from tests.idx_files import digits, idx_bytes

FAULT, USAGE, NOT_FINITE = 1, 2, 3

OVERCOMMIT = Path("/proc/sys/vm/overcommit_memory")
needs_limits = pytest.mark.skipif(
    not OVERCOMMIT.exists() or OVERCOMMIT.read_text().strip() == "1",
    reason="this system promises memory that it does not have",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with pictures of every kind of trouble and one sound run."""
    place = tmp_path_factory.mktemp("place")
    write_pictures(place / "photos", 4)
    (place / "empty").mkdir()
    (place / "texts").mkdir()
    (place / "texts" / "letter.txt").write_text("Dear")
    shutil.copytree(place / "photos", place / "torn")
    whole = (place / "torn" / "2.png").read_bytes()
    (place / "torn" / "2.png").write_bytes(whole[: len(whole) // 2])
    (place / "all-torn").mkdir()
    (place / "all-torn" / "1.png").write_bytes(whole[: len(whole) // 2])
    (place / "file").write_text("a regular file")
    pixels = idx_bytes(digits())
    (place / "cut.idx").write_bytes(pixels[:-7])
    (place / "cut.idx.gz").write_bytes(gzip.compress(pixels)[:-9])
    (place / "train-images-idx3-ubyte").write_bytes(idx_bytes(np.arange(9, dtype=np.uint8)))
    (place / "net.json").write_text('{"decoder": [{"layer": "dense", "width": 9}]}')
    (place / "typo.json").write_text('{"encoder": [{"layer": "convolution", "channels": 3, "kernels": 3}]}')
    (place / "list.json").write_text("[3]")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert ava("train", "photos", *SMALL, "--out", "run").code == 0
    config = json.loads((place / "run" / "config.json").read_text())
    config["pictures"]["source"] = "photos"  # so that a copy of the place is one of its own
    (place / "run" / "config.json").write_text(json.dumps(config))
    return place


@pytest.fixture
def place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it as the working folder."""
    shutil.copytree(made, tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    return tmp_path / "place"


def fault(outcome: Outcome, code: int, *words: str) -> None:
    """Assert that a command ended in one line with these words, and with this exit code."""
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    lines = outcome.err.splitlines()
    assert [line.startswith("Error: ") for line in lines] == [False] * (len(lines) - 1) + [True], outcome.err
    for word in words:
        assert word in lines[-1]
    assert outcome.code == code


def refused(place: Path, arguments: tuple[object, ...], code: int, *words: str) -> None:
    """Assert that a command is refused so, and that it leaves the place as it was."""
    before = tree(place)
    fault(ava(*arguments), code, *words)
    assert tree(place) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("missing",), ("missing", "no such folder")),
        (("empty",), ("empty", "no pictures")),
        (("texts",), ("texts", "no pictures", ".png")),
        (("file",), ("file", "neither a folder nor a picture")),
        (("all-torn",), ("all-torn", "no usable picture", "1.png")),
        (("torn", "--strict"), ("torn/2.png",)),
        (("photos", "--zoom", "10"), ("12 x 9", "10 x 10", "smaller zoom")),
        (("--size", "8x8", "--zoom", "9"), ("8 x 8", "9 x 9")),
        (("photos", "--zoom", "9" * 30), ("smaller zoom",)),
        (("photos", "--size", "9000x9"), ("9000", "8192")),
        (("--size", "9000x9"), ("9000", "8192")),
        (("x" * 300,), ("File name too long",)),
        (("photos", "--out", "file"), ("file is already used",)),
        (("photos", "--out", "photos"), ("photos is already used",)),
        (("photos", "--out", "photos", "--overwrite"), ("photos is not empty and no run",)),
        (("photos", "--out", "run"), ("run is already used", "--resume", "--overwrite")),
        (("photos", "--out", "file/run"), ("cannot write file/run", "Not a directory")),
        (("photos", "--out", "x" * 300), ("File name too long",)),
        (("--resume", "--out", "missing"), ("missing is no run folder",)),
        (("--resume", "--out", "photos"), ("photos is no run folder",)),
        (("--resume", "--out", "run", "--epochs", "2"), ("has trained 3 epochs already",)),
        (("cut.idx",), ("cut.idx", "truncated")),
        (("cut.idx.gz",), ("cut.idx.gz", "damaged")),
        (("train-images-idx3-ubyte",), ("train-images-idx3-ubyte", "labels")),
        (("toy:star", "--model", "gan"), ("star", "ring")),
        (("toy:ring", "--model", "vae", "--likelihood", "bernoulli"), ("Bernoulli", "linear")),
        (("photos", "--size", "6x6", "--architecture", "conv64"), ("6 x 6", "at least 8 x 8")),
        (("photos", "--architecture", "net.json"), ("decoder ends in 9 neurons", "324")),
        (("photos", "--architecture", "typo.json"), ("encoder", "kernels")),
        (("photos", "--model", "aae", "--prior", "swiss-roll"), ("swiss-roll", "--latent 2")),
        (("photos", "--model", "dcgan", "--batch-size", "3"), ("--batch-size", "alone")),
        (("photos", "--model", "gan", "--minibatch-discrimination", "--limit", "1"), ("--batch-size", "alone")),
        (("photos", "--test", "0.1"), ("test", "less than one")),
        (("photos", "--test", "0.5", "--validation", "0.5"), ("leave none",)),
    ],
)
def test_what_cannot_be_trained_on(place: Path, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    refused(place, ("train", *arguments), FAULT, *words)


def test_a_used_folder_is_refused_before_the_pictures_are_read(place: Path) -> None:
    outcome = ava("train", "photos", "--out", "run")
    assert outcome.err.startswith("Error: run is already used")


@needs_limits
@pytest.mark.parametrize("arguments", [("--hidden", "1000000,1000000"), ("--hidden", "1000000", "--latent", "1000000")])
def test_what_does_not_fit_in_memory(place: Path, arguments: tuple[str, ...]) -> None:
    start = time.monotonic()
    refused(place, ("train", "photos", *arguments), FAULT, "not enough memory")
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    "arguments",
    [
        ("--model", "pix2pix"),
        ("--architecture", "resnet"),
        ("--architecture", "missing.json"),
        ("--architecture", "list.json"),
        ("--prior", "cauchy"),
        ("--likelihood", "poisson"),
        ("--propagation", "both"),
        ("--optimiser", "newton"),
        ("--schedule", "wild"),
        ("--clip", "-1"),
        ("--weight-decay", "nan"),
        ("--validation", "1"),
        ("--test", "-0.1"),
        ("--smoothing", "1"),
        ("--shift", "-1"),
        ("--limit", "0"),
        ("--beta", "2"),  # of vae, and the model is ava5
        ("--saturating",),
        ("--validation", "0.5", "--model", "gan"),
        ("--momentum", "0.5", "--optimiser", "sgd"),
        ("--reduction", "max"),
        ("--latent", "0"),
        ("--latent", "-3"),
        ("--latent", "2.5"),
        ("--latent", "9" * 30),
        ("--hidden", ""),
        ("--hidden", "8,"),
        ("--hidden", "8,-1"),
        ("--hidden", "8,0"),
        ("--hidden", "eight"),
        ("--hidden", "8;4"),
        ("--hidden", "²"),
        ("--hidden", "9" * 30),
        ("--hidden", "9" * 5000),
        ("--size", "12"),
        ("--size", "12x"),
        ("--size", "0x9"),
        ("--size", "-1x9"),
        ("--size", "1.5x9"),
        ("--size", "1x2x3"),
        ("--size", "9" * 30 + "x9"),
        ("--zoom", "0"),
        ("--epochs", "0"),
        ("--epochs", "9" * 30),
        ("--batch-size", "0"),
        ("--batch-size", "many"),
        ("--lr", "0"),
        ("--lr", "-0.1"),
        ("--lr", "1.1"),
        ("--lr", "nan"),
        ("--lr", "inf"),
        ("--lr", "fast"),
        ("--seed", "-1"),
        ("--momentum", "1"),
        ("--nesterov", "0.9"),
        ("--epochs",),
        ("another", "folder"),
    ],
)
def test_options_out_of_range(place: Path, arguments: tuple[str, ...]) -> None:
    """By name, before anything is read or written."""
    word = arguments[0] if arguments[0].startswith("--") else "folder"
    refused(place, ("train", "photos", *arguments), USAGE, word)


@pytest.mark.parametrize(
    ("option", "word"), [(("--flip",), "--flip"), (("--shift", "1"), "--shift"), (("--model", "dcgan"), "mlp")]
)
def test_what_points_have_no_use_for(place: Path, option: tuple[str, ...], word: str) -> None:
    refused(place, ("train", "toy:ring", *option), USAGE, word)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--resume",), ("--out",)),
        (("photos", "--resume", "--out", "run"), ("SOURCE",)),
        (("--resume", "--out", "run", "--lr", "0.1"), ("--lr",)),
        (("--resume", "--out", "run", "--batch-size", "4"), ("--batch-size",)),
        (("--resume", "--out", "run", "--overwrite"), ("--overwrite",)),
    ],
)
def test_what_a_resumed_training_cannot_change(place: Path, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    refused(place, ("train", *arguments), USAGE, *words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("paint",), ("paint",)),
        (("--colour",), ("--colour",)),
        (("sample",), ("RUN",)),
        (("sample", "run", "--count", "0"), ("--count",)),
        (("sample", "run", "--count", "9" * 30), ("--count",)),
        (("sample", "run", "--seed", "-1"), ("--seed",)),
        (("sample", "run", "--out", "grid.jpg"), ("--out", "grid.jpg", ".png")),
        (("reconstruct", "run", "--count", "0"), ("--count",)),
        (("reconstruct", "run", "--out", "grid"), ("--out", ".png")),
        (("interpolate", "run", "--steps", "1"), ("--steps",)),
        (("interpolate", "run", "--steps", "9" * 30), ("--steps",)),
        (("interpolate", "run", "--from", "9.png"), ("--from", "9.png", "1.png")),
        (("interpolate", "run", "--to", ""), ("--to", "1.png")),
        (("encode", "run", "--out", "codes.xls"), ("codes.xls", ".csv", ".npy")),
        (("gradcheck", "--model", "pix2pix"), ("--model", "pix2pix")),
        (("gradcheck", "--propagation", "both"), ("--propagation", "both")),
        (("evaluate", "run", "photos", "photos"), ("photos",)),
        (("experiment", "figures"), ("figures",)),
    ],
)
def test_wrong_use_of_the_other_commands(place: Path, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    refused(place, arguments, USAGE, *words)


RUN_COMMANDS = ("sample", "reconstruct", "encode", "interpolate", "evaluate", "info")


@pytest.mark.parametrize("command", RUN_COMMANDS)
@pytest.mark.parametrize(
    ("folder", "words"),
    [("missing", "missing is no run folder"), ("photos", "photos is no run folder"), ("file", "file is no run folder")],
)
def test_what_is_no_run(place: Path, command: str, folder: str, words: str) -> None:
    refused(place, (command, folder), FAULT, words, "config.json")


@pytest.mark.parametrize("command", RUN_COMMANDS)
def test_a_name_that_no_system_takes(place: Path, command: str) -> None:
    refused(place, (command, "x" * 300), FAULT, "File name too long")


@pytest.mark.parametrize("command", ["reconstruct", "encode", "interpolate", "evaluate"])
@pytest.mark.parametrize("folder", ["missing", "empty", "texts", "file", "all-torn"])
def test_other_pictures_that_are_none(place: Path, command: str, folder: str) -> None:
    refused(place, (command, "run", folder), FAULT, folder)


@pytest.mark.parametrize(
    ("arguments", "out"),
    [
        (("sample", "run"), "missing/grid.png"),
        (("sample", "run"), "file/grid.png"),
        (("reconstruct", "run"), "file/pairs.png"),
        (("interpolate", "run"), "file/strip.png"),
        (("encode", "run"), "missing/codes.csv"),
        (("encode", "run"), "file/codes.csv"),
        (("encode", "run"), "file/codes.npy"),
    ],
)
def test_where_nothing_can_be_written(place: Path, arguments: tuple[str, ...], out: str) -> None:
    refused(place, (*arguments, "--out", out), FAULT, out)


def cut(name: str) -> Callable[[Path], None]:
    """Leave the first half of a file."""

    def damage(run: Path) -> None:
        content = (run / name).read_bytes()
        (run / name).write_bytes(content[: len(content) // 2])

    return damage


def without(name: str) -> Callable[[Path], None]:
    return lambda run: (run / name).unlink()


def config(**values: object) -> Callable[[Path], None]:
    """Set values of config.json's first level."""

    def damage(run: Path) -> None:
        found = json.loads((run / "config.json").read_text())
        (run / "config.json").write_text(json.dumps(found | values))

    return damage


def not_a_number(run: Path) -> None:
    model = load_model(run)
    model.networks["encoder"].theta[0] = np.nan
    save_model(model, run / "model.safetensors")


def foreign(run: Path) -> None:
    path = run / "model.safetensors"
    save_file(load_file(path), path, {"made": "elsewhere"})


DAMAGES = {
    "no config": (without("config.json"), "no run folder"),
    "half a config": (cut("config.json"), "config.json is damaged"),
    "no model": (without("model.safetensors"), "model.safetensors does not exist"),
    "half a model": (cut("model.safetensors"), "model.safetensors is damaged"),
    "not a number": (not_a_number, "encoder.dense1.W is not finite"),
    "foreign": (foreign, "model.safetensors was not written by ava-np"),
    "other version": (config(format=1), "is a run of format 1; this ava-np reads format 2"),
    "unknown key": (config(dropout=0.5), "dropout"),
    "other model": (
        config(model={"name": "ava5", "propagation": "exact", "latent": 3, "hidden": [8]}),
        "is not of the model that config.json describes",
    ),
}


@pytest.mark.parametrize("command", RUN_COMMANDS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_run(place: Path, command: str, damage: str) -> None:
    spoil, words = DAMAGES[damage]
    spoil(place / "run")
    refused(place, (command, "run"), FAULT, words)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (cut("training.safetensors"), "training.safetensors is damaged"),
        (without("training.safetensors"), "training.safetensors does not exist"),
        (lambda run: (run / "metrics.jsonl").write_text("one\ntwo\n"), "metrics.jsonl is damaged"),
        (config(format=1), "format 1"),
        (config(model={"name": "ava5", "propagation": "exact", "latent": 3, "hidden": [8]}), "does not fit its run"),
    ],
)
def test_a_damaged_training_does_not_go_on(place: Path, damage: Callable[[Path], None], words: str) -> None:
    damage(place / "run")
    refused(place, ("train", "--out", "run", "--resume", "--epochs", "5"), FAULT, words)


def test_a_training_whose_pictures_are_gone_does_not_go_on(place: Path) -> None:
    (place / "photos").rename(place / "moved")
    refused(place, ("train", "--out", "run", "--resume", "--epochs", "5"), FAULT, "no longer in photos")


def test_a_torn_picture_is_left_out_and_counted(place: Path) -> None:
    outcome = ava("train", "torn", *SMALL, "--out", "new")
    assert outcome.code == 0
    lines = outcome.err.splitlines()
    assert lines[0] == "3 pictures in torn, RGB 12x9"
    assert lines[1].startswith("1 left out, the first: 2.png: ")
    assert "Error" not in outcome.err
    for command in ("evaluate", "encode", "reconstruct", "interpolate"):
        outcome = ava(command, "run", "torn")
        assert outcome.code == 0
        assert outcome.err == lines[1] + "\n"


def test_numbers_that_overflow_stop_the_training(place: Path) -> None:
    """With exit code 3, and the last good model in the run folder."""
    options = ("--optimiser", "sgd", "--reduction", "sum", "--lr", "1", "--zoom", "1")
    outcome = ava("train", "photos", *SMALL, *options, "--epochs", 500, "--out", "wild")
    fault(outcome, NOT_FINITE, "is not finite at step", "learning rate 1", "not applied", "lower learning rate")
    assert set(tree(place / "wild")) == {"config.json", "metrics.jsonl", "model.safetensors", "training.safetensors"}
    for network in load_model(place / "wild").networks.values():
        assert np.isfinite(network.theta).all()
    assert ava("sample", "wild", "--count", 1).code == 0
    fault(ava("train", "--out", "wild", "--resume"), NOT_FINITE, "is not finite at step")


def test_a_fault_in_a_process_of_its_own(place: Path) -> None:
    """The same as seen by a shell."""
    for arguments, code in ((("train", "missing"), FAULT), (("train", "--lr", "2"), USAGE)):
        process = spawn(*arguments)
        out, err = process.communicate(timeout=60)
        fault(Outcome(process.returncode, out, err), code)
