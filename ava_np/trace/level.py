"""A function of a model that is being followed: the statement that runs in it, and values from before that."""

import ast
from types import FrameType
from typing import Any

import numpy as np

from ava_np.trace.rules import RULES
from ava_np.trace.source import Statement, calls, targets


class Level:
    """A function that is being followed.

    Parameters
    ----------
    frame : FrameType
        Its frame.

    Attributes
    ----------
    statement : Statement or None
        The one that runs.
    before : dict
        Copies of what it assigns to, from before it ran.
    kernels : list of (str, list)
        The kernels that it calls, and copies of their arguments.
    """

    def __init__(self, frame: FrameType) -> None:
        self.frame = frame
        self.statement: Statement | None = None
        self.before: dict[str, Any] = {}
        self.kernels: list[tuple[str, list[Any]]] = []

    def begin(self, statement: Statement | None, frame: FrameType) -> None:
        """Start with a statement, which has not run yet."""
        self.statement, self.before, self.kernels = statement, {}, []
        if statement is None:
            return
        for target in targets(statement.node):
            self.before[target] = _copy(evaluate(target, frame))
        for name, arguments in calls(statement.node):
            if name in RULES:
                self.kernels.append((name, [_copy(evaluate(ast.unparse(one), frame)) for one in arguments]))


def _copy(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def evaluate(expression: str, frame: FrameType) -> Any:
    """The value of a name or an attribute in a frame; None if there is none yet."""
    try:
        return eval(expression, frame.f_globals, frame.f_locals)  # of the project's own code
    except (NameError, AttributeError):
        return None
