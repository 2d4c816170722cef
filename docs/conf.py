"""The site: ``sphinx-build -W docs site``. Its pages are the Markdown files that one also reads without it."""

import re
from pathlib import Path
from typing import Any

from docutils.nodes import SkipNode
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

# In seconds. Node.js has five to begin, unless told otherwise, and needs more on a busy machine whose disk is cold.
katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 100.0


DOCS = Path(__file__).parent


def name_what_is_not_here(app: Any, page: str, source: list[str]) -> None:
    """Leave only the name of a link to a folder, or to a page outside of the site."""

    def link(found: re.Match[str]) -> str:
        target = (DOCS / page).parent / found[2]
        outside = DOCS not in target.resolve().parents
        return found[1] if outside and (target.is_dir() or target.suffix == ".md") else found[0]

    source[0] = re.sub(r"\[([^\]]+)\]\((\.\.?/[^)#]*)[^)]*\)", link, source[0])


def formula(writer: Any, node: Any) -> None:
    """Write a formula as MathML, which browsers draw without a script, a style sheet or a font.

    KaTeX makes it while the site is built; that needs Node.js.
    """
    display = node.tagname == "math_block"
    writer.body.append(katex.render_latex(node.astext(), {"output": "mathml", "displayMode": display}))
    raise SkipNode


def setup(app: Any) -> None:
    """Tell Sphinx of the two functions above."""
    app.connect("source-read", name_what_is_not_here)
    app.add_html_math_renderer("mathml", (formula, None), (formula, None))
