"""A trace as JSON: every number with ten significant digits, in a form that ``docs/manual/trace.md`` describes."""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ava_np.models.propagation import angle
from ava_np.trace.row import Row
from ava_np.trace.source import applications
from ava_np.trace.step import Trace

FORMAT = 1
MAX_VALUES = 400  # of an array that is written out


def to_json(traces: Sequence[Trace]) -> str:
    """Return traces as JSON, the same text for the same traces.

    Examples
    --------
    >>> from ava_np.trace import trace_step
    >>> document = json.loads(to_json([trace_step("ae")]))
    >>> document["format"], document["traces"][0]["rows"][0]["quantity"]
    (1, 'x')
    """
    documents = [to_document(trace) for trace in traces]
    return json.dumps({"format": FORMAT, "traces": documents}, ensure_ascii=False, separators=(",", ":"))


def to_document(trace: Trace) -> dict[str, Any]:
    """Return a trace as dictionaries and lists."""
    model = trace.model
    return {
        "model": model.specification.name,
        "propagation": trace.propagation,
        "seed": trace.seed,
        "rate": trace.rate,
        "shape": list(model.shape),
        "latent": model.latent,
        "batch": len(trace.x),
        "networks": {name: {key: _values(one) for key, one in of.items()} for name, of in trace.parameters.items()},
        "applications": {
            name: {**one, "input": _values(trace.inputs[name])} for name, one in applications_of(trace).items()
        },
        "rows": [_row(number, row) for number, row in enumerate(trace.rows, 1)],
        "gradients": [
            {
                "phase": one.phase,
                "network": one.network,
                "layer": one.layer,
                "parameter": one.parameter,
                "applications": {name: _values(part) for name, part in one.applications.items()},
                "gradient": _values(one.gradient),
                "differences": _values(one.differences),
                "relative_error": _number(one.relative_error),
            }
            for one in trace.totals
        ],
        "updates": [
            {
                "phase": one.phase,
                "network": one.network,
                "squared_norm": _number(one.squared_norm),
                "predicted": _number(one.predicted),
                "actual": _number(one.actual),
            }
            for one in trace.updates
        ],
    }


def applications_of(trace: Trace) -> dict[str, dict[str, Any]]:
    """Return each application of a network in a step: the network, its letter, what it reads, its layers and sizes.

    Examples
    --------
    >>> from ava_np.trace import trace_step
    >>> applications_of(trace_step("vae"))["g"]["reads"]
    'z'
    """
    labels = applications(type(trace.model.buffers(len(trace.x), trace.noise)))
    networks = {row.application: row.network for row in trace.rows if row.application}
    found = {}
    for name, network_name in networks.items():
        network = trace.model.networks[network_name]
        letter, read = labels[name]
        sizes = [math.prod(shape) for shape in network.shapes]
        found[name] = {
            "network": network_name,
            "letter": letter,
            "reads": read,
            "layers": network.layer_names,
            "sizes": sizes,
        }
    return found


def angles(exact: Trace, paper: Trace) -> dict[str, float]:
    """Return the angle in degrees between the gradients of two traces, by network.

    Examples
    --------
    >>> from ava_np.trace import trace_step
    >>> found = angles(trace_step("vae", propagation="exact"), trace_step("vae", propagation="paper"))
    >>> found["decoder"] < 0.001
    True
    """
    names = [one.network for one in exact.updates]
    return {name: angle([exact.gradient(name)], [paper.gradient(name)]) for name in names}


def _row(number: int, row: Row) -> dict[str, Any]:
    return {
        "number": number,
        "phase": row.phase,
        "stage": row.stage,
        "network": row.network,
        "application": row.application,
        "layer": row.layer,
        "learns": row.learns,
        "equations": list(row.equations),
        "quantity": row.quantity,
        "shape": list(row.after.shape),
        "note": row.note,
        "code": row.code,
        "place": row.place,
        "before": None if row.before is None else _values(row.before),
        "after": _values(row.after),
        "formulas": row.formulas,
        "differences": None if row.differences is None else _values(row.differences),
        "relative_error": None if row.relative_error is None else _number(row.relative_error),
        "received": None if row.received is None else _values(row.received),
        "error_of": row.error_of,
        "error_from": row.error_from,
    }


def _values(array: np.ndarray) -> Any:
    """An array as nested lists; None if it is large. NaN, of what was not differentiated, is None."""
    if array.size > MAX_VALUES:
        return None
    if array.ndim == 0:
        return _number(float(array))
    return [_values(one) for one in array] if array.ndim > 1 else [_number(float(one)) for one in array]


def _number(value: float) -> float | None:
    return float(f"{value:.10g}") if math.isfinite(value) else None
