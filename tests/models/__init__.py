"""What must be true of the models; here is what their tests share."""

from typing import Any

import numpy as np

from ava_np.models import AVA, VAE, build
from ava_np.models.base import Noise


def small(
    name: str,
    propagation: str,
    *,
    shape: tuple[int, int, int] = (2, 1, 3),
    latent: int = 2,
    hidden: tuple[int, ...] = (5, 4),
    seed: int = 0,
    dtype: type[np.floating] = np.float64,
) -> AVA | VAE:
    """Build a small model with weights and biases of ordinary size: fresh ones, partly 0, would hide faults."""
    model = build(name, shape, propagation=propagation, latent=latent, hidden=hidden, seed=seed, dtype=dtype)
    assert isinstance(model, AVA | VAE)
    generator = np.random.default_rng((seed, 1))
    for network in (getattr(model, letter) for letter in "ΘΦΨΛ" if hasattr(model, letter)):
        for arrays in network.parameters:
            for array in arrays.values():
                array[:] = generator.normal(0, len(array) ** -0.5 if array.ndim == 2 else 0.3, array.shape)
    return model


def small_ava(name: str, propagation: str, **options: Any) -> AVA:
    """The same, of AVA1 to AVA5 alone."""
    model = small(name, propagation, **options)
    assert isinstance(model, AVA)
    return model


def draw(model: AVA | VAE, batch: int, seed: int = 0) -> tuple[np.ndarray, Noise]:
    """Draw pictures x, (batch, m), and the noise of a step: r, (batch, n)."""
    generator = np.random.default_rng((seed, 2))
    return generator.random((batch, model.neurons)).astype(model.dtype), model.noise(generator, batch)


def gradients(model: AVA | VAE, x: np.ndarray, noise: Noise) -> dict[str, np.ndarray]:
    """Copy each network's gradient at x with this noise, summed over the batch."""
    model.zero_gradients()
    model.gradients(x, noise)
    return {name: network.gradient.read() for name, network in model.networks.items()}
