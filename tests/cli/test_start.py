"""The start of ``ava train``: nothing is imported or compiled that the first step does not need."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LATER = {"matplotlib", "jinja2", "rich.console", "joblib", "torch", "jax"}
"""Modules of the report, of a terminal or of other commands; they take longer to load than numba."""

FIRST_STEP = """
import sys
from ava_np import console
from ava_np.cli import main

def say(text):
    if text.startswith("epoch 1/"):
        print(*sys.modules)
        raise KeyboardInterrupt

console.say = say
sys.argv = ["ava", "train", "--size", "30x30", "--hidden", "16", "--latent", "2", "--epochs", "1", "--out", {out!r}]
main()
"""

COMPILES = "now compiling"
LISTEN = """
from numba.core import event

class Listener(event.Listener):
    def on_start(self, event):
        print("now compiling", event.data["dispatcher"])
    def on_end(self, event):
        pass

event.register("numba:compile", Listener())
"""


def first_step(code: str, **environment: str) -> str:
    """Return what a start prints up to its first step."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 130, done.stderr
    return done.stdout


def test_first_step_does_not_wait_for_modules_that_are_needed_later(tmp_path: Path) -> None:
    modules = set(first_step(FIRST_STEP.format(out=str(tmp_path / "run"))).split())
    assert "numba" in modules
    assert not LATER & modules


def test_second_start_compiles_nothing(tmp_path: Path) -> None:
    first, second = (
        first_step(LISTEN + FIRST_STEP.format(out=str(tmp_path / run)), NUMBA_CACHE_DIR=str(tmp_path / "kernels"))
        for run in ("first", "second")
    )
    assert COMPILES in first
    assert COMPILES not in second
