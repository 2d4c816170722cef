"""A trace as text for a terminal."""

import numpy as np

from ava_np.trace.document import applications_of
from ava_np.trace.row import Row
from ava_np.trace.step import Total, Trace

STAGES = {
    "data": "data and noise",
    "forward": "forward",
    "verdict": "forward",
    "terms": "terms, in nats",
    "errors": "errors born",
    "crossing": "errors pass to another network",
    "backward": "errors go back, and leave gradients",
    "gradient": "errors go back, and leave gradients",
}


def rows_text(trace: Trace, width: int) -> str:
    """Return the rows of a trace, one line each, in lines of at most ``width`` characters.

    Each line has the row's number, the paper's equation, where it happened, what it is, its shape, the formula of the
    first entry with its value, the relative error against finite differences, and the line of code.

    Examples
    --------
    >>> from ava_np.trace import trace_step
    >>> rows_text(trace_step("ae"), 100).splitlines()[1].split()
    ['1', 'x', '1×4', 'x[0,0]', '=', '0.08402']
    """
    names, lines, heading = applications_of(trace), [], ("", "")
    columns = [_columns(number, row, names) for number, row in enumerate(trace.rows, 1)]
    widths = [max(map(len, column)) for column in zip(*columns, strict=True)]
    phases = len({row.phase for row in trace.rows}) > 1
    for row, cells in zip(trace.rows, columns, strict=True):
        if (row.phase, STAGES[row.stage]) != heading:
            phase = f"{row.phase}: " if phases and row.phase != heading[0] else ""
            heading = row.phase, STAGES[row.stage]
            lines.append(f"{phase}{heading[1]}")
        left = "  ".join(f"{cell:{space}}" for cell, space in zip(cells, widths, strict=True))
        lines.append(_line(row, f"{left}  ", width))
    return "\n".join(lines)


def _columns(number: int, row: Row, names: dict[str, dict[str, str]]) -> tuple[str, ...]:
    where = ""
    if row.application:
        of = names[row.application]
        where = f"{of['letter']}{'' if row.learns else '*'} on {of['reads']}, {row.layer}"
    quantity = "" if row.stage == "terms" else row.quantity
    shape = "×".join(map(str, row.after.shape))
    return f"{number:4}", ",".join(f"({one})" for one in row.equations), where, quantity, shape


def _line(row: Row, left: str, width: int) -> str:
    formula = first(row)
    checked = "" if row.relative_error is None else f"{row.relative_error:.0e}"
    right = f"{checked:6} {row.place.removeprefix('models/'):15}".rstrip()
    room = width - len(right) - 2 - len(left)
    if len(formula) > room:
        sums, equals, value = formula.rpartition(" = ")
        formula = f"{sums[: max(0, room - len(equals + value) - 1)]}…{equals}{value}"
    return f"{left}{formula:{room}}  {right}".rstrip()


def first(row: Row) -> str:
    """Return the formula of a row's first entry with its value, before and after if it was added to.

    Examples
    --------
    >>> from ava_np.trace import trace_step
    >>> next(first(row) for row in trace_step("ae").rows if row.quantity == "δι")
    "x' - x = 0.51 - 0.08402 = 0.426"
    """
    value = float(row.after.flat[0])
    entry = f"{row.quantity}[{','.join('0' * row.after.ndim)}]" if row.after.ndim else row.quantity
    if row.before is None or not row.before.any():
        return f"{row.formulas[0] if row.formulas else entry} = {value:.4g}"
    before = float(row.before.flat[0])
    added = f"{row.formulas[0]} = {value - before:.4g}: " if row.formulas else ""
    return f"{added}{before:.4g} → {value:.4g}"


def gradient_cells(trace: Trace) -> tuple[list[str], list[list[str]]]:
    """Return headings and rows of a table: each parameter's first gradient, with one column for each application."""
    names = applications_of(trace)
    headings = ["gradient, first entry", *(f"{one['letter']} on {one['reads']}" for one in names.values())]
    cells = [[_label(one), *(_added(one, name) for name in names), *_sums(one)] for one in trace.totals]
    used = [i for i in range(len(headings)) if i == 0 or any(row[i] for row in cells)]
    kept = [[row[i] for i in used] + row[len(headings) :] for row in cells]
    return [headings[i] for i in used] + ["sum", "by differences", "worst"], kept


def _label(one: Total) -> str:
    return f"{one.network}.{one.layer}.{one.parameter}"


def _added(one: Total, application: str) -> str:
    return f"{float(one.applications[application].flat[0]):.6g}" if application in one.applications else ""


def _sums(one: Total) -> list[str]:
    numeric = np.asarray(one.differences).flat[0]
    return [f"{float(one.gradient.flat[0]):.6g}", f"{float(numeric):.6g}", f"{one.relative_error:.0e}"]


def update_cells(trace: Trace) -> tuple[list[str], list[list[str]]]:
    """Return headings and rows of a table: what a step along the gradient promises, and what it does."""
    headings = ["update", "‖g‖²", "-γ ‖g‖²", "change of its objective"]
    phases = len({one.phase for one in trace.updates}) > 1
    return headings, [
        [
            f"{one.network}, {one.phase}" if phases else one.network,
            f"{one.squared_norm:.4g}",
            f"{one.predicted:.6g}",
            f"{one.actual:.6g}",
        ]
        for one in trace.updates
    ]
