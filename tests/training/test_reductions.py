"""Reductions: the factor on each layer's gradient, compared with values calculated by hand."""

from typing import Any

import numpy as np
import pytest

from ava_np import build
from ava_np.errors import NotFiniteError
from ava_np.kernels.squared_error import squared_error_backward
from ava_np.models import Model
from ava_np.network import Network
from ava_np.network.architectures import mlp
from ava_np.specification import TrainingSpecification
from ava_np.training.fit import fit
from ava_np.training.optimisers import SGD
from ava_np.training.reductions import layer_weights

SHAPE = (2, 3, 1)  # m = 6


def model(propagation: str, name: str = "ava5") -> Model:
    """Build a model with the widths Θ 6-4-4 (2 each for μ and s), Φ 2-4-6, Ψ 6-4-1, Λ 2-4-1."""
    return build(name, SHAPE, propagation=propagation, latent=2, hidden=(4,))


@pytest.mark.parametrize("propagation", ["exact", "paper"])
@pytest.mark.parametrize(("reduction", "weight"), [("sum", 1.0), ("mean", 1 / 6)])
def test_sum_and_mean_give_every_layer_the_same_weight(propagation: str, reduction: str, weight: float) -> None:
    weights = layer_weights(model(propagation), reduction)  # type: ignore[arg-type]
    assert weights == {
        name: [weight, weight] for name in ("encoder", "decoder", "discriminator", "encoding_discriminator")
    }


def test_fan_with_paper_propagation() -> None:
    """The weight is 1 / fan-in, and another 1 / 1.5 for the decoder's first layer: the next one widens from 4 to 6."""
    weights = layer_weights(model("paper"), "fan")
    assert weights["encoder"] == pytest.approx([1 / 6, 1 / 4])
    assert weights["decoder"] == pytest.approx([1 / (2 * 1.5), 1 / 4])
    assert weights["discriminator"] == pytest.approx([1 / 6, 1 / 4])
    assert weights["encoding_discriminator"] == pytest.approx([1 / 2, 1 / 4])


def test_fan_with_exact_propagation() -> None:
    """The encoder's error comes through the decoder, which widens by 4/2 and then by 6/4, so by 3 in total."""
    exact, paper = layer_weights(model("exact"), "fan"), layer_weights(model("paper"), "fan")
    assert exact["encoder"] == pytest.approx([1 / (6 * 3), 1 / (4 * 3)])
    assert {name: exact[name] for name in exact if name != "encoder"} == {
        name: paper[name] for name in paper if name != "encoder"
    }


def test_fan_of_a_convolution_counts_the_positions_of_its_window() -> None:
    """In conv28 with 4 x 4 grey pixels and one convolution, 25 pixels feed a neuron at each of 2 x 2 positions.

    The dense layer after it has 4 · 3 inputs.
    """
    conv = build("vae", (4, 4, 1), architecture="conv28", latent=2, hidden=(3,), propagation="paper")
    weights = layer_weights(conv, "fan")
    assert weights["encoder"] == pytest.approx([1 / (25 * 4), 1 / 12])
    # the decoder: dense 2 to 12, then 25 · 3 / 4 neurons feed a pixel and a neuron feeds 25
    assert weights["decoder"] == pytest.approx([1 / (2 * 25 / (25 * 3 / 4)), 1 / (25 * 3 / 4 * 4)])


def test_fan_follows_an_error_through_every_network_on_its_path() -> None:
    """BiGAN's generator learns through the whole discriminator: the trunk 6-9 and the head (9 + 2)-256-256-1."""
    bigan = layer_weights(build("bigan", SHAPE, latent=2, hidden=(9,)), "fan")
    widening = (9 / 6) * (256 / 11)
    assert bigan["encoder"][-1] == pytest.approx(1 / (9 * 256 / 11))
    assert bigan["discriminator_trunk"] == pytest.approx([1 / (6 * 256 / 11)])
    assert bigan["generator"] == pytest.approx([1 / (2 * widening), 1 / (9 * widening)])


def test_fan_counts_the_neurons_that_upsampling_repeats() -> None:
    networks = {"decoder": [dense(1), {"layer": "reshape", "shape": [1, 1, 1]}, {"layer": "upsampling", "factor": 3}]}
    vae = build("vae", (3, 3, 1), latent=2, architecture=networks, propagation="paper")
    assert layer_weights(vae, "fan")["decoder"] == pytest.approx([1 / (2 * 9)])


def dense(width: int) -> dict[str, object]:
    return {"layer": "dense", "width": width}


def test_only_networks_that_learn_have_weights() -> None:
    assert set(layer_weights(model("exact", "vae"), "fan")) == {"encoder", "decoder"}
    assert set(layer_weights(model("exact", "ava3"), "fan")) == {"encoder", "decoder", "encoding_discriminator"}


@pytest.mark.parametrize("inputs", [1, 7, 300])
def test_a_fan_step_of_rate_1_moves_a_linear_neuron_by_its_error(inputs: int) -> None:
    """The inputs are ±1. The weights change the output by exactly the error, and the bias by 1/inputs of it."""
    generator = np.random.default_rng(inputs)
    network = Network((inputs,), mlp((), 4), generator, np.float64)
    x, target = generator.choice([-1.0, 1.0], (1, inputs)), generator.normal(size=(1, 4))
    buffers = network.buffers(1)
    before = network.forward(buffers, x).copy()
    squared_error_backward(buffers.zero_error(), before, target)
    network.backward_parameters(buffers, buffers.error)
    training = TrainingSpecification("sgd", 1.0, "fan", 1, 1, 0)
    SGD(network, training).step(network, [1 / inputs], 1, 1.0)
    change = network.forward(buffers, x) - before
    np.testing.assert_allclose(change, (target - before) * (1 + 1 / inputs), rtol=1e-12)


@pytest.mark.parametrize("propagation", ["exact", "paper"])
def test_sgd_of_rate_1_learns_with_fan_only(propagation: str) -> None:
    """With 300 neurons "fan" nearly reaches the error of the mean picture, "mean" hardly learns, and "sum" diverges."""
    pictures = np.random.default_rng(0).random((6, 10, 10, 3), dtype=np.float32)
    mean_picture = 0.5 * float(np.sum((pictures - pictures.mean(axis=0)) ** 2)) / len(pictures)

    def progress(reduction: str) -> float:
        options: dict[str, Any] = {"propagation": propagation, "likelihood": "gaussian"}
        vae = build("vae", (10, 10, 3), hidden=(16,), latent=4, **options)
        metrics = fit(vae, pictures, epochs=100, optimiser="sgd", learning_rate=1.0, reduction=reduction)
        nats = [epoch["nats"]["reconstruction"] for epoch in metrics]
        assert nats[0] > 1.15 * mean_picture
        return (nats[0] - float(np.mean(nats[-20:]))) / (nats[0] - mean_picture)

    assert progress("fan") > 0.75
    assert progress("mean") < 0.25
    with pytest.raises(NotFiniteError):
        progress("sum")
