"""Bad input for the command line, and the form of its refusal: one line, an exit code, and nothing written."""

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.command import SMALL, Outcome, ava, tree, write_pictures
from tests.idx_files import digits, idx_bytes

FAILURE, USAGE, NOT_FINITE = 1, 2, 3  # exit codes


def make_workspace(place: Path) -> Path:
    """Make pictures and files with every kind of error, and one valid run; return the folder."""
    write_pictures(place / "photos", 4)
    (place / "empty").mkdir()
    (place / "texts").mkdir()
    (place / "texts" / "letter.txt").write_text("Dear")
    shutil.copytree(place / "photos", place / "torn")
    whole = (place / "torn" / "2.png").read_bytes()
    (place / "torn" / "2.png").write_bytes(whole[: len(whole) // 2])
    (place / "all-torn").mkdir()
    (place / "all-torn" / "1.png").write_bytes(whole[: len(whole) // 2])
    (place / "file").write_text("a regular file")
    pixels = idx_bytes(digits())
    (place / "cut.idx").write_bytes(pixels[:-7])
    (place / "cut.idx.gz").write_bytes(gzip.compress(pixels)[:-9])
    (place / "train-images-idx3-ubyte").write_bytes(idx_bytes(np.arange(9, dtype=np.uint8)))
    (place / "net.json").write_text('{"decoder": [{"layer": "dense", "width": 9}]}')
    (place / "typo.json").write_text('{"encoder": [{"layer": "convolution", "channels": 3, "kernels": 3}]}')
    (place / "list.json").write_text("[3]")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert ava("train", "photos", *SMALL, "--out", "run").code == 0
    config = json.loads((place / "run" / "config.json").read_text())
    config["pictures"]["source"] = "photos"  # so that a copy of the folder uses its own pictures
    (place / "run" / "config.json").write_text(json.dumps(config))
    return place


def failed(outcome: Outcome, code: int, *words: str) -> None:
    """Assert that a command ended with one line that contains these words, and with this exit code."""
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    lines = outcome.err.splitlines()
    assert [line.startswith("Error: ") for line in lines] == [False] * (len(lines) - 1) + [True], outcome.err
    for word in words:
        assert word in lines[-1]
    assert outcome.code == code


def refused(place: Path, arguments: tuple[object, ...], code: int, *words: str) -> None:
    """Assert that a command fails like this and leaves the folder unchanged."""
    before = tree(place)
    failed(ava(*arguments), code, *words)
    assert tree(place) == before
