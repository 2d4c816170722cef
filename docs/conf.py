"""The site: ``sphinx-build -W docs site``. Its pages are the Markdown files that one also reads without it."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinxcontrib import katex

import ava_np

project, author, copyright = "ava-np", "The ava-np developers", "The ava-np developers"
version = release = ava_np.__version__

root_doc = "index"
extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx_click", "sphinx_copybutton"]
exclude_patterns = ["notebooks"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4

autodoc_default_options = {"members": True}
autodoc_typehints = "none"
numpydoc_show_class_members = False

html_theme, html_title = "furo", f"ava-np {release}"
html_static_path, html_css_files = ["site/static"], ["site.css"]
html_show_sourcelink = html_copy_source = False
html_math_renderer = "mathml"
smartquotes = False  # -- begins an option

DOCS = Path(__file__).parent
WRITE_FORMULAS = """
const katex = require("./katex.min.js"), formulas = JSON.parse(require("fs").readFileSync(0, "utf8"))
const mathml = ([latex, displayMode]) => katex.renderToString(latex, {displayMode, output: "mathml"})
console.log(JSON.stringify(formulas.map(mathml)))
"""

written_formulas: dict[tuple[str, bool], str] = {}


def name_what_is_not_here(app: Any, page: str, source: list[str]) -> None:
    """Leave only the name of a link to a folder, or to a page outside of the site."""

    def link(found: re.Match[str]) -> str:
        target = (DOCS / page).parent / found[2]
        outside = DOCS not in target.resolve().parents
        return found[1] if outside and (target.is_dir() or target.suffix == ".md") else found[0]

    source[0] = re.sub(r"\[([^\]]+)\]\((\.\.?/[^)#]*)[^)]*\)", link, source[0])


def write_formulas(_: Any, environment: Any) -> None:
    """Write all formulas as MathML, which browsers draw without a script, a style sheet or a font.

    KaTeX makes it in one run of Node.js. The server that comes with KaTeX's package writes one formula at a time, and
    now and then refuses the connection when it has just begun.
    """
    pages = map(environment.get_doctree, environment.found_docs)
    formulas = list({latex_and_mode(node) for page in pages for node in page.findall(is_formula)})
    command, sent = ["node", "-e", WRITE_FORMULAS], json.dumps(formulas)
    run = subprocess.run(command, input=sent, cwd=katex.SRC_DIR, stdout=subprocess.PIPE, check=True, encoding="utf-8")
    written_formulas.update(zip(formulas, json.loads(run.stdout), strict=True))


def is_formula(node: nodes.Node) -> bool:
    """Return whether a node is a formula, within a line or on lines of its own."""
    return isinstance(node, nodes.math | nodes.math_block)


def latex_and_mode(node: Any) -> tuple[str, bool]:
    """Return what a formula says, and whether it has lines of its own."""
    return node.astext(), isinstance(node, nodes.math_block)


def formula(writer: Any, node: Any) -> None:
    """Put a formula on its page."""
    writer.body.append(written_formulas[latex_and_mode(node)])
    raise nodes.SkipNode


def setup(app: Any) -> None:
    """Tell Sphinx of the functions above."""
    app.connect("source-read", name_what_is_not_here)
    app.connect("env-updated", write_formulas)
    app.add_html_math_renderer("mathml", (formula, None), (formula, None))
