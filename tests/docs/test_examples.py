"""Examples in docstrings and Python code on pages run, and public names have complete docstrings."""

import doctest
import inspect
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import ava_np
from ava_np.models import Model
from tests.command import SMALL, ava, write_pictures
from tests.idx_files import digits, write_idx
from tests.test_imports import SOURCES

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs" / "manual").glob("*.md")))

MODULES = sorted(name for name, path in SOURCES.items() if ">>> " in path.read_text("utf-8"))
"""The modules that have examples; the others need not be imported."""


EXTRAS = {"ava_np.export.onnx": "onnx", "ava_np.sklearn": "sklearn"}
"""The modules of extras, whose examples need a package that may be absent."""


def blocks(page: Path) -> Iterator[tuple[int, str]]:
    """Yield each block of Python on a page, with the number of lines before it."""
    text = page.read_text("utf-8")
    for block in re.finditer(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        yield text[: block.start(1)].count("\n"), block[1]


def public() -> dict[str, Any]:
    """Return the names that need a complete docstring: the package, its public names, and the methods of a model."""
    methods = {f"Model.{name}": value for name, value in inspect.getmembers(Model, inspect.isfunction)}
    found = {"ava_np": ava_np} | {name: getattr(ava_np, name) for name in ava_np.__all__} | methods
    return {name: value for name, value in found.items() if not name.partition(".")[2].startswith("_")}


def sections(value: object) -> dict[str, str]:
    """Return the text of each section of a numpydoc docstring, by its heading."""
    parts = re.split(r"^([A-Z][A-Za-z ]+)\n-{3,}$", inspect.getdoc(value) or "", flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def missing(value: Any) -> set[str]:
    """Return what the docstring of a module, class or function lacks: sections, and parameters by name."""
    found = sections(value)
    lacking = {"Examples"} - ({"Examples"} if ">>> " in found.get("Examples", "") else set())
    function: Callable[..., Any] | None = vars(value).get("__init__") if inspect.isclass(value) else value
    if inspect.isfunction(function):
        signature = inspect.signature(function)
        lines = re.findall(r"^(\S.*?)(?: : .*)?$", found.get("Parameters", ""), re.MULTILINE)
        described = {name.strip("* ") for line in lines for name in line.split(",")}
        lacking |= set(signature.parameters) - {"self"} - described
        if signature.return_annotation is not None and not inspect.isclass(value):
            lacking |= set() if found.keys() & {"Returns", "Yields"} else {"Returns"}
    return lacking


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def sources(place: Path) -> None:
    """Put the pictures and the run that the pages name into the working folder."""
    write_pictures(place / "photos")
    write_pictures(place / "labels")
    for part in ("train", "t10k"):
        write_idx(place / "mnist" / f"{part}-images-idx3-ubyte", digits(20, 28, 28))
    outcome = ava("train", "labels", *SMALL, "--model", "vae", "--propagation", "paper", "--zoom", 3, "--out", "RUN")
    assert outcome.code == 0, outcome.err


def test_modules_pages_and_names_are_found() -> None:
    assert {"ava_np", "ava_np.models.base", "ava_np.network.network"} <= set(MODULES)
    assert {"README.md", "data.md", "python.md"} <= {page.name for page in PAGES if list(blocks(page))}
    assert {"ava_np", "build", "fit", "Model.encode", "Model.decode", "Model.sample"} <= public().keys()


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_print_what_they_show(name: str) -> None:
    if name in EXTRAS:
        pytest.importorskip(EXTRAS[name])
    output: list[str] = []
    runner, count = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS), 0
    for test in doctest.DocTestFinder(exclude_empty=True).find(import_module(name), name):
        count += len(test.examples)
        for example in test.examples:
            if example.options.get(doctest.SKIP):
                assert re.search(r"# \w.*# doctest: ", example.source), f"{name}: {example.source} skips without reason"
        runner.run(test, out=output.append)
    assert not runner.summarize(verbose=False).failed, "".join(output)
    assert count == len(re.findall(r"^\s*>>> ", SOURCES[name].read_text("utf-8"), re.MULTILINE)), "some did not run"


@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize("page", [page for page in PAGES if list(blocks(page))], ids=lambda page: page.stem)
def test_code_on_pages_runs(page: Path) -> None:
    if page.stem == "scikit-learn":
        pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    namespace: dict[str, Any] = {"__name__": page.stem}
    for lines_before, code in blocks(page):
        exec(compile("\n" * lines_before + code, page, "exec"), namespace)


@pytest.mark.parametrize("name", sorted(public().keys()))
def test_public_names_have_complete_docstrings(name: str) -> None:
    assert not missing(public()[name])
