"""The command line from end to end: what each command writes, prints and promises, on six small pictures."""

import json
import math
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ava_np.cli.main import ava as group
from ava_np.cli.specify import DEFAULT_STEPS
from ava_np.run.folder import METRICS, MODEL, TRAINING, Run
from tests.command import SCRIPT, SMALL, Outcome, ava, spawn, tree, write_pictures
from tests.idx_files import digits, write_idx

BOLD = (*SMALL, "--lr", "0.1")
"""A training after which the decoder shows more than grey."""
FILES = {
    "config.json",
    "model.safetensors",
    "training.safetensors",
    "metrics.jsonl",
    "samples.png",
    "reconstructions.png",
    "image_best.png",
    "losses.png",
    "report.html",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A place with pictures in photos/, a run on them, and what its training printed."""
    place = tmp_path_factory.mktemp("place")
    photos = write_pictures(place / "photos")
    return place, ava("train", photos, *BOLD, "--out", place / "run")


@pytest.fixture
def place(made: tuple[Path, Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: a copy of the run, with the pictures where they were."""
    shutil.copytree(made[0] / "run", tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def photos(made: tuple[Path, Outcome]) -> Path:
    return made[0] / "photos"


@pytest.fixture
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what takes the longest, where only the training matters."""
    monkeypatch.setattr("ava_np.report.page.write_pictures", lambda *arguments, **options: None)
    monkeypatch.setattr("ava_np.report.page.write_report", lambda run, *arguments, **options: run.folder)


def ran(*arguments: object) -> str:
    """What a command that succeeds prints on standard output."""
    outcome = ava(*arguments)
    assert outcome.code == 0, outcome.err
    assert "Error" not in outcome.err
    return outcome.out


def printed(*arguments: object) -> Any:
    """The JSON that a command prints, and nothing else, on standard output."""
    return json.loads(ran(*arguments, "--json"))


def test_train_leaves_a_run_with_everything_in_it(made: tuple[Path, Outcome]) -> None:
    place, outcome = made
    assert outcome.code == 0
    assert set(tree(place / "run")) == FILES
    assert str(place / "run" / "report.html") in outcome.out
    assert "own error" in outcome.out
    training = Run.open(place / "run").specification.training
    assert (training.epochs, training.optimiser, training.reduction) == (3, "adam", "sum")


def test_train_says_what_it_does_in_plain_lines_where_there_is_no_terminal(made: tuple[Path, Outcome]) -> None:
    place, outcome = made
    lines = outcome.err.splitlines()
    assert lines[0] == f"6 pictures in {place / 'photos'}, RGB 12x9"
    assert lines[1].startswith("ava5 (exact propagation), 8,218 parameters; γ = 0.1 (adam, sum), every term")
    assert [line.split()[1] for line in lines[2:]] == ["1/3", "2/3", "3/3"]
    for line in lines[2:]:
        for word in ("ms/step", "s left", "reconstruction", "kl", "log_d_real", "log_D_fake"):
            assert word in line
    assert "\x1b" not in outcome.err + outcome.out  # no colours in a file


@pytest.mark.usefixtures("no_report")
def test_a_long_training_prints_few_lines(photos: Path, place: Path) -> None:
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
        (("--optimizer", "sgd"), {"optimiser": "sgd", "learning_rate": 0.3, "reduction": "fan"}),
        (("--optimiser", "sgd", "--lr", "0.5", "--reduction", "mean"), {"learning_rate": 0.5, "reduction": "mean"}),
        (("--batch-size", "4", "--seed", "7"), {"batch_size": 4, "seed": 7}),
        (("--model", "vae", "--beta", "4", "--likelihood", "bernoulli"), {"beta": 4, "likelihood": "bernoulli"}),
        (("--model", "gan", "--saturating", "--smoothing", "0.1"), {"saturating": True, "smoothing": 0.1}),
        (("--model", "gan"), {"saturating": False, "minibatch_discrimination": False, "momentum": 0.5}),
        (("--model", "dcgan"), {"name": "dcgan", "architecture": "dcgan"}),
        (("--model", "aae", "--prior", "swiss-roll", "--stochastic"), {"prior": "swiss-roll", "stochastic": True}),
        (("--model", "vae-gan-costs", "--minibatch-discrimination"), {"minibatch_discrimination": True}),
        (("--model", "bigan", "--architecture", "conv28"), {"name": "bigan", "architecture": "conv28"}),
        (("--model", "vaegan", "--reconstructions-are-not-fake"), {"reconstructions_are_fake": False}),
        (("--optimiser", "rmsprop", "--clip", "1", "--weight-decay", "0.1"), {"clip": 1, "weight_decay": 0.1}),
        (("--schedule", "cosine", "--momentum", "0.8"), {"schedule": "cosine", "momentum": 0.8}),
        (("--flip", "--shift", "1", "--limit", "5"), {"flip": True, "shift": 1, "limit": 5}),
        (("--validation", "0.2", "--test", "0.2"), {"validation": 0.2, "test": 0.2}),
    ],
)
@pytest.mark.usefixtures("no_report")
def test_train_does_what_its_options_say(
    photos: Path, place: Path, options: tuple[str, ...], expected: dict[str, Any]
) -> None:
    ran("train", photos, *SMALL, *options, "--out", "other")
    found = printed("info", "other")
    assert {key: value for key, value in flat(found).items() if key in expected} == expected


def flat(sections: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {key: value for section in sections.values() for key, value in section.items()}


@pytest.mark.usefixtures("no_report")
def test_train_reads_every_source(place: Path) -> None:
    write_idx(place / "digits" / "train-images-idx3-ubyte.gz", digits(7), zipped=True)
    for source, size in (("digits", [4, 6]), ("toy:ring", [2, 1]), ("digits/train-images-idx3-ubyte.gz", [4, 6])):
        ran("train", source, *SMALL, "--model", "vae", "--epochs", 1, "--out", "other", "--overwrite")
        assert flat(printed("info", "other"))["size"] == size


@pytest.mark.usefixtures("no_report")
def test_a_cached_folder_trains_to_the_same_bytes(photos: Path, place: Path) -> None:
    ran("train", photos, *BOLD, "--cache", "cache", "--out", "cached")
    assert len(list((place / "cache").glob("*.npy"))) == 1
    assert (place / "cached" / MODEL).read_bytes() == (place / "run" / MODEL).read_bytes()
    ran("train", "--out", "cached", "--resume", "--epochs", 4)


@pytest.mark.usefixtures("no_report")
def test_an_architecture_of_ones_own(photos: Path, place: Path) -> None:
    layers = [{"layer": "convolution", "channels": 2, "kernel": 3}, {"layer": "activation", "function": "tanh"}]
    (place / "net.json").write_text(json.dumps({"encoder": layers}))
    ran("train", photos, *SMALL, "--architecture", "net.json", "--out", "own")
    assert json.loads((place / "own" / "config.json").read_text())["model"]["architecture"] == {"encoder": layers}
    ran("sample", "own")


@pytest.mark.usefixtures("no_report")
def test_epochs_default_to_a_number_of_steps(photos: Path, place: Path) -> None:
    ran("train", photos, "--hidden", 8, "--latent", 2, "--model", "vae", "--batch-size", 4, "--out", "whole")
    assert flat(printed("info", "whole"))["epochs"] == math.ceil(DEFAULT_STEPS / 2)


def test_the_same_command_gives_the_same_bytes(photos: Path, place: Path) -> None:
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


def test_a_resumed_run_has_the_bytes_of_an_uninterrupted_one(photos: Path, place: Path) -> None:
    outcome = ava("train", "--out", "run", "--resume", "--epochs", 5)
    assert outcome.code == 0
    assert "going on with run after step 3" in outcome.err
    ran("train", photos, *BOLD, "--epochs", 5, "--out", "whole")
    assert tree(place / "run") == tree(place / "whole")


def test_resuming_a_finished_run_changes_nothing(place: Path) -> None:
    before = tree(place / "run")
    ran("train", "--out", "run", "--resume")
    assert tree(place / "run") == before


def test_overwriting_makes_the_run_that_was_asked_for(photos: Path, place: Path) -> None:
    (place / "run" / "notes.txt").write_text("mine")
    ran("train", photos, *SMALL, "--model", "vae", "--out", "run", "--overwrite")
    ran("train", photos, *SMALL, "--model", "vae", "--out", "fresh")
    assert (place / "run" / "notes.txt").read_text() == "mine"
    (place / "run" / "notes.txt").unlink()
    assert tree(place / "run") == tree(place / "fresh")


@pytest.mark.usefixtures("no_report")
def test_runs_find_names_of_their_own(photos: Path, place: Path) -> None:
    for _ in range(3):
        ran("train", photos, *SMALL, "--epochs", 1)
    ran("train", "--size", "18x25", *SMALL, "--epochs", 1, "--model", "vae", "--propagation", "paper")
    names = {path.name for path in (place / "runs").iterdir()}
    assert names == {"photos-ava5", "photos-ava5-2", "photos-ava5-3", "builtin-vae-paper"}
    assert flat(printed("info", "runs/builtin-vae-paper"))["source"] is None


def test_a_single_picture_is_enough(photos: Path, place: Path) -> None:
    outcome = ava("train", photos / "3.png", *SMALL, "--out", "one")
    assert outcome.code == 0
    assert outcome.err.startswith("1 picture in ")
    assert printed("evaluate", "one")["baselines"]["floor"] == pytest.approx(0.1, abs=0.1)
    for command in (("sample", "one"), ("reconstruct", "one"), ("interpolate", "one"), ("encode", "one")):
        ran(*command)


def test_the_error_after_training_is_the_evaluated_one(made: tuple[Path, Outcome], place: Path) -> None:
    found = printed("evaluate", "run")
    assert f"own error {found['reconstruction_error']:.4f}, (17) {found['rmse']:.4f}" in made[1].out


@pytest.mark.parametrize("command", sorted(group.commands))
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_explains_itself_by_example(command: str, option: str) -> None:
    text = ran(command, option)
    examples = [line.strip() for line in text.splitlines() if line.strip().startswith(f"ava {command}")]
    if command == "experiment":
        text = ran(command, "ava-tables", option)
        examples = [line.strip() for line in text.splitlines() if line.strip().startswith(f"ava {command} ava-tables")]
    assert examples
    assert "Usage:" in text


def test_the_help_names_every_command_and_exit_code() -> None:
    text = " ".join(ran("--help").split())
    for command in group.commands:
        assert f"│ {command} " in text
    for code in ("0 success", "1 bad input", "2 a wrong option", "3 training stopped", "130 interrupted"):
        assert code in text


def test_without_a_command_there_is_the_help() -> None:
    outcome = ava()
    assert outcome.code == 2
    assert "Usage:" in outcome.out + outcome.err


@pytest.mark.usefixtures("no_report")
def test_an_interrupted_training_is_saved_and_goes_on(place: Path, photos: Path) -> None:
    training = spawn("train", photos, *SMALL, "--epochs", 200_000, "--out", place / "stopped")
    assert training.stderr is not None
    assert any(line.startswith("epoch ") for line in training.stderr)  # reads up to the first epoch
    training.send_signal(signal.SIGINT)
    out, err = training.communicate(timeout=60)
    assert (training.returncode, out) == (130, "")
    lines = [line for line in err.splitlines() if not line.startswith("epoch ")]
    assert lines[0].startswith("stopped after step ")
    assert lines[0].endswith(f"of 200000; go on with: ava train --out {place / 'stopped'} --resume")
    assert lines[1:] == ["Error: interrupted"]

    steps = int(lines[0].split()[3])
    assert steps < 100_000
    assert set(tree(place / "stopped")) == {"config.json", METRICS, MODEL, TRAINING}
    assert flat(printed("info", "stopped"))["steps"] == steps
    ran("sample", "stopped")
    ran("train", "--out", "stopped", "--resume", "--epochs", steps + 2)
    ran("train", photos, *SMALL, "--epochs", steps + 2, "--out", "whole")
    assert (place / "stopped" / MODEL).read_bytes() == (place / "whole" / MODEL).read_bytes()


def test_a_second_interrupt_does_not_wait(monkeypatch: pytest.MonkeyPatch, photos: Path, place: Path) -> None:
    """As if Ctrl-C came twice within one step."""
    survived = []

    def interrupted(self: Run, *arguments: Any) -> Iterator[Any]:
        for number in (1, 2):
            signal.raise_signal(signal.SIGINT)
            survived.append(number)
        yield None

    monkeypatch.setattr(Run, "train", interrupted)
    before = signal.getsignal(signal.SIGINT)
    outcome = ava("train", photos, *SMALL, "--out", "other")
    assert (outcome.code, outcome.err.splitlines()[-1]) == (130, "Error: interrupted")
    assert survived == [1]
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.parametrize("fault", [KeyboardInterrupt, MemoryError])
def test_what_python_raises_becomes_a_line(monkeypatch: pytest.MonkeyPatch, fault: type[BaseException]) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise fault("no room")

    monkeypatch.setattr("ava_np.data.sources.read_pictures", fail)
    outcome = ava("train")
    expected = {KeyboardInterrupt: (130, "Error: interrupted"), MemoryError: (1, "Error: not enough memory: no room")}
    assert (outcome.code, outcome.err.strip()) == expected[fault]


@pytest.mark.parametrize("arguments", [("evaluate", "run", "--json"), ("--help",)])
def test_a_reader_who_leaves_is_not_complained_to(place: Path, arguments: tuple[str, ...]) -> None:
    process = spawn(*arguments)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 1
    process.stderr.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [("info", "run"), ("--help",)])
def test_a_full_disk_is_one_line(place: Path, arguments: tuple[str, ...]) -> None:
    script = f"import os; os.dup2(os.open('/dev/full', os.O_WRONLY), 1); {SCRIPT}"
    process = spawn(*arguments, script=script)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, "Error: [Errno 28] No space left on device\n")


def test_a_terminal_without_greek_is_no_obstacle(place: Path, photos: Path) -> None:
    """What its encoding lacks is escaped; JSON is ASCII anyway."""
    shutil.copytree(photos, place / "bilder")
    (place / "bilder" / "1.png").rename(place / "bilder" / "münze γ.png")
    script = f"import sys; sys.stdout.reconfigure(encoding='ascii'); {SCRIPT}"

    def out(*arguments: object) -> str:
        process = spawn(*arguments, script=script)
        text, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        return text

    assert "\\u03b3" in out("train", "--help")
    assert (
        "münze γ.png" in json.loads(out("evaluate", place / "run", place / "bilder", "--json"))["reconstruction_errors"]
    )


def test_the_script_is_the_command(place: Path) -> None:
    process = spawn("info", place / "run", "--json")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert json.loads(out) == printed("info", place / "run")


def test_a_training_does_not_go_on_with_other_pictures(tmp_path: Path) -> None:
    photos, out = write_pictures(tmp_path / "photos"), tmp_path / "run"
    assert ava("train", photos, "--out", out, *SMALL).code == 0
    before = tree(out)
    (photos / "1.png").unlink()
    outcome = ava("train", "--out", out, "--resume", "--epochs", 5)
    assert outcome.code == 1
    assert "have changed" in outcome.err
    assert tree(out) == before
