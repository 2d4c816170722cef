"""The page on the paper has every equation, quotes code word for word, and names tests that exist."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

from tests.docs.lines import with_lines, without_margin

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "paper" / "ava.md"
MODEL = ROOT / "ava_np" / "models" / "ava.py"
EQUATIONS = range(1, 18)

pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="the docs are not next to these tests")


def text() -> str:
    """Return the page, or an empty text if it is missing, because the parametrisations below need a text."""
    return PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""


def sections() -> dict[int, str]:
    """Return the text of each equation's section, up to the next heading, by the equation's number."""
    parts = re.split(r"^(#{2,} .*)$", text(), flags=re.MULTILINE)[1:]
    bodies = {}
    for heading, body in zip(parts[::2], parts[1::2], strict=True):
        if number := re.match(r"### \((\d+)\) \S", heading):
            assert int(number[1]) not in bodies, f"two sections {heading}"
            bodies[int(number[1])] = body
    return bodies


def quotations(markdown: str) -> list[tuple[str, str]]:
    """Return (file, code) of each quotation: the blocks between a line "Code, [file](link):" and any other text."""
    quoted = []
    for label in re.finditer(r"^Code, \[(.+)\]\((.+)\):\n((?:\n```python\n(?:.*\n)*?```\n)+)", markdown, re.MULTILINE):
        linked = (PAGE.parent / label[2].partition("#")[0]).resolve()
        assert linked == (ROOT / label[1]).resolve(), f"{label[1]} links to another file"
        quoted += [(label[1], code) for code in re.findall(r"^```python\n((?:.*\n)*?)```$", label[3], re.MULTILINE)]
    return quoted


def named_tests(markdown: str) -> list[tuple[str, str]]:
    """Return (file, function) of each test that is named as pytest does."""
    return re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", markdown)


def test_every_equation_has_a_section_with_code_and_tests() -> None:
    assert list(sections()) == list(EQUATIONS)
    for number, body in sections().items():
        assert "\n$$ " in body, f"({number}) is not written out"
        assert quotations(body), f"({number}) quotes no code"
        assert re.search(r"^Tested by `", body, re.MULTILINE), f"({number}) has no line of tests"
        assert named_tests(body), f"({number}) names no test"


def test_all_code_on_the_page_names_its_file() -> None:
    assert text().count("```python\n") == len(quotations(text())) > len(EQUATIONS)


@pytest.mark.parametrize(("file", "code"), quotations(text()))
def test_quoted_code_is_in_its_file_word_for_word(file: str, code: str) -> None:
    source = (ROOT / file).read_text(encoding="utf-8")
    assert f"\n{without_margin(code)}" in without_margin(source)


def test_links_to_code_lead_to_its_first_line() -> None:
    """Otherwise run ``python -m tests.docs.lines``."""
    for page in PAGE.parents[1].rglob("*.md"):
        assert with_lines(page.read_text("utf-8")) == page.read_text("utf-8"), page


@pytest.mark.parametrize(("file", "name"), sorted(set(named_tests(text()))))
def test_named_tests_exist(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name.startswith("test_")
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_equation_in_the_comments_of_ava_py_is_on_the_page() -> None:
    source = MODEL.read_text(encoding="utf-8")
    comments = [
        token.string
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    ]
    cited = {int(number) for comment in comments for number in re.findall(r"\((\d+)\)", comment)}
    assert cited >= {1, 3, *range(5, 17)}
    assert cited <= set(sections())


def test_links_lead_to_existing_files_and_headings() -> None:
    headings = re.findall(r"^#{1,6} (.+)$", text(), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = re.findall(r"\]\(([^)\s]+)\)", text())
    assert links
    for link in links:
        if link.startswith("#"):
            assert link[1:] in anchors, link
        elif not link.startswith("https://"):
            assert (PAGE.parent / link.partition("#")[0]).is_file(), link
