"""Small trainings of which several threads share the products, for tests that run many at once."""

import numpy as np

from ava_np.data.batches import Batches
from ava_np.kernels.machine import elementwise, gemv, parallel
from ava_np.models import Model, build
from ava_np.specification import TrainingSpecification
from ava_np.training.trainer import Trainer

PICTURES = np.random.default_rng(0).random((96, 16, 16, 1), dtype=np.float32)
SEEDS = range(4)


def trainer(seed: int) -> Trainer:
    """Ready to take six steps, with work in as many parts as there are cores."""
    parallel.MIN_MULTIPLY_ADDS = elementwise.MIN_ELEMENTS = gemv.MIN_ELEMENTS = 1 << 12
    model = build("ava5", (16, 16, 1), hidden=(256,), latent=4, seed=seed)
    return Trainer(model, TrainingSpecification("adam", 0.001, "sum", 32, 2, seed))


def parameters(model: Model) -> bytes:
    """Of all networks."""
    return b"".join(network.theta.tobytes() for network in model.networks.values())


def train(seed: int) -> bytes:
    """Every parameter after a training."""
    training = trainer(seed)
    list(training.run(Batches(PICTURES)))
    return parameters(training.model)


def trained() -> list[bytes]:
    """One training after the other, each with the help of several threads."""
    found = [train(seed) for seed in SEEDS]
    assert parallel._launcher.cache_info().currsize == 1, "no product was split"
    assert len(set(found)) == len(found)
    return found
