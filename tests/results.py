"""What the tests of commands that use a run share: what such a command prints, and the pictures that it writes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.command import SMALL, ava, write_pictures

BOLD = (*SMALL, "--lr", "0.1", "--zoom", "3")
"""A training after which the decoder shows more than grey."""
ZOOM = 3


def ran(*arguments: object) -> str:
    """What a command that succeeds prints on standard output."""
    outcome = ava(*arguments)
    assert outcome.code == 0, outcome.err
    assert "Error" not in outcome.err
    return outcome.out


def printed(*arguments: object) -> Any:
    """The JSON that a command prints, and nothing else, on standard output."""
    return json.loads(ran(*arguments, "--json"))


def refused(*arguments: object) -> str:
    """The one line that a command which fails prints, and nothing else."""
    outcome = ava(*arguments)
    assert outcome.code in (1, 2)
    assert not outcome.out
    (line,) = outcome.err.splitlines()
    return line


def picture(path: Path) -> np.ndarray:
    """A picture's values, 0 to 255."""
    with Image.open(path) as file:
        return np.asarray(file)


def train_runs(place: Path) -> Path:
    """Pictures in photos/, and runs on them: run/ (ava5), gan/; and two on toy points, toy/ and line/."""
    photos = write_pictures(place / "photos")
    ran("train", photos, *BOLD, "--out", place / "run")
    ran("train", photos, *BOLD, "--model", "gan", "--out", place / "gan")
    ran("train", "toy:ring", *SMALL, "--model", "vae", "--limit", 100, "--out", place / "toy")
    ran("train", "toy:gaussian", *SMALL, "--model", "gan", "--limit", 100, "--out", place / "line")
    return place
