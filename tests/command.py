"""Helpers for tests of the command line: small pictures, and calls of ``ava``."""

import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

import ava_np
from ava_np.cli.main import main
from ava_np.run.names import LOCK

SMALL = ("--hidden", "8", "--latent", "2", "--epochs", "3")
"""Options of a very short training."""

SCRIPT = "from ava_np.cli import main; main()"
"""The code of the console script."""


class Outcome(NamedTuple):
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str


def ava(*arguments: object) -> Outcome:
    """Run ``ava`` in this process, where a warning is an error."""
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["ava", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
    assert isinstance(stop.value.code, int)
    return Outcome(stop.value.code, out.getvalue(), err.getvalue())


def spawn(*arguments: object, script: str = SCRIPT) -> "subprocess.Popen[str]":
    """Start ``ava`` in a separate process, with pipes for its output."""
    environment = {**os.environ, "PYTHONPATH": str(Path(ava_np.__file__).parents[1]), "PYTHONIOENCODING": "utf-8"}
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        encoding="utf-8",
    )


def write_pictures(folder: Path, count: int = 6, size: tuple[int, int] = (12, 9), seed: int = 0) -> Path:
    """Make a folder of RGB pictures 1.png, 2.png, ...: each of one colour with noise; return the folder."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(seed)
    for number in range(1, count + 1):
        values = generator.uniform(0.2, 0.8, 3) + generator.normal(0, 0.1, (size[1], size[0], 3))
        Image.fromarray(np.uint8(255 * np.clip(values, 0, 1))).save(folder / f"{number}.png")
    return folder


def tree(folder: Path) -> dict[str, bytes | None]:
    """Return every file below a folder with its bytes, and every folder with None, but no locks, which are empty."""
    paths = sorted(path for path in folder.rglob("*") if path.name != LOCK)
    return {str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes() for path in paths}
