"""The exercises: solutions pass, stubs do not, every named mistake is named, and no engine is needed for most."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ava_np.errors import AvaError
from ava_np.learn import EXERCISES, check, check_file, exercise, file_name, running, stub, title
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
    assert {one.words.partition(",")[0] for one in verdicts} <= {"exact", "right"}


@pytest.mark.parametrize("number", NUMBERS)
def test_a_stub_does_nothing_yet(number: int, tmp_path: Path) -> None:
    verdicts = check_file(written(tmp_path, number, stub(number)), number)
    assert verdicts
    assert {one.words.rpartition(": ")[2] for one in verdicts} == {"it does nothing yet"}


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


def words(number: int, name: str, function: object) -> str:
    """What is said of a wrong function, all others being right."""
    functions = {part.name: part.solution for part in exercise(number).parts} | {name: function}
    return next(one.words for one in judge(exercise(number), functions) if not one.right)


def test_common_slips_are_told_from_an_empty_function() -> None:
    def add(dW, db, x, dy):  # type: ignore[no-untyped-def]
        dW = dW + x.T @ dy
        db += dy.sum(0)

    def in_place(dy, y):  # type: ignore[no-untyped-def]
        dy *= y * (1 - y)
        return dy

    def forgets_return(dy, y):  # type: ignore[no-untyped-def]
        dy * y * (1 - y)

    assert words(1, "sigmoid_backward", forgets_return) == "it returns nothing: is `return` missing?"
    assert words(1, "sigmoid_backward", in_place).startswith("it changes dy itself")
    assert words(4, "dense_backward_parameters", add).startswith("dW did not change: dW += ...")
    returned = words(4, "dense_backward_parameters", lambda dW, db, x, dy: (x.T @ dy, dy.sum(0)))
    assert returned == "it returns its result: add it to dW and to db, in place"
    assert "a sum missing" in words(2, "squared_error", lambda x_, x: (x - x_) ** 2)
    assert words(1, "sigmoid_backward", lambda dy, y: {}) == (
        "it returns dict, and should return numbers or arrays of numbers"
    )
    assert words(8, "kl_backward", lambda mu, s: mu) == "it returns 1 array, and 2 were asked for: dmu, ds"


def test_a_list_serves_as_an_array() -> None:
    verdicts = judge(exercise(1), {"sigmoid_backward": lambda dy, y: (dy * y * (1 - y)).tolist()})
    assert all(one.right for one in verdicts)


def test_factors_are_explained() -> None:
    assert words(3, "dense_backward_input", lambda dy, W: -dy @ W.T) == "the sign is wrong"
    halved = words(3, "dense_backward_input", lambda dy, W: dy @ W.T / 2)
    assert halved == "1/2 of what it should be: did you take a mean instead of a sum?"
    gradients = exercise(5).parts[0].solution
    minus = words(5, "gradients", lambda *given: tuple(-one for one in gradients(*given)))
    assert minus == "dV, da, dW and dc: the sign is wrong"


def test_another_right_way_is_right_although_it_rounds_otherwise() -> None:
    """Where the answer is 0, both are a few roundings off."""
    functions = {part.name: part.solution for part in exercise(11).parts}
    functions["one_line"] = lambda dy, x: sum(exercise(11).parts[0].solution(dy, x))
    assert all(one.right for one in judge(exercise(11), functions))


def test_small_answers_need_their_digits() -> None:
    """1 - d is 0 at a logit of 40, where it should be 4e-18."""
    told = words(6, "log_real_slope", lambda t: np.where(t > 30, 0.0, exercise(6).parts[2].solution(t)))
    assert told.startswith("1 - d loses its digits")
    told = words(6, "log_real_slope", lambda t: exercise(6).parts[2].solution(np.where(t == 40, 39, t)))
    assert told == "1 of 2 entries are off, first at index (0,): 1.15482e-17, and should be 4.24835e-18"


def test_a_forward_pass_that_is_no_number_is_one_line() -> None:
    functions = {"dense": lambda x, W, b: None, "dense_backward_input": lambda dy, W: dy @ W.T}
    assert "your forward pass is not: TypeError" in judge(exercise(3), functions)[0].words
    functions["dense"] = lambda x, W, b: 1 // 0
    assert "your forward pass is not: ZeroDivisionError" in judge(exercise(3), functions)[0].words


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("    raise SystemExit(0)", "SystemExit"),
        ("    while True:\n        pass", "loop without end"),
        ("    return sigmoid_backward(dy, y)", "RecursionError"),
    ],
)
def test_no_file_ends_or_stops_the_check(body: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "SECONDS", 0.2)
    assert told in check_file(written(tmp_path, 1, stub(1).replace("    ...", body)), 1)[0].words


def test_a_file_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file.py").write_bytes(b"\xff\xfe")
    assert "UnicodeDecodeError" in check_file(tmp_path / "file.py", 1)[0].words


def test_code_below_the_last_cell_counts(tmp_path: Path) -> None:
    below = stub(1) + "\n\ndef sigmoid_backward(dy, y):\n    return dy * y * (1 - y)\n"
    assert all(one.right for one in check_file(written(tmp_path, 1, below), 1))


def test_a_nearly_right_answer_is_close() -> None:
    def nearly(dy: np.ndarray, W: np.ndarray) -> np.ndarray:
        return dy @ W.T * (1 + 1e-9)

    words = [one.words for one in judge(exercise(3), {"dense_backward_input": nearly})]
    assert words == ["close", "close", "close", "exact"]


def test_a_right_backward_pass_of_a_wrong_forward_pass_is_not_enough() -> None:
    functions = {"dense": lambda x, W, b: 2 * (x @ W + b), "dense_backward_input": lambda dy, W: dy @ W.T}
    assert "your forward pass" in judge(exercise(3), functions)[0].words


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
    same = right.replace("- s)", "- s) + 5")
    assert "only a constant" in check_file(written(tmp_path, 16, same), 16)[0].words
    nothing = {"objective": lambda mu, s: 42.0, "gradient": lambda mu, s: (0 * mu, 0 * s)}
    assert "should depend on" in judge(exercise(16), nothing)[0].words
    found = check_file(written(tmp_path, 16, stub(16, solved=True)), 16)[0].words
    assert "is 0.8833, and your objective 0.4417" in found


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
    assert "go on with: ava learn 2" in course.err
    for other in ("99", "0", "-1", "x"):
        assert "number from 1 to 16" in ava("learn", "--", other).err
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
