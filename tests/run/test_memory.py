"""The bound on the memory of a training holds."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ava_np.run.memory import held_bytes
from tests.command import write_pictures
from tests.idx_files import idx_bytes

TRAIN = """
import re
from pathlib import Path
from ava_np.cli.main import main
try:
    main()
except SystemExit as stop:
    assert not stop.code
# Not getrusage: a forked process begins with the largest memory of its parent.
print(1024 * int(re.search(r"VmHWM:\\s*([0-9]+) kB", Path("/proc/self/status").read_text())[1]))
"""


def peak_and_bound(*arguments: object) -> tuple[int, int]:
    """Train in another process; return the largest memory that it had, and what ``ava info --memory`` says."""
    out = arguments[-1]
    trained = subprocess.run(
        [sys.executable, "-c", TRAIN, "train", *map(str, arguments)], capture_output=True, text=True, check=True
    )
    told = subprocess.run(
        [sys.executable, "-m", "ava_np", "info", str(out), "--memory", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(trained.stdout.split()[-1]), json.loads(told.stdout)["memory"]["at most"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell it in /proc")
@pytest.mark.parametrize(
    "options",
    [
        ("--hidden", 1000, "--epochs", 2, "--size", 30),
        pytest.param(("--model", "dcgan", "--size", 64, "--epochs", 2), marks=pytest.mark.slow),
        pytest.param(
            ("--model", "aae", "--architecture", "conv64", "--size", 64, "--epochs", 2), marks=pytest.mark.slow
        ),
    ],
)
def test_bound_holds(tmp_path: Path, options: tuple[object, ...]) -> None:
    folder = write_pictures(tmp_path / "photos", 6, (90, 60))
    peak, bound = peak_and_bound(folder, *options, "--out", tmp_path / "run")
    assert bound / 2.5 < peak < bound


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell it in /proc")
def test_bound_holds_for_a_cascade(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "photos", 6, (90, 60))
    peak_and_bound(folder, "--model", "vae", "--hidden", 1000, "--epochs", 2, "--size", 60, "--out", tmp_path / "vae")
    options = ("--model", "cascade", "--from", tmp_path / "vae", "--hidden", "16,32", "--epochs", 2)
    peak, bound = peak_and_bound(folder, *options, "--out", tmp_path / "run")
    assert bound / 2.5 < peak < bound


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell it in /proc")
@pytest.mark.parametrize(
    "options", [(), ("--architecture", "conv28", "--model", "vae"), ("--model", "ae", "--validation", 0.2)]
)
def test_bound_holds_for_20000_pictures(tmp_path: Path, options: tuple[object, ...]) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (20_000, 64, 64), np.uint8)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_bytes(pictures))
    size = 28 if "conv28" in options else 64
    options = (*options, "--size", size, "--epochs", 1, "--batch-size", 500)
    peak, bound = peak_and_bound(tmp_path, *options, "--out", tmp_path / "run")
    assert bound / 2.5 < peak < bound


def test_shared_arrays_are_counted_once() -> None:
    class Holder:
        def __init__(self) -> None:
            self.whole = np.zeros(100, np.float32)
            self.views = {"a": [self.whole[:50], self.whole.reshape(10, 10)]}
            self.itself = self

    holder = Holder()
    assert held_bytes(holder, holder.whole, [np.zeros(3)]) == 424
