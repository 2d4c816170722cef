"""What must be measured in processes of their own: how long a start takes, and how much memory a training needs."""

import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import ava_np
from ava_np.console import say
from ava_np.errors import AvaError
from ava_np.experiments.bench.measure import OURS, Row, Setting, beside, text
from ava_np.experiments.bench.models import training, w3_model
from ava_np.experiments.bench.torch_peers import TorchPeer, find
from ava_np.training.trainer import Trainer

AVA = "from ava_np.cli import main; main()"
MEMORY = "from ava_np.experiments.bench.processes import print_memory; print_memory({name!r})"
WARM_STARTS, STEPS = 3, 3
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def start(setting: Setting) -> Iterator[Row]:
    """From the command ``ava train`` to its first step, with an empty cache of kernels and with a full one."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        times = [first_step(place, f"run{number}") for number in range(1 + WARM_STARTS)]
    for name, seconds in (("cold", times[0]), ("warm", min(times[1:]))):
        row = Row(f"start of ava train, {name} cache", seconds * 1e3)
        say(text(row))
        yield row


def first_step(place: Path, run: str, *options: str) -> float:
    """Seconds from the command to the line that it prints after its first step; the kernels' cache is in ``place``.

    Raises
    ------
    AvaError
        If the training ends without that line.
    """
    before = time.perf_counter()
    command = [sys.executable, "-c", AVA, "train", "--epochs", "1", "--out", str(place / run), *options]
    lines = []
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=_environment(place), encoding="utf-8"
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("epoch 1/1"):
                seconds = time.perf_counter() - before
                process.kill()  # its report is not wanted
                return seconds
            lines.append(line.strip())
    raise AvaError(f"ava train ended before its first step: {' '.join(lines[-1:])}")


def memory(setting: Setting) -> Iterator[Row]:
    """Megabytes that W3 takes at its peak, beside what the imports and the kernels' machine code take."""
    if not _has_peak():
        say("the peak of memory is not told by this system: left out")
        return
    names = [OURS, *(["torch"] if setting.torch is not None else [])]
    found = {name: _run_memory(name) for name in names}
    rows = beside("W3, batch 4: peak memory, MB", found.pop(OURS), found)
    for row in rows:
        say(text(row))
    yield from rows


def _run_memory(name: str) -> float:
    command = [sys.executable, "-c", MEMORY.format(name=name)]
    done = subprocess.run(command, capture_output=True, env=_environment(), encoding="utf-8", check=False)
    if done.returncode:
        raise AvaError(f"the memory of {name} could not be measured: {' '.join(done.stderr.splitlines()[-1:])}")
    return float(done.stdout)


def print_memory(name: str) -> None:
    """Print the megabytes that W3's steps take at their peak, after a small W3 has loaded all code.

    What stands in memory before, such as the frameworks themselves, is taken off; so is the model of ours that
    PyTorch's is made from.
    """
    _steps(name, 2, (4, 4, 4), 16)()
    before = _status("VmRSS")
    run = _steps(name, 4)
    gc.collect()
    RESET.write_text("5")  # the peak begins anew
    run()
    print((_status("VmHWM") - before) / 1000)


def _steps(name: str, batch: int, channels: tuple[int, ...] = (), side: int = 64) -> Callable[[], None]:
    """Some steps of W3, ours or PyTorch's, ready to run."""
    model, generator = w3_model(channels, side), np.random.default_rng(0)
    specification = training("rmsprop", batch)
    x = generator.random((batch, model.neurons), np.float32)
    if name == OURS:
        trainer = Trainer(model, specification)

        def step() -> None:
            trainer.step(x, model.noise(generator, batch))

    else:
        step = TorchPeer(find("torch"), model, specification, x).step

    def run() -> None:
        for _ in range(STEPS):
            step()

    return run


def _has_peak() -> bool:
    return STATUS.exists() and RESET.exists()


def _status(field: str) -> int:
    """Kilobytes that Linux tells of this process."""
    return next(int(line.split()[1]) for line in STATUS.read_text().splitlines() if line.startswith(field))


def _environment(place: Path | None = None) -> dict[str, str]:
    """For a process that finds this very package, and keeps its kernels in ``place``."""
    found = {**os.environ, "PYTHONPATH": str(Path(ava_np.__file__).parents[1]), "PYTHONIOENCODING": "utf-8"}
    return found if place is None else {**found, "NUMBA_CACHE_DIR": str(place / "kernels")}
