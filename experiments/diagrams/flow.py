"""How values and errors flow through a step of a model, drawn from a trace of it.

Which application reads what is found in the numbers: its input is the output of another, or a part of it. An error goes
back along the same line if the trace has an error at the application's input.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ava_np.experiments.diagrams.svg import arrow, bar, box, picture, text
from ava_np.trace import Row, Trace
from ava_np.trace.document import applications_of

GAP, LANE, HEIGHT, LEFT = 62, 74, 42, 34


class Edge(NamedTuple):
    """A value that passes from a source to an application.

    Attributes
    ----------
    source, target : str
        An application, "x" or a name of the noise; and the application that reads it.
    part : str
        What of the source it is: empty for its output, "μ" for the first half of it, "z" for a code drawn from it.
    """

    source: str
    target: str
    part: str


def edges(trace: Trace, phase: str) -> list[Edge]:
    """Return the edges of a phase, in the order in which the applications run.

    Examples
    --------
    >>> from ava_np.trace import trace_step
    >>> [tuple(edge) for edge in edges(trace_step("vae"), "step")]
    [('x', 'f', ''), ('f', 'g', 'z')]
    """
    found: list[Edge] = []
    known: list[tuple[str, str, np.ndarray]] = [("x", "", trace.x), *((n, "", v) for n, v in trace.noise.items())]
    last = ""
    for row in (row for row in trace.rows if row.phase == phase):
        if row.code.startswith("reparameterise_forward"):
            known.append((last, "z", row.after))
        if not row.application or row.stage not in ("forward", "verdict"):
            continue
        if row.application != last and row.application not in {edge.target for edge in found}:
            read = trace.inputs[row.application]
            read_by = [Edge(source, row.application, part) for source, part, value in known if _holds(read, value)]
            whole = {edge.source for edge in read_by if not edge.part}
            found += [edge for edge in read_by if edge.part != "μ" or edge.source not in whole]
        last = row.application
        known = [one for one in known if one[0] != last or one[1] == "z"]
        known += [(last, "", row.after), *_first_half(last, row.after)]
    return found


def _first_half(name: str, output: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
    if output.shape[1] % 2 == 0:
        yield name, "μ", output[:, : output.shape[1] // 2]


def _holds(read: np.ndarray, value: np.ndarray) -> bool:
    """Whether a value is some of the columns that an application reads."""
    width = value.shape[1] if value.ndim == 2 else read.shape[1] + 1
    return any(np.array_equal(read[:, i : i + width], value) for i in range(read.shape[1] - width + 1))


def draw_flow(trace: Trace) -> str:
    """Return the picture of a step: values as grey arrows, errors as red ones; blue boxes learn.

    A red bar stands where an error passes through a network that does not learn from it.
    """
    phases = list(dict.fromkeys(row.phase for row in trace.rows))
    shapes, top, right = [], 14.0, 0.0
    for phase in phases:
        if len(phases) > 1:
            shapes.append(text(14, top, f"phase: {phase}", "title left"))
            top += 14
        drawn, width, height = _draw_phase(trace, phase, top)
        shapes += drawn
        top, right = top + height + 8, max(right, width)
    name = trace.model.specification.name
    return picture(right, top, f"A step of {name}: its networks, and the way of values and errors", *shapes)


def _draw_phase(trace: Trace, phase: str, top: float) -> tuple[list[str], float, float]:
    names, flow = applications_of(trace), edges(trace, phase)
    rows = [row for row in trace.rows if row.phase == phase and row.application]
    order = list(dict.fromkeys(row.application for row in rows))
    depth: dict[str, int] = {}
    for name in order:
        depth[name] = 1 + max((depth.get(edge.source, 0) for edge in flow if edge.target == name), default=0)
    sources = list(dict.fromkeys(edge.source for edge in flow if edge.source not in depth))
    lanes: dict[int, list[str]] = {0: sources}
    for name in order:
        lanes.setdefault(depth[name], []).append(name)
    most = max(map(len, lanes.values()))
    width = max(84.0, *(6.2 * len(f"on {names[name]['reads']}") + 12 for name in order))
    place = {
        name: (
            LEFT + (GAP + width) * column - (width / 2 if column else 0),
            top + LANE * (i + 0.5 + (most - len(inside)) / 2),
        )
        for column, inside in lanes.items()
        for i, name in enumerate(inside)
    }
    shapes = [shape for edge in flow for shape in _draw_edge(edge, place, rows, depth, width)]
    shapes += [text(*place[name], name) for name in sources]
    for name in order:
        learns = any(row.application == name and row.stage == "gradient" for row in rows)
        of = names[name]
        shapes.append(
            box(*place[name], width, HEIGHT, of["letter"], "learns" if learns else "box", f"on {of['reads']}")
        )
    return shapes, LEFT + (GAP + width) * max(lanes) + 14, LANE * most


def _draw_edge(
    edge: Edge, place: dict[str, tuple[float, float]], rows: list[Row], depth: dict[str, int], width: float
) -> Iterator[str]:
    (x1, y1), (x2, y2) = place[edge.source], place[edge.target]
    start = x1 + (width / 2 if edge.source in depth else 12)
    bend = 26.0 if depth.get(edge.target, 0) - depth.get(edge.source, 0) > 1 and y1 == y2 else 0.0
    yield arrow(start + 3, y1 - 5, x2 - width / 2 - 2, y2 - 5, bend=-bend)
    if edge.part:
        yield text((start + x2 - width / 2) / 2, (y1 + y2) / 2 - 14 - bend / 2, edge.part, "small")
    if edge.source not in depth:
        return
    used = any(row.application == edge.source and row.stage in ("backward", "crossing", "gradient") for row in rows)
    if used and _reaches_input(rows, edge.target):
        yield arrow(x2 - width / 2 - 2, y2 + 7, start + 3, y1 + 7, error=True, bend=bend)
        if not all(row.learns for row in rows if row.application == edge.target and row.quantity == "δx"):
            yield bar(x2 - width / 2 - 8, y2 + 7 + (y1 - y2) * 0.06)


def _reaches_input(rows: list[Row], name: str) -> bool:
    """Whether an error has been carried to the input of an application."""
    first = next(row.layer for row in rows if row.application == name)
    return any(row.application == name and row.layer == first and row.quantity == "δx" for row in rows)
