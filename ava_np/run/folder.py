"""A run: a folder with its specification, weights, metrics, pictures and report."""

import time
from collections.abc import Generator
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from ava_np import specification as specifications
from ava_np.data.pictures import Pictures, Progress
from ava_np.data.sources import read_pictures
from ava_np.errors import AvaError, PictureError, RunError
from ava_np.files import write_atomically
from ava_np.models import Model, from_specification
from ava_np.run.checkpoint import load_model, load_state, save_model, save_state
from ava_np.run.metrics import read_metrics
from ava_np.run.pictures import SplitPictures, split_pictures, subsample
from ava_np.specification import FORMAT, Part, Specification
from ava_np.training.trainer import Metrics, Trainer

CONFIG, MODEL, TRAINING, METRICS = "config.json", "model.safetensors", "training.safetensors", "metrics.jsonl"
SAMPLES, RECONSTRUCTIONS, IMAGE_BEST = "samples.png", "reconstructions.png", "image_best.png"
LOSSES, REPORT = "losses.png", "report.html"
ARCHITECTURE = "architecture.json"  # a custom one, in the form that --architecture reads
RUN_FILES = (CONFIG, MODEL, TRAINING, METRICS, SAMPLES, RECONSTRUCTIONS, IMAGE_BEST, LOSSES, REPORT, ARCHITECTURE)
SAVE_SECONDS = 60.0  # between saves while training


class Run:
    """A run folder.

    Use ``Run.create`` for a new run and ``Run.open`` for one that exists.

    Parameters
    ----------
    folder : Path
        The run folder.
    specification : Specification
        The content of its ``config.json``.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from ava_np.run.folder import Run
    >>> from ava_np.specification import FORMAT, VAE, PicturesSpecification, Specification, TrainingSpecification
    >>> specification = Specification(
    ...     format=FORMAT,
    ...     model=VAE(latent=2, hidden=(8,)),
    ...     pictures=PicturesSpecification(source=None, size=(18, 25), channels=3, zoom=1),
    ...     training=TrainingSpecification("adam", 1e-3, "sum", batch_size=10, epochs=3, seed=0),
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = Run.create(Path(folder, "run"), specification)
    ...     data = run.split(run.pictures())
    ...     for metrics in run.train(run.resume(), data):
    ...         pass
    ...     run = Run.open(run.folder)
    ...     codes = run.model().encode(run.evaluation_pictures(data).array)
    ...     [line["epoch"] for line in run.metrics()], codes.shape
    ([1, 2, 3], (10, 2))
    """

    def __init__(self, folder: Path, specification: Specification) -> None:
        self.folder, self.specification = folder, specification

    @classmethod
    def create(cls, folder: str | Path, specification: Specification, *, overwrite: bool = False) -> "Run":
        """Start a run in a new or empty folder, or replace an older run if ``overwrite``.

        Parameters
        ----------
        folder : path or str
            Created with its parents.
        specification : Specification
            Written to ``config.json``.
        overwrite : bool
            Delete the files of an older run first. Other files in the folder stay.

        Raises
        ------
        RunError
            If the folder is not empty and ``overwrite`` is not set, or is not a run folder.
        AvaError
            If the folder cannot be written, or the name of the picture folder is not UTF-8.
        """
        folder = Path(folder)
        used = cls.require_free(folder, overwrite=overwrite)
        try:
            text = specifications.encode(specification)
            folder.mkdir(parents=True, exist_ok=True)
            for name in RUN_FILES if used else ():
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
        """Return whether ``create`` would overwrite a run in ``folder``; raise the errors of ``create``."""
        try:
            used = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
        except OSError as error:
            raise AvaError(f"cannot write {folder}: {error.strerror}") from error
        if used and not overwrite:
            raise RunError(f"{folder} is already in use: choose another --out, or add --resume or --overwrite")
        if used and not (folder / CONFIG).is_file():
            raise RunError(f"{folder} is not empty and not a run folder: --overwrite leaves it alone; choose another")
        if used:
            try:
                Run.open(folder)  # a config.json alone proves nothing: model folders of other programs have one too
            except RunError as error:
                raise RunError(
                    f"--overwrite replaces only runs: {error}; choose another folder or delete it"
                ) from error
        return used

    @classmethod
    def open(cls, folder: str | Path) -> "Run":
        """Open a run folder.

        Raises
        ------
        RunError
            If it is missing, damaged or of another version.
        """
        folder = Path(folder)
        if not (folder / CONFIG).is_file():
            raise RunError(f"{folder} is not a run folder: it has no {CONFIG}")
        try:
            text = (folder / CONFIG).read_bytes()
            version = msgspec.json.decode(text)["format"]
            if version != FORMAT:
                raise RunError(f"{folder} is a run of format {version}; this ava-np reads format {FORMAT}")
            return cls(folder, specifications.decode(text))
        except (msgspec.DecodeError, KeyError, TypeError, OSError) as error:
            raise RunError(f"{folder / CONFIG} is damaged: {error}") from error

    def pictures(self, source: Path | str | None = None, progress: Progress | None = None) -> Pictures:
        """Read the run's pictures, or those in ``source`` with the run's size, zoom and channels.

        Parameters
        ----------
        source : path or str, optional
            Other pictures; by default those of the specification.
        progress : callable, optional
            Called as ``progress(done, total)`` after each file.

        Returns
        -------
        Pictures
            At full size.

        Raises
        ------
        PictureError
            If there are no pictures.
        """
        prepared = self.specification.pictures
        limit, cache = 0, None
        if source is None:
            source, limit = prepared.source, prepared.limit
            cache = None if prepared.cache is None else Path(prepared.cache)
            if source is not None and not prepared.toy and not Path(source).exists():
                raise PictureError(f"the pictures of {self.folder} are no longer in {source}: pass their FOLDER")
        colour: Literal["grey", "rgb"] = "grey" if prepared.channels == 1 else "rgb"
        return read_pictures(
            source,
            size=prepared.size,
            zoom=prepared.zoom,
            colour=colour,
            limit=limit,
            cache=cache,
            max_pixels=prepared.max_pixels,
            progress=progress,
        )

    def split(self, pictures: Pictures) -> SplitPictures:
        """Split the run's pictures into training, validation and test pictures."""
        shares = self.specification.pictures
        return split_pictures(pictures, shares.validation, shares.test, self.specification.training.seed)

    def evaluation_pictures(self, data: SplitPictures, part: Part = "train") -> Pictures:
        """Return the pictures of a part that are evaluated and shown: at most 1000, evenly spaced.

        Raises
        ------
        PictureError
            If the part is empty.
        """
        indices = getattr(data.split, part)
        if not len(indices):
            raise PictureError(f"{self.folder} holds out no {part} pictures: it was trained without --{part}")
        return subsample(data.pictures, indices)

    def model(self) -> Model:
        """Load the trained model.

        Raises
        ------
        RunError
            If its file is missing, damaged, or not of this run.
        """
        model = load_model(self.folder)
        if (model.specification, model.shape) != (self.specification.model, self.specification.pictures.shape):
            raise RunError(f"{self.folder}: {MODEL} is not of the model that {CONFIG} describes")
        return model

    def save(self, trainer: Trainer) -> None:
        """Write the state of the training and the weights, if no step is half applied and all values are finite."""
        networks = trainer.model.networks.values()
        states = [array for network in networks for state in network.states for array in state.values()]
        if trainer.between_steps and all(
            np.isfinite(array).all() for array in [*states, *(network.theta for network in networks)]
        ):
            save_state(trainer, self.folder / TRAINING)
            save_model(trainer.model, self.folder / MODEL)

    def resume(self, epochs: int | None = None) -> Trainer:
        """Return a trainer at the last save, or at step 0 if nothing was saved.

        Metrics of later steps are removed from ``metrics.jsonl``.

        Parameters
        ----------
        epochs : int, optional
            New number of epochs of the whole training.

        Raises
        ------
        RunError
            If the saved state is missing or damaged, or already has more epochs.
        """
        training = self.specification.training
        training = msgspec.structs.replace(training, epochs=epochs or training.epochs)
        specification = msgspec.structs.replace(self.specification, training=training)
        trainer = new_trainer(specification)
        if (self.folder / MODEL).exists() or (self.folder / TRAINING).exists():
            load_state(trainer, self.folder / TRAINING)
        kept = [line for line in self.metrics() if line["step"] <= trainer.steps]
        if kept and kept[-1]["epoch"] > training.epochs:
            raise RunError(
                f"{self.folder} has already trained {kept[-1]['epoch']} epochs, more than {training.epochs}: "
                "choose a larger --epochs"
            )
        self.specification = specification
        write_atomically(self.folder / CONFIG, specifications.encode(specification))
        write_atomically(self.folder / METRICS, b"".join(msgspec.json.encode(line) + b"\n" for line in kept))
        return trainer

    def train(self, trainer: Trainer, data: SplitPictures) -> Generator[Metrics | None, None, None]:
        """Train to the last epoch, write the metrics, and save every minute and at the end.

        A training that stops early is saved too, and ``resume`` continues it to the same bytes.

        Parameters
        ----------
        trainer : Trainer
            From ``resume``.
        data : SplitPictures
            The run's pictures, from ``split``.

        Yields
        ------
        dict or None
            After each step: the metrics of the epoch that it ends, otherwise None.

        Raises
        ------
        NotFiniteError, PictureError
            As in ``Trainer.run``.
        """
        saved = time.monotonic()
        with (self.folder / METRICS).open("ab") as file:
            try:
                for metrics in trainer.run(*data.batches(self.specification.pictures)):
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
        """Return the metrics of every finished epoch.

        Raises
        ------
        RunError
            If the file is damaged. A last line that was cut off is left out.
        """
        return read_metrics(self.folder / METRICS)


def new_trainer(specification: Specification) -> Trainer:
    """Return a trainer at step 0, of a model with its first weights."""
    training = specification.training
    model = from_specification(specification.model, specification.pictures.shape, seed=training.seed)
    return Trainer(model, training)
