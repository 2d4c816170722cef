"""A trace as a page: one HTML file that needs no server, on which to step through forward pass and errors."""

import json
from collections.abc import Sequence
from importlib.resources import files
from itertools import pairwise

import jinja2

from ava_np.trace.document import angles, to_document
from ava_np.trace.step import Trace


def page(traces: Sequence[Trace]) -> bytes:
    """Return the page, the same bytes for the same traces.

    Its numbers are those of ``to_document``. If a model is there with both propagations, one can flip between them.

    Examples
    --------
    >>> from ava_np.trace import trace_step
    >>> from ava_np.trace.page import page
    >>> html = page([trace_step("ae")]).decode()
    >>> "<svg" in html, "http://" in html.replace("http://www.w3.org/2000/svg", "")
    (True, False)
    """
    both = {
        one.model.specification.name: angles(one, other)
        for one, other in pairwise(traces)
        if (one.propagation, other.propagation) == ("exact", "paper")
        and one.model.specification.name == other.model.specification.name
    }
    data = {"traces": [to_document(trace) for trace in traces], "angles": both}
    folder = files("ava_np.trace")
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=True)
    template = environment.from_string(folder.joinpath("page.html").read_text("utf-8"))
    text = template.render(
        css=folder.joinpath("page.css").read_text("utf-8"),
        javascript="\n".join(folder.joinpath(f"{name}.js").read_text("utf-8") for name in ("diagram", "page")),
        data=json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/"),
    )
    return text.encode()
