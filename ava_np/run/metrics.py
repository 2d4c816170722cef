"""Reading ``metrics.jsonl``: one line of JSON for each finished epoch."""

from pathlib import Path
from typing import Any

import msgspec

from ava_np.errors import RunError


class _Line(msgspec.Struct):
    """The keys that every line has."""

    epoch: int
    step: int
    nats: dict[str, float]


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return the metrics of every finished epoch; none if the file does not exist.

    A last line that was cut off is left out.

    Raises
    ------
    RunError
        If the file is damaged.
    """
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    complete = [line for line in lines if line.endswith(b"\n")]
    try:
        for line in complete:
            msgspec.json.decode(line, type=_Line)
        return [msgspec.json.decode(line) for line in complete]
    except msgspec.DecodeError as error:
        raise RunError(f"{path} is damaged: {error}") from error
