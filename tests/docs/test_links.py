"""Links on pages that no other test covers lead somewhere; files that repeat the version agree with the code."""

import re
from pathlib import Path

import pytest

import ava_np

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", ROOT / ".github" / "CONTRIBUTING.md", *DOCS.glob("*.md"), *DOCS.glob("manual/*.md"))

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="the docs are not beside these tests")


def anchors(page: Path) -> set[str]:
    """Return the names by which a link can point to a heading of a page."""
    headings = re.findall(r"^#{1,6} (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_pages_are_found() -> None:
    expected = {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "glossary.md", "python.md"}
    assert expected <= {page.name for page in PAGES if page.is_file()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)\s#]*)#?([^)\s]*)\)", page.read_text("utf-8")):
        other = (page.parent / target).resolve() if target else page
        assert other.exists(), target
        assert not anchor or anchor in anchors(other), f"{target}#{anchor}"


def test_every_page_and_folder_of_pages_is_listed_in_the_table_of_contents() -> None:
    contents = (DOCS / "README.md").read_text("utf-8")
    for page in [*DOCS.glob("*.md"), *DOCS.glob("manual/*.md")]:
        assert page.name == "README.md" or f"]({page.relative_to(DOCS)})" in contents
    for folder in {page.parent for page in DOCS.glob("*/*.md")}:
        assert f"]({folder.name}/" in contents, folder


def test_readme_lists_every_folder_of_the_tree() -> None:
    (tree,) = re.findall(r"^```\n(kernels/.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    listed, parent = set(), ""
    for indent, name in re.findall(r"^( *)(\w+)/", tree, re.MULTILINE):
        parent = parent if indent else name
        listed.add(f"{parent}/{name}" if indent else name)
    packages = [path.parent for parent in ("kernels", "ava_np") for path in ROOT.glob(f"{parent}/*/__init__.py")]
    links = {"ava_np/kernels", "ava_np/experiments"}
    inner = {folder.relative_to(ROOT).as_posix() for folder in packages} - links
    assert listed == {"kernels", "ava_np", "experiments", "tests", "docs", *inner}


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_mathematics_is_read_as_such_on_github(page: Path) -> None:
    """GitHub takes ``'_`` for the beginning of an emphasis, and a formula that is broken over two lines for text."""
    text = re.sub(r"```.*?```|^    .*?$|`[^`\n]*`", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    assert "'_" not in text
    inline = re.sub(r"\$\$.*?\$\$", "", text, flags=re.DOTALL)
    assert not [line for line in inline.splitlines() if line.count("$") % 2]


def test_changelog_and_citation_name_the_version() -> None:
    assert f"\n## [{ava_np.__version__}] - " in (DOCS / "CHANGELOG.md").read_text("utf-8")
    assert f"\nversion: {ava_np.__version__}\n" in (DOCS / "CITATION.cff").read_text("utf-8")
