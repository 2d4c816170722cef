"""Measurements that need a process each: the time of a start, and the peak memory of a training."""

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
from ava_np.experiments.bench.measure import OURS, Row, Settings, compare, progress_line
from ava_np.experiments.bench.models import training_specification, w3_model
from ava_np.experiments.bench.peer import import_if_installed
from ava_np.experiments.bench.torch_peer import TorchPeer
from ava_np.training.trainer import Trainer

AVA = "from ava_np.cli import main; main()"
MEMORY = "from ava_np.experiments.bench.processes import print_memory; print_memory({name!r})"
WARM_STARTS, STEPS = 3, 3
STATUS, RESET_PEAK = Path("/proc/self/status"), Path("/proc/self/clear_refs")  # of Linux


def start(settings: Settings) -> Iterator[Row]:
    """Measure the time from the command ``ava train`` to its first step, with a cold and a warm kernel cache."""
    with tempfile.TemporaryDirectory() as folder:
        times = [seconds_to_first_step(Path(folder), f"run{number}") for number in range(1 + WARM_STARTS)]
    for name, seconds in (("cold", times[0]), ("warm", min(times[1:]))):
        row = Row(f"start of ava train, {name} cache", seconds * 1e3)
        say(progress_line(row))
        yield row


def seconds_to_first_step(folder: Path, run: str, *options: str) -> float:
    """Run ``ava train`` until it reports its first step, and return the seconds that it took.

    Parameters
    ----------
    folder : Path
        Holds the kernel cache and the run folders.
    run : str
        Name of the run folder.
    *options : str
        More arguments of ``ava train``.

    Raises
    ------
    AvaError
        If the training ends before its first step.
    """
    before = time.perf_counter()
    command = [sys.executable, "-c", AVA, "train", "--epochs", "1", "--out", str(folder / run), *options]
    lines = []
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=_environment(folder), encoding="utf-8"
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("epoch 1/1"):
                seconds = time.perf_counter() - before
                process.kill()  # its report is not needed
                return seconds
            lines.append(line.strip())
    raise AvaError(f"ava train ended before its first step: {' '.join(lines[-1:])}")


def memory(settings: Settings) -> Iterator[Row]:
    """Measure the peak memory of W3 in megabytes, without the memory of imports and machine code."""
    if not _can_measure_peak():
        say("this system does not report the peak of memory: left out")
        return
    names = [OURS, *(["torch"] if settings.torch is not None else [])]
    peaks = {name: _peak_memory(name) for name in names}
    rows = compare("W3, batch 4: peak memory, MB", peaks.pop(OURS), peaks)
    for row in rows:
        say(progress_line(row))
    yield from rows


def _peak_memory(name: str) -> float:
    command = [sys.executable, "-c", MEMORY.format(name=name)]
    done = subprocess.run(command, capture_output=True, env=_environment(), encoding="utf-8", check=False)
    if done.returncode:
        raise AvaError(f"the memory of {name} could not be measured: {' '.join(done.stderr.splitlines()[-1:])}")
    return float(done.stdout)


def print_memory(name: str) -> None:
    """Print the peak memory of W3's training steps in megabytes.

    A small W3 is trained first, so that all code is loaded. The memory in use after that, such as the frameworks' own,
    is subtracted. Our model, from which PyTorch's is made, is freed before the measurement.
    """
    _training_steps(name, 2, (4, 4, 4), 16)()
    before = _status("VmRSS")
    run = _training_steps(name, 4)
    gc.collect()
    RESET_PEAK.write_text("5")
    run()
    print((_status("VmHWM") - before) / 1000)


def _training_steps(name: str, batch: int, channels: tuple[int, ...] = (), side: int = 64) -> Callable[[], None]:
    """Prepare W3 in ava-np or in PyTorch, and return a function that trains it for a few steps."""
    model, generator = w3_model(channels, side), np.random.default_rng(0)
    specification = training_specification("rmsprop", batch)
    x = generator.random((batch, model.neurons), np.float32)
    if name == OURS:
        trainer = Trainer(model, specification)

        def step() -> None:
            trainer.step(x, model.noise(generator, batch))

    else:
        step = TorchPeer(import_if_installed("torch"), model, specification, x).step

    def run() -> None:
        for _ in range(STEPS):
            step()

    return run


def _can_measure_peak() -> bool:
    return STATUS.exists() and RESET_PEAK.exists()


def _status(field: str) -> int:
    """Return a field of this process's status in kilobytes, as Linux reports it."""
    return next(int(line.split()[1]) for line in STATUS.read_text().splitlines() if line.startswith(field))


def _environment(folder: Path | None = None) -> dict[str, str]:
    """Return the environment of a process that imports this package, and caches its kernels in ``folder``."""
    variables = {**os.environ, "PYTHONPATH": str(Path(ava_np.__file__).parents[1]), "PYTHONIOENCODING": "utf-8"}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
    return variables if folder is None else {**variables, "NUMBA_CACHE_DIR": str(folder / "kernels")}
