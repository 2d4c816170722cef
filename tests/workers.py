"""Small trainings whose products several threads share, for tests that run many at the same time."""

import numpy as np

from ava_np.data.batches import Batches
from ava_np.kernels.machine import elementwise, gemv, parallel
from ava_np.models import Model, build
from ava_np.specification import TrainingSpecification
from ava_np.training.trainer import Trainer

PICTURES = np.random.default_rng(0).random((96, 16, 16, 1), dtype=np.float32)
SEEDS = range(4)


def trainer(seed: int) -> Trainer:
    """Return a trainer for six steps, whose work is split into as many parts as there are cores."""
    parallel.MIN_MULTIPLY_ADDS = elementwise.MIN_ELEMENTS = gemv.MIN_ELEMENTS = 1 << 12
    model = build("ava5", (16, 16, 1), hidden=(256,), latent=4, seed=seed)
    return Trainer(model, TrainingSpecification("adam", 0.001, "sum", 32, 2, seed))


def parameters(model: Model) -> bytes:
    """Return the parameters of all networks."""
    return b"".join(network.theta.tobytes() for network in model.networks.values())


def train(seed: int) -> bytes:
    """Return all parameters after a training."""
    training = trainer(seed)
    list(training.run(Batches(PICTURES)))
    return parameters(training.model)


def train_in_sequence() -> list[bytes]:
    """Return the parameters after each of several trainings, run one after the other on several threads."""
    results = [train(seed) for seed in SEEDS]
    assert parallel._parallel_launcher.cache_info().currsize == 1, "no product was split"
    assert len(set(results)) == len(results)
    return results
