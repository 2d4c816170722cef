"""Runs: what is written where, what is refused, and a training that stops and goes on to the same bytes."""

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from ava_np.data.pictures import Pictures
from ava_np.errors import AvaError, PictureError, RunError
from ava_np.models import build
from ava_np.run.checkpoint import save_model
from ava_np.run.folder import CONFIG, METRICS, MODEL, OURS, TRAINING, Run
from ava_np.specification import (
    AVA5,
    FORMAT,
    PicturesSpecification,
    Specification,
    TrainingSpecification,
    decode,
    encode,
)
from ava_np.training.trainer import Trainer
from tests.command import tree, write_pictures

EPOCHS, COUNT = 4, 5
STEPS = 3 * EPOCHS  # batches of 2, 2 and 1


def specify(source: str | None = None, epochs: int = EPOCHS) -> Specification:
    return Specification(
        FORMAT,
        AVA5(latent=2, hidden=(6,)),
        PicturesSpecification(source, (12, 9), 3, 3),
        TrainingSpecification("adam", 0.01, "sum", 2, epochs, 0),
    )


@pytest.fixture
def pictures() -> Pictures:
    """Of 12 x 9 pixels in blocks of 3 x 3, which the zoom gives back."""
    return at_full_size(np.random.default_rng(1).random((COUNT, 3, 4, 3), dtype=np.float32))


def at_full_size(small: np.ndarray) -> Pictures:
    names = tuple(map(str, range(len(small))))
    array = small.repeat(3, axis=1).repeat(3, axis=2)
    return Pictures(array, names, (), ((12, 9),) * len(small), (12, 9))


def train(run: Run, pictures: Pictures, steps: int | None = None) -> None:
    """Train from where the run is, for some steps or to the end."""
    steps_of_training = run.train(run.resume(), pictures)
    for _ in islice(steps_of_training, steps):
        pass
    steps_of_training.close()  # type: ignore[attr-defined]


@pytest.fixture
def trained(tmp_path: Path, pictures: Pictures) -> Run:
    run = Run.create(tmp_path / "run", specify())
    train(run, pictures)
    return run


def refused(call: Callable[[], object], words: str, kind: type[AvaError] = RunError) -> None:
    """Assert that a call ends in a fault of one line that holds these words."""
    with pytest.raises(kind) as fault:
        call()
    assert words in str(fault.value)
    assert "\n" not in str(fault.value)


def test_a_specification_comes_back() -> None:
    assert decode(encode(specify("photos"))) == specify("photos")
    assert encode(specify()) == encode(decode(encode(specify())))


def test_a_run_is_a_folder_with_its_specification(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "some" / "where" / "deep", specify())
    assert [path.name for path in run.folder.iterdir()] == [CONFIG]
    assert Run.open(run.folder).specification == specify()
    assert json.loads((run.folder / CONFIG).read_text())["training"]["learning_rate"] == 0.01


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert Run.create(tmp_path / "empty", specify()).folder == tmp_path / "empty"


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_no_run_is_left_alone(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("Dear")
    (tmp_path / "file").write_text("file")
    before = tree(tmp_path)
    for name in ("letters", "file"):
        refused(
            lambda name=name: Run.create(tmp_path / name, specify(), overwrite=overwrite),  # type: ignore[misc]
            "is not empty and no run" if overwrite else "is already used",
        )
    assert tree(tmp_path) == before


def test_a_run_is_replaced_only_if_told_to(trained: Run) -> None:
    before = tree(trained.folder)
    refused(lambda: Run.create(trained.folder, specify()), "is already used")
    assert tree(trained.folder) == before


def test_overwriting_removes_what_is_ours_and_nothing_else(trained: Run) -> None:
    for name in OURS:
        (trained.folder / name).touch()
    (trained.folder / "notes").mkdir()
    (trained.folder / "notes" / "mine.txt").write_text("mine")
    (trained.folder / "samples-64.png").write_bytes(b"asked for by hand")
    run = Run.create(trained.folder, specify(epochs=9), overwrite=True)
    assert set(tree(run.folder)) == {CONFIG, "notes", "notes/mine.txt", "samples-64.png"}
    assert Run.open(run.folder).specification.training.epochs == 9


def test_a_folder_below_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("file")
    refused(lambda: Run.create(tmp_path / "file" / "run", specify()), "cannot write", AvaError)


def test_a_name_that_no_json_can_hold_is_refused(tmp_path: Path) -> None:
    run = tmp_path / "run"
    refused(lambda: Run.create(run, specify("photos\udcff")), r"'photos\udcff', which is not UTF-8", AvaError)
    assert not run.exists()


def change(path: Path, **values: Any) -> None:
    """Set values in config.json: ``training__epochs=0``."""
    config = json.loads(path.read_text())
    for name, value in values.items():
        *sections, key = name.split("__")
        section = config
        for part in sections:
            section = section[part]
        section[key] = value
    path.write_text(json.dumps(config))


@pytest.mark.parametrize(
    "values",
    [
        {"format": 0},
        {"format": 1},
        {"format": "1"},
        {"format": None},
    ],
)
def test_a_run_of_another_version_is_refused(trained: Run, values: dict[str, Any]) -> None:
    change(trained.folder / CONFIG, **values)
    refused(lambda: Run.open(trained.folder), f"is a run of format {values['format']}; this ava-np reads format 2")


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"dropout": 0.5}, "dropout"),
        ({"training__nesterov": True}, "nesterov"),
        ({"training__learning_rate": 0}, "$.training.learning_rate"),
        ({"training__learning_rate": 1.01}, "$.training.learning_rate"),
        ({"training__learning_rate": None}, "$.training.learning_rate"),
        ({"training__epochs": 0}, "$.training.epochs"),
        ({"training__epochs": 1.5}, "$.training.epochs"),
        ({"training__batch_size": -1}, "$.training.batch_size"),
        ({"training__optimiser": "newton"}, "$.training.optimiser"),
        ({"training__seed": -1}, "$.training.seed"),
        ({"model__name": "pix2pix"}, "$.model.name"),
        ({"model__beta": 2}, "beta"),
        ({"model__latent": 0}, "$.model.latent"),
        ({"model__hidden": [8, 0]}, "$.model.hidden"),
        ({"pictures__channels": 2}, "$.pictures.channels"),
        ({"pictures__size": [12]}, "$.pictures.size"),
        ({"pictures__size": [0, 9]}, "$.pictures.size"),
        ({"pictures__zoom": 0}, "$.pictures.zoom"),
        ({"pictures__source": 3}, "$.pictures.source"),
        ({"pictures": None}, "$.pictures"),
    ],
)
def test_a_value_that_cannot_be_is_named(trained: Run, values: dict[str, Any], where: str) -> None:
    change(trained.folder / CONFIG, **values)
    refused(lambda: Run.open(trained.folder), where)
    refused(lambda: Run.open(trained.folder), f"{CONFIG} is damaged")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"null", b"\xff\xfe", b"{}", b"\x00" * 9])
def test_a_config_that_is_none_is_damaged(trained: Run, content: bytes) -> None:
    (trained.folder / CONFIG).write_bytes(content)
    refused(lambda: Run.open(trained.folder), f"{CONFIG} is damaged")


def test_what_is_no_run_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "no", tmp_path / "file"):
        refused(lambda path=path: Run.open(path), "is no run folder")  # type: ignore[misc]


@pytest.mark.parametrize("values", [{"model__latent": 3}, {"model__propagation": "paper"}, {"pictures__zoom": 1}])
def test_weights_of_another_model_are_refused(trained: Run, values: dict[str, Any]) -> None:
    change(trained.folder / CONFIG, **values)
    refused(lambda: Run.open(trained.folder).model(), "is not of the model that config.json describes")


def test_the_model_is_the_trained_one(trained: Run, pictures: Pictures) -> None:
    fresh, ours = trained.new_model(), trained.model()
    small = pictures.array[:, ::3, ::3]
    before, after = (np.mean((model.reconstruct(small) - small) ** 2) for model in (fresh, ours))
    assert after < before


def test_there_is_a_line_of_metrics_for_every_epoch(trained: Run) -> None:
    assert [(line["epoch"], line["step"]) for line in trained.metrics()] == [(k, 3 * k) for k in range(1, EPOCHS + 1)]


def test_a_line_that_was_cut_off_is_left_out(trained: Run) -> None:
    path, whole = trained.folder / METRICS, trained.metrics()
    for cut in (1, 2, 50):
        path.write_bytes(path.read_bytes()[:-cut])
        assert trained.metrics() == whole[:-1]
    path.write_bytes(b"")
    assert trained.metrics() == []
    path.unlink()
    assert trained.metrics() == []


@pytest.mark.parametrize("line", [b"garbage", b"{}", b"3", b"[1]", b'{"epoch":1,"step":"x","nats":{}}', b"\xff"])
def test_a_line_that_is_none_is_damage(trained: Run, line: bytes) -> None:
    with (trained.folder / METRICS).open("ab") as file:
        file.write(line + b"\n")
    refused(trained.metrics, f"{METRICS} is damaged")


@pytest.mark.parametrize("stop", [0, 1, 2, 3, 7, STEPS - 1, STEPS])
def test_a_run_that_stopped_goes_on_to_the_same_bytes(
    trained: Run, tmp_path: Path, pictures: Pictures, stop: int
) -> None:
    train(Run.create(tmp_path / "stopped", specify()), pictures, stop)
    train(Run.open(tmp_path / "stopped"), pictures)
    assert tree(tmp_path / "stopped") == tree(trained.folder)


def test_a_run_that_was_killed_goes_on_to_the_same_bytes(trained: Run, tmp_path: Path, pictures: Pictures) -> None:
    """The metrics had gone further than the last save, and the last line was cut."""
    lines = (trained.folder / METRICS).read_bytes().splitlines(keepends=True)
    killed = Run.create(tmp_path / "killed", specify())
    train(killed, pictures, 4)
    (killed.folder / METRICS).write_bytes(b"".join(lines[:3]) + lines[3][:40])
    train(Run.open(killed.folder), pictures)
    assert tree(killed.folder) == tree(trained.folder)


def test_a_run_that_was_killed_before_its_first_save_starts_anew(
    trained: Run, tmp_path: Path, pictures: Pictures
) -> None:
    killed = Run.create(tmp_path / "killed", specify())
    (killed.folder / METRICS).write_bytes((trained.folder / METRICS).read_bytes()[:-200])
    train(killed, pictures)
    assert tree(killed.folder) == tree(trained.folder)


def test_a_training_saves_now_and_then(tmp_path: Path, pictures: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a power cut costs a minute; here no time at all lies between two saves."""
    run = Run.create(tmp_path / "run", specify())
    monkeypatch.setattr("ava_np.run.folder.SAVE_SECONDS", -1.0)
    steps = run.train(run.resume(), pictures)
    for _ in islice(steps, 5):
        pass
    assert run.resume().steps == 4  # the save of a step comes before the next one
    assert (run.folder / MODEL).exists()


def test_a_finished_run_can_be_extended(trained: Run, tmp_path: Path, pictures: Pictures) -> None:
    longer = Run.create(tmp_path / "longer", specify(epochs=EPOCHS + 2))
    train(longer, pictures)
    for _ in trained.train(trained.resume(EPOCHS + 2), pictures):
        pass
    assert tree(trained.folder) == tree(longer.folder)


def test_a_run_is_not_shortened(trained: Run) -> None:
    before = tree(trained.folder)
    refused(lambda: trained.resume(EPOCHS - 1), f"has trained {EPOCHS} epochs already")
    assert tree(trained.folder) == before
    assert trained.specification.training.epochs == EPOCHS


def test_without_its_state_a_trained_run_does_not_go_on(trained: Run) -> None:
    """It would start anew, over the trained weights."""
    (trained.folder / TRAINING).unlink()
    before = tree(trained.folder)
    refused(lambda: trained.resume(EPOCHS + 1), f"{TRAINING} does not exist")
    assert tree(trained.folder) == before


def test_a_damaged_state_leaves_the_run_as_it_is(trained: Run) -> None:
    (trained.folder / TRAINING).write_bytes(b"damage")
    before = tree(trained.folder)
    refused(lambda: trained.resume(EPOCHS + 1), f"{TRAINING} is damaged")
    assert tree(trained.folder) == before


def test_weights_that_are_not_finite_are_not_saved(trained: Run) -> None:
    before = tree(trained.folder)
    trainer = trained.resume()
    trainer.model.networks["decoder"].theta[3] = np.nan
    trained.save(trainer)
    assert tree(trained.folder) == before


def test_a_model_alone_is_no_run(tmp_path: Path) -> None:
    save_model(build("vae", (3, 4, 3), hidden=(4,)), tmp_path / MODEL)
    refused(lambda: Run.open(tmp_path), "is no run folder")


def test_pictures_are_those_of_the_specification(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "photos", 4)
    run = Run.create(tmp_path / "run", specify(str(folder)))
    assert run.pictures().array.shape == (4, 9, 12, 3)
    assert run.pictures().names == ("1.png", "2.png", "3.png", "4.png")


def test_other_pictures_are_made_alike(tmp_path: Path) -> None:
    other = write_pictures(tmp_path / "other", 2, size=(40, 25))
    run = Run.create(tmp_path / "run", specify("photos"))
    assert run.pictures(other).array.shape == (2, 9, 12, 3)
    grey = msgspec.structs.replace(specify().pictures, channels=1, zoom=2)
    run = Run(tmp_path / "grey", msgspec.structs.replace(specify(), pictures=grey))
    assert run.pictures(other).array.shape == (2, 8, 12, 1)


def test_pictures_that_are_gone_are_said(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", specify(str(tmp_path / "gone")))
    refused(run.pictures, "no longer in", PictureError)


def test_a_step_that_is_broken_off_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run.create(tmp_path / "run", specify())
    trainer = Trainer(run.new_model(), run.specification.training)
    run.save(trainer)
    before = (run.folder / TRAINING).read_bytes()

    def stop(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer.optimisers["step", "decoder"], "step", stop)  # the encoder's step is applied by then
    with pytest.raises(KeyboardInterrupt):
        list(run.train(trainer, at_full_size(np.full((3, *trainer.model.shape), 0.5, np.float32))))
    assert (run.folder / TRAINING).read_bytes() == before
