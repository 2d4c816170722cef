"""The package: what pyproject.toml declares matches the tree, the built wheel and what the code imports."""

import ast
import fnmatch
import importlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

import ava_np

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(
    not (ROOT / "pyproject.toml").is_file(), reason="pyproject.toml is not here: these tests need the checkout"
)

SOURCES = ("pyproject.toml", "README.md", "ava_np", "kernels", "experiments", "docs")
"""The files and folders of the checkout that a wheel is built from."""

SETUPTOOLS = "77"
"""The first release that understands ``license-files`` in the form used here."""

DISTRIBUTIONS = {"PIL": "pillow", "llvmlite": "numba", "sklearn": "scikit-learn"}
"""Modules whose distribution has another name. numba installs llvmlite, at the release that fits it."""

NOT_INSTALLED = """
import runpy
import sys
from importlib.metadata import Distribution, PackageNotFoundError

find = Distribution.from_name

def from_name(name):
    if name.replace("_", "-") == "ava-np":
        raise PackageNotFoundError(name)
    return find(name)

Distribution.from_name = from_name
sys.argv = ["ava", *sys.argv[1:]]
runpy.run_module("ava_np", run_name="__main__")
"""
"""``python -m ava_np`` where no distribution is installed, as in a fresh checkout."""


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """A wheel built from a clean copy of the sources."""
    try:
        version = metadata.version("setuptools")
    except metadata.PackageNotFoundError:
        version = "0"
    if int(version.partition(".")[0]) < int(SETUPTOOLS):
        pytest.skip(f"building a wheel needs setuptools {SETUPTOOLS} or later; here it is {version}")
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, folder / name, symlinks=True, ignore=ignored)
        else:
            shutil.copy(source, folder)
    code = "import setuptools.build_meta as backend; print(backend.build_wheel('.'))"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return ZipFile(folder / done.stdout.splitlines()[-1])


def packages() -> dict[str, Path]:
    """Every package below ava_np by its dotted name; ava_np/kernels and ava_np/experiments are links."""
    folders = [Path(folder) for folder, _, _ in os.walk(ROOT / "ava_np", followlinks=True)]
    found = {
        ".".join(folder.relative_to(ROOT).parts): folder for folder in folders if (folder / "__init__.py").is_file()
    }
    assert {"ava_np", "ava_np.kernels", "ava_np.kernels.machine", "ava_np.experiments", "ava_np.report"} <= set(found)
    return found


def data_files() -> dict[Path, str]:
    """Every file beside the modules, relative to the checkout, with its package."""
    found = {
        path.relative_to(ROOT): package
        for package, folder in packages().items()
        for path in folder.iterdir()
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert {Path("ava_np/py.typed"), Path("ava_np/report/style.css"), Path("ava_np/report/report.html")} <= set(found)
    return found


def run_module(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run ``python -m ava_np`` from the checkout, with no distribution of it installed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", NOT_INSTALLED, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)


def test_every_package_is_declared(project: dict[str, Any]) -> None:
    assert sorted(project["tool"]["setuptools"]["packages"]) == sorted(packages())


def test_declared_folders_hold_the_packages(project: dict[str, Any]) -> None:
    folders = project["tool"]["setuptools"]["package-dir"]
    assert sorted(folders) == ["ava_np", "ava_np.experiments", "ava_np.kernels"]
    for package, folder in folders.items():
        assert (ROOT / folder).resolve() == (ROOT / Path(*package.split("."))).resolve()
        assert (ROOT / folder / "__init__.py").is_file()


def test_every_data_file_is_declared(project: dict[str, Any]) -> None:
    declared = project["tool"]["setuptools"]["package-data"]
    for path, package in data_files().items():
        assert any(fnmatch.fnmatch(path.name, pattern) for pattern in declared.get(package, [])), path


def test_the_wheel_holds_every_module_and_data_file(wheel: ZipFile) -> None:
    modules = {path.relative_to(ROOT) for folder in packages().values() for path in folder.glob("*.py")}
    expected = {path.as_posix() for path in modules | set(data_files())}
    installed = {name for name in wheel.namelist() if name.startswith("ava_np/")}
    assert installed == expected


def test_the_wheel_installs_one_top_level_package(wheel: ZipFile) -> None:
    """A wheel with a top-level ``kernels`` would overwrite the package of that name on PyPI."""
    release = f"ava_np-{ava_np.__version__}"
    name = f"{release}.dist-info"
    assert {file.partition("/")[0] for file in wheel.namelist()} == {"ava_np", name, f"{release}.data"}
    assert wheel.read(f"{name}/top_level.txt").decode().split() == ["ava_np"]


def test_the_wheel_holds_the_licence(wheel: ZipFile) -> None:
    name = f"ava_np-{ava_np.__version__}.dist-info"
    assert wheel.read(f"{name}/licenses/docs/LICENSE") == (ROOT / "docs" / "LICENSE").read_bytes()
    header = wheel.read(f"{name}/METADATA").decode()
    assert "\nLicense-Expression: MIT\n" in header
    assert f"\nVersion: {ava_np.__version__}\n" in header


def test_version_is_a_literal_that_setuptools_reads_without_importing(project: dict[str, Any]) -> None:
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "ava_np.__version__"}
    tree = ast.parse((ROOT / "ava_np" / "__init__.py").read_text("utf-8"))
    values = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__"
    ]
    assert values == [ava_np.__version__]


def test_installed_version_is_that_of_the_code() -> None:
    """Fails where an older ava-np is installed beside this checkout: install it again."""
    try:
        installed = metadata.version("ava-np")
    except metadata.PackageNotFoundError:
        pytest.skip("ava-np is not installed here")
    assert installed == ava_np.__version__


def test_version_needs_no_installed_distribution() -> None:
    done = run_module("--version")
    assert done.returncode == 0, done.stderr
    assert ava_np.__version__ in done.stdout


def test_info_needs_no_installed_distribution() -> None:
    done = run_module("info", "--json")
    assert done.returncode == 0, done.stderr
    assert f'"{ava_np.__version__}"' in done.stdout


def test_running_the_module_is_the_command_line() -> None:
    done = run_module("--help")
    assert done.returncode == 0, done.stderr
    assert "Usage: ava " in done.stdout
    assert "gradcheck" in done.stdout


def test_console_script_can_be_imported(project: dict[str, Any]) -> None:
    module, _, name = project["project"]["scripts"]["ava"].partition(":")
    assert callable(getattr(importlib.import_module(module), name))


def test_public_names_can_be_imported() -> None:
    assert {"build", "fit", "load", "read_pictures", "save"} <= set(ava_np.__all__) <= set(dir(ava_np))
    for name in ava_np.__all__:
        assert callable(getattr(ava_np, name)), name


def test_other_names_raise_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'kernel'"):
        ava_np.kernel  # noqa: B018


def test_kernels_cannot_be_imported_as_a_top_level_package() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import kernels"], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1].startswith("ImportError: import these kernels as ava_np.kernels")


def test_imported_distributions_are_the_declared_ones(project: dict[str, Any]) -> None:
    declared = {requirement.partition(">")[0] for requirement in project["project"]["dependencies"]}
    extras = project["project"]["optional-dependencies"]
    used = ("bench", "explore", "export", "heif", "mpi", "sklearn", "sweep", "track")
    optional = {name.partition(">")[0] for extra in used for name in extras[extra]}
    imported = set()
    for folder in packages().values():
        for path in folder.glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    imported |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    imported.add(str(node.module).partition(".")[0])
    imported -= sys.stdlib_module_names | {"ava_np"}
    distributions = {DISTRIBUTIONS.get(name, name.replace("_", "-")) for name in imported}
    assert distributions - optional == declared


def test_every_dependency_has_a_lower_bound(project: dict[str, Any]) -> None:
    extras = project["project"]["optional-dependencies"]
    for requirement in [*project["project"]["dependencies"], *extras["test"]]:
        assert ">=" in requirement


def test_the_wheel_holds_the_documentation_that_messages_cite(wheel: ZipFile) -> None:
    shared = re.compile(r"ava_np-[^/]+\.data/data/share/doc/ava-np/(.+)")
    installed = {found[1] for name in wheel.namelist() if (found := shared.fullmatch(name))}
    docs = ROOT / "docs"
    pages = {path.relative_to(docs).as_posix() for kind in ("*.md", "*.svg", "*.png") for path in docs.rglob(kind)}
    assert pages - {path for path in pages if path.startswith("site/")} <= installed
    cited = {page for text in _messages() for page in re.findall(r"docs/([\w/.-]+\.md)", text)}
    assert cited
    assert cited <= installed


def _messages() -> list[str]:
    """All modules, whose texts cite pages."""
    return [path.read_text("utf-8") for folder in packages().values() for path in folder.glob("*.py")]
