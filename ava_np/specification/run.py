"""The specification of a run: its model, its pictures and its training."""

import hashlib
from pathlib import Path
from typing import Literal

import msgspec

from ava_np.errors import RunError
from ava_np.specification.models import AnyModel, of_format
from ava_np.specification.values import (
    MAX_PIXELS,
    Fit,
    Natural,
    OptimiserName,
    PathText,
    Positive,
    Rate,
    Reduction,
    Schedule,
    Seed,
    Share,
    Total,
    Weight,
    Widths,
)

FORMAT = 4  # of the run folder; raised when an older reader would misread a newer folder
READABLE = (2, 3, 4)  # format 2 has no ids and no checksums; in 2 and 3, every AVA has the printed objective

TOY = "toy:"  # prefix of a source of points


class PicturesSpecification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the pictures of a run come from and how they are prepared.

    Each picture is fitted to ``size``, cropped to a multiple of ``zoom``, and zoomed out by ``zoom``.

    Parameters
    ----------
    source : str or None
        A folder, an idx file or "toy:NAME"; None for the built-in pictures.
    size : (width, height)
        Size in pixels before the crop and the zoom.
    channels : {1, 3}
        Grey or RGB.
    zoom : int
        The paper's fixed zoom, at least 1.
    sha256 : str, optional
        SHA-256 of the pictures' values at full size. A training resumes only on the same pictures.
    limit : int
        Use only this many pictures; 0 for all.
    validation, test : float
        Shares in [0, 1) that are held out, drawn by the training's seed.
    flip : bool
        Mirror the training pictures at random, left to right.
    shift : int
        Shift the training pictures at random by up to this many pixels each way.
    cache : str, optional
        Folder of a decoded copy, for pictures that do not fit in memory.
    count : int
        Number of pictures, before any are held out; 0 in format 2.
    max_pixels : int
        Refuse pictures in a folder that have more pixels.
    fit : {"crop", "pad", "stretch"}
        How pictures of another ratio are fitted to ``size`` (``ava_np.data.fitting``); "stretch" in older runs.
    by_folder : bool
        ``limit`` takes pictures evenly from all folders; in older runs, the first ones of all.

    Examples
    --------
    >>> from ava_np.specification import PicturesSpecification
    >>> pictures = PicturesSpecification(source=None, size=(180, 250), channels=3, zoom=3)
    >>> pictures.shape
    (83, 60, 3)
    """

    source: PathText | None
    size: tuple[Positive, Positive]
    channels: Literal[1, 3]
    zoom: Positive
    sha256: str | None = None
    limit: Natural = 0
    validation: Share = 0.0
    test: Share = 0.0
    flip: bool = False
    shift: Natural = 0
    cache: PathText | None = None
    count: Total = 0
    max_pixels: Total = MAX_PIXELS
    fit: Fit = "stretch"
    by_folder: bool = False

    @property
    def toy(self) -> bool:
        """Whether the data are points of a toy distribution instead of pictures."""
        return is_toy(self.source)

    def with_source(self, source: str | Path) -> "PicturesSpecification":
        """Return this specification with another source, as an absolute path."""
        return msgspec.structs.replace(self, source=str(source) if is_toy(source) else str(Path(source).resolve()))

    @property
    def colour(self) -> Literal["grey", "rgb"]:
        """What the pictures are read as."""
        return "grey" if self.channels == 1 else "rgb"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of a zoomed picture, (height, width, channels): the input of the networks."""
        return self.size[1] // self.zoom, self.size[0] // self.zoom, self.channels


class TrainingSpecification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a run is trained.

    Parameters
    ----------
    optimiser : {"adam", "rmsprop", "momentum", "sgd"}
        The paper uses "sgd".
    learning_rate : float
        The paper's γ, in (0, 1].
    reduction : {"sum", "mean", "fan"}
        The weight that γ is multiplied by in each layer (``ava_np.training.reductions``).
    batch_size : int
        Maximum number of pictures in a step.
    epochs : int
        Number of passes over the training pictures.
    seed : int
        Seed of the first weights, the split, the order of the pictures and the noise.
    momentum : float
        μ of "momentum" and β₁ of "adam", in [0, 1).
    weight_decay : float
        λ of θ <- θ - γ λ θ.
    clip : float
        Maximum norm of a network's gradient, per picture; 0 for no limit.
    schedule : {"constant", "linear", "cosine", "exponential"}
        How γ changes from step to step (``ava_np.training.schedules``).
    milestones : tuple of int
        Epochs after each of which γ is multiplied by ``decay``, besides the schedule.
    decay : float
        In (0, 1].
    patience : int
        Evaluations of the validation error without an improvement, after which a run stops; 0 for no limit.
    ema : float
        β of the exponential moving average of the weights, which is the trained model; 0 for none.

    Examples
    --------
    >>> from ava_np.specification import TrainingSpecification
    >>> training = TrainingSpecification("adam", 2e-4, "sum", batch_size=4, epochs=10, seed=0)
    >>> training.total_steps(10)
    30
    """

    optimiser: OptimiserName
    learning_rate: Rate
    reduction: Reduction
    batch_size: Positive
    epochs: Positive
    seed: Seed
    momentum: Share = 0.9
    weight_decay: Weight = 0.0
    clip: Weight = 0.0
    schedule: Schedule = "constant"
    milestones: Widths = ()
    decay: Rate = 0.1
    patience: Natural = 0
    ema: Share = 0.0

    def total_steps(self, count: int) -> int:
        """Number of steps of a whole training on ``count`` pictures."""
        return self.epochs * steps_per_epoch(count, self.batch_size)


class Specification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that the result of a run depends on.

    ``ava_np.run.session.start`` makes one from the options of a user; ``encode`` and ``decode`` convert it to JSON and
    back.

    Parameters
    ----------
    format : int
        ``FORMAT``, the version of the run folder.
    model : ModelSpecification
        One of ``MODELS``.
    pictures : PicturesSpecification
        Where the pictures come from and how they are prepared.
    training : TrainingSpecification
        How the model is trained.
    id : str
        What the files of a run have in common, so that those of another run are noticed: a hash of the specification
        with which the run began. The same options give the same id.

    Examples
    --------
    >>> from ava_np.specification import FORMAT, VAE, PicturesSpecification, Specification, TrainingSpecification
    >>> from ava_np.specification import decode, encode
    >>> specification = Specification(
    ...     format=FORMAT,
    ...     model=VAE(latent=2),
    ...     pictures=PicturesSpecification(source=None, size=(180, 250), channels=3, zoom=3),
    ...     training=TrainingSpecification("adam", 2e-4, "sum", batch_size=10, epochs=1000, seed=0),
    ... )
    >>> decode(encode(specification)) == specification
    True
    """

    format: int
    model: AnyModel
    pictures: PicturesSpecification
    training: TrainingSpecification
    id: str = ""

    def with_id(self) -> "Specification":
        """Return this specification with the id of a new run.

        It does not depend on where the pictures are stored. Nor on the number of epochs, unless the learning rate does:
        a run that was extended is the same as a longer one, and so is one that continued with more patience.
        """
        pictures = msgspec.structs.replace(self.pictures, source=None, cache=None)
        epochs = 1 if self.training.schedule == "constant" else self.training.epochs
        training = msgspec.structs.replace(self.training, epochs=epochs, patience=min(self.training.patience, 1))
        fixed = msgspec.structs.replace(self, pictures=pictures, training=training, id="")
        return msgspec.structs.replace(self, id=hashlib.sha256(encode(fixed)).hexdigest()[:16])


def require_readable(name: object, version: object) -> None:
    """Raise a ``RunError`` that begins with ``name`` if this version of ava-np cannot read files of a format."""
    if version not in READABLE:
        known = f"{', '.join(map(str, READABLE[:-1]))} and {READABLE[-1]}"
        raise RunError(f"{name} is of format {version}; this ava-np reads formats {known}")


def is_toy(source: object) -> bool:
    """Return whether a source of pictures is a toy distribution, "toy:NAME"."""
    return isinstance(source, str) and source.startswith(TOY)


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Return the number of batches that ``count`` pictures make; the last one may be smaller."""
    return -(-count // batch_size)


def encode(specification: Specification) -> bytes:
    """Return the specification as indented JSON; the same values give the same bytes."""
    return msgspec.json.format(msgspec.json.encode(specification), indent=2) + b"\n"


def decode(text: bytes) -> Specification:
    """Return the specification that ``encode`` wrote.

    Raises
    ------
    msgspec.DecodeError
        If the text is not JSON, a key is unknown or a value is out of range; the message gives the path.
    """
    specification = msgspec.json.decode(text, type=Specification)
    return msgspec.structs.replace(specification, model=of_format(specification.model, specification.format))
