"""Imports go one way, kernels know nothing of the rest, and nobody else differentiates for us."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ava_np

ROOT = Path(ava_np.__file__).parent
SOURCES = {  # of every module by its dotted name; kernels and experiments are found through their links
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for pattern in ("*.py", "*/*.py", "*/*/*.py")
    for path in ROOT.glob(pattern)
}
SPINE = tuple(f"ava_np.{name}" for name in ("kernels", "layers", "network", "models", "training", "run", "cli"))
"""From the bottom up: none of these may reach one further up, not even by way of others."""

FORBIDDEN = {"torch", "jax", "autograd", "tensorflow", "keras", "theano", "mxnet", "aesara", "pytensor", "tinygrad"}
SLOW = {"numpy", "numba", "matplotlib", "PIL", "joblib", "jinja2", "safetensors"}


def imported(path: Path) -> Iterator[str]:
    """The dotted names that a file imports, anywhere in it: ``from a import b`` gives a.b."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules(path: Path) -> set[str]:
    """The modules of ava_np that a file imports."""
    found = set()
    for name in imported(path):
        if name in SOURCES:
            found.add(name)
        elif (parent := name.rpartition(".")[0]) in SOURCES:
            found.add(parent)
    return found


GRAPH = {name: modules(path) for name, path in SOURCES.items()}


def reached(start: str) -> dict[str, str]:
    """Every module that one reaches, with the module by way of which."""
    found, waiting = {start: ""}, [start]
    while waiting:
        module = waiting.pop()
        for other in GRAPH[module] - found.keys() - {"ava_np"}:
            found[other] = module
            waiting.append(other)
    return found


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def test_the_modules_are_found() -> None:
    """Otherwise every test below would pass on nothing."""
    for name in (*SPINE, "ava_np.kernels.dense", "ava_np.kernels.twins.dense", "ava_np.experiments", "ava_np.cli.main"):
        assert name in SOURCES
    assert "ava_np.run.folder" in GRAPH["ava_np.cli.train"]
    assert "ava_np.models" in GRAPH["ava_np.run.checkpoint"]
    assert "ava_np.kernels.dense" in GRAPH["ava_np.layers.dense"]


@pytest.mark.parametrize("package", SPINE[:-1])
def test_imports_go_one_way(package: str) -> None:
    above = SPINE[SPINE.index(package) + 1 :]
    for module in (name for name in SOURCES if within(name, package)):
        for other, by in reached(module).items():
            assert not any(within(other, forbidden) for forbidden in above), f"{module} reaches {other} by {by}"


def test_no_module_reaches_itself() -> None:
    for module, others in GRAPH.items():
        if module != "ava_np":
            for other in others - {"ava_np"}:
                assert module not in reached(other), f"{module} and {other} import each other"


def test_only_the_command_line_is_on_the_command_line() -> None:
    """The library runs without click: what draws or trains can be called from a notebook."""
    for name, path in SOURCES.items():
        if not any(within(name, part) for part in ("ava_np.cli", "ava_np.console", "ava_np.experiments")):
            assert not {"click", "rich_click", "rich"} & {found.split(".")[0] for found in imported(path)}, name


def kernels() -> list[str]:
    return sorted(name for name in SOURCES if within(name, "ava_np.kernels"))


@pytest.mark.parametrize("kernel", [name for name in kernels() if "twins" not in name])
def test_kernels_know_nothing_of_the_rest(kernel: str) -> None:
    """A cached kernel is forgotten when a file beside it changes; a change elsewhere would go unnoticed."""
    assert all(within(name, "ava_np.kernels") and "twins" not in name for name in GRAPH[kernel])
    others = {name.split(".")[0] for name in imported(SOURCES[kernel])} - {"ava_np"}
    assert others - sys.stdlib_module_names <= {"numba", "numpy", "llvmlite"}


def test_the_machine_room_knows_no_operation() -> None:
    """What compiles, packs and multiplies does not depend on which operation it serves."""
    room = [name for name in SOURCES if within(name, "ava_np.kernels.machine")]
    assert len(room) > 10
    for module in room:
        assert all(within(other, "ava_np.kernels.machine") for other in GRAPH[module]), module


@pytest.mark.parametrize("twin", [name for name in kernels() if "twins" in name])
def test_twins_are_plain_loops(twin: str) -> None:
    """Of NumPy they name the array type, and compute with math alone."""
    tree = ast.parse(SOURCES[twin].read_text("utf-8"))
    assert {name.split(".")[0] for name in imported(SOURCES[twin])} <= {"collections", "math", "numpy"}
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "np"
    }
    assert used <= {"ndarray"}


def test_nobody_else_differentiates_for_us() -> None:
    top = ROOT.parent
    files = [*SOURCES.values(), *(top / "tests").rglob("*.py"), *(top / "docs").rglob("*.py")]
    for path in files:
        assert not FORBIDDEN & {name.split(".")[0] for name in imported(path)}, path


def loaded(code: str) -> set[str]:
    """The top-level modules in a fresh interpreter after some code."""
    script = f"import sys\n{code}\nprint(*{{name.split('.')[0] for name in sys.modules}}, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT.parent, capture_output=True, encoding="utf-8", check=True
    )
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "code", ["import ava_np", "import ava_np.errors", "import ava_np.specification", "import ava_np.cli"]
)
def test_what_must_be_quick_loads_nothing_slow(code: str) -> None:
    modules = loaded(code)
    assert "ava_np" in modules
    assert not SLOW & modules


def test_the_help_loads_nothing_slow() -> None:
    code = (
        "import os; os.environ['PYTHONIOENCODING'] = 'utf-8'; sys.argv = ['ava', '--help']\n"
        "from ava_np.cli import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert stop.code == 0\n"
    )
    modules = loaded(code)
    assert "rich_click" in modules
    assert not SLOW & modules
