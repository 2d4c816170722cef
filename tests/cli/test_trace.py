"""``ava trace`` on the command line: what it prints, writes and refuses."""

import json
from pathlib import Path

from tests.command import ava


def test_every_model_is_traced_and_agrees() -> None:
    done = ava("trace", "all")
    assert done.code == 0
    assert len(done.out.splitlines()) == 25  # 17 models, six of them twice, and two lines of headings
    assert "largest relative error" in done.err


def test_a_trace_prints_rows_gradients_and_the_update(tmp_path: Path) -> None:
    done = ava("trace", "ava1", "--propagation", "both", "--json", tmp_path / "ava1.json")
    assert done.code == 0
    for words in (
        "errors pass to another network",
        "-d = -σ",
        "Ψ* on x'",
        "ava.py:",
        "-γ ‖g‖²",
        "angle, exact to paper",
    ):
        assert words in done.out
    traces = json.loads((tmp_path / "ava1.json").read_text("utf-8"))["traces"]
    assert [one["propagation"] for one in traces] == ["exact", "paper"]
    assert max(row["relative_error"] or 0 for one in traces for row in one["rows"]) < 1e-6


def test_other_sizes() -> None:
    done = ava("trace", "vae", "--size", "3x2", "--latent", "3", "--hidden", "4,2", "--batch", "2", "--seed", "4")
    assert done.code == 0
    assert "encoder.dense3.W" in done.out


def test_refusals_are_one_line(tmp_path: Path) -> None:
    there = tmp_path / "there.json"
    there.write_text("kept")
    for arguments, words in (
        (("trace", "ae", "--json", there), "exists"),
        (("trace", "gan", "--propagation", "paper"), "only one propagation"),
        (("trace", "vae", "--size", "64x64"), "8x8"),
        (("trace", "vae", "--hidden", "500"), "32 neurons"),
        (("trace", "vea"), "vae"),
    ):
        done = ava(*arguments)
        assert done.code in (1, 2)
        assert words in done.err
        assert len(done.err.strip().splitlines()) == 1
    assert there.read_text() == "kept"
