"""A row of a trace: one thing that a step has computed."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Stage = Literal["data", "forward", "verdict", "terms", "errors", "crossing", "backward", "gradient"]


@dataclass
class Row:
    """One thing that a step has computed.

    Attributes
    ----------
    phase, stage : str
        The phase of the step, and what kind of thing it is.
    network, application, layer : str
        Where it happened: the network's name, the field of the step's buffers, and the layer; empty if not in one.
    learns : bool
        False where an error passes through a network that does not learn from it: Ψ*.
    equations : tuple of int
        The paper's equations.
    quantity, note, code, place : str
        What it is, the margin's note, the statement, and where that stands.
    before, after : ndarray
        Values before and after; ``before`` is None unless something was added to it.
    formulas : list of str
        The formula of each entry, in the order of the flat array, with the numbers put in; at most 12.
    differences : ndarray or None
        Finite differences, to compare with the change; NaN where there is none.
    received : ndarray or None
        For an error or a gradient of a layer, the error at its output.
    error_of, error_from : str, int
        If it is the error at the output of an application, or at a part of it: which, and the first neuron.
    """

    phase: str
    stage: Stage
    network: str
    application: str
    layer: str
    learns: bool
    equations: tuple[int, ...]
    quantity: str
    note: str
    code: str
    place: str
    before: np.ndarray | None
    after: np.ndarray
    formulas: list[str] = field(default_factory=list)
    differences: np.ndarray | None = None
    received: np.ndarray | None = None
    error_of: str = ""
    error_from: int = 0

    @property
    def relative_error(self) -> float | None:
        """Largest error against the finite differences, relative to the largest of these; None without any."""
        if self.differences is None:
            return None
        return relative_error(self.after if self.before is None else self.after - self.before, self.differences)


def relative_error(values: np.ndarray, numeric: np.ndarray) -> float:
    """Return max |values - numeric| / max |numeric| over what is not NaN; the absolute error if all of it is 0.

    Examples
    --------
    >>> round(relative_error(np.array([1.0, 2.0]), np.array([1.1, np.nan])), 3)
    0.091
    """
    known = ~np.isnan(numeric)
    size = float(np.abs(numeric[known]).max())
    return float(np.abs(values[known] - numeric[known]).max()) / (size or 1.0)


def spoken(name: str) -> str:
    """Return a name of the code as the paper writes it: x_ is x', and step.z is z.

    Examples
    --------
    >>> spoken("δx_"), spoken("step.z"), spoken("log_d_real")
    ("δx'", 'z', 'log_d_real')
    """
    name = name.removeprefix("step.").removeprefix("self.")
    return f"{name[:-1]}'" if name.endswith("_") else name
