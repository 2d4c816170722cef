"""Machine code that is kept must be that of the sources as they are now."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ava_np.kernels

KERNELS = Path(ava_np.kernels.__file__).parent
HELPER = """
from ava_np.kernels.machine.compile import kernel

@kernel
def answer():
    return 1
"""
USER = """
from numba import types
from ava_np.kernels.machine.compile import compiled_address, kernel, kernel_for
from ava_np.kernels.machine.helper import answer

@kernel
def ask():
    return answer()

def code(array):
    array[0] = answer()

def fill(index, pointer):
    pointer[index] = answer()

asks = kernel_for(types.void(types.int64[::1]))(code)
address = compiled_address(fill, types.void(types.intp, types.CPointer(types.intp)))
"""
RUN = """
import ctypes
import numpy as np
from ava_np.kernels import user
ones = np.zeros(1, np.int64)
user.asks(ones)
more = np.zeros(1, np.int64)
ctypes.CFUNCTYPE(None, ctypes.c_ssize_t, ctypes.c_void_p)(user.address)(0, more.ctypes.data)
answers = user.ask(), ones[0], more[0]
print(*answers, sum(user.ask.stats.cache_hits.values()) + sum(user.asks.stats.cache_hits.values()))
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of the same name with the compiler of this one and two kernels, one calling the other."""
    kernels = tmp_path / "ava_np" / "kernels"
    kernels.mkdir(parents=True)
    (kernels.parent / "__init__.py").touch()
    (kernels / "machine").mkdir()
    for folder in (kernels, kernels / "machine"):
        (folder / "__init__.py").touch()
    shutil.copy(KERNELS / "machine" / "compile.py", kernels / "machine")
    (kernels / "machine" / "helper.py").write_text(HELPER)
    (kernels / "user.py").write_text(USER)
    return tmp_path


def run(package: Path, code: str = RUN) -> list[int]:
    """The answers of a fresh process, and how many of them came from the cache."""
    environment = {**os.environ, "PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=package, env=environment, capture_output=True, encoding="utf-8", check=True
    )
    return [int(word) for word in done.stdout.split()]


def test_an_edit_of_another_file_is_noticed(package: Path) -> None:
    assert run(package) == [1, 1, 1, 0]
    assert run(package) == [1, 1, 1, 2]
    helper = package / "ava_np" / "kernels" / "machine" / "helper.py"
    helper.write_text(HELPER.replace("return 1", "return 2"))
    assert run(package) == [2, 2, 2, 0]
    assert run(package) == [2, 2, 2, 2]


OUTSIDE = """
from ava_np.kernels.machine.compile import kernel
from ava_np.outside.helper import answer

@kernel
def ask():
    return answer()
"""
RUN_OUTSIDE = "from ava_np.outside.user import ask; print(ask(), sum(ask.stats.cache_hits.values()))"


def test_an_edit_beside_a_function_outside_of_kernels_is_noticed(package: Path) -> None:
    outside = package / "ava_np" / "outside"
    outside.mkdir()
    (outside / "__init__.py").touch()
    (outside / "helper.py").write_text(HELPER)
    (outside / "user.py").write_text(OUTSIDE)
    assert run(package, RUN_OUTSIDE) == [1, 0]
    assert run(package, RUN_OUTSIDE) == [1, 1]
    (outside / "helper.py").write_text(HELPER.replace("return 1", "return 2"))
    assert run(package, RUN_OUTSIDE) == [2, 0]
    assert run(package, RUN_OUTSIDE) == [2, 1]


STEPS = """
import numpy as np
from ava_np.data.batches import Batches
from ava_np.models import build
from ava_np.specification import TrainingSpecification
from ava_np.training.trainer import Trainer
model = build("ae", (8, 8, 1), architecture="conv64", hidden=(3, 5), latent=2)
pictures = np.random.default_rng(0).random((40, 8, 8, 1), dtype=np.float32)
list(Trainer(model, TrainingSpecification("adam", 0.01, "sum", 8, 2, 0)).run(Batches(pictures)))
print(*(network.theta.tobytes().hex() for network in model.networks.values()))
"""


def test_a_training_gives_the_same_bytes_from_a_cold_and_from_a_warm_cache(tmp_path: Path) -> None:
    """A kernel that calls another one runs one version of it when both are fresh, and another when it is loaded."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    cold, warm = (
        subprocess.run(
            [sys.executable, "-c", STEPS], env=environment, capture_output=True, encoding="utf-8", check=True
        ).stdout
        for _ in range(2)
    )
    assert len(cold) > 1000
    assert cold == warm
