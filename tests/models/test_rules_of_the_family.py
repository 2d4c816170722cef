"""What must be true of each model beyond its gradients: who learns from whom, which side is real, where it leads."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ava_np.errors import ArchitectureError, AvaError
from ava_np.models import Model, build
from ava_np.models.ava import VARIANTS, Variant
from ava_np.models.base import Noise, Phase
from ava_np.models.propagation import PROPAGATIONS
from ava_np.models.terms import sigmoid
from ava_np.specification import MODELS
from tests.models.family import HIDDEN, SHAPE, draw, gradients, lively

SIDES = {  # of each discriminator: what judges, what it should call real and what fake, as buffers of its phase
    "gan": (("discriminator",), "D1_real", ("D1_fake",)),
    "dcgan": (("discriminator",), "D1_real", ("D1_fake",)),
    "aae": (("code_discriminator",), "D2_real", ("D2_fake",)),
    "vae-gan-costs": (("code_discriminator",), "D2_real", ("D2_fake",)),
    "bigan": (("discriminator_trunk", "discriminator"), "head1_real", ("head1_fake",)),
    "vaegan": (("discriminator",), "Dis", ("Dis_", "Dis_p")),
}
MAKERS = [  # who learns from a verdict, the buffers of that verdict, and where its maker wants it
    ("gan", "generator", "D2_fake", +1),
    ("dcgan", "generator", "D2_fake", +1),
    ("aae", "encoder", "D3_fake", +1),
    ("vae-gan-costs", "encoder", "D3_fake", +1),
    ("bigan", "generator", "head2_fake", +1),
    ("bigan", "encoder", "head2_real", -1),
]

every_model = pytest.mark.parametrize("name", MODELS)
every_maker = pytest.mark.parametrize(("name", "maker", "buffers", "side"), MAKERS)


def phase_of(model: Model, network: str) -> Phase:
    """The last phase in which a network learns."""
    return [phase for phase in model.phases if network in phase.networks][-1]


def descend(
    model: Model,
    names: tuple[str, ...],
    x: np.ndarray,
    noise: Noise,
    update: Callable[[np.ndarray], np.ndarray],
    steps: int,
) -> None:
    """Move some networks of one phase, and no other; ``update`` makes a step of a gradient."""
    phase = phase_of(model, names[0])
    for _ in range(steps):
        model.zero_gradients()
        phase.gradients(x, noise)
        for name in names:
            model.networks[name].theta -= update(model.networks[name].gradient.read())


def logits(model: Model, network: str, buffers: str, x: np.ndarray, noise: Noise) -> np.ndarray:
    """What a discriminator says on buffers of the phase in which ``network`` learns."""
    phase_of(model, network).gradients(x, noise)
    return np.array(getattr(model.buffers(len(x), noise), buffers).output)


# Which side is real


@pytest.mark.parametrize(("name", "smoothing"), [*((name, 0.0) for name in SIDES), ("gan", 0.3), ("bigan", 0.3)])
def test_the_data_and_the_prior_are_the_real_side(name: str, smoothing: float) -> None:
    """A discriminator that learns alone calls all of one side real and all of the other fake."""
    options: dict[str, Any] = {"smoothing": smoothing} if smoothing else {}
    if "code_discriminator" in SIDES[name][0]:
        options["prior"] = lambda generator, count, latent: 4 + generator.random((count, latent))
    model = lively(name, **options)
    x, noise = draw(model)
    x[:, ::2], x[:, 1::2] = 0, 1  # stripes, which no generator has yet
    judges, real, fakes = SIDES[name]
    descend(model, judges, x, noise, lambda gradient: 0.002 * gradient, steps=600)
    assert logits(model, judges[0], real, x, noise).min() > 0
    for fake in fakes:
        assert logits(model, judges[0], fake, x, noise).max() < 0


@every_maker
def test_whoever_is_judged_learns_to_be_mistaken(name: str, maker: str, buffers: str, side: int) -> None:
    """A small step of a generator makes its fakes more real; BiGAN's encoder makes its pairs more fake."""
    for saturating in (False, True):
        model = lively(name, saturating=saturating)
        x, noise = draw(model)
        before = logits(model, maker, buffers, x, noise).sum()
        descend(model, (maker,), x, noise, lambda gradient: 1e-4 * gradient / np.linalg.norm(gradient), steps=1)
        assert side * (logits(model, maker, buffers, x, noise).sum() - before) > 0


@pytest.mark.parametrize(("reconstructions_are_fake", "fakes"), [(True, ("Dis_", "Dis_p")), (False, ("Dis_p",))])
def test_the_decoder_of_a_vae_gan_learns_to_be_mistaken(reconstructions_are_fake: bool, fakes: tuple[str, ...]) -> None:
    """With γ = 0 it descends L_GAN alone: samples, and reconstructions where they count, become more real."""
    model = lively("vaegan", gamma=0.0, reconstructions_are_fake=reconstructions_are_fake)
    x, noise = draw(model)
    before = sum(logits(model, "decoder", fake, x, noise).sum() for fake in fakes)
    descend(model, ("decoder",), x, noise, lambda gradient: 1e-4 * gradient / np.linalg.norm(gradient), steps=1)
    assert sum(logits(model, "decoder", fake, x, noise).sum() for fake in fakes) > before


@every_maker
def test_saturating_or_not_a_sample_pulls_the_same_way(name: str, maker: str, buffers: str, side: int) -> None:
    """One sample's two gradients differ by the factor d / (1 - d), or its inverse where d shall be 0."""
    plain, saturating = (lively(name, saturating=value) for value in (False, True))
    for seed in range(3):
        x, noise = draw(plain, 1, seed)
        d = sigmoid(logits(plain, maker, buffers, x, noise)).item()
        factor = (d / (1 - d)) ** side
        one, other = (gradients(model, x, noise)[phase_of(model, maker).name][maker] for model in (plain, saturating))
        assert np.any(one)
        np.testing.assert_allclose(other, factor * one, rtol=1e-9, atol=1e-12 * np.abs(one).max())


@pytest.mark.parametrize("smoothing", [0.1, 0.25])
def test_a_smoothed_discriminator_comes_to_rest_at_1_less_s(smoothing: float) -> None:
    """At the data d = 1 - s; fakes are not smoothed, and go on to 0."""
    model = lively("gan", smoothing=smoothing)
    x, noise = draw(model)
    x[:, ::2], x[:, 1::2] = 0, 1
    descend(model, ("discriminator",), x, noise, lambda gradient: 0.02 * gradient, steps=2000)
    d, d_ = (sigmoid(logits(model, "discriminator", buffers, x, noise)) for buffers in ("D1_real", "D1_fake"))
    np.testing.assert_allclose(d, 1 - smoothing, atol=0.01)
    assert d_.max() < 0.01


# Who learns from whom


@pytest.mark.parametrize("architecture", HIDDEN)
@pytest.mark.parametrize("name", ["gan", "dcgan", "aae", "vae-gan-costs", "bigan"])
def test_a_phase_touches_only_the_networks_that_learn_in_it(name: str, architecture: str) -> None:
    """No gradient reaches another, and no running statistic of another moves."""
    model = lively(name, architecture)
    x, noise = draw(model)
    for phase in model.phases:
        before = {each: [array.copy() for array in states(model, each)] for each in model.networks}
        model.zero_gradients()
        phase.gradients(x, noise)
        for each, network in model.networks.items():
            moved = [bool(np.any(a != b)) for a, b in zip(before[each], states(model, each), strict=True)]
            if each in phase.networks:
                assert np.any(network.gradient.read())
                assert all(moved)
            else:
                assert not np.any(network.gradient.read())
                assert not any(moved)


def states(model: Model, network: str) -> list[np.ndarray]:
    """All running statistics of a network."""
    return [array for arrays in model.networks[network].states for array in arrays.values()]


@pytest.mark.parametrize(("architecture", "behind"), [("mlp", 1), ("conv28", 1), ("dcgan", 1), ("conv64", 4)])
def test_layer_l_of_a_vae_gan_is_the_end_of_the_convolutions(architecture: str, behind: int) -> None:
    """Behind it: the output neuron, and in conv64 the dense layer of Larsen et al. with batch norm and rectifier."""
    Dis = lively("vaegan", architecture).networks["discriminator"]
    assert len(Dis.layers) - Dis.intermediate == behind
    assert Dis.layers[Dis.intermediate].name == "dense"
    assert Dis.layers[Dis.intermediate - 1].name == ("leaky_relu" if architecture == "mlp" else "flatten")


@pytest.mark.parametrize("architecture", HIDDEN)
def test_the_encoder_of_a_vae_gan_learns_nothing_from_the_verdict(architecture: str) -> None:
    """With another head of Dis, behind layer l, its gradient is the same to the bit; the other two are not."""
    model = lively("vaegan", architecture)
    x, noise = draw(model)
    (one,) = gradients(model, x, noise).values()
    Dis = model.networks["discriminator"]
    for arrays in Dis.parameters[Dis.intermediate :]:
        for array in arrays.values():
            array += 0.5
    (other,) = gradients(model, x, noise).values()
    np.testing.assert_array_equal(other["encoder"], one["encoder"])
    assert np.any(one["encoder"])
    assert np.any(other["decoder"] != one["decoder"])
    assert np.any(other["discriminator"] != one["discriminator"])


@pytest.mark.parametrize("architecture", HIDDEN)
def test_the_discriminator_of_a_vae_gan_learns_nothing_from_the_likeness(architecture: str) -> None:
    """Where the verdict does not depend on the features, L_GAN has no gradient below layer l, and nor has Dis."""
    model = lively("vaegan", architecture)
    x, noise = draw(model)
    Dis = model.networks["discriminator"]
    Dis.parameters[-1]["W"][:] = 0
    phase = model.phases[0]
    model.zero_gradients()
    assert phase.gradients(x, noise)["features"] > 0
    below = sum(array.size for arrays in Dis.parameters[: Dis.intermediate] for array in arrays.values())
    assert below
    assert not np.any(Dis.gradient.read()[:below])
    assert np.any(Dis.gradient.read()[below:])
    assert np.any(model.networks["encoder"].gradient.read())


@pytest.mark.parametrize(("changed", "same"), [("encoder", "generator"), ("generator", "encoder")])
def test_bigan_never_puts_one_of_its_makers_behind_the_other(changed: str, same: str) -> None:
    """G's gradient does not depend on E, and E's not on G."""
    model = lively("bigan")
    x, noise = draw(model)
    one = gradients(model, x, noise)["pairs"]
    model.networks[changed].theta += 0.3
    other = gradients(model, x, noise)["pairs"]
    np.testing.assert_array_equal(other[same], one[same])
    assert np.any(one[same])
    assert np.any(other[changed] != one[changed])


@pytest.mark.parametrize("name", ["gan", "dcgan", "bigan"])
def test_each_phase_has_fresh_codes(name: str) -> None:
    """z1 is the discriminator's, z2 the generator's, and they are not the same."""
    model = lively(name)
    x, noise = draw(model)
    assert not np.any(noise["z1"] == noise["z2"])
    first, second = (phase.name for phase in model.phases)
    before = gradients(model, x, noise)
    for code, kept, changed in (("z2", first, second), ("z1", second, first)):
        after = gradients(model, x, {**noise, code: noise[code] + 1})
        for network in model.networks:
            np.testing.assert_array_equal(after[kept][network], before[kept][network])
        assert any(np.any(after[changed][network] != before[changed][network]) for network in model.networks)


@pytest.mark.parametrize("propagation", PROPAGATIONS)
@pytest.mark.parametrize("name", VARIANTS)
def test_without_its_switches_ava_takes_the_gradients_of_the_vae(
    name: str, propagation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(VARIANTS, name, Variant())
    vae, ava = lively("vae", propagation=propagation), lively(name, propagation=propagation)
    assert list(ava.networks) == list(vae.networks)
    for network in vae.networks:
        np.testing.assert_array_equal(ava.networks[network].theta, vae.networks[network].theta)
    x, noise = draw(vae)
    expected, found = (gradients(model, x, noise)["step"] for model in (vae, ava))
    for network in vae.networks:
        np.testing.assert_array_equal(found[network], expected[network])


@pytest.mark.parametrize("architecture", ["mlp", "conv64"])
@every_model
def test_nothing_is_left_over_from_one_step_to_the_next(name: str, architecture: str) -> None:
    """After steps on other batches the gradients are those of a fresh model, and a second pass doubles them."""
    used, fresh = lively(name, architecture), lively(name, architecture)
    for batch in (4, 2):
        gradients(used, *draw(used, batch, seed=batch))
    x, noise = draw(used)
    expected = gradients(fresh, x, noise)
    for phase, found in gradients(used, x, noise).items():
        for network, gradient in found.items():
            np.testing.assert_array_equal(gradient, expected[phase][network])
    for part in used.phases:
        used.zero_gradients()
        for _ in range(2):
            part.gradients(x, noise)
        for name in part.networks:
            size = np.abs(expected[part.name][name]).max()
            np.testing.assert_allclose(
                used.networks[name].gradient.read(), 2 * expected[part.name][name], atol=1e-12 * size
            )


@pytest.mark.parametrize(
    ("name", "network", "sign", "terms"),
    [
        ("ae", "encoder", +1, {"reconstruction"}),
        ("vae", "encoder", +1, {"reconstruction", "kl"}),
        ("gan", "discriminator", -1, {"log_d_real", "log_d_fake"}),
        ("dcgan", "discriminator", -1, {"log_d_real", "log_d_fake"}),
        ("aae", "decoder", +1, {"reconstruction"}),
        ("aae", "code_discriminator", -1, {"log_D_prior", "log_D_code"}),
        ("vae-gan-costs", "code_discriminator", -1, {"log_D_prior", "log_D_code"}),
        ("bigan", "discriminator", -1, {"log_d_real", "log_d_fake"}),
        ("vaegan", "encoder", +1, {"kl", "features"}),
        ("vaegan", "discriminator", -1, {"log_d_real", "log_d_reconstructed", "log_d_fake"}),
    ],
)
def test_terms_add_up_to_what_is_descended(name: str, network: str, sign: int, terms: set[str]) -> None:
    model = lively(name)
    x, noise = draw(model)
    phase = phase_of(model, network)
    found = phase.gradients(x, noise)
    assert terms <= set(found)
    assert sign * sum(found[term] for term in terms) == pytest.approx(
        phase.objectives(x, noise, {})[network], rel=1e-12
    )


def test_a_gan_has_no_codes_of_pictures() -> None:
    for name in ("gan", "dcgan"):
        model = lively(name)
        with pytest.raises(AvaError, match=f"^{name} has no encoder"):
            model.encode(np.zeros((2, *SHAPE)))
        assert model.sample(3, np.random.default_rng(0)).shape == (3, *SHAPE)


def test_a_bernoulli_likelihood_needs_values_between_0_and_1() -> None:
    for name in ("ae", "vae", "aae", "vae-gan-costs"):
        with pytest.raises(ArchitectureError, match=r"^a Bernoulli likelihood needs values in \[0, 1\].*$"):
            build(name, SHAPE, likelihood="bernoulli", output="linear")


def test_an_option_that_a_model_does_not_have_is_named_with_those_that_it_has() -> None:
    with pytest.raises(ValueError, match=r"gan has no option 'beta': it has .*smoothing"):
        build("gan", (4, 4, 1), beta=2)
