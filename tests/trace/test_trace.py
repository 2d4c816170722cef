"""A trace shows the code that trains: its numbers are the model's, its formulas give them, and differences agree."""

import math
import re
import sys

import numpy as np
import pytest

import ava_np
from ava_np.models import ava, terms
from ava_np.specification import MODELS
from ava_np.trace import Trace, trace_step
from ava_np.trace.document import angles, applications_of, to_json
from ava_np.trace.recorder import Recorder
from ava_np.trace.rules import RULES
from ava_np.trace.source import MODELS as CODE

CASES = [
    (name, rule)
    for name, kind in MODELS.items()
    for rule in (("exact", "paper") if "propagation" in kind.__struct_fields__ else ("",))
]


def traced(name: str, rule: str, **options: object) -> Trace:
    """Return a trace of a model, with a propagation if it has two."""
    return trace_step(name, **({"propagation": rule} if rule else {}), **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "-".join(filter(None, case)))
def trace(request: pytest.FixtureRequest) -> Trace:
    """Return a trace of each model under each propagation."""
    return traced(*request.param)


def test_every_error_and_gradient_agrees_with_finite_differences(trace: Trace) -> None:
    error, where = trace.worst
    assert error < 1e-7, where
    checked = [row for row in trace.rows if row.differences is not None]
    assert len(checked) > len(trace.rows) / 3


def test_gradients_are_those_of_the_model_without_a_trace(trace: Trace) -> None:
    model = trace.model
    again = ava_np.models.from_specification(model.specification, model.shape, dtype=np.float64)
    for name, network in again.networks.items():
        network.theta[:] = np.concatenate([array.reshape(-1) for array in trace.parameters[name].values()])
    for phase in again.phases:
        again.zero_gradients()
        phase.gradients(trace.x, trace.noise)
        for name in phase.networks:
            gradient = again.networks[name].gradient.read()
            recorded = [
                one.gradient.reshape(-1) for one in trace.totals if (one.phase, one.network) == (phase.name, name)
            ]
            assert (gradient == np.concatenate(recorded)).all()
            again.networks[name].theta -= trace.rate * gradient


def test_what_the_applications_add_is_the_gradient(trace: Trace) -> None:
    for one in trace.totals:
        assert np.allclose(sum(one.applications.values()), one.gradient, rtol=1e-12, atol=1e-15)


def test_each_row_stands_where_it_says(trace: Trace) -> None:
    for row in trace.rows:
        if row.place:
            file, line = row.place.split(":")
            found = (CODE.parent / file).read_text("utf-8").splitlines()[int(line) - 1]
            start = re.split(r"[\s(,\[]", row.code)[0]
            assert start in found, row.place


def test_formulas_give_the_values_beside_them(trace: Trace) -> None:
    seen = 0
    for row in trace.rows:
        change = row.after if row.before is None else row.after - row.before
        for formula, value in zip(row.formulas, change.flat, strict=False):
            if "…" not in formula:
                seen += 1
                assert calculated(formula) == pytest.approx(value, rel=5e-3, abs=5e-4), formula
    assert seen > 50


def calculated(formula: str) -> float:
    """Return the value of a formula's numbers, as a pocket calculator would."""
    text = formula.split(" = ")[-1].replace("·", "*").replace("½", "0.5").replace("σ(", "sigmoid(")
    number = r"\(?-?[\d.]+(?:e[+-]\d+)?\)?"
    text = re.sub(rf"e\^(\((?:[^()]|\([^()]*\))*\)|{number})", r"exp(\1)", text)
    names = {"exp": math.exp, "max": max, "tanh": math.tanh, "sigmoid": lambda t: 1 / (1 + math.exp(-t))}
    return float(eval(text, {"__builtins__": {}}, names))


def test_the_update_does_what_it_promises_to_first_order() -> None:
    for name, rule in CASES:
        gaps = []
        for rate in (1e-4, 5e-5):
            made = traced(name, rule, rate=rate)
            gaps.append({(one.phase, one.network): one.actual - one.predicted for one in made.updates})
        before_updates = made.model.phases[0].name  # later phases begin at another point
        for key in gaps[0]:
            if key[0] == before_updates and abs(gaps[0][key]) > 1e-11:
                assert gaps[1][key] / gaps[0][key] == pytest.approx(0.25, rel=0.1), (name, rule, key)


@pytest.mark.parametrize("rule", ["exact", "paper"])
def test_ava5_shows_the_printed_equations(rule: str) -> None:
    shown = {number for row in traced("ava5", rule).rows for number in row.equations}
    assert shown >= ({1, 5, 6, 7, 8, 10, 12, 13, 16} if rule == "exact" else {5, 6, 7, 8, 10, 13, 14, 16})


def test_exact_ava5_has_three_ways_into_the_encoder() -> None:
    made = traced("ava5", "exact")
    ways = [one for one in made.totals if (one.network, one.layer, one.parameter) == ("encoder", "dense1", "W")]
    assert ways[0].applications.keys() == {"f", "f_"}  # through z and from KL into f, through μ(x') into f_
    born = [row for row in made.rows if row.quantity == "δμ" and row.error_of == "f" and row.before is not None]
    assert [row.equations for row in born] == [(5,), (1,)]


def test_where_a_network_does_not_learn_its_error_passes_and_no_gradient_is_left() -> None:
    rows = traced("gan", "").rows
    passed = [
        row for row in rows if row.phase == "generator" and row.network == "discriminator" and row.stage != "forward"
    ]
    assert {row.stage for row in passed} == {"verdict", "crossing"}
    assert not any(row.learns for row in passed if row.stage == "crossing")


@pytest.mark.parametrize("kernel", sorted(name for name in RULES if name.endswith("_backward")))
def test_a_wrong_kernel_is_found(kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ava if hasattr(ava, kernel) else terms
    right = getattr(module, kernel)

    def doubled(*arguments: object) -> None:
        right(*arguments)
        right(*arguments)

    monkeypatch.setattr(module, kernel, doubled)
    name, options = ("ae", {"likelihood": "bernoulli"}) if kernel == "cross_entropy_backward" else ("ava5", {})
    rule = "paper" if kernel == "causal_backward" else "exact" if name == "ava5" else ""
    made = traced(name, rule, **options)
    assert made.worst[0] > 0.1
    assert any((row.relative_error or 0) > 0.1 and row.code.startswith(kernel) for row in made.rows)


def test_a_trace_has_the_same_bytes_again_and_other_sizes() -> None:
    sizes = {"shape": (3, 2, 1), "latent": 3, "hidden": (4, 3), "batch": 2}
    first, second = (to_json([trace_step("vae", seed=5, **sizes)]) for _ in range(2))  # type: ignore[arg-type]
    assert first == second
    assert first != to_json([trace_step("vae", seed=6, **sizes)])  # type: ignore[arg-type]


def test_every_application_says_what_it_is(trace: Trace) -> None:
    names = applications_of(trace)
    assert names.keys() == {row.application for row in trace.rows if row.application}
    assert all(one["letter"] and one["reads"] for one in names.values())


def test_the_paper_turns_gradients_only_where_it_drops_a_path() -> None:
    exact, paper = (traced("ava1", rule, likelihood="gaussian", saturating=True) for rule in ("exact", "paper"))
    found = angles(exact, paper)
    assert found["discriminator"] < 1e-4 < min(found["encoder"], found["decoder"])


def test_tracing_leaves_the_interpreter_as_it_was() -> None:
    before = sys.gettrace()
    made = traced("ae", "")
    recorder = Recorder(made.model, made.model.buffers(1, {}), made.x, {})
    with pytest.raises(ZeroDivisionError), recorder.follow():
        raise ZeroDivisionError
    assert sys.gettrace() is before
