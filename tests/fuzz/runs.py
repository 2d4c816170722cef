"""The entrance of run folders: ``ava info``, ``sample``, ``evaluate`` and ``train --resume`` on any content.

An input is one of two:

- a JSON object, a change to the ``document`` of a run: all that its files hold, as JSON. So it reaches the code behind
  the checksums. "base" names the run.
- a line BASE/FILE, then the content of this file.

A run may be right and yet ask for more than one input may take: for large networks, or for the pictures in "/". Such
inputs are skipped after ``ava info``.
"""

import json
from collections.abc import Generator
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any
from zlib import crc32

from ava_np.errors import AvaError, NotFiniteError
from ava_np.report.run import report_run
from ava_np.run.folder import Run
from ava_np.run.names import CONFIG, MODEL
from ava_np.run.session import resume
from tests.cli.refusals import failed
from tests.command import Outcome, ava, tree
from tests.fuzz.bounds import bounded, one_line, printable_lines, sandbox
from tests.fuzz.documents import BASES, base, difference, files_of, merged, write_files
from tests.fuzz.mutations import mutated_bytes, mutated_json, mutated_text
from tests.fuzz.specifications import too_large

COMMANDS = (("info",), ("info", "--json"), ("sample", "--count", "1", "--seed", "0"), ("evaluate", "--json"))
REPORTED = 8  # a report takes a second, so that one of so many inputs gets one


def check(data: bytes) -> None:
    """Assert that a run is used, or refused in one line, by each command, and that nothing in it is lost."""
    name, files = _files(data)
    with sandbox() as place:
        write_files(place, base(name).photos)
        write_files(place / "run", files)
        before = tree(place)
        with bounded(place / "run"):
            for command, *options in COMMANDS:
                outcome = ava(command, "run", *options)
                _ended(outcome, json_expected="--json" in options)
                after = tree(place)
                assert command == "sample" or after == before, "files have changed"
                assert after.items() >= before.items(), "files are lost"
                before = after
                if _skipped(place / "run"):
                    return
            _resume(place, before, report=crc32(data) % REPORTED == 0)


def mutated(data: bytes, random: Random) -> bytes:
    """Return an input with a change to what the run holds, or to the bytes of one file."""
    if data.startswith(b"{"):
        try:
            name, document = _document(data)
        except (ValueError, RecursionError):
            return mutated_bytes(data, random)
        changed = mutated_json(document, random)
        if isinstance(changed, dict):
            if random.random() < 0.5:
                _describe_model(changed)
            return json.dumps({"base": name, **difference(base(name).document, changed)}).encode()
    head, _, content = data.partition(b"\n")
    return head + b"\n" + mutated_text(content, random)


def _document(data: bytes) -> tuple[str, dict[str, Any]]:
    """The name of the run that is changed, and the changed document."""
    change = json.loads(data)
    name = str(change.pop("base", ""))
    name = name if name in BASES else next(iter(BASES))
    return name, merged(base(name).document, change)


def _files(data: bytes) -> tuple[str, dict[str, bytes]]:
    """The name of the run that is changed, and its files."""
    if data.startswith(b"{"):
        try:
            name, document = _document(data)
        except (ValueError, RecursionError):
            return next(iter(BASES)), {CONFIG: data}
        return name, files_of(document, base(name))
    head, _, content = data.partition(b"\n")
    name, _, file = head.decode("latin-1").partition("/")
    name = name if name in BASES else next(iter(BASES))
    files = files_of(base(name).document, base(name))
    return name, files | {file if file in files else CONFIG: content}


def _describe_model(document: dict[str, Any]) -> None:
    """Let the file of the weights say the same of the model as the configuration, so that more of it is believed."""
    try:
        pictures = document[CONFIG]["pictures"]
        width, height = pictures["size"]
        shape = [height // pictures["zoom"], width // pictures["zoom"], pictures["channels"]]
        document[MODEL]["metadata"] |= {"model": document[CONFIG]["model"], "shape": shape}
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return


def _ended(outcome: Outcome, *, json_expected: bool) -> None:
    """Assert that a command did its work, or failed with one line."""
    printable_lines(outcome.out)
    printable_lines(outcome.err)
    if outcome.code:
        assert outcome.code in (1, 2, 3), outcome
        failed(outcome, outcome.code)
        one_line(outcome.err.splitlines()[-1])
    else:
        assert "Error" not in outcome.err, outcome
        if json_expected:
            json.loads(outcome.out, parse_constant=_no_json)


def _no_json(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def _skipped(folder: Path) -> bool:
    """Whether a run is right, but large, or has its pictures in a folder that may be large."""
    try:
        specification = Run.open(folder).specification
    except AvaError:
        return False
    pictures = specification.pictures
    if pictures.source is not None and not pictures.toy:
        with suppress(OSError):  # of a name that is too long
            if not Path(pictures.source).resolve().is_relative_to(folder.parent):
                return True
    return max(pictures.size) > 200 or too_large(specification.model, pictures.shape)


def _resume(place: Path, before: dict[str, bytes | None], *, report: bool) -> None:
    """Train two steps and stop. Assert that a refused run is as it was, and that any other can still be used."""
    try:
        session = resume("run")
    except AvaError as error:
        one_line(str(error))
        assert tree(place) == before, "files have changed"
        return
    steps: Generator[object, None, None] = iter(session)
    diverged = False
    try:
        with closing(steps):
            for _ in islice(steps, 2):
                pass
        if report:
            report_run(session)
    except AvaError as error:
        one_line(str(error))
        diverged = isinstance(error, NotFiniteError)
    else:
        session.run.model()
        session.run.metrics()
    finally:
        session.run.close()
    if diverged and f"run/{MODEL}" in before:
        assert tree(place)[f"run/{MODEL}"] == before[f"run/{MODEL}"], "the last save is lost"
    assert {name for name in before if name not in tree(place)} == set(), "files are lost"
