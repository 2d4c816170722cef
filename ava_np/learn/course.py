"""The course: exercises by number, each a file of ``ava_np.learn.exercises`` with text, solution and checks.

A stub is made of that file: the text as a comment, and what stands above the checks, without the bodies of the
functions that the learner writes. It is in jupytext's percent format, so that an editor or Jupyter can open it as a
notebook.
"""

import ast
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from ava_np.errors import AvaError
from ava_np.learn.exercise import Exercise
from ava_np.learn.running import MODULE, AnswerError, guarded
from ava_np.learn.verdict import Verdict, judge

FOLDER = Path(__file__).parent / "exercises"
CHECKS = "# The checks"
OWN_CHECK = r"^(from ava_np\.learn import check|check\(\d+, globals\(\)\))"
"""What a learner's file has for a notebook, and does twice if it is checked from outside."""

EXERCISES: tuple[str, ...] = tuple(sorted(path.stem for path in FOLDER.glob("e[0-9]*.py")))
"""Modules, in order; their first line is the title."""


def exercise(number: int) -> Exercise:
    """Return an exercise.

    Parameters
    ----------
    number : int
        From 1 on.

    Raises
    ------
    AvaError
        If there is no such exercise.

    Examples
    --------
    >>> exercise(3).parts[0].name
    'dense_backward_input'
    """
    found: Exercise = import_module(f"ava_np.learn.exercises.{_module(number)}").EXERCISE
    return found


def title(number: int) -> str:
    """Return the title of an exercise.

    Examples
    --------
    >>> title(3)
    'The error at the input of a dense layer'
    """
    return _text(number).splitlines()[0].partition(". ")[2].rstrip(".")


def file_name(number: int) -> str:
    """Return the name of a learner's file.

    Examples
    --------
    >>> file_name(3)
    '03_dense_input.py'
    """
    return f"{_module(number)[1:]}.py"


def stub(number: int, *, solved: bool = False) -> str:
    """Return the file that a learner begins with.

    Parameters
    ----------
    number : int
        Of the exercise.
    solved : bool
        Keep the bodies: this is the solution.

    Examples
    --------
    >>> stub(3).splitlines()[0], stub(3).splitlines()[-1]
    ('# %% [markdown]', 'check(3, globals())')
    """
    source = (FOLDER / f"{_module(number)}.py").read_text("utf-8")
    lines, tree = source.splitlines(), ast.parse(source)
    end = next(i for i, line in enumerate(lines) if line.startswith(CHECKS))
    kept: dict[int, str] = dict(enumerate(lines[:end], 1))
    for node in tree.body:
        first, last = node.lineno, node.end_lineno or node.lineno
        if node is tree.body[0] or (
            isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ava_np.learn")
        ):
            for i in range(first, last + 1):
                kept.pop(i, None)
        if isinstance(node, ast.FunctionDef) and any(ast.unparse(one) == "yours" for one in node.decorator_list):
            kept.pop(node.decorator_list[0].lineno)
            if not solved:
                for i in range(node.body[1].lineno, last + 1):
                    kept.pop(i)
                kept[node.body[1].lineno] = "    ..."
    text = "\n".join(f"# {line}".rstrip() for line in _text(number).splitlines())
    code = re.sub(r"\n{4,}", "\n\n\n", "\n".join(kept[i] for i in sorted(kept)).strip())
    checked = f"# %%\nfrom ava_np.learn import check\n\ncheck({number}, globals())\n"
    return f"# %% [markdown]\n{text}\n\n# %%\n{code}\n\n\n{checked}"


def check_file(path: Path, number: int) -> list[Verdict]:
    """Run a learner's file, and judge what it defines.

    Parameters
    ----------
    path : Path
        The file. It runs as any program does.
    number : int
        Of the exercise.

    Returns
    -------
    list of Verdict

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / file_name(1)
    >>> _ = path.write_text(stub(1), "utf-8")
    >>> check_file(path, 1)[0].words
    'it does nothing yet'
    """
    functions: dict[str, Any] = {"__name__": MODULE}
    try:
        with guarded():
            source = re.sub(OWN_CHECK, "", path.read_text("utf-8"), flags=re.MULTILINE)
            exec(compile(source, str(path), "exec"), functions)
    except AnswerError as failure:
        return [Verdict(False, path.name, str(failure))]
    return judge(exercise(number), functions)


def check(number: int, functions: Mapping[str, Any]) -> None:
    """Judge functions and print what was found: for the last cell of a notebook.

    Parameters
    ----------
    number : int
        Of the exercise.
    functions : dict
        ``globals()``.

    Examples
    --------
    >>> check(1, {"sigmoid_backward": lambda dy, y: dy * y * (1 - y)})
    ✓ sigmoid_backward, one neuron: exact
    ✓ sigmoid_backward, 4 pictures of 3 values: exact
    ✓ sigmoid_backward, a saturated neuron, and one that is not: exact
    """
    for one in judge(exercise(number), functions):
        print(line(one))


def line(verdict: Verdict) -> str:
    """Return a verdict as a line of text."""
    return f"{'✓' if verdict.right else '✗'} {verdict.where}: {verdict.words}"


def _module(number: int) -> str:
    if not 1 <= number <= len(EXERCISES):
        raise AvaError(f"there is no exercise {number}: they go from 1 to {len(EXERCISES)}")
    return EXERCISES[number - 1]


def _text(number: int) -> str:
    tree = ast.parse((FOLDER / f"{_module(number)}.py").read_text("utf-8"))
    return ast.get_docstring(tree) or ""
