"""Types of the values in a specification, and how they are validated."""

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

PaperModel = Literal["vae", "ava1", "ava2", "ava3", "ava4", "ava5"]
Propagation = Literal["exact", "paper"]
Likelihood = Literal["gaussian", "bernoulli"]
PriorName = Literal["normal", "uniform", "gamma", "mixture", "swiss-roll"]
ArchitectureName = Literal["mlp", "conv28", "conv64", "dcgan"]
Layers = dict[str, tuple[dict[str, Any], ...]]
"""A custom architecture: the layers of each network."""

OptimiserName = Literal["adam", "rmsprop", "momentum", "sgd"]
Schedule = Literal["constant", "linear", "cosine", "exponential"]
Reduction = Literal["sum", "mean", "fan"]
Part = Literal["train", "validation", "test"]
OnDivergence = Literal["stop", "rollback"]

Positive = Annotated[int, Meta(ge=1)]
Rate = Annotated[float, Meta(gt=0, le=1)]
Share = Annotated[float, Meta(ge=0, lt=1)]
Weight = Annotated[float, Meta(ge=0)]

T = TypeVar("T")


def validated(kind: type[T], **values: Any) -> T:
    """Return a specification of this kind with these values.

    Raises
    ------
    ValueError
        ``msgspec.ValidationError``, if a value has the wrong type or is out of range; the message names it.
    """
    return msgspec.convert(values, kind)
