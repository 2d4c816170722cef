"""A few shapes of SVG, in colours that follow the reader's light or dark page."""

from html import escape

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1d1d1f; text-anchor: middle; dominant-baseline: central }
.small { font-size: 11px; fill: #62626a } .left { text-anchor: start } .title { font-weight: 600 }
.box { fill: #f5f5f7; stroke: #8a8a92 } .learns { fill: #dcecf7; stroke: #0067a3 }
.line { stroke: #8a8a92; fill: none; stroke-width: 1.3 }
.error { stroke: #b3261e; fill: none; stroke-width: 1.3; stroke-dasharray: 4 3 }
.bar { stroke: #b3261e; stroke-width: 3 } .red { fill: #b3261e } .blue { fill: #0067a3 }
.plot { stroke: #0067a3; fill: none; stroke-width: 1.6 }
@media (prefers-color-scheme: dark) {
text { fill: #ececee } .small { fill: #a0a0a8 } .box { fill: #1d1d20; stroke: #6a6a72 }
.learns { fill: #12303f; stroke: #6cb8ec }
.error, .bar { stroke: #ff8a80 } .red { fill: #ff8a80 } .blue { fill: #6cb8ec } .plot { stroke: #6cb8ec }
}
"""
COLOURS = {"grey": "#8a8a92", "red": "#d2453c"}
HEADS = "".join(
    f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    f'orient="auto-start-reverse"><path d="M0 0 8 4 0 8z" fill="{colour}"/></marker>'
    for name, colour in COLOURS.items()
)


def picture(width: float, height: float, title: str, *shapes: str) -> str:
    """Return an SVG file with a title for those who cannot see it.

    Examples
    --------
    >>> picture(10, 10, "nothing").count("<svg")
    1
    """
    size = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
    head = f"<title>{escape(title)}</title><style>{STYLE}</style><defs>{HEADS}</defs>"
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">{head}', *shapes, "</svg>\n"])


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """Return a line of text around a point."""
    return f'<text x="{x:g}" y="{y:g}"{f" class={chr(34)}{kind}{chr(34)}" if kind else ""}>{escape(words)}</text>'


def box(x: float, y: float, width: float, height: float, words: str, kind: str = "box", below: str = "") -> str:
    """Return a box around a point, with one line of text in it or two."""
    place = f'x="{x - width / 2:g}" y="{y - height / 2:g}" width="{width:g}" height="{height:g}"'
    shape = f'<rect {place} rx="6" class="{kind}"/>'
    if not below:
        return shape + text(x, y, words)
    return shape + text(x, y - 8, words) + text(x, y + 9, below, "small")


def circle(x: float, y: float, words: str, kind: str = "box", radius: float = 16) -> str:
    """Return a neuron."""
    return f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" class="{kind}"/>' + text(x, y, words)


def arrow(x1: float, y1: float, x2: float, y2: float, *, error: bool = False, bend: float = 0.0) -> str:
    """Return an arrow of values, or of errors; ``bend`` moves its middle down."""
    kind, head = ("error", "red") if error else ("line", "grey")
    middle = f"Q{(x1 + x2) / 2:g} {(y1 + y2) / 2 + bend:g} " if bend else "L"
    return f'<path d="M{x1:g} {y1:g} {middle}{x2:g} {y2:g}" class="{kind}" marker-end="url(#{head})"/>'


def bar(x: float, y: float, size: float = 12) -> str:
    """Return a stop: what is behind it does not learn from the error."""
    return f'<path d="M{x:g} {y - size / 2:g}V{y + size / 2:g}" class="bar"/>'
