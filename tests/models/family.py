"""Small models of every kind, as the tests of the family need them."""

from typing import Any

import numpy as np

from ava_np.models import Model, build
from ava_np.models.base import Noise

SHAPE = (9, 8, 3)  # one odd side and one even
HIDDEN = {"mlp": (6, 5), "conv28": (3, 4), "conv64": (4, 3), "dcgan": (3, 4)}


def lively(name: str, architecture: str = "mlp", *, seed: int = 0, latent: int = 3, **options: Any) -> Model:
    """Build a small model in float64 with no parameter at 0 or 1, where a fresh one would hide faults."""
    values: dict[str, Any] = {"hidden": HIDDEN[architecture], "shape": SHAPE, **options}
    model = build(name, architecture=architecture, latent=latent, seed=seed, dtype=np.float64, **values)
    generator = np.random.default_rng((seed, 1))
    for network in model.networks.values():
        network.theta += generator.normal(0, 0.1, network.theta.shape)
    return model


def draw(model: Model, batch: int = 4, seed: int = 0) -> tuple[np.ndarray, Noise]:
    """Draw pictures x, (batch, m), and the noise of a step."""
    generator = np.random.default_rng((seed, 2))
    return generator.random((batch, model.neurons)), model.noise(generator, batch)


def gradients(model: Model, x: np.ndarray, noise: Noise) -> dict[str, dict[str, np.ndarray]]:
    """Every network's gradient after each phase alone, by phase and network; nothing is updated between them."""
    found = {}
    for phase in model.phases:
        model.zero_gradients()
        phase.gradients(x, noise)
        found[phase.name] = {name: network.gradient.read() for name, network in model.networks.items()}
    return found
