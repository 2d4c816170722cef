"""Each model beyond its gradients: which network learns from which loss, which side is real, and where it converges."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ava_np.errors import ArchitectureError, AvaError
from ava_np.models import Model, build
from ava_np.models.ava import VARIANTS, Variant
from ava_np.models.propagation import PROPAGATIONS
from ava_np.models.step import Noise, Phase
from ava_np.models.terms import sigmoid
from ava_np.models.vaegansum import VAEGANSum
from ava_np.specification import MODELS
from tests.models.small_models import HIDDEN, SHAPE, draw, gradients_by_phase, perturbed

SIDES = {  # the networks of each discriminator, and the names of its buffers for real and for fake samples
    "gan": (("discriminator",), "D1_real", ("D1_fake",)),
    "dcgan": (("discriminator",), "D1_real", ("D1_fake",)),
    "cascade": (("discriminator",), "D1_real", ("D1_fake",)),
    "aae": (("code_discriminator",), "D2_real", ("D2_fake",)),
    "vae-gan-costs": (("code_discriminator",), "D2_real", ("D2_fake",)),
    "bigan": (("discriminator_trunk", "discriminator"), "head1_real", ("head1_fake",)),
    "vaegan": (("discriminator",), "Dis", ("Dis_", "Dis_p")),
    "alphagan": (("discriminator",), "D", ("D_", "D_p")),
    "vae-gan-sum": (("discriminator",), "D", ("D_p",)),
    "avb": (("discriminator_trunk", "discriminator"), "T", ("T_p",)),
}
OPPONENTS = [  # a network that learns to fool a discriminator, the buffers of that discriminator, the desired direction
    ("gan", "generator", "D2_fake", +1),
    ("dcgan", "generator", "D2_fake", +1),
    ("cascade", "generator", "D2_fake", +1),
    ("aae", "encoder", "D3_fake", +1),
    ("vae-gan-costs", "encoder", "D3_fake", +1),
    ("bigan", "generator", "head2_fake", +1),
    ("bigan", "encoder", "head2_real", -1),
]

every_model = pytest.mark.parametrize("name", MODELS)
every_opponent = pytest.mark.parametrize(("name", "opponent", "buffers", "sign"), OPPONENTS)


def phase_of(model: Model, network: str) -> Phase:
    """Return the last phase in which a network learns."""
    return [phase for phase in model.phases if network in phase.networks][-1]


def descend(
    model: Model,
    names: tuple[str, ...],
    x: np.ndarray,
    noise: Noise,
    update: Callable[[np.ndarray], np.ndarray],
    steps: int,
) -> None:
    """Train the named networks of one phase, and no others; ``update`` returns the step for a gradient."""
    phase = phase_of(model, names[0])
    for _ in range(steps):
        model.zero_gradients()
        phase.gradients(x, noise)
        for name in names:
            model.networks[name].theta -= update(model.networks[name].gradient.read())


def logits(model: Model, network: str, buffers: str, x: np.ndarray, noise: Noise) -> np.ndarray:
    """Return a discriminator's logits, from its buffers of the phase in which ``network`` learns."""
    phase_of(model, network).gradients(x, noise)
    return np.array(getattr(model.buffers(len(x), noise), buffers).output)


# Which side is real


@pytest.mark.parametrize(("name", "smoothing"), [*((name, 0.0) for name in SIDES), ("gan", 0.3), ("bigan", 0.3)])
def test_discriminators_learn_to_call_data_and_prior_real(name: str, smoothing: float) -> None:
    """A discriminator that is trained alone classifies all samples of both sides correctly."""
    options: dict[str, Any] = {"smoothing": smoothing} if smoothing else {}
    model = perturbed(name, **options)
    x, noise = draw(model)
    x[:, ::2], x[:, 1::2] = 0, 1  # stripes, which no untrained generator produces
    if "z_p" in noise:
        noise["z_p"] = 4 + np.abs(noise["z_p"])  # codes that no untrained encoder produces
    networks, real, fakes = SIDES[name]
    descend(model, networks, x, noise, lambda gradient: 0.002 * gradient, steps=600)
    assert logits(model, networks[0], real, x, noise).min() > 0
    for fake in fakes:
        assert logits(model, networks[0], fake, x, noise).max() < 0


@every_opponent
def test_generators_and_encoders_learn_to_fool_the_discriminator(
    name: str, opponent: str, buffers: str, sign: int
) -> None:
    """A small step raises the logits of a generator's samples; a step of BiGAN's encoder lowers those of its pairs."""
    for saturating in (False, True):
        model = perturbed(name, saturating=saturating)
        x, noise = draw(model)
        before = logits(model, opponent, buffers, x, noise).sum()
        descend(model, (opponent,), x, noise, lambda gradient: 1e-4 * gradient / np.linalg.norm(gradient), steps=1)
        assert sign * (logits(model, opponent, buffers, x, noise).sum() - before) > 0


@pytest.mark.parametrize(("reconstructions_are_fake", "fakes"), [(True, ("Dis_", "Dis_p")), (False, ("Dis_p",))])
def test_vaegan_decoder_learns_to_fool_the_discriminator(
    reconstructions_are_fake: bool, fakes: tuple[str, ...]
) -> None:
    """With γ = 0 it descends L_GAN alone, so a step raises the logits of samples and of reconstructions that count."""
    model = perturbed("vaegan", gamma=0.0, reconstructions_are_fake=reconstructions_are_fake)
    x, noise = draw(model)
    before = sum(logits(model, "decoder", fake, x, noise).sum() for fake in fakes)
    descend(model, ("decoder",), x, noise, lambda gradient: 1e-4 * gradient / np.linalg.norm(gradient), steps=1)
    assert sum(logits(model, "decoder", fake, x, noise).sum() for fake in fakes) > before


@every_opponent
def test_saturating_and_non_saturating_gradients_are_parallel(
    name: str, opponent: str, buffers: str, sign: int
) -> None:
    """For one sample they differ by the factor d / (1 - d), or by its inverse for an encoder, which lowers d."""
    plain, saturating = (perturbed(name, saturating=value) for value in (False, True))
    phase = phase_of(plain, opponent).name
    for seed in range(3):
        x, noise = draw(plain, 1, seed)
        d = sigmoid(logits(plain, opponent, buffers, x, noise)).item()
        factor = (d / (1 - d)) ** sign
        expected, actual = (gradients_by_phase(model, x, noise)[phase][opponent] for model in (plain, saturating))
        assert np.any(expected)
        np.testing.assert_allclose(actual, factor * expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("smoothing", [0.1, 0.25])
def test_label_smoothing_makes_the_discriminator_converge_to_1_minus_s(smoothing: float) -> None:
    """At the data d converges to 1 - s. Fakes are not smoothed: there d converges to 0."""
    model = perturbed("gan", smoothing=smoothing)
    x, noise = draw(model)
    x[:, ::2], x[:, 1::2] = 0, 1
    descend(model, ("discriminator",), x, noise, lambda gradient: 0.02 * gradient, steps=2000)
    d, d_ = (sigmoid(logits(model, "discriminator", buffers, x, noise)) for buffers in ("D1_real", "D1_fake"))
    np.testing.assert_allclose(d, 1 - smoothing, atol=0.01)
    assert d_.max() < 0.01


# Which network learns from which loss


@pytest.mark.parametrize("architecture", HIDDEN)
@pytest.mark.parametrize("name", ["gan", "dcgan", "aae", "vae-gan-costs", "bigan", "cascade"])
def test_a_phase_changes_only_the_networks_that_learn_in_it(name: str, architecture: str) -> None:
    """Other networks get no gradient, and their running statistics do not change."""
    model = perturbed(name, architecture)
    x, noise = draw(model)
    for phase in model.phases:
        before = {key: [array.copy() for array in states(model, key)] for key in model.networks}
        model.zero_gradients()
        phase.gradients(x, noise)
        for key, network in model.networks.items():
            changed = [bool(np.any(a != b)) for a, b in zip(before[key], states(model, key), strict=True)]
            if key in phase.networks:
                assert np.any(network.gradient.read())
                assert all(changed)
            else:
                assert not np.any(network.gradient.read())
                assert not any(changed)


def states(model: Model, network: str) -> list[np.ndarray]:
    """Return all running statistics of a network."""
    return [array for arrays in model.networks[network].states for array in arrays.values()]


@pytest.mark.parametrize(("architecture", "after"), [("mlp", 1), ("conv28", 1), ("dcgan", 1), ("conv64", 4)])
def test_vaegan_layer_l_is_the_end_of_the_convolutions(architecture: str, after: int) -> None:
    """The output neuron comes after it, and in conv64 first Larsen's dense layer with batch norm and rectifier."""
    Dis = perturbed("vaegan", architecture).networks["discriminator"]
    assert len(Dis.layers) - Dis.intermediate == after
    assert Dis.layers[Dis.intermediate].name == "dense"
    assert Dis.layers[Dis.intermediate - 1].name == ("leaky_relu" if architecture == "mlp" else "flatten")


@pytest.mark.parametrize("architecture", HIDDEN)
def test_vaegan_encoder_gets_no_gradient_from_the_adversarial_loss(architecture: str) -> None:
    """If the layers of Dis after layer l change, the encoder's gradient stays the same bits; the others change."""
    model = perturbed("vaegan", architecture)
    x, noise = draw(model)
    (before,) = gradients_by_phase(model, x, noise).values()
    Dis = model.networks["discriminator"]
    for arrays in Dis.parameters[Dis.intermediate :]:
        for array in arrays.values():
            array += 0.5
    (after,) = gradients_by_phase(model, x, noise).values()
    np.testing.assert_array_equal(after["encoder"], before["encoder"])
    assert np.any(before["encoder"])
    assert np.any(after["decoder"] != before["decoder"])
    assert np.any(after["discriminator"] != before["discriminator"])


@pytest.mark.parametrize("architecture", HIDDEN)
def test_vaegan_discriminator_gets_no_gradient_from_the_feature_error(architecture: str) -> None:
    """If the logit does not depend on the features, L_GAN has no gradient below layer l, so Dis has none there."""
    model = perturbed("vaegan", architecture)
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


@pytest.mark.parametrize("architecture", HIDDEN)
def test_avb_discriminator_and_encoder_learn_nothing_from_each_other(architecture: str) -> None:
    """T's gradient does not depend on the decoder, nor the encoder's on the prior's codes, which T alone compares."""
    model = perturbed("avb", architecture)
    x, noise = draw(model)
    before = gradients_by_phase(model, x, noise)["step"]
    other_codes = gradients_by_phase(model, x, {**noise, "z_p": noise["z_p"] + 1})["step"]
    model.networks["decoder"].theta += 0.3
    other_decoder = gradients_by_phase(model, x, noise)["step"]
    for after, same in (
        (other_codes, ("encoder_trunk", "encoder", "decoder")),
        (other_decoder, ("discriminator_trunk", "discriminator")),
    ):
        for name in model.networks:
            assert np.any(before[name])
            assert np.array_equal(after[name], before[name]) == (name in same)


@pytest.mark.parametrize("architecture", HIDDEN)
def test_alphagan_encoder_learns_nothing_from_the_discriminator_of_pictures(architecture: str) -> None:
    """Another D changes the gradient of G and D alone, and another C that of E and C alone."""
    model = perturbed("alphagan", architecture)
    x, noise = draw(model)
    before = gradients_by_phase(model, x, noise)["step"]
    for discriminator, opponent in (("discriminator", "decoder"), ("code_discriminator", "encoder")):
        θ = model.networks[discriminator].theta
        original = θ.copy()
        θ += 0.3
        after = gradients_by_phase(model, x, noise)["step"]
        θ[:] = original
        for name in model.networks:
            assert np.any(before[name])
            assert np.array_equal(after[name], before[name]) == (name not in (discriminator, opponent))


@pytest.mark.parametrize("likelihood", ["calibrated", "gaussian", "bernoulli"])
def test_the_weighted_sum_of_weight_0_is_a_vae(likelihood: str) -> None:
    """Every bit of both gradients, from the same weights and noise. Another weight changes the decoder's alone."""
    model = perturbed("vae-gan-sum", likelihood=likelihood, adversarial_weight=0.0)
    vae = perturbed("vae", likelihood=likelihood)
    assert isinstance(model, VAEGANSum)
    for name in vae.networks:
        vae.networks[name].theta[:] = model.networks[name].theta
    x, noise = draw(model)
    alone = gradients_by_phase(model, x, noise)["step"]
    expected = gradients_by_phase(vae, x, {"r": noise["r"]})["step"]
    for name in vae.networks:
        assert np.any(alone[name])
        np.testing.assert_array_equal(alone[name], expected[name])
    model.λ = 2.0
    joined = gradients_by_phase(model, x, noise)["step"]
    assert np.array_equal(joined["encoder"], alone["encoder"])
    assert np.array_equal(joined["discriminator"], alone["discriminator"])
    assert np.any(joined["decoder"] != alone["decoder"])


def test_the_weighted_sum_without_the_vae_is_a_gan() -> None:
    """Where all pictures are reconstructed without error, the decoder gets the generator's error alone, times λ."""
    model, gan = perturbed("vae-gan-sum", likelihood="gaussian", adversarial_weight=3.0), perturbed("gan")
    model.networks["decoder"].theta[: 3 * 5] = 0  # the weights of its first layer: it ignores the code,
    x, noise = draw(model)
    x[:] = model.decode(np.zeros((1, 3))).reshape(1, -1)  # and these pictures are what it draws
    for ours, theirs in (("decoder", "generator"), ("discriminator", "discriminator")):
        gan.networks[theirs].theta[:] = model.networks[ours].theta
    decoder = gradients_by_phase(model, x, noise)["step"]["decoder"]
    generator = gradients_by_phase(gan, x, {"z1": noise["z_p"], "z2": noise["z_p"]})["generator"]["generator"]
    assert np.any(generator)
    np.testing.assert_allclose(decoder, 3 * generator, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize(("changed", "same"), [("encoder", "generator"), ("generator", "encoder")])
def test_bigan_encoder_and_generator_gradients_do_not_depend_on_each_other(changed: str, same: str) -> None:
    """A change of E does not change the gradient of G, and a change of G not that of E."""
    model = perturbed("bigan")
    x, noise = draw(model)
    before = gradients_by_phase(model, x, noise)["pairs"]
    model.networks[changed].theta += 0.3
    after = gradients_by_phase(model, x, noise)["pairs"]
    np.testing.assert_array_equal(after[same], before[same])
    assert np.any(before[same])
    assert np.any(after[changed] != before[changed])


@pytest.mark.parametrize("name", ["gan", "dcgan", "bigan", "cascade"])
def test_each_phase_draws_new_codes(name: str) -> None:
    """z1 is for the discriminator, z2 for the generator, and they differ."""
    model = perturbed(name)
    x, noise = draw(model)
    assert not np.any(noise["z1"] == noise["z2"])
    first, second = (phase.name for phase in model.phases)
    before = gradients_by_phase(model, x, noise)
    for code, unchanged, changed in (("z2", first, second), ("z1", second, first)):
        after = gradients_by_phase(model, x, {**noise, code: noise[code] + 1})
        for network in model.networks:
            np.testing.assert_array_equal(after[unchanged][network], before[unchanged][network])
        assert any(np.any(after[changed][network] != before[changed][network]) for network in model.networks)


AUGMENTED = ("gan", "dcgan", "bigan")
CHANGES = ("colour", "translation", "cutout")


@pytest.mark.parametrize("name", AUGMENTED)
def test_every_application_of_a_discriminator_draws_its_own_changes(name: str) -> None:
    """T1_real and T1_fake change what the discriminator learns, T2_fake what the generator learns, and nothing else."""
    model = perturbed(name, augment=CHANGES)
    x, noise = draw(model)
    first, second = (phase.name for phase in model.phases)
    before = gradients_by_phase(model, x, noise)
    reads = {"T1_real": (first, second), "T1_fake": (first, second), "T2_fake": (second, first)}
    reads |= {"T2_real": (second, first)} if name == "bigan" else {}
    assert {key for key in noise if key.startswith("T")} == reads.keys()
    for key, (changed, unchanged) in reads.items():
        assert not any(np.array_equal(noise[key], noise[other]) for other in reads if other != key)
        after = gradients_by_phase(model, x, {**noise, key: 1 - noise[key]})
        for network in model.networks:
            np.testing.assert_array_equal(after[unchanged][network], before[unchanged][network])
        assert any(np.any(after[changed][network] != before[changed][network]) for network in model.networks)


@pytest.mark.parametrize("name", AUGMENTED)
def test_augmentation_is_off_by_default_and_draws_after_the_codes(name: str) -> None:
    """So runs that began before there was the option resume to the same bytes."""
    plain, changed = (perturbed(name, augment=changes).noise(np.random.default_rng(0), 4) for changes in ((), CHANGES))
    assert perturbed(name).specification == perturbed(name, augment=()).specification
    assert list(plain) == ["z1", "z2"]
    for key, codes in plain.items():
        np.testing.assert_array_equal(codes, changed[key])


def test_the_encoder_of_a_bigan_sees_pictures_that_are_not_changed() -> None:
    """With T, all that changes for E is the head's error: its codes are those of x."""
    plain, augmented = perturbed("bigan"), perturbed("bigan", augment=CHANGES)
    x, noise = draw(augmented)
    for model in (plain, augmented):
        gradients_by_phase(model, x, noise)
    codes = [model.buffers(len(x), noise).E2.output for model in (plain, augmented)]
    np.testing.assert_array_equal(*codes)


def test_order_and_repetition_of_changes_do_not_matter() -> None:
    x, noise = draw(perturbed("gan", augment=CHANGES))
    one, other = (
        gradients_by_phase(perturbed("gan", augment=changes), x, noise)["generator"]["generator"]
        for changes in (CHANGES, CHANGES[::-1])
    )
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("propagation", PROPAGATIONS)
@pytest.mark.parametrize("name", VARIANTS)
def test_without_switches_ava_has_the_gradients_of_the_vae(
    name: str, propagation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(VARIANTS, name, Variant())
    vae, ava = perturbed("vae", propagation=propagation), perturbed(name, propagation=propagation)
    assert list(ava.networks) == list(vae.networks)
    for network in vae.networks:
        np.testing.assert_array_equal(ava.networks[network].theta, vae.networks[network].theta)
    x, noise = draw(vae)
    expected, actual = (gradients_by_phase(model, x, noise)["step"] for model in (vae, ava))
    for network in vae.networks:
        np.testing.assert_array_equal(actual[network], expected[network])


@pytest.mark.parametrize("architecture", ["mlp", "conv64"])
@every_model
def test_gradients_do_not_depend_on_earlier_steps(name: str, architecture: str) -> None:
    """After steps on other batches the gradients are those of a new model, and a second pass doubles them."""
    used, new = perturbed(name, architecture), perturbed(name, architecture)
    for batch in (4, 2):
        gradients_by_phase(used, *draw(used, batch, seed=batch))
    x, noise = draw(used)
    expected = gradients_by_phase(new, x, noise)
    for phase_name, actual in gradients_by_phase(used, x, noise).items():
        for network, gradient in actual.items():
            np.testing.assert_array_equal(gradient, expected[phase_name][network])
    for phase in used.phases:
        used.zero_gradients()
        for _ in range(2):
            phase.gradients(x, noise)
        for network in phase.networks:
            once = expected[phase.name][network]
            np.testing.assert_allclose(
                used.networks[network].gradient.read(), 2 * once, atol=1e-12 * np.abs(once).max()
            )


@pytest.mark.parametrize(
    ("name", "network", "sign", "terms"),
    [
        ("ae", "encoder", +1, {"reconstruction"}),
        ("vae", "encoder", +1, {"reconstruction", "kl"}),
        ("gan", "discriminator", -1, {"log_d_real", "log_d_fake"}),
        ("dcgan", "discriminator", -1, {"log_d_real", "log_d_fake"}),
        ("cascade", "discriminator", -1, {"log_d_real", "log_d_fake"}),
        ("aae", "decoder", +1, {"reconstruction"}),
        ("aae", "code_discriminator", -1, {"log_D_prior", "log_D_code"}),
        ("vae-gan-costs", "code_discriminator", -1, {"log_D_prior", "log_D_code"}),
        ("bigan", "discriminator", -1, {"log_d_real", "log_d_fake"}),
        ("vaegan", "encoder", +1, {"kl", "features"}),
        ("vaegan", "discriminator", -1, {"log_d_real", "log_d_reconstructed", "log_d_fake"}),
        ("alphagan", "discriminator", -1, {"log_d_real", "log_d_reconstructed", "log_d_fake"}),
        ("alphagan", "code_discriminator", -1, {"log_D_prior", "log_D_code"}),
        ("vae-gan-sum", "encoder", +1, {"reconstruction", "kl"}),
        ("vae-gan-sum", "discriminator", -1, {"log_d_real", "log_d_fake"}),
        ("avb", "encoder", +1, {"reconstruction", "kl"}),
        ("avb", "discriminator", -1, {"log_d_real", "log_d_fake"}),
    ],
)
def test_terms_add_up_to_the_objective(name: str, network: str, sign: int, terms: set[str]) -> None:
    model = perturbed(name)
    x, noise = draw(model)
    phase = phase_of(model, network)
    values = phase.gradients(x, noise)
    assert terms <= set(values)
    assert sign * sum(values[term] for term in terms) == pytest.approx(
        phase.objectives(x, noise, {"σ2": np.ones((4, 1))})[network], rel=1e-12
    )


def test_encoding_with_a_gan_raises() -> None:
    for name in ("gan", "dcgan"):
        model = perturbed(name)
        with pytest.raises(AvaError, match=f"^{name} has no encoder"):
            model.encode(np.zeros((2, *SHAPE)))
        assert model.sample(3, np.random.default_rng(0)).shape == (3, *SHAPE)


def test_a_bernoulli_likelihood_requires_a_sigmoid_output() -> None:
    for name in ("ae", "vae", "aae", "vae-gan-costs"):
        with pytest.raises(ArchitectureError, match=r"^a Bernoulli likelihood needs values in \[0, 1\].*$"):
            build(name, SHAPE, likelihood="bernoulli", output="linear")


def test_an_unknown_option_is_rejected_with_the_valid_ones() -> None:
    with pytest.raises(ValueError, match=r"gan has no option 'beta': it has .*smoothing"):
        build("gan", (4, 4, 1), beta=2)
