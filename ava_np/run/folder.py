"""A run: a folder with its specification, weights, metrics, pictures and report."""

import logging
from pathlib import Path

import msgspec
from filelock import FileLock

from ava_np import specification as specifications
from ava_np.data.pictures import Pictures, Progress, central_crop
from ava_np.data.sources import read_pictures
from ava_np.data.stored import StoredArray
from ava_np.errors import AvaError, PictureError, RunError
from ava_np.files import write_atomically
from ava_np.models import Model
from ava_np.run.card_file import is_ours
from ava_np.run.checkpoint import ModelHeader, read_header, read_model
from ava_np.run.lock import is_no_content, lock_folder, remove_half_written
from ava_np.run.metrics import read_metrics
from ava_np.run.names import ARCHITECTURE, CARD, CONFIG, METRICS, MODEL, RUN_FILES
from ava_np.run.pictures import SplitPictures, split_pictures, subsample
from ava_np.run.progress_folder import remove_progress_pictures
from ava_np.specification import FORMAT, Part, PicturesSpecification, Specification, require_readable
from ava_np.training.trainer import Metrics

logger = logging.getLogger("ava_np")


class Run:
    """A run folder.

    Use ``Run.create`` for a new run and ``Run.open`` for one that exists. Many may read a run, but only one may write
    it: ``create`` and ``lock`` keep other writers out until ``close``, the end of a ``with`` block, or the end of the
    process.

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
    >>> from ava_np.run.training import resume, train
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
    ...     for metrics in train(run, resume(run), data):
    ...         pass
    ...     run = Run.open(run.folder)
    ...     codes = run.model().encode(run.evaluation_pictures(data).array)
    ...     [line["epoch"] for line in run.metrics()], codes.shape
    ([1, 2, 3], (10, 2))
    """

    def __init__(self, folder: Path, specification: Specification) -> None:
        self.folder, self.specification = folder, specification
        self._lock: FileLock | None = None
        self._blocks = 0  # ``with`` blocks that have begun and not ended

    def __enter__(self) -> "Run":
        """Keep other writers out until the end of the block, or of the block around it."""
        self.lock()
        self._blocks += 1
        return self

    def __exit__(self, *error: object) -> None:
        """Let others write the folder."""
        self._blocks -= 1
        if not self._blocks:
            self.close()

    def lock(self) -> None:
        """Keep other writers out of the folder, and remove what a killed one left half written.

        Raises
        ------
        RunError
            If another writer has locked it.
        AvaError
            If it cannot be locked.
        """
        if self._lock is not None:
            return
        self._lock = lock_folder(self.folder)
        remove_half_written(self.folder)

    def close(self) -> None:
        """Let others write the folder."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

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
            If the folder is not empty and ``overwrite`` is not set, or is not a run folder, or somebody is writing it.
        AvaError
            If the folder cannot be written, or the name of the picture folder is not UTF-8.
        """
        folder = Path(folder)
        cls.require_free(folder, overwrite=overwrite)
        run = cls(folder, specification.with_id())
        try:
            text = specifications.encode(run.specification)
            folder.mkdir(parents=True, exist_ok=True)
            run.lock()
            cls.require_free(folder, overwrite=overwrite)  # again: another run may have begun in the meantime
            for name in RUN_FILES:
                if name != CONFIG:  # it is replaced below: until then this is the older run
                    (folder / name).unlink(missing_ok=True)
            remove_progress_pictures(folder)
            if (folder / CARD).exists() and is_ours(folder / CARD):
                (folder / CARD).unlink()
        except OSError as error:
            raise AvaError(f"cannot write {folder}: {error.strerror}") from error
        except UnicodeEncodeError as error:
            raise AvaError(f"{CONFIG} cannot hold {error.object!a}, which is not UTF-8: rename the folder") from error
        write_atomically(folder / CONFIG, text)
        if isinstance(specification.model.architecture, dict):
            write_atomically(
                folder / ARCHITECTURE, msgspec.json.format(msgspec.json.encode(specification.model.architecture))
            )
        return run

    @staticmethod
    def require_free(folder: Path, *, overwrite: bool = False) -> None:
        """Raise the errors of ``create`` if a folder cannot hold a new run."""
        try:
            used = folder.exists() and (not folder.is_dir() or not all(map(is_no_content, folder.iterdir())))
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
            require_readable(folder / CONFIG, _format(text))
            specification = specifications.decode(text)
            central_crop("$.pictures", specification.pictures.size, specification.pictures.zoom)
        except (ValueError, RecursionError, OSError, PictureError) as error:
            raise RunError(f"{folder / CONFIG} is damaged: {error}") from error
        return cls(folder, specification)

    def update(self, specification: Specification) -> None:
        """Replace the specification, in this object and in the folder."""
        self.specification = msgspec.structs.replace(specification, format=FORMAT)
        write_atomically(self.folder / CONFIG, specifications.encode(self.specification))

    def pictures(
        self, source: Path | str | None = None, progress: Progress | None = None, *, cache: Path | str | None = None
    ) -> Pictures:
        """Read the pictures that the run was trained on.

        Parameters
        ----------
        source : path or str, optional
            Where they are now, if they have moved; this becomes the specification's source.
        progress : callable, optional
            Called as ``progress(done, total)`` after each file.
        cache : path or str, optional
            Folder for a decoded copy; this becomes the specification's cache. The folder that a specification names is
            only read: a run that somebody else made must not choose where to write.

        Returns
        -------
        Pictures
            At full size.

        Raises
        ------
        RunError
            If they have changed since the training: the parts of the split would be others.
        PictureError
            If there are no pictures.
        """
        prepared = self.specification.pictures
        if source is not None:
            prepared = prepared.with_source(source)
        if cache is not None:
            prepared = msgspec.structs.replace(prepared, cache=str(Path(cache).resolve()))
        source = prepared.source
        if source is not None and not prepared.toy and not Path(source).exists():
            raise PictureError(
                f"the pictures of {self.folder} are no longer in {source}: name the folder where they are now"
            )
        pictures = self._read(source, prepared, progress, limit=prepared.limit, build_cache=cache is not None)
        if prepared.sha256 not in (None, pictures.sha256):
            now = len(pictures.names)
            change = "values or names" if prepared.count == now else f"{prepared.count or 'other'} then, {now} now"
            raise RunError(
                f"the pictures in {source or 'this package'} have changed since the training of {self.folder} "
                f"({change}): restore them, or name the folder where they are"
            )
        if prepared.cache is not None and not isinstance(pictures.array, StoredArray):
            logger.warning("the copy of the pictures in %s is missing or damaged: they are in memory", prepared.cache)
        self.specification = msgspec.structs.replace(self.specification, pictures=prepared)
        return pictures

    def other_pictures(self, source: Path | str, progress: Progress | None = None) -> Pictures:
        """Read other pictures, with the size, the zoom and the channels of the run's own.

        Parameters and errors are those of ``pictures``, but these pictures may be any.
        """
        prepared = msgspec.structs.replace(self.specification.pictures, cache=None)
        return self._read(source, prepared, progress)

    @staticmethod
    def _read(
        source: Path | str | None,
        prepared: PicturesSpecification,
        progress: Progress | None,
        *,
        limit: int = 0,
        build_cache: bool = False,
    ) -> Pictures:
        return read_pictures(
            source,
            size=prepared.size,
            fit=prepared.fit,
            zoom=prepared.zoom,
            colour=prepared.colour,
            limit=limit,
            by_folder=prepared.by_folder,
            cache=None if prepared.cache is None else Path(prepared.cache),
            build_cache=build_cache,
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
        self.header()  # before the arrays are read
        return read_model(self.folder)[0]

    def header(self) -> ModelHeader:
        """Read what the file of the weights says about itself, for example after how many steps it was saved.

        Raises
        ------
        RunError
            If the file is missing, damaged, or not of this run.
        """
        header, specification = read_header(self.folder), self.specification
        if (header.model, header.shape) != (specification.model, specification.pictures.shape):
            raise RunError(f"{self.folder}: {MODEL} is not of the model that {CONFIG} describes")
        if header.run != specification.id:
            raise RunError(f"{self.folder}: {MODEL} belongs to another run than {CONFIG}")
        return header

    def metrics(self) -> list[Metrics]:
        """Return the metrics of every finished epoch.

        Raises
        ------
        RunError
            If the file is damaged or of another run. A last line that was cut off is left out.
        """
        lines = read_metrics(self.folder / METRICS)
        if any(line.get("run", "") != self.specification.id for line in lines):
            raise RunError(f"{self.folder}: {METRICS} belongs to another run than {CONFIG}")
        return lines


def _format(text: bytes) -> object:
    """The format that a config.json says it has."""
    config = msgspec.json.decode(text)
    if not isinstance(config, dict) or "format" not in config:
        raise ValueError("it has no format")
    return config["format"]
