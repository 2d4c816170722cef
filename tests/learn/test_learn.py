"""The exercises: solutions pass, stubs do not, every named mistake is named, and no engine is needed for most."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ava_np.errors import AvaError
from ava_np.learn import EXERCISES, check, check_file, exercise, file_name, stub, title
from ava_np.learn.verdict import judge
from tests.command import ava

NUMBERS = range(1, len(EXERCISES) + 1)
WITHOUT_ENGINE = [*range(1, 10), 11, 12, 13]


def written(folder: Path, number: int, text: str) -> Path:
    """Write a learner's file."""
    path = folder / file_name(number)
    path.write_text(text, "utf-8")
    return path


def test_there_are_sixteen() -> None:
    assert len(EXERCISES) == 16
    assert len({title(number) for number in NUMBERS}) == 16
    with pytest.raises(AvaError, match="no exercise 17"):
        stub(17)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_solution_is_right_in_every_case(number: int, tmp_path: Path) -> None:
    verdicts = check_file(written(tmp_path, number, stub(number, solved=True)), number)
    assert verdicts
    assert not [one for one in verdicts if not one.right]
    assert {one.words for one in verdicts} <= {"exact", "right"}


@pytest.mark.parametrize("number", NUMBERS)
def test_a_stub_does_nothing_yet(number: int, tmp_path: Path) -> None:
    verdicts = check_file(written(tmp_path, number, stub(number)), number)
    assert verdicts
    assert {one.words for one in verdicts} == {"it does nothing yet"}


MISTAKES = [(number, part.name, words) for number in NUMBERS for part in exercise(number).parts for words in part.wrong]


@pytest.mark.parametrize(("number", "name", "words"), MISTAKES, ids=lambda value: str(value)[:40])
def test_a_known_mistake_is_named(number: int, name: str, words: str) -> None:
    parts = exercise(number).parts
    functions = {part.name: part.solution for part in parts}
    functions[name] = next(part.wrong[words] for part in parts if part.name == name)
    wrong = [one for one in judge(exercise(number), functions) if not one.right]
    assert wrong[0].words == words


def test_every_exercise_but_the_last_names_mistakes() -> None:
    assert {number for number, _, _ in MISTAKES} == set(NUMBERS) - {16}
    assert len(MISTAKES) >= 60


def test_an_unknown_mistake_is_measured() -> None:
    def verdict(function: object) -> str:
        return next(one.words for one in judge(exercise(3), {"dense_backward_input": function}) if not one.right)

    assert verdict(lambda dy, W: 3 * (dy @ W.T)) == "off by a factor of 3 everywhere"
    one_off = verdict(lambda dy, W: dy @ W.T + np.eye(len(dy), len(W)))
    assert one_off.startswith("2 of 6 entries are off, first at index (0, 0)")
    assert "shape" in verdict(lambda dy, W: (dy @ W.T)[0])
    assert "not finite" in verdict(lambda dy, W: dy @ W.T / 0.0)
    assert verdict(lambda dy, W: 1 // 0) == "ZeroDivisionError: integer division or modulo by zero"


def test_a_nearly_right_answer_is_close() -> None:
    def nearly(dy: np.ndarray, W: np.ndarray) -> np.ndarray:
        return dy @ W.T * (1 + 1e-9)

    words = [one.words for one in judge(exercise(3), {"dense_backward_input": nearly})]
    assert words == ["close", "close", "close", "exact"]


def test_a_right_backward_pass_of_a_wrong_forward_pass_is_not_enough() -> None:
    functions = {"dense": lambda x, W, b: 2 * (x @ W + b), "dense_backward_input": lambda dy, W: dy @ W.T}
    assert "your own forward pass" in judge(exercise(3), functions)[0].words


def test_errors_in_a_file_are_one_line_with_its_number(tmp_path: Path) -> None:
    broken = written(tmp_path, 1, stub(1).replace("    ...", "    return dy *"))
    assert check_file(broken, 1)[0].words.startswith("line ")
    raising = written(tmp_path, 1, stub(1).replace("    ...", "    return dy * z"))
    words = check_file(raising, 1)[0].words
    assert "NameError" in words
    line = int(words.split()[1].rstrip(":"))
    assert raising.read_text("utf-8").splitlines()[line - 1] == "    return dy * z"


def test_the_last_exercise_wants_a_bug_that_passes(tmp_path: Path) -> None:
    right = stub(16, solved=True).replace(" / mu.shape[1]", "")
    assert "there is no bug" in check_file(written(tmp_path, 16, right), 16)[0].words
    other = stub(16, solved=True).replace("    return mu / mu.shape[1],", "    return mu,")
    assert "the gradient check finds it" in check_file(written(tmp_path, 16, other), 16)[0].words


def test_numba_is_not_needed_for_most() -> None:
    code = (
        "import sys\nfrom ava_np.learn import *\nfrom ava_np.learn.verdict import judge\n"
        f"for n in {WITHOUT_ENGINE}:\n"
        "    judge(exercise(n), {part.name: part.solution for part in exercise(n).parts})\n"
        "assert 'numba' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_command_writes_checks_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = ava("learn", "1")
    assert first.code == 0
    file = tmp_path / "learn" / "01_sigmoid.py"
    assert ava("learn", "1").code == 1
    file.write_text(ava("learn", "1", "--solution").out, "utf-8")
    done = ava("learn", "1")
    assert done.code == 0
    assert "✓ sigmoid_backward, one neuron: exact" in done.out
    assert "ava learn 2" in done.err
    assert ava("learn", "1", "--watch").code == 0
    course = ava("learn")
    assert "right" in course.out.splitlines()[2]
    assert "begun" not in course.out
    assert "no exercise 99" in ava("learn", "99").err
    assert "which exercise" in ava("learn", "--watch").err


@pytest.mark.parametrize("number", NUMBERS)
def test_a_solution_runs_as_a_notebook_of_jupytext(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    jupytext = pytest.importorskip("jupytext")
    cells = jupytext.reads(stub(number, solved=True), fmt="py:percent").cells
    assert [cell.cell_type for cell in cells] == ["markdown", "code", "code"]
    assert title(number) in cells[0].source
    names: dict[str, object] = {}
    for cell in cells[1:]:
        exec(cell.source, names)
    printed = capsys.readouterr().out
    assert "✓" in printed
    assert "✗" not in printed


def test_a_file_opens_as_a_notebook_and_its_last_cell_checks(capsys: pytest.CaptureFixture[str]) -> None:
    cells = stub(2, solved=True).split("# %%")
    assert [cell.splitlines()[0].strip() for cell in cells[1:]] == ["[markdown]", "", ""]  # jupytext's percent format
    exec("".join(cells[2:]), {})
    assert capsys.readouterr().out.count("✓") == 6
    check(2, {})
    assert "✗ squared_error: there is no function of this name" in capsys.readouterr().out
