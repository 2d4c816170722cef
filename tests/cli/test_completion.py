"""The shell completes commands, options and words, in bash, zsh and fish."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ava_np
from tests.command import SCRIPT

SHELLS = ("bash", "zsh", "fish")


def answer(**variables: str) -> str:
    """Return what the command prints when a shell calls it."""
    environment = {**os.environ, "PYTHONPATH": str(Path(ava_np.__file__).parents[1]), **variables}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, encoding="utf-8", check=False
    )
    return done.stdout


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("words", "at", "found"),
    [
        ("ava tr", "1", ["train"]),
        ("ava train --mod", "2", ["--model"]),
        ("ava train --model AVA", "3", ["ava1", "ava5"]),
        ("ava experiment vae-", "2", ["vae-likelihood"]),
    ],
)
def test_words_are_completed(shell: str, words: str, at: str, found: list[str]) -> None:
    current = words.rpartition(" ")[2] if shell == "fish" else at  # fish passes the word, the others its number
    printed = answer(_AVA_COMPLETE=f"{shell}_complete", COMP_WORDS=words, COMP_CWORD=current)
    for word in found:
        assert word in printed


@pytest.mark.parametrize("shell", SHELLS)
def test_the_line_for_the_start_file_is_accepted(shell: str, tmp_path: Path) -> None:
    script = answer(_AVA_COMPLETE=f"{shell}_source")
    assert "_AVA_COMPLETE" in script
    if shutil.which(shell):
        (tmp_path / "completion").write_text(script)
        subprocess.run([shell, "-n", tmp_path / "completion"], check=True)
