"""The site builds without a warning, its links lead somewhere, and it asks for nothing from outside."""

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
NEEDED = ("sphinx", "furo", "myst_parser", "numpydoc", "sphinx_click", "sphinx_copybutton", "sphinxcontrib")

pytestmark = [
    pytest.mark.skipif(not DOCS.is_dir(), reason="the docs are not next to these tests"),
    pytest.mark.skipif(not all(map(find_spec, NEEDED)), reason="ava-np[docs] is missing"),
    pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is missing, which writes the formulas"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the site's folder."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", str(DOCS), str(folder)]
    built = subprocess.run(command, capture_output=True, check=False, text=True)
    assert built.returncode == 0, built.stderr
    return folder


def test_the_site_is_whole_and_closed(site: Path) -> None:
    """One test for all: to build it takes longer than to look at it."""
    pages = {page: page.read_text("utf-8") for page in site.rglob("*.html")}
    sources = {page.relative_to(DOCS).with_suffix(".html") for page in DOCS.rglob("*.md")}
    assert sources <= {page.relative_to(site) for page in pages}
    assert (site / "searchindex.js").is_file()
    for page, text in pages.items():
        loaded = re.findall(r"<(?:script|img|link|iframe)[^>]+?(?:src|href)=\"([^\"#]*)", text)
        assert not [one for one in loaded if one.startswith(("http:", "https:", "//"))], page
        for link in re.findall(r"(?:href|src)=\"([^\"#?]+)[#?\"]", text):
            if not re.match(r"[a-z]+:", link):
                assert (page.parent / link).exists(), f"{page.name}: {link}"
    formulas = pages[site / "paper" / "ava.html"]
    assert formulas.count("<math") > 200
    assert "katex-error" not in "".join(pages.values())
