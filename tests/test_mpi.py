"""``ava_np.mpi`` with real processes: sums and rows, the same trainings, and what happens when one of them ends."""

import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import msgspec
import numpy as np
import pytest

import ava_np
from ava_np.errors import AvaError
from ava_np.mpi import Ranks
from ava_np.run.checkpoint import saved_steps
from ava_np.run.folder import Run
from tests.command import SMALL, ava

MPIRUN = shutil.which("mpirun") or shutil.which("mpirun", path=str(Path(sys.executable).parent))
pytestmark = pytest.mark.skipif(
    MPIRUN is None or find_spec("mpi4py") is None, reason="mpirun or mpi4py is missing: pip install 'ava-np[mpi]'"
)

ENVIRONMENT = {
    "PYTHONPATH": str(Path(ava_np.__file__).parents[1]),
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_mpi_yield_when_idle": "1",  # there may be more processes than cores
}

EXCHANGE = """
import numpy as np
from ava_np.mpi import Ranks

ranks = Ranks()
generator = np.random.default_rng(0)
for size in (1, 7, 50_001):
    for dtype in (np.float32, np.float64):
        before = [generator.normal(size=size).astype(dtype) for _ in range(ranks.size)]
        array, expected, sent = before[ranks.rank].copy(), before[0].copy(), ranks.sent
        for other in before[1:]:
            expected += other
        ranks.add(array)
        assert array.tobytes() == expected.tobytes()  # added in the order of the processes
        ring = 2 * (ranks.size - 1) / ranks.size * array.nbytes
        assert size < 50_001 or abs(ranks.sent - sent - ring) < 0.001 * ring
rows = [np.full((rank, 3), rank, np.float32) for rank in range(ranks.size)]
assert ranks.rows(rows[ranks.rank]).tolist() == np.concatenate(rows).tolist()
print("the same")
"""


def start(processes: int, *arguments: object) -> "subprocess.Popen[str]":
    """Start Python in several processes, with pipes for its output."""
    assert MPIRUN is not None
    return subprocess.Popen(
        [MPIRUN, "--oversubscribe", "-n", str(processes), sys.executable, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **ENVIRONMENT},
        encoding="utf-8",
    )


def finish(process: "subprocess.Popen[str]") -> tuple[str, str]:
    """Return the output of processes when all have ended; end them if they wait for each other."""
    try:
        return process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        process.terminate()  # and not kill: mpirun then ends its processes
        process.communicate(timeout=30)
        raise


def steps(run: Path) -> int:
    """Return the number of steps that a run has reported."""
    lines = (run / "metrics.jsonl").read_bytes().splitlines() if (run / "metrics.jsonl").exists() else []
    return msgspec.json.decode(lines[-1])["step"] if lines else 0


def wait_for_steps(run: Path, count: int) -> None:
    """Wait until a run has reported so many steps."""
    end = time.monotonic() + 120
    while steps(run) < count:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_sums_and_rows_of_four_processes() -> None:
    process = start(4, "-m", "mpi4py", "-c", EXCHANGE)
    out, err = finish(process)
    assert process.returncode == 0, err
    assert out.split("\n")[:4] == ["the same"] * 4


def test_two_processes_train_as_one_and_write_one_run(tmp_path: Path) -> None:
    """The terms of the first epochs agree to rounding; a second training of two has the same bytes."""
    options = ("--size", "12", "--model", "vaegan", "--batch-size", "4", *SMALL)
    assert ava("train", *options, "--out", tmp_path / "one").code == 0
    for name in ("two", "again"):
        process = start(2, "-m", "ava_np", "train", *options, "--out", tmp_path / name)
        out, err = finish(process)
        assert process.returncode == 0, err
        assert out.count("report.html") == 1
        assert "in each of 2 processes" in err
    one, two = (Run.open(tmp_path / name).metrics() for name in ("one", "two"))
    for alone, shared in zip(one, two, strict=True):
        assert shared["nats"] == pytest.approx(alone["nats"], rel=1e-5)
    for file in ("model.safetensors", "training.safetensors", "metrics.jsonl"):
        assert (tmp_path / "two" / file).read_bytes() == (tmp_path / "again" / file).read_bytes()


@pytest.mark.slow
def test_a_signal_to_mpirun_saves_and_a_killed_process_leaves_the_last_save(tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = ("--out", run, "--epochs", "100000", "--checkpoint-every", "20")
    process = start(2, "-m", "ava_np", "train", "--size", "12", "--hidden", "8", "--latent", "2", *options)
    wait_for_steps(run, 30)
    process.send_signal(signal.SIGUSR1)
    _, err = finish(process)
    assert "stopped after step" in err
    saved = saved_steps(run / "training.safetensors")
    assert saved >= 30

    process = start(2, "-m", "ava_np", "train", "--resume", *options)
    wait_for_steps(run, saved + 50)
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False)
    os.kill(int(children.stdout.split()[-1]), signal.SIGKILL)
    finish(process)
    assert process.returncode != 0
    assert saved_steps(run / "training.safetensors") >= saved + 20
    assert ava("train", "--out", run, "--resume", "--epochs", saved + 200).code == 0


def test_a_prior_that_no_other_process_can_have_is_refused() -> None:
    model = ava_np.build("aae", (4, 4, 1), latent=2, prior=lambda generator, count, latent: np.zeros((count, latent)))
    with pytest.raises(AvaError, match="other processes"):
        Ranks().tell(model)


def test_errors_are_one_line_and_end_all_processes(tmp_path: Path) -> None:
    process = start(2, "-m", "ava_np", "train", tmp_path / "missing")
    _, err = finish(process)
    assert process.returncode == 1
    assert err.count("Error:") == 1
    assert "no such folder" in err
