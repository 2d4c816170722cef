"""A training survives what happens to it at its write points; ``tests.survival.harness`` tries all of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

ROOT = Path(__file__).resolve().parents[2]


def survive(folder: Path, *options: object) -> list[str]:
    """Run the harness in a new interpreter, and return its lines; a fault is an error."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.survival.harness", str(folder), *map(str, options)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout.splitlines()


def test_a_few_points_and_moments(tmp_path: Path) -> None:
    lines = survive(tmp_path / "place", "--every", 41, "--moments", 10)
    assert len(lines) == 10
    assert all(line.endswith(" trials, 0 faults") and not line.split(": ")[1].startswith("0 ") for line in lines)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_point_and_many_moments(tmp_path: Path) -> None:
    assert len(survive(tmp_path / "place", "--moments", 300)) == 10


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_points_of_the_report(tmp_path: Path) -> None:
    assert survive(tmp_path / "place", "--report", "--every", 9, "--actions", "KILL", "TERM", "full disk")
