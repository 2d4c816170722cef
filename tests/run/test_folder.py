"""Run folders: creating, opening, overwriting, and every damage reported in one line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ava_np.data.pictures import Pictures
from ava_np.errors import AvaError
from ava_np.models import build
from ava_np.run.checkpoint import save_model
from ava_np.run.folder import Run
from ava_np.run.names import CONFIG, MODEL, RUN_FILES
from ava_np.run.training import new_trainer
from ava_np.specification import decode, encode
from tests.command import tree
from tests.run.small_runs import refused, specify


def test_specification_survives_encoding_and_decoding() -> None:
    assert decode(encode(specify("photos"))) == specify("photos")
    assert encode(specify()) == encode(decode(encode(specify())))


def test_new_run_is_a_folder_with_its_specification(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "some" / "where" / "deep", specify())
    assert list(tree(run.folder)) == [CONFIG]
    assert Run.open(run.folder).specification == specify().with_id()
    assert json.loads((run.folder / CONFIG).read_text())["training"]["learning_rate"] == 0.01


def test_folder_may_be_given_as_text(tmp_path: Path) -> None:
    Run.create(str(tmp_path / "run"), specify())
    assert Run.open(str(tmp_path / "run")).folder == tmp_path / "run"


def test_run_can_be_created_in_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert Run.create(tmp_path / "empty", specify()).folder == tmp_path / "empty"


@pytest.mark.parametrize("overwrite", [False, True])
def test_folders_that_are_not_runs_are_left_unchanged(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("Dear")
    (tmp_path / "file").write_text("file")
    before = tree(tmp_path)
    for name in ("letters", "file"):
        refused(
            lambda name=name: Run.create(tmp_path / name, specify(), overwrite=overwrite),  # type: ignore[misc]
            "is not empty and not a run folder" if overwrite else "is already in use",
        )
    assert tree(tmp_path) == before


def test_run_is_not_replaced_without_overwrite(trained: Run) -> None:
    before = tree(trained.folder)
    refused(lambda: Run.create(trained.folder, specify()), "is already in use")
    assert tree(trained.folder) == before


def test_overwrite_removes_only_the_files_of_a_run(trained: Run) -> None:
    for name in RUN_FILES:
        (trained.folder / name).touch()
    (trained.folder / "notes").mkdir()
    (trained.folder / "notes" / "mine.txt").write_text("mine")
    (trained.folder / "samples-64.png").write_bytes(b"from ava sample")
    run = Run.create(trained.folder, specify(epochs=9), overwrite=True)
    assert set(tree(run.folder)) == {CONFIG, "notes", "notes/mine.txt", "samples-64.png"}
    assert Run.open(run.folder).specification.training.epochs == 9


def test_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("file")
    refused(lambda: Run.create(tmp_path / "file" / "run", specify()), "cannot write", AvaError)


def test_source_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
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


@pytest.mark.parametrize("values", [{"format": 0}, {"format": 1}, {"format": "1"}, {"format": None}])
def test_run_of_another_format_is_refused(trained: Run, values: dict[str, Any]) -> None:
    change(trained.folder / CONFIG, **values)
    refused(lambda: Run.open(trained.folder), f"is of format {values['format']}; this ava-np reads formats 2, 3 and 4")


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
        ({"model__gamma": 2}, "gamma"),
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
def test_invalid_value_in_the_config_is_named(trained: Run, values: dict[str, Any], where: str) -> None:
    change(trained.folder / CONFIG, **values)
    refused(lambda: Run.open(trained.folder), where)
    refused(lambda: Run.open(trained.folder), f"{CONFIG} is damaged")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"null", b"\xff\xfe", b"{}", b"\x00" * 9])
def test_damaged_config_is_refused(trained: Run, content: bytes) -> None:
    (trained.folder / CONFIG).write_bytes(content)
    refused(lambda: Run.open(trained.folder), f"{CONFIG} is damaged")


def test_paths_that_are_not_run_folders_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "no", tmp_path / "file"):
        refused(lambda path=path: Run.open(path), "is not a run folder")  # type: ignore[misc]


def test_model_file_alone_is_not_a_run(tmp_path: Path) -> None:
    save_model(build("vae", (3, 4, 3), hidden=(4,)), tmp_path / MODEL)
    refused(lambda: Run.open(tmp_path), "is not a run folder")


@pytest.mark.parametrize("values", [{"model__latent": 3}, {"model__saturating": True}, {"pictures__zoom": 1}])
def test_weights_of_another_model_are_refused(trained: Run, values: dict[str, Any]) -> None:
    change(trained.folder / CONFIG, **values)
    refused(lambda: Run.open(trained.folder).model(), "is not of the model that config.json describes")


def test_loaded_model_is_the_trained_one(trained: Run, pictures: Pictures) -> None:
    first, loaded = new_trainer(trained.specification).model, trained.model()
    small = pictures.array[:, ::3, ::3]
    before, after = (np.mean((model.reconstruct(small) - small) ** 2) for model in (first, loaded))
    assert after < before
