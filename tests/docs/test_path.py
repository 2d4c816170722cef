"""The numbers on the way through are those of a trace, and every page of the course is on the way."""

import re
from pathlib import Path
from typing import Any

import pytest

from ava_np.trace import trace_step
from ava_np.trace.table import rows_text

PAGE = Path(__file__).parents[2] / "docs" / "path.md"
pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="the docs are not next to these tests")


def blocks() -> list[tuple[str, str, list[str]]]:
    """Return (model, propagation, lines) of each block of a trace."""
    text = PAGE.read_text("utf-8") if PAGE.is_file() else ""
    pattern = r"^```text\n\$ ava trace (\S+)(?: --propagation (\S+))?\n(.*?)^```$"
    return [(m, p, lines.splitlines()) for m, p, lines in re.findall(pattern, text, re.M | re.S)]


def test_there_are_examples_of_every_kind_of_model() -> None:
    assert {model for model, _, _ in blocks()} == {"ae", "vae", "gan", "ava1"}


@pytest.mark.parametrize(("model", "propagation", "lines"), blocks())
def test_lines_are_those_of_the_trace(model: str, propagation: str, lines: list[str]) -> None:
    options: dict[str, Any] = {"propagation": propagation} if propagation else {}
    printed = [" ".join(line.split()) for line in rows_text(trace_step(model, **options), 400).splitlines()]
    for line in lines:
        words = " ".join(line.split())
        assert any(one.startswith(words) for one in printed), words


def test_the_line_that_the_manual_explains_is_one_of_the_trace() -> None:
    text = (PAGE.parent / "manual" / "trace.md").read_text("utf-8")
    (line,) = re.findall(r"A line of the output is\n\n    (.+)\n", text)
    printed = rows_text(trace_step("ava5", propagation="paper"), 400).splitlines()
    assert line.split() in [one.split() for one in printed]


def test_every_page_of_kernels_and_models_is_on_the_way() -> None:
    """But those of speed and of preparing pictures, and models that are parts of others."""
    aside = {"gemm", "factored", "zoom", "augmentation", "cross_entropy", "cascade", "vaegansum", "autoencoder"}
    text = PAGE.read_text("utf-8")
    for page in [*PAGE.parent.glob("kernels/*.md"), *PAGE.parent.glob("models/*.md")]:
        assert page.stem in aside | {"README"} or f"{page.parent.name}/{page.name}" in text, page.name
