"""Imports go one way, kernels depend on nothing else here, and no module imports an autograd library."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ava_np

ROOT = Path(ava_np.__file__).parent
SOURCES = {  # every module by its dotted name; kernels and experiments are found through their links
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for pattern in ("*.py", "*/*.py", "*/*/*.py")
    for path in ROOT.glob(pattern)
}

LIBRARY = {
    "errors": "",
    "indices": "",
    "share": "",
    "files": "errors",
    "images": "errors files",
    "notebook": "errors files images",
    "specification": "errors",
    "kernels": "",
    "data": "errors notebook files specification kernels",
    "layers": "errors share specification kernels",
    "network": "errors share specification kernels layers",
    "models": "errors notebook indices share specification kernels layers network",
    "evaluation": "errors notebook indices files specification kernels data layers network models",
    "training": "errors indices share specification kernels data network models evaluation",
    "run": "errors indices share files images specification kernels data models evaluation training",
    "report": "errors indices files images specification data layers network models evaluation training run",
    "mpi": "errors share kernels",
    "tracking": "files training",
    "plot": "errors images models report",
    "trace": "indices kernels layers network models",
    "learn": "errors models",
    "explore": "errors indices images data models run",
    "export": "errors specification kernels layers network models",
    "sklearn": "errors indices data models training",
}
"""The packages and modules of the library, lowest first, each with those that it may import."""

FRONT = ("console", "experiments", "cli", "__main__")
"""The command line, and the experiments that it runs: these may import the library, which may not import them."""

FORBIDDEN = {"torch", "jax", "autograd", "tensorflow", "keras", "theano", "mxnet", "aesara", "pytensor", "tinygrad"}
SLOW = {"numpy", "numba", "matplotlib", "PIL", "joblib", "jinja2", "safetensors"}


def imported(path: Path) -> Iterator[str]:
    """Yield the dotted names that a file imports, anywhere in it: ``from a import b`` gives a.b.

    Imports for the type checker alone do not run, so they do not count.
    """
    waiting: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


def modules(path: Path) -> set[str]:
    """Return the modules of ava_np that a file imports."""
    found = set()
    for name in imported(path):
        if name in SOURCES:
            found.add(name)
        elif (parent := name.rpartition(".")[0]) in SOURCES:
            found.add(parent)
    return found


GRAPH = {name: modules(path) for name, path in SOURCES.items()}


def reached(start: str) -> set[str]:
    """Return every module that one imports, directly or through others."""
    found, waiting = {start}, [start]
    while waiting:
        new = GRAPH[waiting.pop()] - found - {"ava_np"}
        found |= new
        waiting += new
    return found


def package(module: str) -> str:
    """Return the part of a dotted name below ava_np: "kernels" of "ava_np.kernels.machine.packing"."""
    return module.split(".")[1] if "." in module else ""


def modules_of(name: str) -> list[str]:
    """Return the modules of a package; there must be some, or the test that asks would pass on nothing."""
    found = sorted(module for module in SOURCES if module == name or module.startswith(name + "."))
    assert found, f"there is no module {name}"
    return found


TWINS = [name for name in modules_of("ava_np.kernels") if "twins" in name]
KERNELS = [name for name in modules_of("ava_np.kernels") if "twins" not in name]


def test_import_graph_is_read_from_the_sources() -> None:
    assert {package(module) for module in SOURCES} - {"", "__main__"} == {*LIBRARY, *FRONT} - {"__main__"}
    assert "ava_np.run.session" in GRAPH["ava_np.cli.train"]
    assert "ava_np.models" in GRAPH["ava_np.run.checkpoint"]
    assert "ava_np.kernels.dense" in GRAPH["ava_np.layers.dense"]
    assert "ava_np.kernels.machine.compile" in reached("ava_np.cli.train")
    assert {"ava_np.kernels.dense", "ava_np.kernels.machine.packing"} <= set(KERNELS)
    assert "ava_np.kernels.twins.dense" in TWINS


@pytest.mark.parametrize("name", LIBRARY)
def test_package_imports_only_packages_below_it(name: str) -> None:
    allowed, below = set(LIBRARY[name].split()), list(LIBRARY)[: list(LIBRARY).index(name)]
    assert allowed <= set(below)
    for module in modules_of(f"ava_np.{name}"):
        for other in GRAPH[module] - {"ava_np"}:
            assert package(other) in {name, *allowed}, f"{module} imports {other}"


def test_no_module_imports_itself_through_others() -> None:
    for module, others in GRAPH.items():
        if module != "ava_np":
            for other in others - {"ava_np"}:
                assert module not in reached(other), f"{module} and {other} import each other"


def test_library_does_not_import_the_command_line_toolkits() -> None:
    """The library can be used without click and rich, for example from a notebook."""
    for name in LIBRARY:
        for module in modules_of(f"ava_np.{name}"):
            assert not {"click", "rich_click", "rich"} & {found.split(".")[0] for found in imported(SOURCES[module])}


@pytest.mark.parametrize("kernel", KERNELS)
def test_kernels_import_only_kernels_numba_and_numpy(kernel: str) -> None:
    """A cached kernel is compiled again when a kernel's file changes; a change elsewhere would go unnoticed."""
    assert all(package(other) == "kernels" and "twins" not in other for other in GRAPH[kernel])
    others = {name.split(".")[0] for name in imported(SOURCES[kernel])} - {"ava_np"}
    assert others - sys.stdlib_module_names <= {"numba", "numpy", "llvmlite"}


def test_machine_code_does_not_import_the_operations() -> None:
    """The code that compiles, packs and multiplies does not depend on the operation that uses it."""
    machine = modules_of("ava_np.kernels.machine")
    assert len(machine) > 10
    for module in machine:
        assert GRAPH[module] <= set(machine), module


@pytest.mark.parametrize("twin", TWINS)
def test_twins_compute_with_the_math_module_alone(twin: str) -> None:
    """From NumPy they use only the name of the array type."""
    tree = ast.parse(SOURCES[twin].read_text("utf-8"))
    assert {name.split(".")[0] for name in imported(SOURCES[twin])} <= {"collections", "math", "numpy"}
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "np"
    }
    assert used <= {"ndarray"}


def test_no_module_imports_an_autograd_library() -> None:
    tests = sorted((ROOT.parent / "tests").rglob("*.py"))
    assert Path(__file__).resolve() in [path.resolve() for path in tests]
    for path in [*SOURCES.values(), *tests]:
        assert not FORBIDDEN & {name.split(".")[0] for name in imported(path)}, path


def loaded(code: str) -> set[str]:
    """Return the top-level modules in a fresh interpreter after it has run some code."""
    script = f"import sys\n{code}\nprint(*{{name.split('.')[0] for name in sys.modules}}, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT.parent, capture_output=True, encoding="utf-8", check=True
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("module", ["ava_np", "ava_np.errors", "ava_np.specification", "ava_np.cli"])
def test_fast_modules_import_no_slow_library(module: str) -> None:
    modules = loaded(f"import {module}")
    assert "ava_np" in modules
    assert not SLOW & modules


def test_help_imports_no_slow_library() -> None:
    code = (
        "import os; os.environ['PYTHONIOENCODING'] = 'utf-8'; sys.argv = ['ava', '--help']\n"
        "from ava_np.cli import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert stop.code == 0\n"
    )
    modules = loaded(code)
    assert "rich_click" in modules
    assert not SLOW & modules
