"""The package: what is declared is what is there, and the kernels have one name only."""

import ast
import fnmatch
import importlib
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import ava_np

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(
    not (ROOT / "pyproject.toml").is_file(), reason="pyproject.toml is not here: these tests need the checkout"
)

DISTRIBUTIONS = {"PIL": "pillow", "llvmlite": "numba"}
"""Where the name of a distribution is not that of its module; llvmlite is part of what numba promises."""


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def package_folders() -> dict[str, Path]:
    """Every folder with an __init__.py in ava_np, under its dotted name; kernels and experiments are links there."""
    files = [path for pattern in ("", "*/", "*/*/") for path in ROOT.glob(f"ava_np/{pattern}__init__.py")]
    return {".".join(path.parent.relative_to(ROOT).parts): path.parent for path in files}


def test_every_package_is_shipped(project: dict[str, Any]) -> None:
    packages = project["tool"]["setuptools"]["packages"]
    assert sorted(packages) == sorted(package_folders())
    assert {"ava_np", "ava_np.kernels", "ava_np.kernels.twins", "ava_np.experiments"} <= set(packages)


def test_packages_come_from_where_they_are(project: dict[str, Any]) -> None:
    for package, folder in project["tool"]["setuptools"]["package-dir"].items():
        assert (ROOT / folder).resolve() == (ROOT / Path(*package.split("."))).resolve()
        assert (ROOT / folder / "__init__.py").is_file()


def test_every_file_that_is_no_code_is_shipped(project: dict[str, Any]) -> None:
    shipped = project["tool"]["setuptools"]["package-data"]
    for package, folder in package_folders().items():
        for path in folder.iterdir():
            if path.is_file() and path.suffix not in (".py", ".pyc"):
                patterns = shipped.get(package, [])
                assert any(fnmatch.fnmatch(path.name, pattern) for pattern in patterns), f"{package}: {path.name}"


def test_types_are_announced() -> None:
    assert (Path(ava_np.__file__).parent / "py.typed").is_file()


def test_the_version_is_the_packages_own(project: dict[str, Any]) -> None:
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "ava_np.__version__"}
    try:
        installed = metadata.metadata("ava-np")
    except metadata.PackageNotFoundError:
        pytest.skip("ava-np is not installed here")
    assert (installed["Name"], installed["Version"]) == (project["project"]["name"], ava_np.__version__)


def test_the_console_script_is_there(project: dict[str, Any]) -> None:
    module, _, name = project["project"]["scripts"]["ava"].partition(":")
    assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize("name", ava_np.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert callable(getattr(ava_np, name))
    assert name in dir(ava_np)


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'kernel'"):
        ava_np.kernel  # noqa: B018


def test_kernels_are_not_imported_by_another_name() -> None:
    """A wheel with a top-level ``kernels`` would overwrite somebody else's."""
    done = subprocess.run([sys.executable, "-c", "import kernels"], cwd=ROOT, capture_output=True, encoding="utf-8")
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1].startswith("ImportError: import these kernels as ava_np.kernels")


def test_what_is_imported_is_declared_and_the_other_way_round(project: dict[str, Any]) -> None:
    declared = {requirement.partition(">")[0] for requirement in project["project"]["dependencies"]}
    used = set()
    for folder in package_folders().values():
        for path in folder.glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    used |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    used.add(str(node.module).partition(".")[0])
    used -= sys.stdlib_module_names | {"ava_np"}
    assert {DISTRIBUTIONS.get(name, name.replace("_", "-")) for name in used} == declared


def test_dependencies_are_bounded_below(project: dict[str, Any]) -> None:
    for requirement in project["project"]["dependencies"]:
        assert ">=" in requirement
