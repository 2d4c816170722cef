"""What must be true of the models; here is what their tests share."""

import numpy as np

from ava_np.models import AVA, build


def small(
    name: str,
    propagation: str,
    *,
    shape: tuple[int, int, int] = (2, 1, 3),
    latent: int = 2,
    hidden: tuple[int, ...] = (5, 4),
    seed: int = 0,
    dtype: type[np.floating] = np.float64,
) -> AVA:
    """Build a small model with weights and biases of ordinary size: fresh ones, partly 0, would hide faults."""
    model = build(name, shape, propagation=propagation, latent=latent, hidden=hidden, seed=seed, dtype=dtype)
    assert isinstance(model, AVA)
    generator = np.random.default_rng((seed, 1))
    for network in (model.Θ, model.Φ, model.Ψ, model.Λ):
        for arrays in network.parameters:
            for array in arrays.values():
                array[:] = generator.normal(0, len(array) ** -0.5 if array.ndim == 2 else 0.3, array.shape)
    return model


def draw(model: AVA, batch: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw pictures x, (batch, m), and noise r, (batch, n)."""
    generator = np.random.default_rng((seed, 2))
    return generator.random((batch, model.neurons)).astype(model.dtype), model.noise(generator, batch)


def gradients(model: AVA, x: np.ndarray, r: np.ndarray) -> dict[str, np.ndarray]:
    """Copy each network's gradient at x and r, summed over the batch."""
    model.zero_gradients()
    model.gradients(x, r)
    return {name: network.grad.copy() for name, network in model.networks.items()}
