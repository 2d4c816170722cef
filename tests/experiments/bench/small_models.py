"""Small versions of the benchmarked models, and the settings that the tests measure with."""

from typing import Any

import numpy as np

from ava_np.experiments.bench.measure import Results, Settings
from ava_np.models import Model, build

SMALL: dict[str, tuple[str, tuple[int, int, int], dict[str, Any]]] = {
    "W1": ("ava1", (4, 3, 3), {"latent": 3, "hidden": (8,), "likelihood": "gaussian", "saturating": True}),
    "W2": ("vae", (9, 8, 1), {"latent": 3, "architecture": "conv28", "likelihood": "bernoulli", "hidden": (4, 5)}),
    "W3": ("vaegan", (8, 8, 3), {"latent": 3, "architecture": "conv64", "hidden": (4, 5, 6), "gamma": 0.3}),
}


def small_model(workload: str, dtype: type[np.floating]) -> tuple[Model, np.ndarray, Results]:
    """Return a small model of a workload whose weights are far from 0, with pictures and noise for it."""
    name, shape, options = SMALL[workload]
    model, generator = build(name, shape, dtype=dtype, **options), np.random.default_rng(1)
    for network in model.networks.values():
        network.theta += 0.3 * np.asarray(generator.standard_normal(network.theta.shape), dtype)
        for _, parameter, array in network.named_arrays(network.parameters):
            if parameter == "scale":
                array += 1
    x = generator.random((5, model.neurons)).astype(dtype)
    return model, x, model.noise(generator, len(x))


def settings(**modules: Any) -> Settings:
    """Return settings for a single short turn, with these frameworks."""
    return Settings(**{"torch": None, "jax": None, **modules}, repeats=1, quick=True)
