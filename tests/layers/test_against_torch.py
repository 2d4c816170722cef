"""Every layer, and whole networks of every named architecture, compared with PyTorch in float64."""

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_np.experiments.layers_against_torch import our_results, torch_results, worst_errors
from ava_np.layers import BatchNorm, Layer, MinibatchDiscrimination, Mode, Shape
from ava_np.network import Network, architectures
from ava_np.specification import VAE, ArchitectureName
from tests.layers.cases import BY_MODE, CASES, MODES, Case, run
from tests.oracles import few_examples, normal, seeds

torch: Any = pytest.importorskip("torch")

TOLERANCE = 1e-9
"""Relative to the largest value of each array."""

NETWORKS = ("encoder", "decoder", "discriminator", "code_discriminator")


def check(case: Case, mode: Mode, seed: int) -> None:
    """Assert that output, running statistics, input error and every parameter's gradient agree with PyTorch."""
    network, buffers, x, error = run(case, mode, seed)
    theirs = torch_results(torch, network, buffers, x, error)
    assert max(worst_errors(our_results(network, buffers, x, error), theirs)) < TOLERANCE


@pytest.mark.parametrize(("name", "mode"), BY_MODE)
@given(data=st.data(), seed=seeds)
@few_examples
def test_every_layer_agrees_with_pytorch(name: str, mode: Mode, data: st.DataObject, seed: int) -> None:
    check(data.draw(CASES[name]), mode, seed)


@pytest.mark.parametrize("shape", [(3,), (5, 3, 2)])
def test_running_statistics_agree_with_pytorch_after_several_batches(shape: Shape) -> None:
    """The output in evaluation mode, which uses them, agrees too."""
    generator = np.random.default_rng(0)
    network = Network(shape, [BatchNorm()], generator, np.float64)
    module = torch.nn.BatchNorm1d(shape[-1]) if len(shape) == 1 else torch.nn.BatchNorm2d(shape[-1])
    module = module.double()
    for batch in (4, 7, 2, 7):
        x = 3 + 2 * generator.normal(size=(batch, *shape))
        network.forward(network.buffers(batch), x)
        module(torch.from_numpy(np.moveaxis(x, -1, 1).copy()))
    np.testing.assert_allclose(network.states[0]["mean"], module.running_mean, rtol=TOLERANCE)
    np.testing.assert_allclose(network.states[0]["variance"], module.running_var, rtol=TOLERANCE)

    module.eval()
    x = generator.normal(size=(3, *shape))
    y = network.forward(network.buffers(3, "evaluation"), x)
    expected = module(torch.from_numpy(np.moveaxis(x, -1, 1).copy())).detach().numpy()
    np.testing.assert_allclose(y, np.moveaxis(expected, 1, -1), rtol=TOLERANCE, atol=TOLERANCE)


def test_minibatch_discrimination_of_equal_samples_agrees_with_pytorch() -> None:
    """PyTorch also uses 0 as the derivative of |·| at 0."""
    generator = np.random.default_rng(0)
    network = Network((4,), [MinibatchDiscrimination(3, 2)], generator, np.float64)
    buffers, x = network.buffers(4), normal(generator, (4, 4), np.float64)
    x[2] = x[0]
    error = normal(generator, buffers.output.shape, np.float64)
    theirs = torch_results(torch, network, buffers, x, error)
    assert max(worst_errors(our_results(network, buffers, x, error), theirs)) < TOLERANCE


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("architecture", get_args(ArchitectureName))
@pytest.mark.parametrize("shape", [(17, 23, 1), (13, 9, 3)])
def test_whole_networks_agree_with_pytorch(
    shape: tuple[int, int, int], architecture: ArchitectureName, name: str, mode: Mode
) -> None:
    """Every named architecture is checked at odd sizes, the discriminator with head and minibatch discrimination."""
    specification = VAE(architecture=architecture, hidden=(4, 5, 6), latent=3)
    networks = architectures.architecture(specification, shape, output_initialiser="he_normal")
    layers: list[Layer] = getattr(networks, name)
    if name == "discriminator":
        trunk = [*layers, *networks.discriminator_head]
        layers = architectures.discriminator(trunk, minibatch_discrimination=True)
    inputs = (3,) if name in ("decoder", "code_discriminator") else (int(np.prod(shape)),)
    check(Case(tuple(layers), inputs, 4), mode, 0)
