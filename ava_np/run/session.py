"""How a training begins: a new run from a user's options, or a run folder where it stopped.

``ava train`` is these two functions, ``ava_np.report.run.report_run`` and a progress bar.
"""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from ava_np.data.pictures import Progress
from ava_np.data.sources import common_size, read_pictures
from ava_np.errors import RunError
from ava_np.run.folder import Run, new_trainer
from ava_np.run.pictures import SplitPictures, split_pictures
from ava_np.specification import ModelSpecification, RunOptions
from ava_np.specification.defaults import default_zoom
from ava_np.training.trainer import Metrics, Trainer

RUNS = Path("runs")  # where new runs are created


@dataclass(frozen=True)
class Session:
    """A training in a run folder; iterate over it to train.

    Parameters
    ----------
    run : Run
        The run folder.
    trainer : Trainer
        Before its next step.
    data : SplitPictures
        The run's pictures.

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

    @property
    def total_steps(self) -> int:
        """Number of steps of the whole training."""
        return self.run.specification.training.total_steps(len(self.data.split.train))

    def __iter__(self) -> Generator[Metrics | None, None, None]:
        """Train to the last epoch; after each step, yield the metrics of the epoch that it ends, otherwise None."""
        return self.run.train(self.trainer, self.data)


def start(
    options: RunOptions,
    folder: str | Path | None = None,
    *,
    overwrite: bool = False,
    strict: bool = False,
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
    progress : callable, optional
        Called as ``progress(done, total)`` after each file.

    Raises
    ------
    PictureError
        If the pictures cannot be read or do not fit the options.
    ArchitectureError
        If the layers do not fit the pictures.
    RunError
        If ``folder`` is in use and ``overwrite`` is not set.
    AvaError
        If the run folder cannot be written.
    """
    if folder is not None:
        Run.require_free(Path(folder), overwrite=overwrite)  # before a long read
    zoom = options.zoom
    if zoom is None:
        zoom = 1 if options.toy else default_zoom(options.model.architecture, lambda: _size(options))
    pictures = read_pictures(
        options.source,
        size=options.size,
        zoom=zoom,
        strict=strict,
        limit=options.limit,
        cache=None if options.cache is None else Path(options.cache),
        max_pixels=options.max_pixels,
        progress=progress,
    )
    data = split_pictures(pictures, options.validation, options.test, options.seed)
    specification = options.specification(pictures, zoom, len(data.split.train))
    # the model before the folder: it may not fit in memory, or not to the pictures
    trainer = new_trainer(specification)
    trainer.check(len(data.split.train))
    folder = folder or free_folder(options.source, specification.model)
    return Session(Run.create(folder, specification, overwrite=overwrite), trainer, data)


def resume(folder: str | Path, epochs: int | None = None, *, progress: Progress | None = None) -> Session:
    """Open a run folder and continue its training from the last save.

    Parameters
    ----------
    folder : path or str
        The run folder.
    epochs : int, optional
        New number of epochs of the whole training.
    progress : callable, optional
        Called as ``progress(done, total)`` after each file.

    Raises
    ------
    RunError
        If the run is missing or damaged, its pictures have changed, or it already has more epochs.
    PictureError
        If the pictures are gone.
    """
    run = Run.open(folder)
    pictures = run.pictures(progress=progress)
    if pictures.sha256 != run.specification.pictures.sha256:
        raise RunError(f"the pictures of {run.folder} have changed: start a new run with another --out")
    return Session(run, run.resume(epochs), run.split(pictures))


def free_folder(source: str | Path | None, model: ModelSpecification) -> Path:
    """Return the default run folder, ``runs/SOURCE-MODEL``, with a number if that exists."""
    stem = "builtin" if source is None else Path(str(source).replace(":", "-")).resolve().name
    parts = [stem, model.name, getattr(model, "propagation", None), model.architecture]
    base = RUNS / "-".join(part for part in parts if isinstance(part, str) and part not in ("mlp", "exact"))
    candidate, number = base, 1
    while candidate.exists():
        number += 1
        candidate = base.with_name(f"{base.name}-{number}")
    return candidate


def _size(options: RunOptions) -> tuple[int, int]:
    return options.size or common_size(options.source, options.limit, options.max_pixels)
