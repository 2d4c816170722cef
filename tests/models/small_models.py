"""Small models, and the pictures, noise and gradients of one step, for the tests of the models."""

from typing import Any

import numpy as np

from ava_np.models import AVA, VAE, Model, build
from ava_np.models.step import Noise

SHAPE = (9, 8, 3)  # one odd side and one even
HIDDEN = {"mlp": (6, 5), "conv28": (3, 4), "conv64": (4, 3), "dcgan": (3, 4)}


def perturbed(name: str, architecture: str = "mlp", *, seed: int = 0, latent: int = 3, **options: Any) -> Model:
    """Build a small float64 model and add noise to all parameters, because initial values of 0 or 1 hide mistakes."""
    values: dict[str, Any] = {"hidden": HIDDEN[architecture], "shape": SHAPE, **options}
    model = build(name, architecture=architecture, latent=latent, seed=seed, dtype=np.float64, **values)
    generator = np.random.default_rng((seed, 1))
    for network in model.networks.values():
        network.theta += generator.normal(0, 0.1, network.theta.shape)
    return model


def small(
    name: str,
    propagation: str,
    *,
    shape: tuple[int, int, int] = (2, 1, 3),
    latent: int = 2,
    hidden: tuple[int, ...] = (5, 4),
    seed: int = 0,
    dtype: type[np.floating] = np.float64,
    **options: Any,
) -> AVA | VAE:
    """Build a small model of the paper with random weights and biases, because biases of 0 hide mistakes.

    It has the printed objective, unless ``options`` say otherwise.
    """
    printed = {"likelihood": "gaussian"} if name == "vae" else {"likelihood": "gaussian", "saturating": True}
    options = {**printed, **options, "propagation": propagation, "latent": latent, "hidden": hidden}
    model = build(name, shape, seed=seed, dtype=dtype, **options)
    assert isinstance(model, AVA | VAE)
    generator = np.random.default_rng((seed, 1))
    for network in (getattr(model, letter) for letter in "ΘΦΨΛ" if hasattr(model, letter)):
        for arrays in network.parameters:
            for array in arrays.values():
                array[:] = generator.normal(0, len(array) ** -0.5 if array.ndim == 2 else 0.3, array.shape)
    return model


def small_ava(name: str, propagation: str, **options: Any) -> AVA:
    """Build one of AVA1 to AVA5 in the same way."""
    model = small(name, propagation, **options)
    assert isinstance(model, AVA)
    return model


def draw(model: Model, batch: int = 4, seed: int = 0) -> tuple[np.ndarray, Noise]:
    """Draw pictures x, (batch, m), and the noise of a step."""
    generator = np.random.default_rng((seed, 2))
    return generator.random((batch, model.neurons)).astype(model.dtype), model.noise(generator, batch)


def gradients(model: Model, x: np.ndarray, noise: Noise) -> dict[str, np.ndarray]:
    """Return each network's gradient, summed over the batch, of a model of one phase."""
    (phase,) = gradients_by_phase(model, x, noise).values()
    return phase


def gradients_by_phase(model: Model, x: np.ndarray, noise: Noise) -> dict[str, dict[str, np.ndarray]]:
    """Return every network's gradient after each phase, by phase and network, without any update between them."""
    results = {}
    for phase in model.phases:
        model.zero_gradients()
        phase.gradients(x, noise)
        results[phase.name] = {name: network.gradient.read() for name, network in model.networks.items()}
    return results
