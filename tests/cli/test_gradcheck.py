"""``ava gradcheck``: a row for every gradient, a line for every model, and exit code 1 on failure."""

import json

import pytest

from ava_np.models.gradcheck import LIMIT
from ava_np.models.gradcheck_cases import cases
from ava_np.specification import MODELS
from tests.command import ava
from tests.results import ran, refused


@pytest.fixture(autouse=True)
def few_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check a few entries of each array: these tests are about the command."""
    monkeypatch.setattr("ava_np.models.gradcheck.MAX_ENTRIES", 4)


def test_gradcheck_lists_every_gradient() -> None:
    outcome = ava("gradcheck", "--model", "ava5", "--architecture", "mlp", "--json")
    assert outcome.code == 0
    rows = json.loads(outcome.out)
    keys = {
        "model",
        "architecture",
        "propagation",
        "phase",
        "network",
        "layer",
        "quantity",
        "relative_error",
        "options",
    }
    assert all(row.keys() == keys and row["relative_error"] < LIMIT for row in rows)
    assert {row["propagation"] for row in rows} == {"exact", "paper"}
    assert {row["network"] for row in rows} == {"encoder", "decoder", "discriminator", "encoding_discriminator"}
    assert f"all {len(rows)} gradients pass" in outcome.err


def test_gradcheck_prints_a_line_for_each_check() -> None:
    lines = ran("gradcheck", "--architecture", "mlp").splitlines()
    assert lines[0].split() == ["model", "architecture", "propagation", "option", "gradients", "worst", "where"]
    expected = [case for name in MODELS for case in cases(name) if case.architecture == "mlp"]
    assert [line.split()[0] for line in lines[2:]] == [case.model for case in expected]
    rows = json.loads(ava("gradcheck", "--model", "bigan", "--architecture", "mlp", "--json").out)
    plain = [row for row in rows if not row["options"]]
    worst = max(plain, key=lambda row: row["relative_error"])
    line = next(line for line in lines if line.startswith("bigan "))
    where = f"{worst['phase']}: {worst['network']}.{worst['layer']}.{worst['quantity']}"
    assert line.split(maxsplit=4)[1:] == ["mlp", str(len(plain)), f"{worst['relative_error']:.1e}", where]


def test_gradcheck_prints_every_row() -> None:
    lines = ran("gradcheck", "--model", "vae", "--architecture", "mlp", "--propagation", "paper", "--all").splitlines()
    assert lines[0].split()[:5] == ["model", "architecture", "propagation", "phase", "network"]
    assert all(line.split()[:3] == ["vae", "mlp", "paper"] for line in lines[2:])
    checks = [case for case in cases("vae") if case.architecture == "mlp" and case.options["propagation"] == "paper"]
    assert len(lines) == 2 + 2 * 3 * 3 * len(checks)  # networks, layers, and W, b and the input


def test_gradcheck_covers_every_architecture_and_minibatch_discrimination() -> None:
    lines = ran("gradcheck", "--model", "ae").splitlines()
    assert [line.split()[1] for line in lines[2:]] == ["mlp", "conv28", "conv64", "dcgan", "every-layer", "mlp", "mlp"]
    arguments = ("gradcheck", "--minibatch-discrimination", "--architecture", "mlp", "--json")
    rows = json.loads(ava(*arguments).out)
    assert {row["model"] for row in rows if row["layer"].startswith("minibatch")} == {
        name for name, kind in MODELS.items() if "minibatch_discrimination" in kind.__struct_fields__
    }
    assert {row["model"] for row in rows}.isdisjoint({"ae", "vae"})


@pytest.mark.parametrize(
    "arguments", [("--model", "ae", "--minibatch-discrimination"), ("--model", "gan", "--propagation", "exact")]
)
def test_gradcheck_refuses_options_that_the_model_does_not_have(arguments: tuple[str, ...]) -> None:
    assert "leave out that option" in refused("gradcheck", *arguments)


def test_gradcheck_fails_if_an_error_reaches_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ava_np.models.gradcheck.LIMIT", 1e-30)
    outcome = ava("gradcheck", "--model", "ae", "--architecture", "mlp")
    assert outcome.code == 1
    assert " gradients reach 1e-30" in outcome.err
