"""Saving and loading models and training states as safetensors files.

``model.safetensors`` is enough to use a model: its metadata say how to build it. ``training.safetensors`` is needed to
resume a training. Each has a single metadata key that holds JSON, because safetensors writes several in random order.
Files are written atomically.
"""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ava_np.errors import RunError
from ava_np.files import write_atomically
from ava_np.models import Model, array_shapes, from_specification
from ava_np.specification import FORMAT, AnyModel, Positive
from ava_np.training.trainer import Trainer

KEY = "ava_np"


class ModelHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The metadata of ``model.safetensors``."""

    format: int
    model: AnyModel
    shape: tuple[Positive, Positive, Positive]


def save_model(model: Model, path: str | Path) -> None:
    """Save a model: its weights, its running statistics and its specification.

    Parameters
    ----------
    model : Model
        From ``build`` or ``load``.
    path : path or str
        The file to write, ``model.safetensors`` in a run folder.

    Raises
    ------
    AvaError
        If the file cannot be written; an older file is then left as it was.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import ava_np
    >>> model = ava_np.build("vae", (4, 4, 1), latent=2, hidden=(8,))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ava_np.save(model, Path(folder, "model.safetensors"))
    ...     ava_np.load(folder).specification == model.specification
    True
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
    """Load a model that ``save`` or a training wrote.

    Parameters
    ----------
    path : path or str
        A file, or the run folder that holds ``model.safetensors``.

    Returns
    -------
    Model
        With its weights and running statistics, in float32.

    Raises
    ------
    RunError
        If there is no such file, or it is damaged or of another version.

    Examples
    --------
    >>> import tempfile
    >>> import ava_np
    >>> import numpy as np
    >>> model = ava_np.build("ae", (4, 4, 1), latent=2, hidden=(8,))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ava_np.save(model, f"{folder}/model.safetensors")
    ...     loaded = ava_np.load(f"{folder}/model.safetensors")
    >>> loaded.decode(np.zeros((3, 2))).shape
    (3, 4, 4, 1)
    """
    path = Path(path)
    if path.is_dir():
        path = path / "model.safetensors"
    arrays, metadata = _read(path)
    if metadata.get("format") != FORMAT:
        raise RunError(f"{path} is of format {metadata.get('format')}; this ava-np reads format {FORMAT}")
    try:
        header = msgspec.convert(metadata, ModelHeader)
        for name, shape in array_shapes(header.model, header.shape).items():  # before any memory is taken for them
            if name not in arrays:
                raise ValueError(f"{name} is missing")
            if arrays[name].shape != shape:
                raise ValueError(f"{name} is {arrays[name].shape} instead of {shape}")
        model = from_specification(header.model, header.shape)
        for name, network in model.networks.items():
            for views in (network.parameters, network.states):
                for layer, parameter, target in network.named_arrays(views):
                    _copy(arrays, f"{name}.{layer}.{parameter}", target)
    except ValueError as error:
        raise RunError(f"{path} is damaged: {error}") from error
    return model


def save_state(trainer: Trainer, path: Path) -> None:
    """Save the state of a training.

    Raises
    ------
    AvaError
        If the file cannot be written.
    """
    arrays, numbers = trainer.state()
    _write(path, arrays, {"format": FORMAT, **numbers})


def load_state(trainer: Trainer, path: Path) -> None:
    """Restore a trainer and its model from the state that ``save_state`` wrote.

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
    if arrays[name].dtype.kind != "f":
        raise ValueError(f"{name} is of type {arrays[name].dtype} instead of {target.dtype}")
    with np.errstate(over="ignore"):  # a float64 may be too large for float32
        target[:] = arrays[name]
    if not np.isfinite(target).all():
        raise ValueError(f"{name} is not finite")


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
    except (
        SafetensorError,
        OSError,
        ValueError,
        TypeError,
        AttributeError,
    ) as error:  # the last two: types that NumPy lacks
        raise RunError(f"{path} is damaged: {error}") from error
    if not isinstance(metadata, dict):
        raise RunError(f"{path} was not written by ava-np")
    return arrays, metadata
