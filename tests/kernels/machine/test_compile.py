"""The cache of machine code: it notices every edit below kernels/, and changes no result."""

import gc
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.extending import intrinsic

import ava_np.kernels
from ava_np.kernels.machine.compile import _CacheFiles, kernel
from tests.kernels.machine import cached_package, trained_parameters

ROOT = Path(__file__).parents[3]
COMPILE = Path(ava_np.kernels.__file__).parent / "machine" / "compile.py"
TEMPLATES = Path(cached_package.__file__).parent


@pytest.fixture
def kernels(tmp_path: Path) -> Path:
    """The folder of a package ava_np.kernels with this one's compile.py and the kernels of ``cached_package``."""
    folder = tmp_path / "ava_np" / "kernels"
    for package in (folder.parent, folder, folder / "machine", folder / "twins"):
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").touch()
    shutil.copy(COMPILE, folder / "machine")
    shutil.copy(TEMPLATES / "helper.py", folder / "machine")
    shutil.copy(TEMPLATES / "neighbour.py", folder)
    shutil.copy(TEMPLATES / "user.py", folder)
    return folder


def answers(kernels: Path, script: str = "answers.py") -> list[int]:
    """Return the answers of a new process, and how many kernels it loaded from the cache below ``kernels``."""
    settings = {"PYTHONPATH": kernels.parents[1], "PYTHONDONTWRITEBYTECODE": 1, "NUMBA_CACHE_DIR": kernels / "cache"}
    done = subprocess.run(
        [sys.executable, str(TEMPLATES / script)],
        env=os.environ | {name: str(value) for name, value in settings.items()},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return [int(word) for word in done.stdout.split()]


def test_every_edit_of_a_kernel_is_noticed(kernels: Path) -> None:
    """In kernels/machine, in kernels, and, though no kernel imports them, in kernels/twins."""
    assert answers(kernels) == [11, 11, 11, 0]
    assert answers(kernels) == [11, 11, 11, 2]
    helper, neighbour = kernels / "machine" / "helper.py", kernels / "neighbour.py"
    helper.write_text(helper.read_text().replace("return 1", "return 2"))
    assert answers(kernels) == [12, 12, 12, 0]
    neighbour.write_text(neighbour.read_text().replace("return 10", "return 20"))
    assert answers(kernels) == [22, 22, 22, 0]
    (kernels / "twins" / "__init__.py").write_text("# an edit\n")
    assert answers(kernels) == [22, 22, 22, 0]


OUTSIDE = TEMPLATES / "outside.py"


def test_an_edit_beside_a_function_outside_of_kernels_is_noticed(kernels: Path) -> None:
    outside = kernels.parent / "outside"
    outside.mkdir()
    (outside / "__init__.py").touch()
    shutil.copy(TEMPLATES / "helper.py", outside)
    shutil.copy(OUTSIDE, outside / "user.py")
    helper = outside / "helper.py"
    assert answers(kernels, "outside_answer.py") == [1, 0]
    assert answers(kernels, "outside_answer.py") == [1, 1]
    helper.write_text(helper.read_text().replace("return 1", "return 2"))
    assert answers(kernels, "outside_answer.py") == [2, 0]
    assert answers(kernels, "outside_answer.py") == [2, 1]


def test_training_gives_the_same_bytes_from_a_cold_and_from_a_warm_cache(tmp_path: Path) -> None:
    """A kernel that calls another one may run a different version of it if it was loaded from the cache."""
    cold, warm = (
        subprocess.run(
            [sys.executable, "-m", trained_parameters.__name__],
            cwd=ROOT,
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
            capture_output=True,
            encoding="utf-8",
            check=True,
        ).stdout
        for _ in range(2)
    )
    assert len(cold) > 1000
    assert cold == warm


def test_processes_that_fill_the_cache_at_once_keep_their_machine_code_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have seen an empty cache, and the first is slow to write its code."""
    first, second = (_CacheFiles(str(tmp_path), "kernel", "stamp") for _ in range(2))
    waiting = []
    monkeypatch.setattr(first, "_save_data", lambda *written: waiting.append(written))
    for files in (first, second):
        monkeypatch.setattr(files, "_load_index", dict)
    first.save("float32", "code for float32")
    second.save("float64", "code for float64")
    monkeypatch.undo()
    first._save_data(*waiting.pop())
    assert first.load("float64") == second.load("float64") == "code for float64"
    assert first.load("float32") in (None, "code for float32")


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("content", [b"", b"no pickle", None], ids=["empty", "garbage", "half"])
def test_damaged_cache_files_are_compiled_again(kernels: Path, suffix: str, content: bytes | None) -> None:
    assert answers(kernels) == [11, 11, 11, 0]
    files = sorted(kernels.rglob(f"*{suffix}"))
    assert files
    for path in files:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if content is None else content)
    assert answers(kernels)[:3] == [11, 11, 11]
    assert answers(kernels) == [11, 11, 11, 2]


@pytest.mark.parametrize("was_on", [True, False])
def test_the_garbage_collector_rests_while_a_kernel_compiles_and_is_then_as_before(was_on: bool) -> None:
    seen = []

    @intrinsic
    def nothing(context):  # type: ignore[no-untyped-def]
        seen.append(gc.isenabled())
        return numba.void(), lambda context, *_: context.get_dummy_value()

    @kernel
    def touch(x: np.ndarray) -> None:
        nothing()  # type: ignore[call-arg]

    (gc.enable if was_on else gc.disable)()
    try:
        touch(np.zeros(1))
        assert seen
        assert not any(seen)
        assert gc.isenabled() is was_on
    finally:
        gc.enable()
