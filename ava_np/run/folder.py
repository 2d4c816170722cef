"""A run is a folder: its specification, weights, one line per epoch, pictures and a report."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from ava_np import specification as specifications
from ava_np.data.batches import Batches
from ava_np.data.pictures import Pictures, Progress
from ava_np.data.sources import read_pictures
from ava_np.data.split import Split, split
from ava_np.errors import AvaError, PictureError, RunError
from ava_np.files import write_atomically
from ava_np.models import Model, from_specification
from ava_np.run.checkpoint import load_model, load_state, save_model, save_state
from ava_np.specification import FORMAT, Part, Specification
from ava_np.training.trainer import Metrics, Trainer

CONFIG, MODEL, TRAINING, METRICS = "config.json", "model.safetensors", "training.safetensors", "metrics.jsonl"
SAMPLES, RECONSTRUCTIONS, IMAGE_BEST = "samples.png", "reconstructions.png", "image_best.png"
LOSSES, REPORT = "losses.png", "report.html"
ARCHITECTURE = "architecture.json"  # one's own, as --architecture takes it
SAVE_SECONDS = 60.0  # between saves while training
MAX_EVALUATED = 1000  # pictures that are judged and shown after a training
OURS = (CONFIG, MODEL, TRAINING, METRICS, SAMPLES, RECONSTRUCTIONS, IMAGE_BEST, LOSSES, REPORT, ARCHITECTURE)


class _Line(msgspec.Struct):
    """What every line of ``metrics.jsonl`` has, among other things."""

    epoch: int
    step: int
    nats: dict[str, float]


class Run:
    """A run folder.

    Parameters
    ----------
    folder : Path
        Where it is.
    specification : Specification
        What ``config.json`` holds.
    """

    def __init__(self, folder: Path, specification: Specification) -> None:
        self.folder, self.specification = folder, specification

    @classmethod
    def create(cls, folder: Path, specification: Specification, *, overwrite: bool = False) -> "Run":
        """Start a run in a new or empty folder, or over an older run if ``overwrite``.

        Raises
        ------
        RunError
            If the folder holds anything and ``overwrite`` is not set, or anything but a run if it is.
        AvaError
            If it cannot be written, or the specification names a picture folder whose name is not UTF-8.
        """
        used = cls.require_free(folder, overwrite=overwrite)
        try:
            text = specifications.encode(specification)
            folder.mkdir(parents=True, exist_ok=True)
            for name in OURS if used else ():
                (folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise AvaError(f"cannot write {folder}: {error.strerror}") from error
        except UnicodeEncodeError as error:
            raise AvaError(f"{CONFIG} cannot hold {error.object!a}, which is not UTF-8: rename the folder") from error
        write_atomically(folder / CONFIG, text)
        if isinstance(specification.model.architecture, dict):
            write_atomically(
                folder / ARCHITECTURE, msgspec.json.format(msgspec.json.encode(specification.model.architecture))
            )
        return cls(folder, specification)

    @staticmethod
    def require_free(folder: Path, *, overwrite: bool = False) -> bool:
        """Whether there is a run to overwrite in ``folder``; raises as ``create`` does, and writes nothing."""
        try:
            used = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
        except OSError as error:
            raise AvaError(f"cannot write {folder}: {error.strerror}") from error
        if used and not overwrite:
            raise RunError(f"{folder} is already used: choose another --out, or --resume or --overwrite it")
        if used and not (folder / CONFIG).is_file():
            raise RunError(f"{folder} is not empty and no run: --overwrite does not touch it")
        return used

    @classmethod
    def open(cls, folder: Path) -> "Run":
        """Open a run folder.

        Raises
        ------
        RunError
            If it is missing, damaged or of another version.
        """
        if not (folder / CONFIG).is_file():
            raise RunError(f"{folder} is no run folder: it has no {CONFIG}")
        try:
            text = (folder / CONFIG).read_bytes()
            version = msgspec.json.decode(text)["format"]
            if version != FORMAT:
                raise RunError(f"{folder} is a run of format {version}; this ava-np reads format {FORMAT}")
            return cls(folder, specifications.decode(text))
        except (msgspec.DecodeError, KeyError, TypeError, OSError) as error:
            raise RunError(f"{folder / CONFIG} is damaged: {error}") from error

    def pictures(self, source: Path | str | None = None, progress: Progress | None = None) -> Pictures:
        """The pictures that the run was made for, or those in ``source`` made alike, at full size.

        Raises
        ------
        PictureError
            If there are none.
        """
        own = self.specification.pictures
        limit, cache = 0, None
        if source is None:
            source, limit, cache = own.source, own.limit, None if own.cache is None else Path(own.cache)
            if source is not None and not own.toy and not Path(source).exists():
                raise PictureError(f"the pictures of {self.folder} are no longer in {source}: name their FOLDER")
        colour: Literal["grey", "rgb"] = "grey" if own.channels == 1 else "rgb"
        return read_pictures(
            source, size=own.size, zoom=own.zoom, colour=colour, limit=limit, cache=cache, progress=progress
        )

    def split(self, pictures: Pictures) -> Split:
        """Which of the run's own pictures are trained on, which are held out."""
        own = self.specification.pictures
        return split(len(pictures.names), own.validation, own.test, self.specification.training.seed)

    def batches(self, pictures: Pictures) -> tuple[Batches, Batches | None]:
        """What is trained on, and what is held out for validation, if anything is."""
        own, parts = self.specification.pictures, self.split(pictures)
        training = Batches(pictures.array, zoom=own.zoom, flip=own.flip, shift=own.shift, indices=parts.train)
        if not len(parts.validation):
            return training, None
        return training, Batches(pictures.array, zoom=own.zoom, indices=parts.validation)

    def evaluation_pictures(self, pictures: Pictures, part: Part = "train") -> Pictures:
        """A part of the run's own pictures, at most 1000 of them, evenly spaced: those that are judged and shown."""
        places = getattr(self.split(pictures), part)
        if not len(places):
            raise PictureError(f"{self.folder} holds out no {part} pictures: it was trained without --{part}")
        return subsample(pictures, places)

    def new_model(self) -> Model:
        """The run's model with its first weights."""
        specification = self.specification
        return from_specification(specification.model, specification.pictures.shape, seed=specification.training.seed)

    def model(self) -> Model:
        """The run's model with its trained weights.

        Raises
        ------
        RunError
            If they are missing, damaged, or not of this run.
        """
        model = load_model(self.folder)
        if (model.specification, model.shape) != (self.specification.model, self.specification.pictures.shape):
            raise RunError(f"{self.folder}: {MODEL} is not of the model that {CONFIG} describes")
        return model

    def save(self, trainer: Trainer) -> None:
        """Write the training's state and the weights, provided that these are whole and finite."""
        networks = trainer.model.networks.values()
        kept = [array for network in networks for state in network.states for array in state.values()]
        if trainer.between_steps and all(
            np.isfinite(array).all() for array in [*kept, *(network.theta for network in networks)]
        ):
            save_state(trainer, self.folder / TRAINING)
            save_model(trainer.model, self.folder / MODEL)

    def resume(self, epochs: int | None = None) -> Trainer:
        """A trainer where the last save left it, with the metrics cut back to it; at the start if nothing was saved.

        Parameters
        ----------
        epochs : int, optional
            A new last epoch.

        Raises
        ------
        RunError
            If the saved state is missing or damaged, or was left after more epochs than that.
        """
        training = self.specification.training
        training = msgspec.structs.replace(training, epochs=epochs or training.epochs)
        trainer = Trainer(self.new_model(), training)
        if (self.folder / MODEL).exists() or (self.folder / TRAINING).exists():
            load_state(trainer, self.folder / TRAINING)
        kept = [line for line in self.metrics() if line["step"] <= trainer.steps]
        if kept and kept[-1]["epoch"] > training.epochs:
            raise RunError(f"{self.folder} has trained {kept[-1]['epoch']} epochs already, more than {training.epochs}")
        self.specification = msgspec.structs.replace(self.specification, training=training)
        write_atomically(self.folder / CONFIG, specifications.encode(self.specification))
        write_atomically(self.folder / METRICS, b"".join(msgspec.json.encode(line) + b"\n" for line in kept))
        return trainer

    def train(self, trainer: Trainer, pictures: Pictures) -> Iterator[Metrics | None]:
        """Train on the run's own pictures as ``Trainer.run`` does; write metrics; save where it ends or breaks."""
        saved = time.monotonic()
        with (self.folder / METRICS).open("ab") as file:
            try:
                for metrics in trainer.run(*self.batches(pictures)):
                    if metrics is not None:
                        file.write(msgspec.json.encode(metrics) + b"\n")
                        file.flush()
                    yield metrics
                    if time.monotonic() - saved > SAVE_SECONDS:
                        self.save(trainer)
                        saved = time.monotonic()
            finally:
                self.save(trainer)

    def metrics(self) -> list[Metrics]:
        """Every epoch's metrics so far.

        Raises
        ------
        RunError
            If the file is damaged; a last line that was cut off is left out.
        """
        path = self.folder / METRICS
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        whole = [line for line in lines if line.endswith(b"\n")]
        try:
            for line in whole:
                msgspec.json.decode(line, type=_Line)
            return [msgspec.json.decode(line) for line in whole]
        except msgspec.DecodeError as error:
            raise RunError(f"{path} is damaged: {error}") from error


def subsample(pictures: Pictures, places: np.ndarray | None = None) -> Pictures:
    """The pictures at these places, all by default; of more than 1000, so many that are evenly spaced."""
    places = np.arange(len(pictures.names)) if places is None else places
    places = places[np.unique(np.linspace(0, len(places) - 1, min(len(places), MAX_EVALUATED)).round().astype(int))]
    return replace(
        pictures,
        array=pictures.array[places],
        names=tuple(pictures.names[i] for i in places),
        sizes=tuple(pictures.sizes[i] for i in places),
        stored_sha256=None,
    )
