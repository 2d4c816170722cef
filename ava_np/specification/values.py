"""Types of the values in a specification, and how they are validated."""

import re
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

PaperModel = Literal["vae", "ava1", "ava2", "ava3", "ava4", "ava5"]
Propagation = Literal["exact", "paper"]
Likelihood = Literal["gaussian", "bernoulli"]
VAELikelihood = Literal["calibrated", "gaussian", "bernoulli"]
AVALikelihood = Literal["calibrated", "gaussian"]
PriorName = Literal["normal", "uniform", "gamma", "mixture", "swiss-roll"]
Change = Literal["colour", "translation", "cutout"]
ArchitectureName = Literal["mlp", "conv28", "conv64", "dcgan"]

OptimiserName = Literal["adam", "rmsprop", "momentum", "sgd"]
Schedule = Literal["constant", "linear", "cosine", "exponential"]
Reduction = Literal["sum", "mean", "fan"]
Fit = Literal["crop", "pad", "stretch"]
Part = Literal["train", "validation", "test"]
OnDivergence = Literal["stop", "rollback"]

MAX_PIXELS = 89_478_485
"""Pixels that one picture may have by default: Pillow's own limit, a quarter of a GB of RGB."""

Nats = Annotated[float, Meta(ge=-1e60, le=1e60)]
"""A term: float32 terms of any number of pictures stay far below the limits."""

TermName = Literal[
    "reconstruction",
    "features",
    "kl",
    "log_d_real",
    "log_d_fake",
    "log_d_reconstructed",
    "log_D_real",
    "log_D_fake",
    "log_D_prior",
    "log_D_code",
]
"""Terms of the objectives."""

LearningNetwork = Literal["encoder", "decoder", "discriminator", "encoding_discriminator"]
"""The networks of the models with two propagations."""

# A larger number is a typing error, or a file that was made to harm: it is refused before anything is computed with it.
MAX_COUNT = 1_000_000  # neurons, channels, pixels along a side, pictures, epochs
MAX_SEED = 2**63 - 1
MAX_WEIGHT = 1e9  # times a loss, float32 still holds it
MAX_LAYERS = 1000  # of a network
MAX_TOTAL = 2**40  # pictures, steps, pixels of a picture

Positive = Annotated[int, Meta(ge=1, le=MAX_COUNT)]
Natural = Annotated[int, Meta(ge=0, le=MAX_COUNT)]
Total = Annotated[int, Meta(ge=0, le=MAX_TOTAL)]
Seed = Annotated[int, Meta(ge=0, le=MAX_SEED)]
Rate = Annotated[float, Meta(gt=0, le=1)]
Share = Annotated[float, Meta(ge=0, lt=1)]
Weight = Annotated[float, Meta(ge=0, le=MAX_WEIGHT)]
Checksum = Annotated[str, Meta(pattern=r"\A([0-9a-f]{64})?\Z")]
PathText = Annotated[str, Meta(max_length=4096, pattern=r"\A[^\0]*\Z")]

Widths = Annotated[tuple[Positive, ...], Meta(max_length=MAX_LAYERS)]
Layers = dict[str, Annotated[tuple[dict[str, Any], ...], Meta(max_length=MAX_LAYERS)]]
"""A custom architecture: the layers of each network."""

Changes = Annotated[tuple[Change, ...], Meta(max_length=3)]
"""What is changed at random in the pictures that a discriminator sees."""

T = TypeVar("T")


def parse_size(value: object) -> tuple[int, int]:
    """Return the (width, height) that a user means.

    Parameters
    ----------
    value : object
        "180x250", or "64" or 64 for the side of a square, or (width, height) itself.

    Raises
    ------
    ValueError
        If the value is none of these. The range of the sides is not checked.

    Examples
    --------
    >>> from ava_np.specification import parse_size
    >>> parse_size("180x250"), parse_size(64), parse_size([64, 48])
    ((180, 250), (64, 64), (64, 48))
    """
    text = str(value)
    if isinstance(value, tuple | list):
        text = "x".join(map(str, value)) if len(value) == 2 else ""
    if not re.fullmatch(r"-?[0-9]{1,15}(x-?[0-9]{1,15})?", text, re.IGNORECASE):
        raise ValueError(f"{value!r} is not a size such as 180x250, or 64 for 64x64")
    sides = [int(side) for side in text.lower().split("x")]
    return sides[0], sides[-1]


def validated(kind: type[T], **values: Any) -> T:
    """Return a specification of this kind with these values.

    Raises
    ------
    ValueError
        ``msgspec.ValidationError``, if a value has the wrong type or is out of range; the message names it.
    """
    return msgspec.convert(values, kind)
