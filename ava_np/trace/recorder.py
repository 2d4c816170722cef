"""Follow a model's own code while it computes gradients, line by line and layer by layer, and record what changes.

The interpreter calls the recorder at every line of the files in ``ava_np/models`` and at every call of a layer. So a
trace shows the code that trains, and not a second account of it. Equations and notes are those of the line's margin.
"""

import ast
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

from ava_np.layers import Layer, LayerBuffers
from ava_np.models import Model
from ava_np.models.step import Noise, StepBuffers
from ava_np.network import Network
from ava_np.trace.layers import Application, differences, error_formula, forward_formula, gradient_formula
from ava_np.trace.level import Level, evaluate
from ava_np.trace.row import Row, Stage, spoken
from ava_np.trace.rules import RULES
from ava_np.trace.source import MODELS, applications, calls, statements, targets

NOT_FOLLOWED = {"__init__.py", "base.py", "codes.py", "gradcheck.py", "inference.py", "priors.py", "step.py"}
PASSES = ("forward", "backward_input", "backward_parameters")
MAX_FORMULAS = 12  # of an array


class Recorder:
    """Records the rows of a step.

    Parameters
    ----------
    model : Model
        In double precision.
    buffers : StepBuffers
        Those that the model will use.
    noise : dict of str to ndarray
        The step's noise, which is not recorded again under other names.

    Attributes
    ----------
    rows : list of Row
        What was recorded, in order.
    inputs : dict of str to ndarray
        What each application has read.
    """

    def __init__(self, model: Model, buffers: StepBuffers, x: np.ndarray, noise: Noise) -> None:
        self.rows: list[Row] = []
        self.inputs: dict[str, np.ndarray] = {}
        self._given, self._buffers = [x, *noise.values()], buffers
        self._labels = applications(type(buffers))
        self._where: dict[int, tuple[str, int]] = {}
        for name in self._labels:
            for i, layer in enumerate(getattr(buffers, name).layers):
                self._where[id(layer)] = (name, i)
        self._names = {id(network): name for name, network in model.networks.items()}
        layers = {type(layer) for network in model.networks.values() for layer in network.layers}
        self._passes: dict[CodeType, str] = {getattr(kind, name).__code__: name for kind in layers for name in PASSES}
        self._applied: dict[int, Application] = {}
        self._levels: list[Level] = []
        self._network: list[tuple[Network, bool]] = []
        self._phase, self._terms = "", set[str]()

    def start(self, phase: str) -> None:
        """Begin a phase of the step."""
        self._phase = phase
        self._terms.clear()

    @contextmanager
    def follow(self) -> Iterator[None]:
        """Record what happens in the block."""
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            yield
        finally:
            sys.settrace(before)

    def add_data(self, x: np.ndarray, noise: Noise) -> None:
        """Record what the step is given."""
        for name, array in {"x": x, **noise}.items():
            self._add("data", name, None, array.copy())

    def add_terms(self, terms: dict[str, float]) -> None:
        """Record the terms that were not recorded yet."""
        for name in [one for one in terms if one not in self._terms]:
            self._terms.add(name)
            self._add("terms", name, None, np.array(terms[name]))

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        """What the interpreter calls at each call of a function; it returns what is called at the function's lines."""
        code = frame.f_code
        if code is Network.forward.__code__ or code is Network._propagate.__code__:
            self._network.append((frame.f_locals["self"], frame.f_locals.get("parameters", True)))
            frame.f_trace_lines = False
            return self._leave_network
        if code in self._passes and id(frame.f_locals["buffers"]) in self._where:
            frame.f_trace_lines = False
            return self._layer_pass(frame, self._passes[code])
        path = Path(code.co_filename)
        if path.parent == MODELS and path.name not in NOT_FOLLOWED and not code.co_name.startswith("<"):
            self._levels.append(Level(frame))
            return self._line
        return None

    def _leave_network(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "return":
            self._network.pop()
        return self._leave_network

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        level = self._levels[-1]
        if event == "line":
            statement = statements(frame.f_code.co_filename).get(frame.f_lineno)
            if statement is not level.statement or (statement and statement.line == statement.last):
                self._finish(level, frame)
                level.begin(statement, frame)
        elif event == "return":
            self._finish(level, frame)
            self._levels.pop()
        return self._line

    def _finish(self, level: "Level", frame: FrameType) -> None:
        """Record what a statement has written."""
        if level.statement is None:
            return
        for name, values in level.kernels:
            self._kernel(name, values, level, frame)
        for target in targets(level.statement.node):
            if target == "_":
                continue
            value = evaluate(target, frame)
            if isinstance(value, dict) and all(isinstance(one, float) for one in value.values()):
                self.add_terms(value)
            elif isinstance(value, float):
                self._terms.add(target)
                self._add("terms", target, None, np.array(value))
            elif isinstance(value, np.ndarray) and value.any() and not any(value is one for one in self._given):
                added = isinstance(level.before.get(target), np.ndarray) and level.statement.code.startswith(target)
                before = level.before[target] if added and "+=" in level.statement.code else None
                stage: Stage = "backward" if target.startswith(("δ", "error")) else "forward"
                where = self._error_of(value)
                self._add(stage, self._name(target, value), before, value.copy(), error=where)
        level.statement = None

    def _kernel(self, name: str, before: list[Any], level: "Level", frame: FrameType) -> None:
        """Record what a kernel has written, with the finite differences of what it is the derivative of."""
        assert level.statement is not None
        rule = RULES[name]
        arguments = next(found for called, found in calls(level.statement.node) if called == name)
        for place, index in enumerate(rule.writes):
            after, text = evaluate(ast.unparse(arguments[index]), frame), ast.unparse(arguments[index])
            shape = after.shape
            entries = list(np.ndindex(*shape))[:MAX_FORMULAS]
            formulas = [rule.formula(before, place, b, k) for b, k in entries]
            numeric = None
            if rule.derivative_of is not None:
                values = [np.array(one, order="C") if isinstance(one, np.ndarray) else one for one in before]
                numeric = differences(partial(rule.derivative_of, values), values[rule.by[place]])
            stage: Stage = "forward" if rule.derivative_of is None else "crossing" if rule.crosses else "errors"
            start = None if rule.derivative_of is None else before[index]
            name = self._name(text, after)
            where = self._error_of(after)
            self._add(stage, name, start, after.copy(), formulas, numeric, learns=not rule.crosses, error=where)

    def _name(self, target: str, value: np.ndarray) -> str:
        """The name that the outer functions have for an array; or that of the application whose error it is."""
        for level in self._levels[:-1]:
            for name, known in level.frame.f_locals.items():
                if known is value:
                    return name
        if len(self._levels) > 1:
            name, _ = self._error_of(value)
            if name and value.shape == getattr(self._buffers, name).error.shape:
                return f"δ{name}"
        return target

    def _error_of(self, value: np.ndarray) -> tuple[str, int]:
        """The application whose output's error an array is, or a part of; and the first neuron."""
        for name in self._labels:
            error = getattr(self._buffers, name).error
            if np.may_share_memory(error, value):
                return name, (value.ctypes.data - error.ctypes.data) // error.itemsize
        return "", 0

    def _layer_pass(self, frame: FrameType, which: str) -> Any:
        """Prepare for a pass through a layer; return what records it at its end."""
        given = dict(frame.f_locals)
        layer, buffers = given["self"], given["buffers"]
        name, i = self._where[id(buffers)]
        network, learns = self._network[-1]
        dy = buffers.dy.copy()
        before = {key: array.copy() for key, array in given.get("gradients", {}).items()}
        if which == "forward":
            self._applied[id(buffers)] = Application(layer, given["parameters"], buffers)
            if i == 0:
                self.inputs[name] = buffers.x.copy()

        def leave(frame: FrameType, event: str, argument: Any) -> Any:
            if event == "return":
                if which == "forward":
                    self._layer_forward(network, name, i, layer, buffers)
                elif which == "backward_input":
                    self._layer_error(network, name, i, layer, buffers, dy, learns)
                else:
                    self._layer_gradients(network, name, i, layer, buffers, dy, before, given["gradients"])
            return leave

        return leave

    def _layer_forward(self, network: Network, name: str, i: int, layer: Layer, buffers: LayerBuffers) -> None:
        applied, y = self._applied[id(buffers)], buffers.y.copy()
        formulas = [
            forward_formula(layer, applied.parameters, applied.x.reshape(len(y), -1), b, k)
            for b, k in list(np.ndindex(*y.shape))[:MAX_FORMULAS]
        ]
        last = i == len(network.layers) - 1 and y.shape[1:] == (1,)
        self._add("verdict" if last else "forward", "y", None, y, formulas, where=self._place(network, name, i))

    def _layer_error(
        self, network: Network, name: str, i: int, layer: Layer, buffers: LayerBuffers, dy: np.ndarray, learns: bool
    ) -> None:
        applied = self._applied[id(buffers)]
        dx = (buffers.dy if layer.in_place else buffers.dx).reshape(buffers.dx.shape).copy()
        formulas = [
            error_formula(layer, applied.parameters, buffers.y, dy, b, k)
            for b, k in list(np.ndindex(*dx.shape))[:MAX_FORMULAS]
        ]
        numeric = applied.differences(applied.x, dy)
        stage: Stage = "backward" if learns else "crossing"
        where = self._place(network, name, i)
        self._add(stage, "δx", None, dx, formulas, numeric, where=where, learns=learns, received=dy)

    def _layer_gradients(
        self,
        network: Network,
        name: str,
        i: int,
        layer: Layer,
        buffers: LayerBuffers,
        dy: np.ndarray,
        before: dict[str, np.ndarray],
        gradients: dict[str, np.ndarray],
    ) -> None:
        applied = self._applied[id(buffers)]
        for parameter, gradient in gradients.items():
            formulas = [
                gradient_formula(layer, parameter, applied.x, dy, index)
                for index in list(np.ndindex(*gradient.shape))[:MAX_FORMULAS]
            ]
            numeric = applied.differences(applied.parameters[parameter], dy)
            where = self._place(network, name, i)
            start, end = before[parameter], gradient.copy()
            self._add("gradient", f"δ{parameter}", start, end, formulas, numeric, where=where, received=dy)

    def _place(self, network: Network, application: str, index: int) -> tuple[str, str, str]:
        return self._names[id(network)], application, network.layer_names[index]

    def _add(
        self,
        stage: Stage,
        quantity: str,
        before: np.ndarray | None,
        after: np.ndarray,
        formulas: list[str] | None = None,
        numeric: np.ndarray | None = None,
        *,
        where: tuple[str, str, str] = ("", "", ""),
        learns: bool = True,
        received: np.ndarray | None = None,
        error: tuple[str, int] = ("", 0),
    ) -> None:
        written = [level.statement for level in self._levels if level.statement is not None]
        statement = written[-1] if written else None
        equations = next((one.equations for one in reversed(written) if one.equations), ())
        note = next((one.note for one in reversed(written) if one.note), "")
        self.rows.append(
            Row(
                self._phase,
                stage,
                *where,
                learns,
                equations,
                spoken(quantity),
                note,
                statement.code if statement else "",
                f"{statement.file}:{statement.line}" if statement else "",
                before,
                after,
                formulas or [],
                numeric,
                received,
                *error,
            )
        )
