"""Messages are remarks: where they cannot be printed, the work goes on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ava_np
from tests.command import SMALL

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(ava_np.__file__).parents[1]), "PYTHONIOENCODING": "utf-8"}


@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full", "2>&1 >/dev/null | head -n 1"])
def test_training_survives_an_unusable_standard_error(tmp_path: Path, stderr: str) -> None:
    command = f"'{sys.executable}' -m ava_np train {' '.join(map(str, SMALL))} --out '{tmp_path / 'run'}' {stderr}"
    subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], env=ENVIRONMENT, check=True, capture_output=True)
    assert (tmp_path / "run" / "report.html").is_file()
    assert (tmp_path / "run" / "model.safetensors").is_file()
