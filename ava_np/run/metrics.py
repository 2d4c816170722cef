"""Reading ``metrics.jsonl``: one line of JSON for each finished epoch."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ava_np.errors import RunError
from ava_np.specification import MAX_COUNT, LearningNetwork, Nats, Positive, TermName

MAX_LINE = 2**16  # bytes; a line of all terms, norms and angles has about a thousand

Degrees = Annotated[float, Meta(ge=0, le=180)]


class _Validation(msgspec.Struct):
    reconstruction_error: Annotated[float, Meta(ge=0, le=1e60)]


class _Line(msgspec.Struct):
    """What a line holds that is shown; it may hold more."""

    epoch: Positive
    step: Annotated[int, Meta(ge=1, le=MAX_COUNT**2)]
    nats: dict[TermName, Nats]
    run: str | UnsetType = UNSET
    angle: Annotated[dict[LearningNetwork, Degrees], Meta(min_length=1)] | UnsetType = UNSET
    validation: _Validation | UnsetType = UNSET


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return the metrics of every finished epoch; none if the file does not exist.

    Epochs and steps increase, and every line has the same terms. A last line that was cut off is left out.

    Raises
    ------
    RunError
        If the file is damaged.
    """
    if not path.exists():
        return []
    if not path.is_file():  # a pipe would wait for ever
        raise RunError(f"{path} is not a file")
    metrics: list[dict[str, Any]] = []
    last, angles = _Line(0, 0, {}), None
    try:
        for text in _lines(path):
            line = msgspec.json.decode(text, type=_Line)
            if line.epoch <= last.epoch or line.step <= last.step:
                raise ValueError(f"epoch {line.epoch} with step {line.step} follows epoch {last.epoch}")
            if metrics and line.nats.keys() != last.nats.keys():
                raise ValueError(f"epoch {line.epoch} has other terms than epoch {last.epoch}")
            if line.angle is not UNSET:
                if angles is not None and line.angle.keys() != angles:
                    raise ValueError(f"epoch {line.epoch} has angles of other networks than the epochs before")
                angles = line.angle.keys()
            # The checked values replace the others: a term that is written as 3 is 3.0.
            metrics.append(msgspec.json.decode(text) | msgspec.to_builtins(line))
            last = line
    except (ValueError, RecursionError, OSError) as error:  # msgspec's errors and those of decoding are ValueErrors
        raise RunError(f"{path} is damaged in line {len(metrics) + 1}: {error}") from error
    return metrics


def _lines(path: Path) -> Iterator[bytes]:
    """The lines that end in a line break; a long one is not read to its end."""
    with path.open("rb") as file:
        while (line := file.readline(MAX_LINE)).endswith(b"\n"):
            yield line
        if len(line) == MAX_LINE:
            raise ValueError(f"it is longer than {MAX_LINE:,} bytes")
