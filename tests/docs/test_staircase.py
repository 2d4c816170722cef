"""The staircase pages quote their files word for word, show every step, and name tests that exist."""

import ast
import re
from pathlib import Path

import pytest

import ava_np.experiments.staircase

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "staircase"
TESTS = ROOT / "tests" / "experiments" / "staircase"
SOURCES = Path(ava_np.experiments.staircase.__file__).parent
NAMES = ("gemm", "convolution")

pytestmark = pytest.mark.skipif(not PAGES.is_dir(), reason="docs/ is not next to these tests")
every_page = pytest.mark.parametrize("name", NAMES)


def functions(path: Path) -> set[str]:
    """Return the names of a file's top-level functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def page(name: str) -> str:
    """Return the text of a page."""
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


def test_pages_are_the_two_staircases() -> None:
    assert sorted(path.stem for path in PAGES.glob("*.md")) == sorted(NAMES)


@every_page
def test_quoted_code_is_in_the_file_and_every_step_is_quoted(name: str) -> None:
    source = SOURCES / f"{name}.py"
    blocks = re.findall(r"^```python\n(.*?)^```$", page(name), flags=re.DOTALL | re.MULTILINE)
    assert blocks
    for block in blocks:
        assert f"\n{block}" in source.read_text(encoding="utf-8")
    steps = {function for function in functions(source) if re.match(r"(transposed_)?step\d", function)}
    assert steps
    assert steps <= set(re.findall(r"^def (\w+)", "\n".join(blocks), flags=re.MULTILINE))


@every_page
def test_named_tests_exist(name: str) -> None:
    named = set(re.findall(r"`(test_\w+)`", page(name)))
    assert named
    assert named <= functions(TESTS / f"test_{name}.py")


@every_page
def test_links_lead_to_files_and_the_kernel_is_among_them(name: str) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)\s#]+)\)", page(name))
    for target in targets:
        assert (PAGES / target).exists(), target
    assert {f"../../experiments/staircase/{name}.py", f"../../kernels/{name}.py"} <= set(targets)
