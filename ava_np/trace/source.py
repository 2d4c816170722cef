"""The statements of a model's code, with what stands in their right margin: an equation's number and a note."""

import ast
import inspect
import io
import re
import tokenize
from functools import cache
from pathlib import Path
from typing import NamedTuple

MODELS = Path(__file__).parents[1] / "models"
"""The folder whose lines a trace follows."""


class Statement(NamedTuple):
    """A simple statement of a model's code.

    Attributes
    ----------
    file : str
        Path inside the package's folder, such as "models/ava.py".
    line, last : int
        First and last line.
    node : ast.stmt
        Its syntax tree.
    code : str
        Its text on one line, without comments.
    equations : tuple of int
        The paper's equations that its margin names.
    note : str
        The rest of its margin.
    """

    file: str
    line: int
    last: int
    node: ast.stmt
    code: str
    equations: tuple[int, ...]
    note: str


@cache
def statements(path: str) -> dict[int, Statement]:
    """Return the simple statement on each line of a file.

    Parameters
    ----------
    path : str
        A file of Python.

    Examples
    --------
    >>> from ava_np.trace.source import MODELS, statements
    >>> found = statements(str(MODELS / "ava.py")).values()
    >>> next(one for one in found if one.equations == (8,)).note
    'z = μ + Σ^½ r'
    """
    text = Path(path).read_text("utf-8")
    comments = {
        token.start[0]: token.string
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    }
    found = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Expr | ast.Return):
            last = node.end_lineno or node.lineno
            margin = " ".join(comments[i] for i in range(node.lineno, last + 1) if i in comments)
            numbers = re.match(r"#\s*((?:\(\d+\),?\s*)*)(.*)$", margin)
            equations = tuple(map(int, re.findall(r"\d+", numbers[1]))) if numbers else ()
            note = re.sub(r"\s*#\s*", " ", numbers[2]).strip() if numbers else ""
            file = "/".join(Path(path).parts[-2:])
            one = Statement(file, node.lineno, last, node, ast.unparse(node), equations, note)
            found.update(dict.fromkeys(range(node.lineno, last + 1), one))
    return found


def targets(node: ast.stmt) -> list[str]:
    """Return the expressions that a statement writes to by assignment.

    Examples
    --------
    >>> from ava_np.trace.source import targets
    >>> targets(ast.parse("a, step.b = f(x)").body[0])
    ['a', 'step.b']
    """
    if isinstance(node, ast.AugAssign):
        return [ast.unparse(node.target)]
    if isinstance(node, ast.Assign):
        first = node.targets[0]
        return [ast.unparse(one) for one in (first.elts if isinstance(first, ast.Tuple) else [first])]
    return []


def calls(node: ast.stmt) -> list[tuple[str, list[ast.expr]]]:
    """Return the functions that a statement calls by a plain name, each with its arguments.

    Examples
    --------
    >>> from ava_np.trace.source import calls
    >>> [name for name, _ in calls(ast.parse("kl_backward(δμ, δs, μ, s)").body[0])]
    ['kl_backward']
    """
    found = [one for one in ast.walk(node) if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)]
    return [(one.func.id, one.args) for one in found if isinstance(one.func, ast.Name)]


def applications(kind: type) -> dict[str, tuple[str, str]]:
    """Return the network and the input of each application in a step, from the comments of a class of buffers.

    Parameters
    ----------
    kind : type
        A subclass of ``StepBuffers``.

    Examples
    --------
    >>> from ava_np.models.ava import AVABuffers
    >>> applications(AVABuffers)["d_"]
    ('Ψ', "x'")
    """
    found = re.findall(r"^    (\w+): Buffers  # (.+) on (.+)$", inspect.getsource(kind), re.MULTILINE)
    return {field: (network, read) for field, network, read in found}
