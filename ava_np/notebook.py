"""How models and pictures look in a notebook: small HTML tables and sheets (``_repr_html_``)."""

import base64
from html import escape

import numpy as np

from ava_np.images import grid, to_png

MOST = 24  # pictures of a sheet
SMALL_SIDE = 64  # pixels of a picture on it, at most


def table_html(caption: str, rows: list[tuple[str, str]]) -> str:
    """Return a table of names and values.

    Examples
    --------
    >>> from ava_np.notebook import table_html
    >>> table_html("vae", [("code", "2 < 3")])
    '<table><caption>vae</caption><tr><th>code</th><td>2 &lt; 3</td></tr></table>'
    """
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table><caption>{escape(caption)}</caption>{cells}</table>"


def sheet_html(pictures: np.ndarray, text: str) -> str:
    """Return the first pictures of an array (count, height, width, channels) as one sheet, with a text below."""
    if not len(pictures):
        return f"<p>{escape(text)}</p>"
    step = max(1, -(-max(pictures.shape[1:3]) // SMALL_SIDE))
    sheet = grid(np.asarray(pictures[:MOST])[:, ::step, ::step], columns=min(12, len(pictures)))
    uri = base64.b64encode(to_png(sheet)).decode()
    return f'<img src="data:image/png;base64,{uri}" alt="{escape(text)}"><p>{escape(text)}</p>'
