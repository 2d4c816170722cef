"""What the training steps in PyTorch and in JAX have in common.

A peer is made from a model of ava-np: it has the same layers, weights, pictures and objectives, and its framework
differentiates them. It is written as a user of the framework would write it.
"""

from importlib import import_module
from types import ModuleType

import numpy as np

from ava_np.experiments.bench.objectives import OBJECTIVES
from ava_np.models import Model
from ava_np.network import Network
from ava_np.specification import TrainingSpecification


def import_if_installed(name: str) -> ModuleType | None:
    """Return a framework's module, or None if it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        return None


def parameter_paths(network: Network) -> list[dict[str, str]]:
    """For each layer, return the path of each parameter by its name: "dense1.W" for "W"."""
    arrays = network.named_arrays(network.parameters)
    return [{parameter: ".".join(next(arrays)[:2]) for parameter in layer} for layer in network.parameters]


class Peer:
    """Base class of a training step in another framework: its objective and sizes.

    A subclass has two methods. ``step()`` does one training step with new noise. ``results(noise)`` computes the terms,
    and the gradients summed over the batch in our layout, as "encoder.dense1.W"; it changes no parameter.
    """

    def __init__(self, model: Model, training: TrainingSpecification, x: np.ndarray) -> None:
        self.training, self.batch, self.latent = training, len(x), model.latent
        self.objective = OBJECTIVES[model.specification.name]
        self.intermediate = {name: network.intermediate for name, network in model.networks.items()}
        self.γ = getattr(model.specification, "gamma", 1.0)
        self.noise_names = tuple(model.draw_noise(np.random.default_rng(0), 1))
