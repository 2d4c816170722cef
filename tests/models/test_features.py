"""What a model says about pictures besides their codes."""

import numpy as np
import pytest

import ava_np
from ava_np.errors import AvaError


@pytest.mark.parametrize(
    ("name", "architecture"), [("vae", "mlp"), ("ae", "conv28"), ("bigan", "mlp"), ("ava5", "dcgan")]
)
def test_the_code_is_a_linear_function_of_the_features(name: str, architecture: str) -> None:
    hidden = (9,) if architecture == "mlp" else (3, 4)
    model = ava_np.build(name, (8, 8, 1), architecture=architecture, hidden=hidden, latent=3)
    pictures = np.random.default_rng(0).random((300, 8, 8, 1), np.float32)
    head = model.networks["encoder"].parameters[-1]
    codes = (model.features(pictures) @ head["W"] + head["b"])[:, :3]
    np.testing.assert_allclose(codes, model.encode(pictures), atol=1e-5)
    assert model.features(pictures[:0]).shape == (0, model.features(pictures[:1]).shape[1])


def test_models_without_such_an_encoder_have_no_features() -> None:
    x = np.zeros((1, 8, 8, 1), np.float32)
    with pytest.raises(AvaError, match="gan has no encoder"):
        ava_np.build("gan", (8, 8, 1)).features(x)
    with pytest.raises(AvaError, match="does not take pictures alone"):
        ava_np.build("avb", (8, 8, 1)).features(x)


def test_a_posterior_has_the_mean_code_and_its_variance() -> None:
    model = ava_np.build("vae", (8, 8, 1), hidden=(9,), latent=2)
    head = model.networks["encoder"].parameters[-1]
    head["W"][:], head["b"][:] = 0, [1, 2, np.log(4), np.log(9)]
    μ, Σ = model.posterior(np.zeros((3, 8, 8, 1), np.float32))
    np.testing.assert_allclose(μ, [[1, 2]] * 3)
    np.testing.assert_allclose(Σ, [[4, 9]] * 3, rtol=1e-6)


def test_a_model_says_what_it_is() -> None:
    assert repr(ava_np.build("ae", (8, 6, 1), hidden=(5,), latent=2)) == (
        "<ae: pictures of 8x6x1, codes of 2, 560 parameters>"
    )


def test_logits_are_what_the_sigmoid_of_the_output_takes() -> None:
    for name in ("vae", "gan", "ava5"):
        model = ava_np.build(name, (6, 5, 1), hidden=(7,), latent=3)
        model.networks[model.decoder_name].theta[:] += 0.3  # a new decoder gives grey for every code
        z = np.random.default_rng(0).normal(size=(4, 3))
        np.testing.assert_allclose(1 / (1 + np.exp(-model.logits(z))), model.decode(z), rtol=1e-5)
        assert model.logits(z).shape == (4, 6, 5, 1)
    with pytest.raises(AvaError, match="linear"):
        ava_np.build("vae", (6, 5, 1), latent=3, output="linear").logits(np.zeros((1, 3)))
