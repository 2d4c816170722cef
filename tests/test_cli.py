"""The command line from end to end: what each command writes, prints and promises, on six small pictures."""

import json
import math
import shutil
import signal
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ava_np
from ava_np.cli.main import ava as group
from ava_np.cli.train import DEFAULT_STEPS
from ava_np.evaluation import zoom_out
from ava_np.pictures import load_pictures
from ava_np.run import METRICS, MODEL, TRAINING, Run
from tests.command import SCRIPT, SMALL, Outcome, ava, spawn, tree, write_pictures

ROOT = Path(__file__).resolve().parents[1]
ZOOM = 3  # the default
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
RIVALS = {"grey", "single_colour", "mean_image", "floor"}


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
    monkeypatch.setattr("ava_np.report.write_pictures", lambda *arguments: None)
    monkeypatch.setattr("ava_np.report.write_report", lambda run, *arguments: run.folder)


def ran(*arguments: object) -> str:
    """What a command that succeeds prints on standard output."""
    outcome = ava(*arguments)
    assert outcome.code == 0, outcome.err
    assert "Error" not in outcome.err
    return outcome.out


def printed(*arguments: object) -> Any:
    """The JSON that a command prints, and nothing else, on standard output."""
    return json.loads(ran(*arguments, "--json"))


def picture(path: Path) -> np.ndarray:
    with Image.open(path) as file:
        return np.asarray(file)


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
    assert lines[1].startswith("ava5 (exact propagation), 1,018 parameters; γ = 0.1 (adam, sum), every term")
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
def test_epochs_default_to_a_number_of_steps(photos: Path, place: Path) -> None:
    ran("train", photos, "--hidden", 8, "--latent", 2, "--model", "vae", "--batch-size", 4, "--out", "whole")
    assert flat(printed("info", "whole"))["epochs"] == math.ceil(DEFAULT_STEPS / 2)


def test_the_same_command_gives_the_same_bytes(photos: Path, place: Path) -> None:
    ran("train", photos, *BOLD, "--out", "again")
    assert tree(place / "again") == tree(place / "run")


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
    assert names == {"photos-ava5-exact", "photos-ava5-exact-2", "photos-ava5-exact-3", "builtin-vae-paper"}
    assert flat(printed("info", "runs/builtin-vae-paper"))["folder"] is None


def test_a_single_picture_is_enough(photos: Path, place: Path) -> None:
    outcome = ava("train", photos / "3.png", *SMALL, "--out", "one")
    assert outcome.code == 0
    assert outcome.err.startswith("1 picture in ")
    assert printed("evaluate", "one")["rivals"]["floor"] == pytest.approx(0.1, abs=0.1)
    for command in (("sample", "one"), ("reconstruct", "one"), ("interpolate", "one"), ("encode", "one")):
        ran(*command)


def test_sample_draws_a_grid(place: Path) -> None:
    assert ran("sample", "run", "--count", 6).strip() == str(Path("run", "samples-6.png"))
    assert picture(place / "run" / "samples-6.png").shape == (2 + 2 * (9 + 2), 2 + 3 * (12 + 2), 3)


def test_samples_depend_on_the_seed_alone(place: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        ran("sample", "run", "--count", 4, "--seed", seed, "--out", f"{name}.png")
    a, b, c = ((place / f"{name}.png").read_bytes() for name in "abc")
    assert a == b != c


def test_samples_are_the_decoded_codes(place: Path) -> None:
    ran("sample", "run", "--count", 1, "--seed", 3, "--out", "one.png")
    expected = ava_np.load("run").sample(1, np.random.default_rng(3))[0]
    np.testing.assert_array_equal(picture(place / "one.png")[2:-2:ZOOM, 2:-2:ZOOM], np.rint(255 * expected))


def reconstructions(photos: Path) -> tuple[np.ndarray, np.ndarray]:
    """The pictures as the networks see them, and what the model makes of them, in 0 to 255."""
    small = zoom_out(load_pictures(photos, zoom=ZOOM).array, ZOOM)
    decoded = np.rint(255 * ava_np.load("run").reconstruct(small))
    assert len(np.unique(decoded, axis=0)) == len(decoded)
    return np.rint(255 * small), decoded


def cells(sheet: np.ndarray) -> Iterator[np.ndarray]:
    """The pictures of a sheet, without their zoom."""
    for top in range(2, len(sheet) - 2, 11):
        for left in range(2, sheet.shape[1] - 2, 14):
            yield sheet[top : top + 9 : ZOOM, left : left + 12 : ZOOM]


def test_reconstruct_lays_originals_over_reconstructions(place: Path, photos: Path) -> None:
    assert ran("reconstruct", "run", "--count", 4).strip() == str(Path("run", "reconstructions-4.png"))
    originals, decoded = reconstructions(photos)
    found = np.stack(list(cells(picture(place / "run" / "reconstructions-4.png"))))
    np.testing.assert_array_equal(found, np.concatenate([originals[:4], decoded[:4]]))


def test_reconstruct_takes_no_more_than_there_are(place: Path) -> None:
    assert ran("reconstruct", "run", "--count", 100).strip() == str(Path("run", "reconstructions-6.png"))


def test_interpolate_walks_from_one_reconstruction_to_the_other(place: Path, photos: Path) -> None:
    _, decoded = reconstructions(photos)
    assert ran("interpolate", "run").strip() == str(Path("run", "interpolation.png"))
    found = np.stack(list(cells(picture(place / "run" / "interpolation.png"))))
    assert len(found) == 9
    np.testing.assert_array_equal(found[[0, -1]], decoded[[0, -1]])

    ran("interpolate", "run", "--from", "4.png", "--to", "2.png", "--steps", 3, "--out", "strip.png")
    found = np.stack(list(cells(picture(place / "strip.png"))))
    np.testing.assert_array_equal(found[[0, -1]], decoded[[3, 1]])
    assert len(found) == 3


def test_encode_writes_the_same_codes_everywhere(place: Path, photos: Path) -> None:
    text = ran("encode", "run")
    assert ran("encode", "run", "--out", "codes.csv").strip() == "codes.csv"
    assert ran("encode", "run", "--out", "codes.npy").strip() == "codes.npy"
    assert (place / "codes.csv").read_text() == text
    codes = np.load(place / "codes.npy")
    lines = [line.split(",") for line in text.splitlines()]
    assert lines[0] == ["picture", "z1", "z2"]
    assert [line[0] for line in lines[1:]] == [f"{number}.png" for number in range(1, 7)]
    np.testing.assert_array_equal(np.array([line[1:] for line in lines[1:]], np.float32), codes)
    small = zoom_out(load_pictures(photos, zoom=ZOOM).array, ZOOM)
    np.testing.assert_array_equal(codes, ava_np.load("run").encode(small))


def test_evaluate_prints_what_the_library_measures(place: Path, photos: Path) -> None:
    found = printed("evaluate", "run")
    pictures = load_pictures(photos, zoom=ZOOM)
    result = ava_np.evaluate(ava_np.load("run"), pictures.array, ZOOM)
    assert found["own_error"] == pytest.approx(result.own_error)
    assert found["own_errors"] == pytest.approx(dict(zip(pictures.names, result.own_errors, strict=True)))
    assert found["own_error"] == pytest.approx(np.mean(list(found["own_errors"].values())))
    assert found["rmse"] == pytest.approx(result.rmse)
    assert found["image_best"] == pictures.names[result.best]
    assert set(found["rivals"]) >= RIVALS
    assert found["rivals"]["floor"] <= found["rmse"] <= found["rmse_mean"]


def test_evaluate_prints_tables(place: Path) -> None:
    text, found = ran("evaluate", "run"), printed("evaluate", "run")
    expected = found["own_errors"] | {name.replace("_", " "): found["rivals"][name] for name in RIVALS}
    for name, value in expected.items():
        assert any(line.split() == [*name.split(), f"{value:.4f}"] for line in text.splitlines()), name


def test_the_error_after_training_is_the_evaluated_one(made: tuple[Path, Outcome], place: Path) -> None:
    found = printed("evaluate", "run")
    assert f"own error {found['own_error']:.4f}, (17) {found['rmse']:.4f}" in made[1].out


def test_other_pictures_are_evaluated_like_the_own(place: Path) -> None:
    write_pictures(place / "other", 3, size=(30, 20), seed=9)
    found = printed("evaluate", "run", "other")
    assert set(found["own_errors"]) == {"1.png", "2.png", "3.png"}
    assert found["own_error"] != printed("evaluate", "run")["own_error"]


@pytest.mark.usefixtures("no_report")
def test_without_its_pictures_a_run_can_still_be_used(made: tuple[Path, Outcome], place: Path, tmp_path: Path) -> None:
    photos = write_pictures(tmp_path / "photos", seed=3)
    ran("train", photos, *SMALL, "--out", "orphan")
    photos.rename(tmp_path / "moved")
    ran("sample", "orphan")
    ran("info", "orphan")
    for command in ("evaluate", "reconstruct", "encode", "interpolate"):
        outcome = ava(command, "orphan")
        assert outcome.code == 1
        assert outcome.err == f"Error: the pictures of orphan are no longer in {photos}: name their FOLDER\n"
        assert ava(command, "orphan", "moved").code == 0


def test_gradcheck_lists_every_gradient(place: Path) -> None:
    outcome = ava("gradcheck", "--model", "ava5", "--json")
    assert outcome.code == 0
    rows = json.loads(outcome.out)
    keys = {"model", "propagation", "network", "layer", "quantity", "relative_error"}
    assert all(row.keys() == keys and row["relative_error"] < 1e-6 for row in rows)
    assert {row["propagation"] for row in rows} == {"exact", "paper"}
    assert {row["network"] for row in rows} == {"encoder", "decoder", "discriminator", "encoding_discriminator"}
    assert f"all {len(rows)} rows pass" in outcome.err


def test_gradcheck_prints_a_table(place: Path) -> None:
    lines = ran("gradcheck", "--model", "vae", "--propagation", "paper").splitlines()
    assert lines[0].split() == ["model", "propagation", "network", "layer", "quantity", "relative", "error"]
    assert all(line.startswith("vae    paper") for line in lines[2:])
    assert len(lines) == 2 + 2 * 3 * 3  # networks, layers, and W, b and the input


def test_gradcheck_fails_if_a_row_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ava_np.gradcheck.LIMIT", 1e-30)
    outcome = ava("gradcheck", "--model", "vae", "--propagation", "paper")
    assert outcome.code == 1
    assert "18 of 18 rows reach 1e-30" in outcome.err


def test_info_describes_a_run(place: Path, photos: Path) -> None:
    found = printed("info", "run")
    assert found["model"] == {"name": "ava5", "propagation": "exact", "latent": 2, "hidden": [8]}
    digest = load_pictures(photos, zoom=3).sha256
    expected = {"folder": str(photos), "size": [12, 9], "channels": 3, "zoom": 3, "sha256": digest}
    assert found["pictures"] == expected
    assert found["networks"]["encoder"].startswith("36-8-4, ")
    assert found["progress"]["epochs"] == found["progress"]["steps"] == 3
    text = ran("info", "run")
    for section, values in found.items():
        assert f"\n{section}\n" in f"\n{text}"
        assert all(f"  {key} " in text for key in values)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The version; where ava-np is not installed, its metadata are written from pyproject.toml."""
    try:
        return metadata.version("ava-np")
    except metadata.PackageNotFoundError:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
        folder = tmp_path / f"ava_np-{project['version']}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: ava-np\nVersion: {project['version']}\n")
        monkeypatch.syspath_prepend(tmp_path)
        return str(project["version"])


def test_info_describes_the_installation(installed: str) -> None:
    found = printed("info")
    assert found["versions"]["ava-np"] == installed
    assert found["versions"]["python"] == sys.version.split()[0]
    assert found["versions"]["numpy"] == np.__version__
    assert found["machine"]["threads"] >= 1
    assert "versions" in ran("info").splitlines()


def test_the_version_is_told(installed: str) -> None:
    assert ran("--version").strip() == f"ava, version {installed}"


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

    monkeypatch.setattr("ava_np.run.read_pictures", fail)
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
    assert "münze γ.png" in json.loads(out("evaluate", place / "run", place / "bilder", "--json"))["own_errors"]


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
