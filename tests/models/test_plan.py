"""The arrays of a model are known before any memory is taken for them."""

import time
import tracemalloc

import pytest

from ava_np.models import array_shapes, from_specification, parameter_count
from ava_np.specification import MODELS, VAE, specify_model

SHAPE = (32, 32, 1)
HIDDEN = {"mlp": (5, 4), "conv28": (2, 3), "conv64": (2, 3), "dcgan": (2, 3)}


@pytest.mark.parametrize("architecture", HIDDEN)
@pytest.mark.parametrize("name", MODELS)
def test_planned_arrays_are_those_of_the_model(name: str, architecture: str) -> None:
    specification = specify_model(name, latent=2, architecture=architecture, hidden=HIDDEN[architecture])
    model = from_specification(specification, SHAPE)
    made = {
        f"{network}.{layer}.{parameter}": array.shape
        for network, value in model.networks.items()
        for views in (value.parameters, value.states)
        for layer, parameter, array in value.named_arrays(views)
    }
    assert list(array_shapes(specification, SHAPE).items()) == list(made.items())
    assert parameter_count(specification, SHAPE) == sum(network.theta.size for network in model.networks.values())


def test_a_plan_takes_neither_time_nor_memory() -> None:
    start = time.perf_counter()
    tracemalloc.start()
    try:
        count = parameter_count(VAE(latent=2, hidden=(256,)), (4000, 4000, 3))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count > 24e9
    assert peak < 1e6
    assert time.perf_counter() - start < 1
