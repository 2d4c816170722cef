"""Checkpoints: loaded bit for bit, written atomically, and every kind of damage reported in one line."""

import errno
import hashlib
import json
import os
import struct
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import ava_np
from ava_np.data.batches import Batches
from ava_np.errors import AvaError, RunError
from ava_np.files import write_atomically
from ava_np.models import Model, build
from ava_np.run.checkpoint import KEY, load_model, load_state, read_header, save_checkpoint, save_model
from ava_np.run.names import MODEL, TRAINING
from ava_np.specification import OptimiserName, PaperModel, Propagation, TrainingSpecification
from ava_np.training.trainer import Trainer

SHAPE = (3, 2, 3)


def model(name: PaperModel = "ava5", propagation: Propagation = "exact", latent: int = 2, seed: int = 0) -> Model:
    """A model whose biases are not 0."""
    model = build(name, SHAPE, propagation=propagation, latent=latent, hidden=(5, 4), seed=seed)
    generator = np.random.default_rng(seed)
    for network in model.networks.values():
        network.theta += generator.normal(0, 0.1, network.theta.shape)
    return model


def trainer(optimiser: OptimiserName = "adam", latent: int = 2, seed: int = 0) -> Trainer:
    return Trainer(model(latent=latent, seed=seed), TrainingSpecification(optimiser, 0.01, "fan", 2, 3, seed))


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).random((5, *SHAPE), dtype=np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A valid model.safetensors."""
    path = tmp_path / "model.safetensors"
    save_model(model(), path)
    return path


def refused(path: Path, load: Callable[[], object]) -> str:
    """Return the message of the RunError, which must be one line and name the file."""
    with pytest.raises(RunError) as error:
        load()
    message = str(error.value)
    assert str(path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", ["vae", "ava1", "ava3", "ava5"])
@pytest.mark.parametrize("propagation", ["exact", "paper"])
def test_loaded_model_equals_the_saved_one_bit_for_bit(
    tmp_path: Path, pictures: np.ndarray, name: PaperModel, propagation: Propagation
) -> None:
    saved = model(name, propagation)
    save_model(saved, tmp_path / "some.file")
    loaded = load_model(tmp_path / "some.file")
    assert (loaded.specification, loaded.shape, loaded.dtype) == (saved.specification, saved.shape, saved.dtype)
    assert list(loaded.networks) == list(saved.networks)
    for network, original in zip(loaded.networks.values(), saved.networks.values(), strict=True):
        assert network.theta.tobytes() == original.theta.tobytes()
    np.testing.assert_array_equal(loaded.reconstruct(pictures), saved.reconstruct(pictures))


def test_model_can_be_loaded_from_its_folder(path: Path) -> None:
    whole = load_model(path).networks["decoder"].theta
    for where in (path.parent, str(path.parent), str(path)):
        np.testing.assert_array_equal(load_model(where).networks["decoder"].theta, whole)


def test_package_exports_save_and_load(tmp_path: Path, pictures: np.ndarray) -> None:
    saved = model()
    ava_np.save(saved, tmp_path / "model.safetensors")
    np.testing.assert_array_equal(ava_np.load(tmp_path).encode(pictures), saved.encode(pictures))


def test_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    """The format's own library writes several metadata keys in random order."""
    paths = [tmp_path / str(number) for number in range(5)]
    for path in paths:
        save_model(model(), path)
    assert len({path.read_bytes() for path in paths}) == 1


def test_tensors_are_named_after_their_layers(path: Path) -> None:
    arrays = load_file(path)
    assert arrays["encoder.dense1.W"].shape == (18, 5)
    assert arrays["decoder.dense3.b"].shape == (18,)
    assert {name.split(".")[0] for name in arrays} == set(model().networks)


def header(path: Path) -> dict[str, Any]:
    with safe_open(path, "numpy") as file:
        found: dict[str, Any] = json.loads(file.metadata()[KEY])
    return found


def rewrite(path: Path, change: Callable[[dict[str, np.ndarray], dict[str, Any]], None]) -> None:
    """Write the file again with other arrays or another header, and without a checksum."""
    arrays, metadata = load_file(path), header(path) | {"sha256": ""}
    change(arrays, metadata)
    save_file(arrays, path, {KEY: json.dumps(metadata)})


@pytest.mark.parametrize("values", [{"shape": [4000, 4000, 3]}, {"latent": 10**6}, {"hidden": [10**6, 10**6]}])
def test_small_file_of_a_large_model_is_refused_before_memory_is_taken(path: Path, values: dict[str, Any]) -> None:
    def enlarge(arrays: dict[str, np.ndarray], metadata: dict[str, Any]) -> None:
        for name, value in values.items():
            (metadata if name == "shape" else metadata["model"])[name] = value

    rewrite(path, enlarge)
    start = time.perf_counter()
    tracemalloc.start()
    try:
        assert ") instead of (" in refused(path, lambda: load_model(path))
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - start < 1


def test_missing_file_is_reported(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "no", lambda: load_model(tmp_path / "no"))
    assert "does not exist" in refused(tmp_path / "model.safetensors", lambda: load_model(tmp_path))


@pytest.mark.parametrize("kept", [0, 4, 8, 100, 0.5, -1])
def test_truncated_file_is_reported_as_damaged(path: Path, kept: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole)) if kept == 0.5 else int(kept)])
    assert "is damaged" in refused(path, lambda: load_model(path))


@pytest.mark.parametrize("content", [b"PK\x03\x04" * 99, b"{}" * 50, bytes(64), b"\xff" * 64, b"\x89PNG\r\n\x1a\n"])
def test_file_of_another_kind_is_reported_as_damaged(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert "is damaged" in refused(path, lambda: load_model(path))


def test_safetensors_of_other_programs_are_refused(path: Path) -> None:
    save_file(load_file(path), path)
    assert "not written by ava-np" in refused(path, lambda: load_model(path))
    save_file(load_file(path), path, {"format": "pt"})
    assert "not written by ava-np" in refused(path, lambda: load_model(path))


@pytest.mark.parametrize("number", [0, 1, "2", None])
def test_file_of_another_format_is_refused(path: Path, number: object) -> None:
    rewrite(path, lambda arrays, metadata: metadata.update(format=number))
    assert f"of format {number}; this ava-np reads formats 2, 3 and 4" in refused(path, lambda: load_model(path))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(path: Path, value: float) -> None:
    def spoil(arrays: dict[str, np.ndarray], metadata: dict[str, Any]) -> None:
        arrays["decoder.dense2.W"][1, 1] = value

    rewrite(path, spoil)
    assert "decoder.dense2.W is not finite" in refused(path, lambda: load_model(path))


@pytest.mark.parametrize("kind", [np.int64, np.bool_, np.uint8])
def test_weights_that_are_not_floating_point_are_refused(path: Path, kind: type) -> None:
    def spoil(arrays: dict[str, np.ndarray], metadata: dict[str, Any]) -> None:
        arrays["decoder.dense2.W"] = arrays["decoder.dense2.W"].astype(kind)

    rewrite(path, spoil)
    message = f"decoder.dense2.W is of type {np.dtype(kind)} instead of float32"
    assert message in refused(path, lambda: load_model(path))


def test_float64_weights_are_loaded_unless_float32_cannot_hold_them(path: Path) -> None:
    before = load_model(path).networks["decoder"].theta.copy()

    def widen(arrays: dict[str, np.ndarray], metadata: dict[str, Any]) -> None:
        arrays["decoder.dense2.W"] = arrays["decoder.dense2.W"].astype(np.float64)

    rewrite(path, widen)
    assert np.array_equal(load_model(path).networks["decoder"].theta, before)
    rewrite(path, lambda arrays, metadata: arrays["decoder.dense2.W"].fill(1e300))
    assert "decoder.dense2.W is not finite" in refused(path, lambda: load_model(path))


def test_weights_of_another_shape_are_refused(path: Path) -> None:
    def spoil(arrays: dict[str, np.ndarray], metadata: dict[str, Any]) -> None:
        arrays["encoder.dense2.W"] = np.ascontiguousarray(arrays["encoder.dense2.W"].T)

    rewrite(path, spoil)
    assert "encoder.dense2.W is (4, 5) instead of (5, 4)" in refused(path, lambda: load_model(path))


def test_missing_weights_are_refused(path: Path) -> None:
    def spoil(arrays: dict[str, np.ndarray], metadata: dict[str, Any]) -> None:
        del arrays["discriminator.dense1.b"]

    rewrite(path, spoil)
    assert "discriminator.dense1.b is missing" in refused(path, lambda: load_model(path))


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [3, 3, 3]},
        {"shape": [0, 2, 3]},
        {"shape": [-3, 2, 3]},
        {"shape": [3, 2]},
        {"shape": "3x2"},
        {"shape": [10**9, 10**9, 3]},
        {"model": None},
        {"model": {"name": "ava5"}},
        {"colour": "red"},
    ],
)
def test_invalid_header_is_reported_as_damage(path: Path, change: dict[str, Any]) -> None:
    rewrite(path, lambda arrays, metadata: metadata.update(change))
    assert "is damaged" in refused(path, lambda: load_model(path))


@pytest.mark.parametrize(
    "change",
    [
        {"latent": 0},
        {"latent": 3},
        {"latent": "2"},
        {"hidden": []},
        {"hidden": [5, 0]},
        {"hidden": [4, 5]},
        {"name": "gan"},
        {"propagation": "both"},
        {"dropout": 0.5},
    ],
)
def test_model_that_does_not_fit_its_weights_is_reported_as_damage(path: Path, change: dict[str, Any]) -> None:
    rewrite(path, lambda arrays, metadata: metadata["model"].update(change))
    assert "is damaged" in refused(path, lambda: load_model(path))


@pytest.mark.parametrize("kind", ["BF16", "F8_E4M3"])
def test_types_that_numpy_lacks_are_reported_as_damage(path: Path, kind: str) -> None:
    size = {"BF16": 2, "F8_E4M3": 1}[kind]
    text = json.dumps(
        {
            "__metadata__": {KEY: json.dumps(header(path))},
            "encoder.dense1.W": {"dtype": kind, "shape": [18, 5], "data_offsets": [0, 90 * size]},
        }
    ).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(90 * size))
    assert "is damaged" in refused(path, lambda: load_model(path))


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_loaded_training_state_equals_the_saved_one_bit_for_bit(
    tmp_path: Path, pictures: np.ndarray, optimiser: OptimiserName
) -> None:
    saved = trainer(optimiser)
    for _ in zip(range(4), saved.run(Batches(pictures)), strict=False):  # in the middle of the second epoch
        pass
    save_checkpoint(saved, tmp_path)
    other = trainer(optimiser, seed=0)
    load_state(other, tmp_path / TRAINING)
    (arrays, numbers), (loaded, loaded_numbers) = saved.state(), other.state()
    assert numbers == loaded_numbers
    assert {name: array.tobytes() for name, array in arrays.items()} == {
        name: array.tobytes() for name, array in loaded.items()
    }


def test_model_holds_the_average_and_the_state_the_last_weights(tmp_path: Path, pictures: np.ndarray) -> None:
    gan = build("gan", SHAPE, latent=2, hidden=(5,))
    saved = Trainer(gan, TrainingSpecification("adam", 0.01, "sum", 2, 3, 0, ema=0.9))
    for _ in saved.run(Batches(pictures)):
        pass
    save_checkpoint(saved, tmp_path)
    last, average = gan.networks["generator"].theta, saved.average.model.networks["generator"].theta
    assert not np.array_equal(last, average)
    np.testing.assert_array_equal(load_model(tmp_path).networks["generator"].theta, average)
    np.testing.assert_array_equal(load_file(tmp_path / TRAINING)["generator.theta"], last)


def test_before_the_first_step_the_memory_of_the_optimiser_is_not_written(tmp_path: Path, pictures: np.ndarray) -> None:
    """It is 0. A trainer that goes back to that step forgets what it had."""
    path, fresh, trained = tmp_path / TRAINING, trainer(), trainer()
    save_checkpoint(fresh, tmp_path)
    before = path.stat().st_size
    next(trained.run(Batches(pictures)))
    assert any(array.any() for array in trained.memory().values())
    load_state(trained, path)
    assert not any(array.any() for array in trained.memory().values())
    next(trained.run(Batches(pictures)))
    next(fresh.run(Batches(pictures)))
    for name, array in fresh.state()[0].items():
        assert np.array_equal(array, trained.state()[0][name]), name
    save_checkpoint(fresh, tmp_path)
    assert path.stat().st_size > 2.5 * before  # Adam keeps two arrays as large as the weights


def test_state_of_another_training_is_refused(tmp_path: Path, pictures: np.ndarray) -> None:
    path, trained = tmp_path / TRAINING, trainer("sgd")
    next(trained.run(Batches(pictures)))
    save_checkpoint(trained, tmp_path)
    assert "does not fit its run" in refused(path, lambda: load_state(trainer("adam"), path))
    save_checkpoint(trainer(latent=3), tmp_path)
    assert "does not fit its run" in refused(path, lambda: load_state(trainer(), path))
    save_checkpoint(trainer(), tmp_path, run="a")
    assert "belongs to another run" in refused(path, lambda: load_state(trainer(), path, run="b"))
    save_model(model(), path)
    assert "is damaged" in refused(path, lambda: load_state(trainer(), path))


def test_damaged_state_is_refused(tmp_path: Path) -> None:
    path = tmp_path / TRAINING
    assert "does not exist" in refused(path, lambda: load_state(trainer(), path))
    save_checkpoint(trainer(), tmp_path)
    path.write_bytes(path.read_bytes()[:-5])
    assert "is damaged" in refused(path, lambda: load_state(trainer(), path))
    save_checkpoint(trainer(), tmp_path)
    rewrite(path, lambda arrays, metadata: metadata.update(format=7))
    assert "format 7" in refused(path, lambda: load_state(trainer(), path))
    save_checkpoint(trainer(), tmp_path)
    rewrite(path, lambda arrays, metadata: arrays.update({name: array != 0 for name, array in arrays.items()}))
    assert "is of type bool instead of float32" in refused(path, lambda: load_state(trainer(), path))


@pytest.mark.parametrize(
    "change",
    [{"steps": "abc"}, {"steps": -1}, {"seen": 1.5}, {"totals": {"kl": "x"}}, {"totals": {"kl": None}}, {"norms": 3}],
)
def test_progress_that_makes_no_sense_is_reported_as_damage(tmp_path: Path, change: dict[str, Any]) -> None:
    save_checkpoint(trainer(), tmp_path)
    rewrite(tmp_path / TRAINING, lambda arrays, metadata: metadata.update(change))
    before = [array.tobytes() for array in trainer().state()[0].values()]
    restored = trainer()
    assert "is damaged" in refused(tmp_path / TRAINING, lambda: load_state(restored, tmp_path / TRAINING))
    assert [array.tobytes() for array in restored.state()[0].values()] == before


def test_training_state_is_not_loaded_as_a_model(tmp_path: Path) -> None:
    save_checkpoint(trainer(), tmp_path)
    assert "is damaged" in refused(tmp_path / TRAINING, lambda: load_model(tmp_path / TRAINING))


@pytest.mark.parametrize("name", [MODEL, TRAINING])
def test_flipped_bits_of_an_array_are_noticed(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    save_checkpoint(trainer(), tmp_path)
    whole = path.read_bytes()
    start = 8 + struct.unpack("<Q", whole[:8])[0]
    assert len(whole) - start > 1000
    for position in range(start, len(whole), len(whole) // 60):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        path.write_bytes(flipped)
        load = (lambda: load_model(path)) if name == MODEL else (lambda: load_state(trainer(), path))
        assert "its checksum differs" in refused(path, load)


@pytest.mark.parametrize("change", [{"steps": 5}, {"run": "other"}, {"shape": [2, 3, 3]}])
def test_changed_metadata_are_noticed(tmp_path: Path, change: dict[str, Any]) -> None:
    save_checkpoint(trainer(), tmp_path)
    checksum = header(tmp_path / MODEL)["sha256"]
    rewrite(tmp_path / MODEL, lambda arrays, metadata: metadata.update(change, sha256=checksum))
    assert "is damaged" in refused(tmp_path / MODEL, lambda: load_model(tmp_path))


def test_files_of_format_2_are_read(tmp_path: Path, pictures: np.ndarray) -> None:
    """They have no ids and no checksums."""

    def older(arrays: dict[str, np.ndarray], metadata: dict[str, Any]) -> None:
        for key in ("run", "sha256", "norms", "steps" if "model" in metadata else "norms"):
            metadata.pop(key, None)
        metadata["format"] = 2

    saved = trainer()
    next(saved.run(Batches(pictures)))
    save_checkpoint(saved, tmp_path)
    for name in (MODEL, TRAINING):
        rewrite(tmp_path / name, older)
    np.testing.assert_array_equal(load_model(tmp_path).encode(pictures), saved.model.encode(pictures))
    restored = trainer()
    load_state(restored, tmp_path / TRAINING)
    assert restored.steps == 1


def test_weights_are_saved_if_the_state_does_not_fit_on_the_disk(
    tmp_path: Path, pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    trained = trainer()
    save_checkpoint(trained, tmp_path)
    before = (tmp_path / TRAINING).read_bytes()
    next(trained.run(Batches(pictures)))
    limit, open_file = (tmp_path / MODEL).stat().st_size + 1, os.fdopen

    class Disk:
        """A file on a disk with less room than the state needs."""

        def __init__(self, descriptor: int, *arguments: Any) -> None:
            self.file = open_file(descriptor, *arguments)

        def __enter__(self) -> "Disk":
            return self

        def __exit__(self, *error: object) -> None:
            self.file.close()

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

        def write(self, content: bytes) -> int:
            if len(content) > limit:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return self.file.write(content)

    monkeypatch.setattr(os, "fdopen", Disk)
    save_checkpoint(trained, tmp_path)
    assert "training.safetensors of step 1 could not be written (No space left on device)" in caplog.text
    assert (tmp_path / TRAINING).read_bytes() == before
    assert read_header(tmp_path).steps == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [MODEL, TRAINING]


def test_unwritable_path_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(AvaError, match=r"cannot write .*No such file or directory"):
        write_atomically(tmp_path / "no" / "x", b"new")
    with pytest.raises(AvaError, match=r"cannot write .*Not a directory"):
        write_atomically(tmp_path / "file" / "x", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"


def test_an_ava_of_format_3_has_the_printed_objective(tmp_path: Path) -> None:
    """Its file has none of the options that came later, and a checksum of what it has."""
    model = build("ava1", (3, 4, 1), latent=2, hidden=(4,), likelihood="gaussian", saturating=True)
    save_model(model, tmp_path / MODEL)
    with safe_open(tmp_path / MODEL, "numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = json.loads(file.metadata()[KEY])
    for option in ("likelihood", "beta", "saturating", "adversarial_weight"):
        del metadata["model"][option]
    metadata |= {"format": 3, "sha256": ""}
    digest = hashlib.sha256(msgspec.json.encode(metadata))
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(arrays[name].tobytes())
    metadata["sha256"] = digest.hexdigest()
    save_file(arrays, tmp_path / MODEL, {KEY: msgspec.json.encode(metadata).decode()})
    assert load_model(tmp_path / MODEL).specification == model.specification
    metadata["steps"] = 3
    save_file(arrays, tmp_path / MODEL, {KEY: msgspec.json.encode(metadata).decode()})
    with pytest.raises(RunError, match="checksum"):
        load_model(tmp_path / MODEL)
