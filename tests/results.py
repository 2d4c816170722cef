"""Helpers for tests of commands that use a run: what they print, and the pictures that they write."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.command import SMALL, ava, write_pictures

BOLD = (*SMALL, "--lr", "0.1", "--zoom", "3")
"""Options of a short training after which the decoder's output is not grey."""
ZOOM = 3


def ran(*arguments: object) -> str:
    """Run a command that must succeed; return its standard output."""
    outcome = ava(*arguments)
    assert outcome.code == 0, outcome.err
    assert "Error" not in outcome.err
    return outcome.out


def printed(*arguments: object) -> Any:
    """Run a command with --json; return what it prints."""
    return json.loads(ran(*arguments, "--json"))


def refused(*arguments: object) -> str:
    """Run a command that must fail; return the one line that it prints."""
    outcome = ava(*arguments)
    assert outcome.code in (1, 2)
    assert not outcome.out
    (line,) = outcome.err.splitlines()
    return line


def picture(path: Path) -> np.ndarray:
    """Read a picture; return its values, 0 to 255."""
    with Image.open(path) as file:
        return np.asarray(file)


def train_runs(place: Path) -> Path:
    """Make pictures in photos/, runs run/ (ava5) and gan/ on them, and runs toy/ and line/ on toy points."""
    photos = write_pictures(place / "photos")
    ran("train", photos, *BOLD, "--out", place / "run")
    ran("train", photos, *BOLD, "--model", "gan", "--out", place / "gan")
    ran("train", "toy:ring", *SMALL, "--model", "vae", "--limit", 100, "--out", place / "toy")
    ran("train", "toy:gaussian", *SMALL, "--model", "gan", "--limit", 100, "--out", place / "line")
    return place
