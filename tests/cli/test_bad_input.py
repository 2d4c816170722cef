"""Pictures and settings that cannot be trained on: refused with one line, and nothing is written."""

import time
from pathlib import Path

import numpy as np
import pytest

from ava_np.run.checkpoint import load_model
from tests.cli.refusals import FAILURE, NOT_FINITE, USAGE, failed, refused
from tests.command import SMALL, Outcome, ava, spawn, tree

OVERCOMMIT = Path("/proc/sys/vm/overcommit_memory")
needs_limits = pytest.mark.skipif(
    not OVERCOMMIT.exists() or OVERCOMMIT.read_text().strip() == "1",
    reason="this system does not limit the memory that it promises",
)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("missing",), ("missing", "no such folder")),
        (("",), ("empty", "'.'")),  # as in: ava train "$PHOTOS", where PHOTOS is not set
        (("empty",), ("empty", "no pictures")),
        (("texts",), ("texts", "no pictures", "1 file left out: 1 .txt")),
        (("file",), ("file", "neither a folder nor a picture")),
        (("all-torn",), ("all-torn", "no usable picture", "1.png")),
        (("torn", "--strict"), ("torn/2.png",)),
        (("photos", "--zoom", "10"), ("12 x 9", "10 x 10", "smaller zoom")),
        (("--size", "8x8", "--zoom", "9"), ("8 x 8", "9 x 9")),
        (("photos", "--zoom", "1000000"), ("smaller zoom",)),
        (("photos", "--size", "9000x9"), ("9000", "8192")),
        (("--size", "9000x9"), ("9000", "8192")),
        (("x" * 300,), ("File name too long",)),
        (("photos", "--out", "file"), ("file is already in use",)),
        (("photos", "--out", "photos"), ("photos is already in use",)),
        (("photos", "--out", "photos", "--overwrite"), ("photos is not empty and not a run folder",)),
        (("photos", "--out", "run"), ("run is already in use", "--resume", "--overwrite")),
        (("photos", "--out", "file/run"), ("cannot write file/run", "Not a directory")),
        (("photos", "--out", "x" * 300), ("File name too long",)),
        (("--resume", "--out", "missing"), ("missing is not a run folder",)),
        (("--resume", "--out", "photos"), ("photos is not a run folder",)),
        (("--resume", "--out", "run", "--epochs", "2"), ("has already trained 3 epochs",)),
        (("cut.idx",), ("cut.idx", "truncated")),
        (("cut.idx.gz",), ("cut.idx.gz", "damaged")),
        (("train-images-idx3-ubyte",), ("train-images-idx3-ubyte", "labels")),
        (("toy:star", "--model", "gan"), ("star", "ring")),
        (("toy:Rings",), ("did you mean 'ring'?",)),
        (("toy:ring", "--model", "vae", "--likelihood", "bernoulli"), ("Bernoulli", "linear")),
        (("photos", "--size", "6x6", "--architecture", "conv64"), ("6 x 6", "at least 8 x 8")),
        (("photos", "--architecture", "net.json"), ("decoder ends in 9 neurons", "324")),
        (("photos", "--architecture", "typo.json"), ("encoder", "kernels")),
        (("photos", "--model", "aae", "--prior", "swiss-roll"), ("swiss-roll", "--latent 2")),
        (("photos", "--model", "dcgan", "--batch-size", "3"), ("--batch-size", "alone")),
        (
            ("photos", "--model", "gan", "--minibatch-discrimination", "--limit", "1"),
            ("there is only one", "give more pictures"),
        ),
        (("photos", "--test", "0.1"), ("test", "less than one")),
        (("photos", "--test", "0.5", "--validation", "0.5"), ("leave none",)),
    ],
)
def test_unusable_sources_and_pictures_are_refused(
    workspace: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    refused(workspace, ("train", *arguments), FAILURE, *words)


def test_used_run_folder_is_refused_before_the_pictures_are_read(workspace: Path) -> None:
    outcome = ava("train", "photos", "--out", "run")
    assert outcome.err.startswith("Error: run is already in use")


@needs_limits
@pytest.mark.parametrize("arguments", [("--hidden", "1000000,1000000"), ("--hidden", "1000000", "--latent", "1000000")])
def test_model_that_does_not_fit_in_memory_is_refused(workspace: Path, arguments: tuple[str, ...]) -> None:
    start = time.monotonic()
    refused(workspace, ("train", "photos", *arguments), FAILURE, "memory")
    assert time.monotonic() - start < 10


def test_damaged_picture_is_left_out_and_reported(workspace: Path) -> None:
    outcome = ava("train", "torn", *SMALL, "--out", "new")
    assert outcome.code == 0
    lines = outcome.err.splitlines()
    assert lines[0] == "3 pictures in torn, RGB 12x9"
    assert lines[1].startswith("1 picture could not be read, the first: 2.png: ")
    assert "Error" not in outcome.err
    for command in ("evaluate", "encode", "reconstruct", "interpolate"):
        outcome = ava(command, "run", "torn")
        assert outcome.code == 0
        assert outcome.err == lines[1] + "\n"


def test_other_files_are_counted_in_one_line(workspace: Path) -> None:
    for name in ("notes.txt", "more.txt", "film.mp4"):
        (workspace / "photos" / name).write_text("no picture")
    outcome = ava("train", "photos", *SMALL, "--strict", "--out", "new")
    assert outcome.code == 0
    assert outcome.err.splitlines()[1] == "3 files left out: 2 .txt, 1 .mp4"


def test_training_that_overflows_stops_with_the_last_good_model(workspace: Path) -> None:
    options = ("--optimiser", "sgd", "--reduction", "sum", "--lr", "1", "--zoom", "1")
    outcome = ava("train", "photos", *SMALL, *options, "--epochs", 500, "--out", "wild")
    failed(
        outcome,
        NOT_FINITE,
        "is not finite at step",
        "learning rate 1)",
        "as it was saved after step 0; continue with a lower learning rate",
    )
    assert {"config.json", "metrics.jsonl", "model.safetensors", "report.html", "training.safetensors"} <= set(
        tree(workspace / "wild")
    )
    for network in load_model(workspace / "wild").networks.values():
        assert np.isfinite(network.theta).all()
    assert ava("sample", "wild", "--count", 1).code == 0
    failed(ava("train", "--out", "wild", "--resume"), NOT_FINITE, "is not finite at step")


def test_errors_in_a_separate_process_have_the_same_line_and_exit_code(workspace: Path) -> None:
    for arguments, code in ((("train", "missing"), FAILURE), (("train", "--lr", "2"), USAGE)):
        process = spawn(*arguments)
        out, err = process.communicate(timeout=60)
        failed(Outcome(process.returncode, out, err), code)
