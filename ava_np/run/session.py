"""How a training begins: a new run from a user's options, or a run folder where it stopped.

``ava train`` is these two functions, ``ava_np.report.run.report_run`` and a progress bar.
"""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from ava_np.data.pictures import Progress
from ava_np.data.sources import common_size, read_pictures
from ava_np.errors import AvaError
from ava_np.run.checkpoint_interval import MINUTE, Interval
from ava_np.run.folder import Run
from ava_np.run.pace import epochs_in
from ava_np.run.pictures import SplitPictures, split_pictures
from ava_np.run.training import new_trainer, train
from ava_np.run.training import resume as resume_training
from ava_np.run.vae import with_vae
from ava_np.share import ALONE, Share
from ava_np.specification import ModelSpecification, OnDivergence, RunOptions
from ava_np.specification.defaults import default_zoom
from ava_np.training.trainer import Metrics, Trainer

RUNS = Path("runs")  # where new runs are created

DEFAULT_INTERVALS: dict[OnDivergence, Interval] = {"stop": MINUTE, "rollback": Interval(steps=100)}
"""Time between two saves; in steps, so that the steps that are repeated do not depend on the speed of the machine."""


@dataclass(frozen=True)
class Session:
    """A training in a run folder; iterate over it to train.

    No other training can write the folder before this one ends.

    Parameters
    ----------
    run : Run
        The run folder.
    trainer : Trainer
        Before its next step.
    data : SplitPictures
        The run's pictures.
    checkpoint_every : Interval
        Time between two saves (``ava_np.run.training.train``).
    on_divergence : {"stop", "rollback"}
        What to do if a value is not finite.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from ava_np.run.session import start
    >>> from ava_np.specification import AVA1, RunOptions
    >>> options = RunOptions(model=AVA1(latent=2, hidden=(8,)), size=(18, 25), epochs=3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     session = start(options, Path(folder, "run"))
    ...     finished = [metrics["epoch"] for metrics in session if metrics is not None]
    >>> finished, session.trainer.steps, session.total_steps
    ([1, 2, 3], 3, 3)
    """

    run: Run
    trainer: Trainer
    data: SplitPictures
    checkpoint_every: Interval = MINUTE
    on_divergence: OnDivergence = "stop"

    @property
    def total_steps(self) -> int:
        """Number of steps of the whole training."""
        return self.trainer.training.total_steps(len(self.data.split.train))

    def __iter__(self) -> Generator[Metrics | None, None, None]:
        """Train to the last epoch; after each step, yield the metrics of the epoch that it ends, otherwise None."""
        return train(
            self.run,
            self.trainer,
            self.data,
            checkpoint_every=self.checkpoint_every,
            on_divergence=self.on_divergence,
        )


def start(
    options: RunOptions,
    folder: str | Path | None = None,
    *,
    overwrite: bool = False,
    strict: bool = False,
    checkpoint_every: Interval | None = None,
    on_divergence: OnDivergence = "stop",
    minutes: float | None = None,
    share: Share = ALONE,
    progress: Progress | None = None,
) -> Session:
    """Read the pictures, choose the defaults, and create the run folder.

    Parameters
    ----------
    options : RunOptions
        The model, the pictures and the training.
    folder : path or str, optional
        The run folder; by default a new one in ``runs``, named after the source and the model.
    overwrite : bool
        Replace the run in ``folder``.
    strict : bool
        Raise at the first picture that cannot be read, instead of leaving it out.
    checkpoint_every : Interval, optional
        Time between two saves; by default one minute, or 100 steps for "rollback".
    on_divergence : {"stop", "rollback"}
        What to do if a value is not finite (``ava_np.run.training.train``).
    minutes : float, optional
        Choose the number of epochs for a training of this time. A trial measures the speed, so two runs may differ.
    share : Share
        This process's part of the batches; all of each, unless several processes train together (``ava_np.mpi``).
    progress : callable, optional
        Called as ``progress(done, total)`` after each file.

    Raises
    ------
    PictureError
        If the pictures cannot be read or do not fit the options.
    ArchitectureError
        If the layers do not fit the pictures.
    OptionError
        If an option of a cascade does not fit its VAE.
    RunError
        If ``folder`` is in use and ``overwrite`` is not set, or another training is writing it; or if the run of the
        VAE is missing or damaged.
    AvaError
        If the run folder cannot be written.
    """
    if folder is not None:
        Run.require_free(Path(folder), overwrite=overwrite)  # before a long read
    vae = None if options.trained_vae is None else Run.open(options.trained_vae)
    if vae is not None:
        options = with_vae(options, vae)
    zoom = options.zoom
    if zoom is None:
        zoom = 1 if options.toy else default_zoom(_size(options))
    pictures = read_pictures(
        options.source,
        size=options.size,
        fit=options.fit,
        zoom=zoom,
        colour="auto" if vae is None else vae.specification.pictures.colour,
        strict=strict,
        limit=options.limit,
        cache=None if options.cache is None else Path(options.cache),
        max_pixels=options.max_pixels,
        progress=progress,
    )
    data = split_pictures(pictures, options.validation, options.test, options.seed)
    specification = options.specification(pictures, zoom, len(data.split.train))
    # the model before the folder: it may not fit in memory, or not to the pictures
    of_vae = None if vae is None else vae.model()
    trainer = new_trainer(specification, of_vae)
    trainer.check(len(data.split.train))
    if minutes is not None:
        epochs = epochs_in(minutes, specification, data.batches(specification.pictures)[0], share)
        specification = replace(specification, training=replace(specification.training, epochs=epochs))
        trainer = new_trainer(specification, of_vae)
    folder = folder or claim_folder(options.source, specification.model)
    run = Run.create(folder, specification, overwrite=overwrite)
    trainer.share = share
    return Session(run, trainer, data, checkpoint_every or DEFAULT_INTERVALS[on_divergence], on_divergence)


def resume(
    folder: str | Path,
    epochs: int | None = None,
    *,
    source: str | Path | None = None,
    learning_rate: float | None = None,
    patience: int | None = None,
    cache: str | Path | None = None,
    checkpoint_every: Interval | None = None,
    on_divergence: OnDivergence = "stop",
    share: Share = ALONE,
    progress: Progress | None = None,
) -> Session:
    """Open a run folder and continue its training from the last save.

    Parameters
    ----------
    folder : path or str
        The run folder.
    epochs : int, optional
        New number of epochs of the whole training.
    source : path or str, optional
        Where the pictures are now, if they have moved.
    learning_rate : float, optional
        New γ, for example after a divergence.
    patience : int, optional
        New patience, to continue a training that stopped early; only for a run that began with one.
    cache : path or str, optional
        Folder for a decoded copy of the pictures, if it cannot be where it was.
    checkpoint_every, on_divergence, share
        As in ``start``.
    progress : callable, optional
        Called as ``progress(done, total)`` after each file.

    Raises
    ------
    RunError
        If the run is missing or damaged, its pictures have changed, it already has more epochs, or another training is
        writing it.
    PictureError
        If the pictures are gone.
    """
    run = Run.open(folder)
    trainer = resume_training(run, epochs=epochs, learning_rate=learning_rate, patience=patience)  # before reading
    pictures = run.pictures(source, progress, cache=cache)
    trainer.share = share
    every = checkpoint_every or DEFAULT_INTERVALS[on_divergence]
    return Session(run, trainer, run.split(pictures), every, on_divergence)


def claim_folder(source: str | Path | None, model: ModelSpecification) -> Path:
    """Create the default run folder, ``runs/SOURCE-MODEL``, with a number if that exists, and return it."""
    stem = "builtin" if source is None else Path(str(source).replace(":", "-")).resolve().name
    parts = [stem, model.name, getattr(model, "propagation", None), model.architecture]
    base = RUNS / "-".join(part for part in parts if isinstance(part, str) and part not in ("mlp", "exact"))
    candidate, number = base, 1
    while True:
        try:
            candidate.mkdir(parents=True)  # not just a look: two trainings may begin at once
        except FileExistsError:
            number += 1
            candidate = base.with_name(f"{base.name}-{number}")
        except OSError as error:
            raise AvaError(f"cannot write {candidate}: {error.strerror}") from error
        else:
            return candidate


def _size(options: RunOptions) -> tuple[int, int]:
    return options.size or common_size(options.source, options.limit, options.max_pixels)
