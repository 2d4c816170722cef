"""The models compared with the paper: every printed rule, every objective, and every surrogate."""

import ast
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from ava_np.models import AVA, VAE
from ava_np.models.ava import VARIANTS, Variant
from ava_np.models.gradcheck import LIMIT, check
from ava_np.models.propagation import PROPAGATIONS
from ava_np.network import Network
from ava_np.specification import PaperModel, Propagation, TrainingSpecification
from ava_np.training.trainer import Trainer
from tests.models import paper_rules
from tests.models.paper_rules import RULES, Networks
from tests.models.small_models import draw, gradients, small, small_ava

NAMES = get_args(PaperModel)
LETTERS = "ΘΦΨΛ"

every_model = pytest.mark.parametrize("name", NAMES)
every_ava = pytest.mark.parametrize("name", NAMES[1:])
every_propagation = pytest.mark.parametrize("propagation", PROPAGATIONS)
every_depth = pytest.mark.parametrize("hidden", [(5,), (6, 4), (5, 4, 3)], ids=str)


def layers_of(network: Network) -> list[paper_rules.Layer]:
    """Return a network's parameters in the form that ``paper_rules`` takes."""
    return [(arrays["W"].tolist(), arrays["b"].tolist()) for arrays in network.parameters if arrays]


def networks_of(model: AVA | VAE) -> Networks:
    """Return the parameters of all four networks, trained or not; a VAE gets discriminators with all weights 0."""
    zeros = {"Ψ": [([[0.0]] * model.neurons, [0.0])], "Λ": [([[0.0]] * model.latent, [0.0])]}
    return zeros | {letter: layers_of(getattr(model, letter)) for letter in LETTERS if hasattr(model, letter)}


def sgd(rate: float, batch: int) -> TrainingSpecification:
    """Return options for gradient descent on the printed sums; the trainer divides them by the batch size."""
    return TrainingSpecification("sgd", rate, "sum", batch, epochs=1, seed=0)


def assert_same_update(before: Networks, after: Networks, expected: Networks) -> None:
    """Compare the parameters, and also their changes, which may be too small to be visible in the parameters."""
    for letter in LETTERS:
        for old, new, printed in zip(before[letter], after[letter], expected[letter], strict=True):
            for kind in (0, 1):
                start, actual, desired = (np.array(layer[kind]) for layer in (old, new, printed))
                np.testing.assert_allclose(actual, desired, rtol=1e-10, atol=1e-14, err_msg=letter)
                change = desired - start
                np.testing.assert_allclose(
                    actual - start, change, rtol=1e-9, atol=1e-10 * np.abs(change).max(), err_msg=letter
                )


# The printed rules


@pytest.mark.parametrize("seed", range(3))
@every_depth
@every_model
def test_a_step_applies_the_printed_update(name: str, hidden: tuple[int, ...], seed: int) -> None:
    """This covers (5) to (8), (10), (13), (14) and (16). The parameters of the other networks do not change."""
    model = small(name, "paper", hidden=hidden, latent=2 + seed, seed=seed)
    x, r = draw(model, 4, seed)
    γ = (1.0, 0.3, 0.01)[seed]
    before = networks_of(model)

    Trainer(model, sgd(γ, 4)).step(x, r)

    expected = paper_rules.update(RULES[name], before, x.tolist(), r["r"].tolist(), γ, ρ=1 / 4)
    assert_same_update(before, networks_of(model), expected)
    learning = {"Θ", "Φ"} | {letter for letter in "ΨΛ" if getattr(RULES[name], letter) != "-"}
    assert {letter for letter in LETTERS if expected[letter] != before[letter]} == learning


@every_model
def test_consecutive_steps_apply_the_printed_updates(name: str) -> None:
    """Of three batches with 3, 1 and 3 pictures, the third uses the same buffers as the first."""
    model = small(name, "paper")
    trainer, expected = Trainer(model, sgd(0.2, 3)), networks_of(model)
    before = expected
    for number, batch in enumerate((3, 1, 3)):
        x, r = draw(model, batch, seed=number)
        trainer.step(x, r)
        expected = paper_rules.update(RULES[name], expected, x.tolist(), r["r"].tolist(), 0.2, ρ=1 / batch)
    assert_same_update(before, networks_of(model), expected)


def test_the_printed_form_divides_by_zero_where_the_models_do_not() -> None:
    """If Ψ is certain that x' is real, d rounds to 1. This is why the models compute from the logit."""
    model = small_ava("ava1", "paper")
    x, r = draw(model, 1)
    model.Ψ.parameters[-1]["b"][:] = 200
    with pytest.raises(ZeroDivisionError):
        paper_rules.update(RULES["ava1"], networks_of(model), x.tolist(), r["r"].tolist(), 1.0, ρ=1.0)
    assert all(np.isfinite(gradient).all() for gradient in gradients(model, x, r).values())


def test_the_transcription_imports_nothing_from_the_project() -> None:
    tree = ast.parse(Path(paper_rules.__file__).read_text(encoding="utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert modules == {"math", "collections.abc", "typing"}


# The variants


def test_switches_match_the_papers_table_of_variants() -> None:
    assert {"vae", *VARIANTS} == set(NAMES) == set(RULES)
    assert set(PROPAGATIONS) == set(get_args(Propagation))
    for name, rules in RULES.items():
        assert rules.ΘΣ == "(5)"
        assert VARIANTS.get(name, Variant()) == Variant(
            discriminator=rules.Φ == "(6)",
            reverse_causal=rules.Ψ == "(10)",
            encoding_discriminator=rules.Θμ == "(14)",
            encoding_reverse_causal=rules.Λ == "(16)",
        )
        assert (rules.Φ == "(6)") == (rules.Ψ != "-")
        assert (rules.Θμ == "(14)") == (rules.Λ != "-")


@every_propagation
@every_model
def test_without_switches_every_model_trains_like_the_vae(
    name: str, propagation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    vae = small("vae", propagation)
    monkeypatch.setitem(VARIANTS, name, Variant())
    model = small(name, propagation)
    model.Θ.theta[:], model.Φ.theta[:] = vae.Θ.theta, vae.Φ.theta
    trainers = [Trainer(m, sgd(0.1, 3)) for m in (vae, model)]
    for number in range(3):
        x, r = draw(vae, 3, seed=number)
        for trainer in trainers:
            trainer.step(x, r)
    assert list(model.networks) == list(vae.networks) == ["encoder", "decoder"]
    np.testing.assert_array_equal(model.Θ.theta, vae.Θ.theta)
    np.testing.assert_array_equal(model.Φ.theta, vae.Φ.theta)


# Objectives and surrogates


def test_the_vae_minimises_equation_1() -> None:
    model = small("vae", "exact")
    x, r = draw(model, 3)
    printed = paper_rules.objectives(networks_of(model), x.tolist(), r["r"].tolist())
    assert model.objectives(x, r, {}) == pytest.approx(
        {"encoder": printed["(1)"], "decoder": printed["(1)"]}, rel=1e-12
    )
    terms = model.gradients(x, r)
    assert terms["reconstruction"] + terms["kl"] == pytest.approx(printed["(1)"], rel=1e-12)


@every_ava
def test_objectives_equal_the_printed_ones(name: str) -> None:
    """These are (1) to (4), (9), (11), (12) and (15).

    The printed reverse-causal terms have no gradient, so the objectives also contain what (10) and (16) ascend.
    """
    model = small_ava(name, "exact")
    x, r = draw(model, 3)
    printed = paper_rules.objectives(networks_of(model), x.tolist(), r["r"].tolist())
    v = model.variant
    loss, b, B = printed["(1)"], printed["(9)" if v.reverse_causal else "(4)"], printed["(11)"]
    if v.discriminator:
        loss = printed["(3)"]
    if v.encoding_discriminator:
        loss += printed["(12)"] - printed["(3)"]
    if v.encoding_reverse_causal:
        B = printed["(15)"]
    b += v.reverse_causal * printed["e d(x')"]
    B += v.encoding_reverse_causal * printed["E D(μ(x'))"]
    expected = {"encoder": loss, "decoder": loss, "discriminator": -b, "encoding_discriminator": -B}
    assert model.objectives(x, r, model.detached(x, r)) == pytest.approx(expected, rel=1e-12)


@every_propagation
@every_ava
def test_terms_add_up_to_the_printed_objectives(name: str, propagation: str) -> None:
    model = small_ava(name, propagation)
    x, r = draw(model, 3)
    printed = paper_rules.objectives(networks_of(model), x.tolist(), r["r"].tolist())
    terms = model.gradients(x, r)
    assert terms["reconstruction"] + terms["kl"] == pytest.approx(printed["(1)"], rel=1e-12)
    if model.variant.discriminator:
        assert terms["log_d_real"] + terms["log_d_fake"] == pytest.approx(printed["(2)"], rel=1e-12)
        assert terms["log_d_fake"] == pytest.approx(printed["(3)"] - printed["(1)"], rel=1e-12)
    if model.variant.encoding_discriminator:
        assert terms["log_D_real"] + terms["log_D_fake"] == pytest.approx(printed["(11)"], rel=1e-12)
        assert terms["log_D_fake"] == pytest.approx(printed["(12)"] - printed["(3)"], rel=1e-12)


@every_propagation
@every_model
def test_gradients_match_the_objectives_or_surrogates(name: str, propagation: str) -> None:
    """Central differences are taken of the printed objectives (exact) or of what each printed rule descends (paper)."""
    rows = check(name, propagation=propagation)
    expected = {"encoder": 3, "decoder": 3}  # the number of layers that gradcheck builds
    if VARIANTS.get(name, Variant()).discriminator:
        expected["discriminator"] = 3
    if VARIANTS.get(name, Variant()).encoding_discriminator:
        expected["encoding_discriminator"] = 2
    assert sorted((row.network, row.layer, row.quantity) for row in rows) == sorted(
        (network, f"dense{layer}", quantity)
        for network, layers in expected.items()
        for layer in range(1, layers + 1)
        for quantity in ("W", "b", "input")
    )
    assert {(row.model, row.propagation) for row in rows} == {(name, propagation)}
    assert max(row.relative_error for row in rows) < LIMIT <= 1e-6


@pytest.mark.parametrize("name", ["vae", "ava1", "ava2"])
def test_5_gives_the_encoder_no_reconstruction_error(name: str) -> None:
    """A different decoder changes the gradient of Θ in exact propagation, but not in paper propagation."""
    for propagation, changes in (("paper", False), ("exact", True)):
        model = small(name, propagation)
        x, r = draw(model, 3)
        before = gradients(model, x, r)
        model.Φ.theta[:] = np.random.default_rng(9).normal(0, 0.5, model.Φ.theta.shape)
        after = gradients(model, x, r)
        assert np.any(before["decoder"] != after["decoder"])
        assert np.any(before["encoder"] != after["encoder"]) == changes


@pytest.mark.parametrize("name", ["ava3", "ava4", "ava5"])
def test_14_adds_the_same_error_to_every_neuron_of_μ_and_none_to_Σ(name: str) -> None:
    """At the encoder's output neurons, (14) minus (5) is -D(μ(x')) at every μ[k] and 0 at every Σ[k]."""
    model, vae = small(name, "paper"), small("vae", "paper")
    x, r = draw(model, 1)
    D_ = model.detached(x, r)["C"]
    biases = [gradients(m, x, r)["encoder"][-2 * model.latent :] for m in (model, vae)]
    μ, s = np.split(biases[0] - biases[1], 2)
    np.testing.assert_allclose(μ, -np.repeat(D_, model.latent), rtol=1e-12)
    np.testing.assert_array_equal(s, 0)


def test_6_is_the_gradient_of_no_function() -> None:
    """The errors v[i](x') = d(x') have the Jacobian ∂v[i]/∂x'[j] = ∂d/∂x'[j], which is not symmetric."""
    asymmetry = {}
    for propagation in PROPAGATIONS:
        model = small_ava("ava1", propagation)
        buffers, x_ = model.Ψ.buffers(1), draw(model, 1)[0]
        m, h = model.neurons, 1e-6
        jacobian = np.empty((m, m))
        for j in range(m):
            sides = []
            for offset in (h, -h):
                δ = np.zeros((1, m))
                model.Ψ.forward(buffers, x_ + offset * np.eye(m)[j])
                model.add_adversarial_error(δ, model.Ψ, buffers)
                sides.append(δ[0])
            jacobian[:, j] = (sides[0] - sides[1]) / (2 * h)
        asymmetry[propagation] = np.abs(jacobian - jacobian.T).max() / np.abs(jacobian).max()
    assert asymmetry["exact"] < 1e-7
    assert asymmetry["paper"] > 0.1


def test_6_is_a_gradient_if_d_depends_on_the_sum_of_the_pixels_alone() -> None:
    """Then ∂d/∂x'[j] is the same for every j, and the Jacobian of v[i] = d(x') is symmetric."""
    model = small_ava("ava1", "paper")
    first = next(arrays for arrays in model.Ψ.parameters if arrays)
    first["W"][:] = first["W"][:1]  # every pixel has the same weights
    buffers, x_, m, h = model.Ψ.buffers(1), draw(model, 1)[0], model.neurons, 1e-6
    fields = np.zeros((m, 2, m))
    for j in range(m):
        for side, offset in enumerate((h, -h)):
            model.Ψ.forward(buffers, x_ + offset * np.eye(m)[j])
            model.add_adversarial_error(fields[j, side : side + 1], model.Ψ, buffers)
    jacobian = (fields[:, 0] - fields[:, 1]).T / (2 * h)
    assert np.abs(jacobian - jacobian.T).max() < 1e-7 * np.abs(jacobian).max()


def test_the_plain_rule_of_ava3_is_the_decoders_gradient_of_1_and_not_of_12() -> None:
    """It lacks the path from Λ through μ(x') to x'."""
    printed, objective = (small_ava("ava3", rule) for rule in PROPAGATIONS[::-1])
    vae = small("vae", "paper")
    x, r = draw(printed, 3)
    assert isinstance(vae, VAE)
    for ours, of_ava in zip((vae.Θ, vae.Φ), (printed.Θ, printed.Φ), strict=True):
        ours.theta[:] = of_ava.theta
    plain, of_12, of_1 = (gradients(model, x, r)["decoder"] for model in (printed, objective, vae))
    np.testing.assert_allclose(plain, of_1, rtol=1e-12, atol=1e-15)
    assert np.linalg.norm(plain - of_12) > 0.05 * np.linalg.norm(of_12)


@pytest.mark.parametrize(
    ("letter", "reverse_causal", "plain", "printed", "without"),
    [("Ψ", "ava2", "ava1", "(9)", "(4)"), ("Λ", "ava4", "ava3", "(15)", "(11)")],
)
def test_reverse_causal_terms_have_no_true_gradient(
    letter: str, reverse_causal: str, plain: str, printed: str, without: str
) -> None:
    """The terms that (9) and (15) add do not depend on the discriminator, but the rules (10) and (16) do change."""
    model = small(reverse_causal, "exact")
    x, r = draw(model, 3)
    added = []
    for _ in range(2):
        values = paper_rules.objectives(networks_of(model), x.tolist(), r["r"].tolist())
        added.append(values[printed] - values[without])
        getattr(model, letter).theta[:] += 0.5
    assert added[0] == pytest.approx(added[1], rel=1e-12)
    name = {"Ψ": "discriminator", "Λ": "encoding_discriminator"}[letter]
    for propagation in PROPAGATIONS:
        with_term, without_term = (gradients(small(m, propagation), x, r)[name] for m in (reverse_causal, plain))
        assert np.abs(with_term - without_term).max() > 1e-3
