"""Weights and training states on disk: safetensors, whole or not at all.

``model.safetensors`` is enough to use a model: its metadata say how to build it. ``training.safetensors`` is what a
training needs to go on. Each has a single metadata key holding JSON, because several would be written in random order.
"""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ava_np.errors import RunError
from ava_np.files import write_atomically
from ava_np.models import Model, from_specification
from ava_np.specification import FORMAT, AnyModel, Positive
from ava_np.training.trainer import Trainer

KEY = "ava_np"


class ModelHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the metadata of ``model.safetensors`` hold."""

    format: int
    model: AnyModel
    shape: tuple[Positive, Positive, Positive]


def save_model(model: Model, path: str | Path) -> None:
    """Write a model's weights and running statistics, and how to build it, to ``path``.

    Raises
    ------
    AvaError
        If the file cannot be written; an older one is then still whole.
    """
    arrays = {
        f"{name}.{layer}.{parameter}": array
        for name, network in model.networks.items()
        for views in (network.parameters, network.states)
        for layer, parameter, array in network.named_arrays(views)
    }
    header = {"format": FORMAT, "model": msgspec.to_builtins(model.specification), "shape": model.shape}
    _write(Path(path), arrays, header)


def load_model(path: str | Path) -> Model:
    """Read a model back; ``path`` is its file, or the run folder that holds it.

    Raises
    ------
    RunError
        If there is no such file, or it is damaged or of another version.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "model.safetensors"
    arrays, metadata = _read(path)
    if metadata.get("format") != FORMAT:
        raise RunError(f"{path} is of format {metadata.get('format')}; this ava-np reads format {FORMAT}")
    try:
        header = msgspec.convert(metadata, ModelHeader)
        model = from_specification(header.model, header.shape)
        for name, network in model.networks.items():
            for views in (network.parameters, network.states):
                for layer, parameter, target in network.named_arrays(views):
                    _copy(arrays, f"{name}.{layer}.{parameter}", target)
    except ValueError as error:
        raise RunError(f"{path} is damaged: {error}") from error
    return model


def save_state(trainer: Trainer, path: Path) -> None:
    """Write all that ``load_state`` needs.

    Raises
    ------
    AvaError
        If the file cannot be written.
    """
    arrays, numbers = trainer.state()
    _write(path, arrays, {"format": FORMAT, **numbers})


def load_state(trainer: Trainer, path: Path) -> None:
    """Put a trainer and its model where ``save_state`` left them.

    Raises
    ------
    RunError
        If the file is missing, damaged, or of another model or version.
    """
    arrays, numbers = _read(path)
    if numbers.get("format") != FORMAT:
        raise RunError(f"{path} is of format {numbers.get('format')}; this ava-np reads format {FORMAT}")
    try:
        trainer.restore(arrays, numbers)
    except (KeyError, ValueError, TypeError) as error:
        raise RunError(f"{path} does not fit its run: {error}") from error


def _copy(arrays: dict[str, np.ndarray], name: str, target: np.ndarray) -> None:
    if name not in arrays:
        raise ValueError(f"it lacks {name}")
    if arrays[name].shape != target.shape:
        raise ValueError(f"{name} is {arrays[name].shape} instead of {target.shape}")
    if not np.isfinite(arrays[name]).all():
        raise ValueError(f"{name} is not finite")
    target[:] = arrays[name]


def _write(path: Path, arrays: dict[str, np.ndarray], metadata: dict[str, Any]) -> None:
    # safetensors silently scrambles arrays that are not C-contiguous
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_atomically(path, save(contiguous, {KEY: msgspec.json.encode(metadata, order="sorted").decode()}))


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    if not path.is_file():
        raise RunError(f"{path} does not exist")
    try:
        with safe_open(path, "numpy") as file:
            metadata = msgspec.json.decode((file.metadata() or {}).get(KEY, "null"))
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError) as error:  # the last two: foreign types
        raise RunError(f"{path} is damaged: {error}") from error
    if not isinstance(metadata, dict):
        raise RunError(f"{path} was not written by ava-np")
    return arrays, metadata
