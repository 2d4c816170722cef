"""The zoo of mistakes: the page has what is measured, and a right program is noticed by nothing."""

import re
from pathlib import Path

import numpy as np
import pytest

from ava_np.experiments.mistakes import MISTAKES, outcome, rows
from ava_np.experiments.mistakes.losses import _labels
from ava_np.layers import Maxout
from ava_np.models import build

PAGE = Path(__file__).parents[2] / "docs" / "manual" / "mistakes.md"


@pytest.mark.skipif(not PAGE.is_file(), reason="the docs are not next to these tests")
def test_the_page_says_what_is_measured() -> None:
    table = PAGE.read_text("utf-8").partition("## Which check notices what")[2]
    printed = [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\|.*\|$", table, re.M)]
    assert printed[2:] == rows()


def test_what_must_be_true_notices_every_mistake_and_own_differences_nearly_none() -> None:
    assert {outcome(one.meaning) for one in MISTAKES} == {"notices"}
    assert [one.name for one in MISTAKES if outcome(one.own) == "notices"] == ["upsampling that subsamples"]


def test_a_right_discriminator_is_noticed_by_nothing() -> None:
    right = _labels("right", "nothing", "nowhere", fake_sign=-1, real_sign=+1, must="it learns to tell 1 from -1")
    assert [outcome(check) for check in (right.own, right.independent, right.meaning)] == ["passes"] * 3


def test_mistakes_leave_the_engine_as_it_was() -> None:
    rows()
    assert Maxout.reads_output
    model = build("gan", (2, 2, 1), dtype=np.float64)
    noise = model.noise(np.random.default_rng(0), 2)
    model.zero_gradients()
    model.phases[1].gradients(np.zeros((2, 4)), noise)
    assert model.networks["generator"].gradient.norm() > 0


def test_every_mistake_has_a_public_source() -> None:
    for one in MISTAKES:
        assert re.match(r"[\w.-]+/[\w.-]+( #\d+|, )|the program of the AVA|this project", one.source), one.name
