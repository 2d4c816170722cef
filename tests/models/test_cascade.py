"""The cascade: its codes are those of its VAE, which never changes."""

import copy
from typing import Any

import numpy as np
import pytest

from ava_np.errors import OptionError
from ava_np.models import Cascade, Model, build
from ava_np.training.fit import fit
from tests.models.small_models import HIDDEN, SHAPE, draw, perturbed

PICTURES = np.random.default_rng(0).random((12, *SHAPE), dtype=np.float32)


def frozen(model: Model) -> list[bytes]:
    """Return the bytes of encoder and decoder, with their running statistics."""
    networks = [model.networks[name] for name in ("encoder", "decoder")]
    arrays = [[network.theta, *(a for state in network.states for a in state.values())] for network in networks]
    return [array.tobytes() for each in arrays for array in each]


def trained(architecture: str = "mlp", name: str = "vae", **options: Any) -> Model:
    model = build(name, SHAPE, architecture=architecture, hidden=HIDDEN[architecture], latent=3, seed=5, **options)
    fit(model, PICTURES, epochs=2, batch_size=4)
    return model


def test_codes_lie_where_the_codes_of_the_vae_lie() -> None:
    """The decoder makes points of a line, and the encoder reads them: so each z is on that line, in every phase."""
    linear = {"encoder": [], "decoder": [{"layer": "dense", "width": 2}]}
    vae = build("vae", (1, 2, 1), latent=2, architecture=linear, output="linear")
    vae.networks["encoder"].parameters[-1]["W"][:] = [[1, 0, 0, 0], [0, 1, 0, 0]]  # μ is the point, and log Σ is 0
    vae.networks["decoder"].parameters[0]["W"][:] = [[3, 1.5], [0, 0]]
    vae.networks["decoder"].parameters[0]["b"][:] = 1, -1
    model = build("cascade", (1, 2, 1), vae=vae, architecture="mlp", hidden=(8,))
    _, noise = draw(model, 2000)
    for z in (noise["z1"], noise["z2"], model.prior(np.random.default_rng(1), 2000)):
        np.testing.assert_allclose(z[:, 1] + 1, (z[:, 0] - 1) / 2, atol=1e-5)
        assert z[:, 0].mean() == pytest.approx(1, abs=0.3)
        assert z[:, 0].std() == pytest.approx(3, abs=0.2)


def test_samples_are_drawn_from_the_codes_of_the_vae() -> None:
    model = perturbed("cascade")
    z = model.prior(np.random.default_rng(4), 5)
    assert not np.array_equal(z, np.random.default_rng(4).standard_normal((5, 3)))
    np.testing.assert_array_equal(model.sample(5, 4), model.decode(z))


@pytest.mark.parametrize("architecture", ["mlp", "conv64"])  # conv64 has batch norm
@pytest.mark.parametrize("options", [{}, {"optimiser": "sgd", "weight_decay": 0.1}, {"ema": 0.0, "clip": 0.1}], ids=str)
def test_no_bit_of_the_vae_changes_in_a_training(architecture: str, options: dict[str, Any]) -> None:
    vae = trained(architecture)
    model = build("cascade", SHAPE, vae=vae, architecture="dcgan", hidden=(3, 4))
    others = [model.networks[name].theta.copy() for name in ("generator", "discriminator")]
    assert frozen(model) == frozen(vae)
    fit(model, PICTURES, epochs=2, batch_size=4, **options)
    assert frozen(model) == frozen(vae)
    for name, before in zip(("generator", "discriminator"), others, strict=True):
        assert np.any(model.networks[name].theta != before)


def test_the_vae_is_copied() -> None:
    vae = trained()
    before = frozen(vae)
    model = build("cascade", SHAPE, vae=vae, architecture="mlp", hidden=(4,))
    model.networks["decoder"].theta += 1
    assert frozen(vae) == before


def test_codes_are_those_of_a_network_in_use_not_in_training() -> None:
    """Running statistics of batch norm: a code does not depend on the others that are drawn with it."""
    model = build("cascade", SHAPE, vae=trained("conv64"), architecture="dcgan", hidden=(3, 4))
    few, many = (model.prior(np.random.default_rng(2), count) for count in (2, 40))
    np.testing.assert_allclose(few, many[:2], atol=1e-5)


@pytest.mark.parametrize("architecture", ["mlp", "conv64"])
def test_a_generator_with_the_layers_of_the_decoder_begins_as_the_decoder(architecture: str) -> None:
    """Its first samples are pictures that the VAE draws; the decoder does not learn with it."""
    vae = trained(architecture)
    model = build("cascade", SHAPE, vae=vae, architecture=architecture, hidden=HIDDEN[architecture])
    z = model.prior(np.random.default_rng(4), 5)
    np.testing.assert_array_equal(model.decode(z), vae.decode(z))
    fit(model, PICTURES, epochs=2, batch_size=4)
    assert np.any(model.decode(z) != vae.decode(z))
    assert frozen(model) == frozen(vae)


def test_other_generators_and_every_discriminator_begin_as_those_of_a_dcgan() -> None:
    model = build("cascade", SHAPE, hidden=(3, 4), seed=6, vae=trained())
    gan = build("dcgan", SHAPE, hidden=(3, 4), latent=3, seed=6)
    for name, network in gan.networks.items():
        np.testing.assert_array_equal(model.networks[name].theta, network.theta)


@pytest.mark.parametrize("name", ["ava1", "ava5"])
def test_an_ava_is_a_vae(name: str) -> None:
    ava = trained(name=name)
    model = build("cascade", SHAPE, vae=ava, architecture="mlp", hidden=(4,))
    assert frozen(model) == frozen(ava)
    r = np.random.default_rng(8).standard_normal((3, 3))
    np.testing.assert_array_equal(model.prior(np.random.default_rng(8), 3), ava.encode(ava.decode(r)))


def test_a_cascade_takes_the_vae_of_another_one() -> None:
    first = build("cascade", SHAPE, vae=trained(), architecture="mlp", hidden=(4,))
    assert isinstance(first, Cascade)
    second = copy.deepcopy(first)
    second.networks["encoder"].theta += 1
    second.take_vae(first)
    assert frozen(second) == frozen(first)


@pytest.mark.parametrize(
    ("shape", "name", "options", "words"),
    [
        (SHAPE, "ae", {}, "the codes come from a VAE or an AVA, not from the model ae"),
        (SHAPE, "gan", {}, "not from the model gan"),
        ((4, 4, 1), "vae", {}, "the VAE's pictures are 9x8x3, and the cascade's 4x4x1"),
        (SHAPE, "vae", {"latent": 4}, "the VAE's latent is 3, not 4"),
        (SHAPE, "vae", {"output": "linear"}, "the VAE's output is sigmoid, not linear"),
    ],
)
def test_what_does_not_fit_the_vae_is_refused(
    shape: tuple[int, int, int], name: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(OptionError, match=words):
        build("cascade", shape, vae=build(name, SHAPE, hidden=(4,), latent=3), architecture="mlp", **options)


def test_another_vae_than_the_specification_says_is_refused() -> None:
    model = build("cascade", SHAPE, vae=trained(), architecture="mlp", hidden=(4,))
    assert isinstance(model, Cascade)
    with pytest.raises(OptionError, match="the cascade is of another model than this vae"):
        model.take_vae(build("vae", SHAPE, latent=3, hidden=(4,)))
    with pytest.raises(OptionError, match="gan has no option 'vae'"):
        build("gan", SHAPE, vae=trained())
