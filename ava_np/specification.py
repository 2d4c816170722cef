"""A run's whole specification: what ``config.json`` holds, checked on the way in.

Nothing slow is imported here, so that the command line can name its choices at once.
"""

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

FORMAT = 1  # of the run folder; raised when an older reader would misread it

ModelName = Literal["vae", "ava1", "ava2", "ava3", "ava4", "ava5"]
Propagation = Literal["exact", "paper"]
OptimiserName = Literal["adam", "sgd"]
Reduction = Literal["sum", "mean", "fan"]
Colour = Literal["auto", "grey", "rgb"]

DEFAULTS: dict[str, tuple[float, Reduction]] = {"adam": (2e-4, "sum"), "sgd": (0.3, "fan")}
"""Learning rate and reduction, where they are not given, by optimiser."""

Positive = Annotated[int, Meta(ge=1)]
Rate = Annotated[float, Meta(gt=0, le=1)]


class ModelSpecification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which model: ``hidden`` are the widths of the encoder's hidden layers."""

    name: ModelName
    propagation: Propagation
    latent: Positive
    hidden: Annotated[tuple[Positive, ...], Meta(min_length=1)]


class PicturesSpecification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which pictures: ``folder`` is None for the built-in ones.

    Each is resized to ``size`` (width, height), cropped to a multiple of ``zoom``, and zoomed out by it. ``sha256`` is
    that of their values at full size, where it is known: a training goes on with the same pictures or not at all.
    """

    folder: str | None
    size: tuple[Positive, Positive]
    channels: Literal[1, 3]
    zoom: Positive
    sha256: str | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of a zoomed picture, (height, width, channels): what the networks see."""
        return self.size[1] // self.zoom, self.size[0] // self.zoom, self.channels


class TrainingSpecification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How it is trained: ``learning_rate`` is the paper's γ in (0, 1]."""

    optimiser: OptimiserName
    learning_rate: Rate
    reduction: Reduction
    batch_size: Positive
    epochs: Positive
    seed: Annotated[int, Meta(ge=0)]


class Specification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that a run's result depends on."""

    format: int
    model: ModelSpecification
    pictures: PicturesSpecification
    training: TrainingSpecification


T = TypeVar("T")


def checked(kind: type[T], **values: Any) -> T:
    """A specification of this kind with these values.

    Raises
    ------
    ValueError
        ``msgspec.ValidationError``, if a value is of the wrong kind or out of range; it is named.
    """
    return msgspec.convert(values, kind)


def encode(specification: Specification) -> bytes:
    """The specification as JSON, indented, the same bytes for the same values."""
    return msgspec.json.format(msgspec.json.encode(specification), indent=2) + b"\n"


def decode(text: bytes) -> Specification:
    """Read what ``encode`` wrote.

    Raises
    ------
    msgspec.DecodeError
        If the text is no JSON or does not fit: unknown keys and values out of range are refused with their path.
    """
    return msgspec.json.decode(text, type=Specification)
