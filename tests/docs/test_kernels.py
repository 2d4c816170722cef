"""The pages on the kernels quote the twins word for word, name tests that exist, and every docstring example runs."""

import ast
import doctest
import importlib
import re
from pathlib import Path

import pytest

import ava_np.kernels

KERNELS = Path(ava_np.kernels.__file__).parent
TESTS = Path(__file__).parents[1] / "kernels"
PAGES = Path(__file__).parents[2] / "docs" / "kernels"
NAMES = sorted(path.stem for path in KERNELS.glob("*.py") if not path.stem.startswith("_"))

pytestmark = pytest.mark.skipif(not PAGES.is_dir(), reason="the docs are not next to these tests")
every_kernel = pytest.mark.parametrize("name", NAMES)


def functions(path: Path) -> set[str]:
    """Return the names of the functions at the top level of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def page(name: str) -> str:
    """Return the text of a page."""
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


def test_every_kernel_has_a_page_a_twin_and_a_test_and_no_other_files_exist() -> None:
    assert NAMES
    assert sorted(path.stem for path in PAGES.glob("*.md")) == sorted([*NAMES, "README"])
    assert sorted(path.stem for path in (KERNELS / "twins").glob("[!_]*.py")) == NAMES
    assert sorted(path.stem for path in TESTS.glob("test_*.py")) == [f"test_{name}" for name in NAMES]


@every_kernel
def test_page_quotes_every_function_of_the_twin_word_for_word(name: str) -> None:
    twin = KERNELS / "twins" / f"{name}.py"
    source = "\n" + twin.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", page(name), flags=re.DOTALL | re.MULTILINE)
    for block in blocks:
        assert f"\n{block}" in source
    quoted = set(re.findall(r"^def (\w+)", "\n".join(blocks), flags=re.MULTILINE))
    assert quoted == functions(twin)


@every_kernel
def test_page_links_to_its_kernel_and_names_tests_that_exist(name: str) -> None:
    text = page(name)
    assert f"](../../kernels/{name}.py)" in text
    assert f"](../../tests/kernels/test_{name}.py)" in text
    named = set(re.findall(r"`(test_\w+)`", text))
    assert named
    assert named <= functions(TESTS / f"test_{name}.py")
    assert f"]({name}.md)" in page("README")


@every_kernel
def test_docstring_examples_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"ava_np.kernels.{name}")).failed == 0


@pytest.mark.parametrize("name", ["activations", "optimisers"])
def test_doctest_finds_examples_in_compiled_functions_and_classes(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"ava_np.kernels.{name}")).attempted > 0
