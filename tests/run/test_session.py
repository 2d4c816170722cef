"""A training from Python writes the same bytes as ``ava train``, with the same defaults."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ava_np.errors import ArchitectureError, PictureError, RunError
from ava_np.report.run import report_run
from ava_np.run.session import claim_folder, resume, start
from ava_np.specification import AE, AVA1, AVA5, DCGAN, GAN, VAE, RunOptions
from tests.command import ava, tree, write_pictures
from tests.idx_files import digits, write_idx

SMALL = {"latent": 2, "hidden": (8,)}
FLAGS = ("--latent", 2, "--hidden", 8)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with pictures of 72 x 70 pixels in photos/ and an idx file of 17 pictures."""
    write_pictures(tmp_path / "photos", 5, size=(72, 70))
    write_idx(tmp_path / "digits.idx", digits(17))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def same_bytes(options: RunOptions, *arguments: object) -> RunOptions:
    """Assert that a training with the options and the command with the arguments write the same bytes."""
    session = start(options, "python")
    for _ in session:
        pass
    report_run(session)
    outcome = ava("train", *arguments, "--out", "command")
    assert outcome.code == 0, outcome.err
    assert tree(Path("python")) == tree(Path("command"))
    return options


CASES: dict[str, Callable[[], object]] = {
    "built-in pictures": lambda: same_bytes(
        RunOptions(model=AVA5(**SMALL), epochs=2),  # type: ignore[arg-type]
        *FLAGS,
        *("--epochs", 2),
    ),
    "folder": lambda: same_bytes(
        RunOptions(
            Path("photos"),
            model=VAE(beta=2.0, **SMALL),  # type: ignore[arg-type]
            validation=0.2,
            test=0.2,
            flip=True,
            shift=2,
            epochs=3,
            optimiser="sgd",
            schedule="cosine",
            seed=4,
        ),
        *("photos", "--model", "vae", "--beta", 2, *FLAGS, "--validation", 0.2, "--test", 0.2, "--flip", "--shift", 2),
        *("--epochs", 3, "--optimiser", "sgd", "--schedule", "cosine", "--seed", 4),
    ),
    "cached folder": lambda: same_bytes(
        RunOptions("photos", model=AE(**SMALL), cache="cache", limit=4, epochs=2),  # type: ignore[arg-type]
        *("photos", "--model", "ae", *FLAGS, "--cache", "cache", "--limit", 4, "--epochs", 2),
    ),
    "idx file": lambda: same_bytes(
        RunOptions("digits.idx", model=AVA1(propagation="paper", **SMALL), optimiser="momentum"),  # type: ignore[arg-type]
        *("digits.idx", "--model", "ava1", "--propagation", "paper", *FLAGS, "--optimiser", "momentum"),
    ),
    "toy": lambda: same_bytes(
        RunOptions("toy:ring", model=GAN(smoothing=0.1, **SMALL), limit=1100, epochs=2),  # type: ignore[arg-type]
        *("toy:ring", "--model", "gan", "--smoothing", 0.1, *FLAGS, "--limit", 1100, "--epochs", 2),
    ),
    "dcgan": lambda: same_bytes(
        RunOptions(model=DCGAN(hidden=(2, 3)), size=(20, 28), epochs=2),
        *("--model", "dcgan", "--hidden", "2,3", "--size", "20x28", "--epochs", 2),
    ),
}


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("case", CASES)
def test_training_from_python_writes_the_bytes_of_the_command(case: str) -> None:
    CASES[case]()


def test_resumed_training_from_python_writes_the_bytes_of_an_uninterrupted_one(place: Path) -> None:
    model = VAE(**SMALL)  # type: ignore[arg-type]
    session = start(RunOptions("photos", model=model, epochs=4, batch_size=2), "whole")
    for _ in session:
        pass
    for _ in start(RunOptions("photos", model=model, epochs=2, batch_size=2), "stopped"):
        pass
    session = resume("stopped", 4)
    assert (session.trainer.steps, session.total_steps) == (6, 12)
    for _ in session:
        pass
    assert tree(place / "stopped") == tree(place / "whole")


def test_resume_refuses_other_pictures(place: Path) -> None:
    start(RunOptions("photos", model=AE(hidden=(8,))), "run")
    (place / "photos" / "1.png").unlink()
    with pytest.raises(RunError, match="have changed"):
        resume("run")


def test_nothing_is_written_if_the_training_cannot_start(place: Path) -> None:
    before = tree(place)
    with pytest.raises(PictureError, match="alone"):
        start(RunOptions("photos", model=DCGAN(hidden=(2, 3)), size=(20, 28), batch_size=2), "run")
    with pytest.raises(ArchitectureError, match="halves"):
        start(RunOptions("photos", model=AE(architecture="conv64"), size=(4, 4)), "run")
    assert tree(place) == before


def test_default_run_folder_is_named_after_source_and_model(place: Path) -> None:
    assert claim_folder(None, AVA5()) == Path("runs/builtin-ava5")
    assert claim_folder("toy:ring", GAN()) == Path("runs/toy-ring-gan")
    assert claim_folder(Path("photos"), VAE(propagation="paper")) == Path("runs/photos-vae-paper")
    assert claim_folder("photos", AE(architecture="conv28")) == Path("runs/photos-ae-conv28")
    assert claim_folder(None, AVA5()) == Path("runs/builtin-ava5-2")  # the first one is taken now
