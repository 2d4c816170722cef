"""The second process compiles what a first step needs, and does not outlive the first."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ava_np.kernels.machine.micro_kernel import host_tile
from ava_np.kernels.machine.parallel import cores

pytestmark = pytest.mark.skipif(host_tile(4) is None, reason="there is no micro-kernel for this processor")

START = """
from ava_np.run.compilation import second_process
process = second_process()
print(getattr(process, "pid", 0), flush=True)
"""


def run(code: str, cache: Path) -> int:
    """Run code in a process with kernels in ``cache``, and return the number that it prints."""
    command, environment = [sys.executable, "-c", code], os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    return int(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_first_step_compiles_nothing_else() -> None:
    command = [sys.executable, "-m", "tests.run.new_in_a_first_step"]
    assert subprocess.run(command, capture_output=True, check=True, encoding="utf-8").stdout == ""


@pytest.mark.skipif(cores() == 1, reason="there is one core")
@pytest.mark.skipif(os.name != "posix", reason="asks for a process as POSIX does")
@pytest.mark.parametrize("end", ["with process: pass", "import os; os._exit(0)"])
def test_the_second_process_ends_with_the_context_and_with_the_first(end: str, tmp_path: Path) -> None:
    process = run(START + end, tmp_path)
    assert process > 0
    deadline = time.monotonic() + 60
    while is_alive(process):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_there_is_none_if_the_kernels_are_cached(tmp_path: Path) -> None:
    cached = "from ava_np.kernels.discrimination import *; causal_backward(np.ones((1, 1)), np.ones((1, 1)))"
    assert run(f"{cached}\n{START}", tmp_path) == 0
