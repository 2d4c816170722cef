"""Messages are remarks: where they cannot be printed, the work goes on. No text rules the terminal."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ava_np
from ava_np.console import echo, say
from tests.command import SMALL

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(ava_np.__file__).parents[1]), "PYTHONIOENCODING": "utf-8"}


@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full", "2>&1 >/dev/null | head -n 1"])
def test_training_survives_an_unusable_standard_error(tmp_path: Path, stderr: str) -> None:
    command = f"'{sys.executable}' -m ava_np train {' '.join(map(str, SMALL))} --out '{tmp_path / 'run'}' {stderr}"
    subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], env=ENVIRONMENT, check=True, capture_output=True)
    assert (tmp_path / "run" / "report.html").is_file()
    assert (tmp_path / "run" / "model.safetensors").is_file()


def test_text_of_any_origin_is_printable(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\x1b[31m\nb\x9b\u202e")
    echo("a\x1b[31m\nb\x9b\u2069 é 漢")
    assert capsys.readouterr() == ("a\\x1b[31m\nb\\x9b\\u2069 é 漢\n", "a\\x1b[31m\\nb\\x9b\\u202e\n")


@pytest.mark.parametrize(
    "path", sorted((Path(ava_np.__file__).parent / "cli").glob("*.py")), ids=lambda path: path.stem
)
def test_commands_print_through_the_console(path: Path) -> None:
    source = path.read_text("utf-8")
    assert "click.echo" not in source
    assert "print(" not in source.replace("_print(", "")
