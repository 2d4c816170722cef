"""Saving and loading models and training states as safetensors files.

``model.safetensors`` is enough to use a model: its metadata say how to build it. ``training.safetensors`` is needed to
resume a training: if the model is an average of the weights, it has the last weights too. Each has a single metadata
key that holds JSON, because safetensors writes several in random order: the format, the run that the file belongs to,
the step, and a checksum. Files are written atomically.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast, get_args

import msgspec
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ava_np.errors import AvaError, RunError
from ava_np.files import atomic_file, write_atomically
from ava_np.models import Model, array_shapes, from_specification
from ava_np.models.codes import CodeDistribution
from ava_np.run.names import MODEL, TRAINING
from ava_np.specification import FORMAT, AnyModel, Positive, TermName, Total, of_format, require_readable
from ava_np.training.trainer import Progress, Trainer

KEY = "ava_np"

logger = logging.getLogger("ava_np")


class ModelHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The metadata of ``model.safetensors``.

    Parameters
    ----------
    format : int
        ``FORMAT`` of the version that wrote it.
    model : ModelSpecification
        The model.
    shape : (height, width, channels)
        Shape of a picture.
    run : str
        ``Specification.id`` of its run; empty outside a run.
    steps : int, optional
        Number of steps that the weights have been trained; None outside a run.
    sha256 : str
        Checksum of the arrays and of the other metadata; empty in format 2.
    """

    format: int
    model: AnyModel
    shape: tuple[Positive, Positive, Positive]
    run: str = ""
    steps: Total | None = None
    sha256: str = ""


class StateHeader(Progress, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The metadata of ``training.safetensors``: the progress, and what a ``ModelHeader`` has."""

    format: int
    run: str = ""
    sha256: str = ""

    def __post_init__(self) -> None:
        # Metrics are written of these, and ``read_metrics`` would refuse them.
        if not self.totals.keys() <= set(get_args(TermName)) or bool(self.totals) != (self.seen > 0):
            raise ValueError(f"terms {', '.join(self.totals) or 'none'} are summed over {self.seen} pictures")


Header = TypeVar("Header", ModelHeader, StateHeader)


class Weights(NamedTuple):
    """The content of ``model.safetensors``: arrays by name, and the metadata without the checksum."""

    arrays: dict[str, np.ndarray]
    header: ModelHeader


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
    write_atomically(Path(path), _model_file(model))


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
    return read_model(path)[0]


def read_model(path: str | Path) -> tuple[Model, ModelHeader]:
    """Return a model and the metadata of its file; parameters and errors as in ``load_model``."""
    path = _model_path(path)
    header = read_header(path)
    arrays = _read_arrays(path, header)
    try:
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
        if "codes.mean" in arrays:
            n = model.latent
            model.codes = CodeDistribution(np.empty(n, np.float32), np.empty((n, n), np.float32))
            for name, target in model.codes._asdict().items():
                _copy(arrays, f"codes.{name}", target)
    except ValueError as error:
        raise RunError(f"{path} is damaged: {error}") from error
    return model, header


def read_header(path: str | Path) -> ModelHeader:
    """Return the metadata of a model's file, without its arrays; parameters and errors as in ``load_model``."""
    header = _read_header(_model_path(path), ModelHeader)
    return msgspec.structs.replace(header, model=of_format(header.model, header.format))


def save_checkpoint(trainer: Trainer, folder: Path, run: str = "") -> None:
    """Save the weights and the state of a training together.

    Older files stay until both new ones are complete. If the state cannot be written, for example because the disk is
    full, the weights are saved alone, and a warning is logged.

    Parameters
    ----------
    trainer : Trainer
        Between two steps.
    folder : Path
        The run folder.
    run : str
        ``Specification.id`` of the run.

    Raises
    ------
    AvaError
        If not even the weights can be written.
    """
    model, steps = trainer.average.model, trainer.steps
    _write_both(folder, steps, lambda: _state_file(trainer, run), lambda: _model_file(model, run, steps))


def checkpoint_writer(trainer: Trainer, folder: Path, run: str = "") -> Callable[[], None]:
    """Return a function that writes what ``save_checkpoint`` would write now; parameters and errors as there."""
    steps, state = trainer.steps, _state_file(trainer, run)
    weights = _model_file(trainer.average.model, run, steps)
    return lambda: _write_both(folder, steps, lambda: state, lambda: weights)


def _write_both(folder: Path, steps: int, state: Callable[[], bytes], weights: Callable[[], bytes]) -> None:
    """Write the two files, whose content is made one after the other, to hold only one of them in memory."""
    try:
        with atomic_file(folder / MODEL) as of_weights, atomic_file(folder / TRAINING) as of_state:  # this comes first
            of_state.write(state())
            of_weights.write(weights())
    except OSError as error:
        try:
            write_atomically(folder / MODEL, weights())
        except AvaError as failure:
            raise failure from error
        logger.warning(
            "%s of step %d could not be written (%s): the weights are saved without it, and --resume goes back to "
            "an older step",
            *(TRAINING, steps, error.strerror),
        )


def copy_weights(trainer: Trainer, run: str = "") -> Weights:
    """Return a copy of the weights that ``save_checkpoint`` would save now; ``save_weights`` can write it later."""
    arrays, header = _weights(trainer.average.model, run, trainer.steps)
    return Weights({name: array.copy() for name, array in arrays.items()}, header)


def save_weights(weights: Weights, folder: Path) -> None:
    """Write ``model.safetensors`` alone.

    Raises
    ------
    AvaError
        If it cannot be written; the older file stays then.
    """
    write_atomically(folder / MODEL, _encode(*weights))


def save_state(trainer: Trainer, folder: Path, run: str = "") -> None:
    """Save the state of a training alone, and leave the weights in the folder as they are.

    Parameters as for ``save_checkpoint``.

    Raises
    ------
    AvaError
        If it cannot be written; the older state stays then.
    """
    write_atomically(folder / TRAINING, _state_file(trainer, run))


def load_state(trainer: Trainer, path: Path, run: str = "") -> None:
    """Restore a trainer and its model from the state that ``save_checkpoint`` wrote.

    Parameters
    ----------
    trainer : Trainer
        Of the same model and training.
    path : Path
        The file.
    run : str
        ``Specification.id`` of the run.

    Raises
    ------
    RunError
        If the file is missing or damaged, or of another run, model or version.
    """
    header = _read_header(path, StateHeader)
    if header.run != run:
        raise RunError(f"{path} belongs to another run than its folder")
    arrays = _read_arrays(path, header)
    if not header.steps:
        arrays = {name: np.zeros_like(array) for name, array in trainer.memory().items()} | arrays
    try:
        trainer.restore(arrays, Progress(header.steps, header.totals, header.seen, header.norms))
    except (KeyError, ValueError) as error:
        raise RunError(f"{path} does not fit its run: {error}") from error


def saved_steps(path: Path) -> int:
    """Return the number of steps after which a training state was saved; errors as in ``load_state``."""
    return _read_header(path, StateHeader).steps


def _model_path(path: str | Path) -> Path:
    """The file that a path means: the path itself, or the weights in a run folder."""
    path = Path(path)
    return path / MODEL if path.is_dir() else path


def _copy(arrays: dict[str, np.ndarray], name: str, target: np.ndarray) -> None:
    if arrays[name].dtype.kind != "f":
        raise ValueError(f"{name} is of type {arrays[name].dtype} instead of {target.dtype}")
    with np.errstate(over="ignore"):  # a float64 may be too large for float32
        target[:] = arrays[name]
    if not np.isfinite(target).all():
        raise ValueError(f"{name} is not finite")


def _model_file(model: Model, run: str = "", steps: int | None = None) -> bytes:
    return _encode(*_weights(model, run, steps))


def _weights(model: Model, run: str, steps: int | None) -> Weights:
    arrays = {
        f"{name}.{layer}.{parameter}": array
        for name, network in model.networks.items()
        for views in (network.parameters, network.states)
        for layer, parameter, array in network.named_arrays(views)
    }
    if model.codes is not None:
        arrays |= {f"codes.{name}": array for name, array in model.codes._asdict().items()}
    specification = cast(AnyModel, model.specification)
    return Weights(arrays, ModelHeader(format=FORMAT, model=specification, shape=model.shape, run=run, steps=steps))


def _state_file(trainer: Trainer, run: str) -> bytes:
    arrays, progress = trainer.state()
    if not trainer.steps:  # the optimisers' memory is still 0, and can be three quarters of the whole
        arrays = {name: array for name, array in arrays.items() if name not in trainer.memory()}
    return _encode(arrays, StateHeader(**msgspec.structs.asdict(progress), format=FORMAT, run=run))


def _encode(arrays: dict[str, np.ndarray], header: ModelHeader | StateHeader) -> bytes:
    """Return a safetensors file with its checksum."""
    # safetensors silently scrambles arrays that are not C-contiguous
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    header = msgspec.structs.replace(header, sha256=_checksum(contiguous, msgspec.json.encode(header)))
    return save(contiguous, {KEY: msgspec.json.encode(header).decode()})


def _checksum(arrays: dict[str, np.ndarray], metadata: bytes) -> str:
    """SHA-256 of the metadata without a checksum, and of arrays with their names, types and shapes."""
    digest = hashlib.sha256(metadata)
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(arrays[name].data)
    return digest.hexdigest()


def _read_header(path: Path, kind: type[Header]) -> Header:
    """Return the metadata of a file that this version can read."""
    if not path.is_file():
        raise RunError(f"{path} does not exist")
    with _opened(path) as file:
        metadata = msgspec.json.decode((file.metadata() or {}).get(KEY, "null"))
        if not isinstance(metadata, dict):
            raise RunError(f"{path} was not written by ava-np")
        require_readable(path, metadata.get("format"))
        return msgspec.convert(metadata, kind)


def _read_arrays(path: Path, header: ModelHeader | StateHeader) -> dict[str, np.ndarray]:
    """Return the arrays of a file, after checking their checksum."""
    with _opened(path) as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        # as they were written: the header of an older file lacks the options that were added since
        written = msgspec.json.decode(file.metadata()[KEY]) | {"sha256": ""}
        if header.sha256 and header.sha256 != _checksum(arrays, msgspec.json.encode(written)):
            raise ValueError("its checksum differs")
        return arrays


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a safetensors file; any error before it is closed means that it is damaged."""
    try:
        with safe_open(path, "numpy") as file:
            yield file
    except (
        SafetensorError,
        OSError,
        ValueError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:  # TypeError and AttributeError: types that NumPy lacks; RecursionError: JSON that is nested too deep
        raise RunError(f"{path} is damaged: {error}") from error
