"""The pages on the models cover every model, quote code word for word, and name tests and options that exist."""

import ast
import re
from pathlib import Path

import pytest

from ava_np.cli.main import ava
from ava_np.cli.show import sample
from ava_np.cli.train import train
from ava_np.specification import MODELS
from tests.docs.lines import without_margin

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "models"
MODEL_PAGES = (
    "autoencoder",
    "vae",
    "gan",
    "aae",
    "bigan",
    "vaegan",
    "vaegansum",
    "avb",
    "alphagan",
    "cascade",
)  # each is also a file in ava_np/models

pytestmark = pytest.mark.skipif(not PAGES.is_dir(), reason="the docs are not next to these tests")
every_page = pytest.mark.parametrize(
    "page", [PAGES / f"{name}.md" for name in ("README", *MODEL_PAGES)], ids=lambda page: page.stem
)


def text(page: Path) -> str:
    """Return the text of a page."""
    return page.read_text(encoding="utf-8")


def rows() -> dict[str, list[str]]:
    """Return the cells after the first of each model's row in the table, by the model's name."""
    matches = re.findall(r"^\| `([\w-]+)` \|(.+)\|(.+)\|(.+)\|$", text(PAGES / "README.md"), re.MULTILINE)
    assert len({name for name, *_ in matches}) == len(matches)
    return {name: [cell.strip() for cell in cells] for name, *cells in matches}


def quotations(page: Path) -> list[tuple[str, str]]:
    """Return (file, code) of each quotation: the blocks between a line "Code, [file](link):" and any other text."""
    quoted = []
    labels = r"^Code, \[(.+)\]\((.+)\):\n((?:\n```python\n(?:.*\n)*?```\n)+)"
    for label in re.finditer(labels, text(page), re.MULTILINE):
        linked = (page.parent / label[2].partition("#")[0]).resolve()
        assert linked == (ROOT / label[1]).resolve(), f"{label[1]} links to another file"
        quoted += [(label[1], code) for code in re.findall(r"^```python\n((?:.*\n)*?)```$", label[3], re.MULTILINE)]
    return quoted


def anchors(page: Path) -> set[str]:
    """Return the anchors of the page's headings."""
    headings = re.findall(r"^#{1,6} (.+)$", text(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_model_has_a_row_with_a_command_and_a_page() -> None:
    assert list(rows()) == list(MODELS)
    for name, (_, command, link) in rows().items():
        assert command == "`ava train FOLDER`" or command.startswith(f"`ava train FOLDER --model {name}")
        target = re.fullmatch(r"\[.+\]\(([^)#]+)(#[^)]+)?\)", link)
        assert target
        assert (PAGES / target[1]).is_file()
    assert sorted(page.stem for page in PAGES.glob("*.md")) == sorted(["README", *MODEL_PAGES])


@pytest.mark.parametrize("name", MODEL_PAGES)
def test_every_page_has_errors_code_tests_and_a_source(name: str) -> None:
    page = PAGES / f"{name}.md"
    assert "## The errors\n" in text(page)
    assert "\n$$ " in text(page)
    assert f"ava_np/models/{name}.py" in {file for file, _ in quotations(page)}
    assert "\nTested by `" in text(page)
    assert re.search(r"\*[^*]+\*,\s(19|20)\d\d", text(page)), "no source: author, *title*, year"
    assert "    ava train FOLDER --model " in text(page)


@every_page
def test_quoted_code_is_in_its_file_word_for_word(page: Path) -> None:
    assert text(page).count("```python\n") == len(quotations(page)) > 0
    for file, code in quotations(page):
        source = (ROOT / file).read_text(encoding="utf-8")
        assert f"\n{without_margin(code)}" in without_margin(source), f"{file} no longer has:\n{code}"


@every_page
def test_named_tests_exist(page: Path) -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text(page)))
    assert named
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{file}::{name}"


@every_page
def test_named_options_and_their_values_exist(page: Path) -> None:
    parameters = [*train.params, *sample.params]
    options = {option for parameter in parameters for option in (*parameter.opts, *parameter.secondary_opts)}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text(page))) <= options
    for command in re.findall(r"ava train FOLDER ([^`\n]+)", text(page)):
        with train.make_context(
            "train", ["FOLDER", *command.split()], parent=ava.make_context("ava", ["train"])
        ) as context:
            MODELS[context.params["model"]]


@every_page
def test_links_lead_to_existing_files_and_headings(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s#]*)#?([^)\s]*)\)", text(page))
    assert links
    for target, anchor in links:
        other = (page.parent / target).resolve() if target else page
        assert other.is_file(), target
        assert not anchor or other.suffix == ".py" or anchor in anchors(other), f"{target}#{anchor}"
