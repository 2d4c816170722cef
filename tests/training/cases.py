"""A small model and a short training, for the tests of ``Trainer`` and ``fit``."""

from typing import Any

import numpy as np

from ava_np import build
from ava_np.data.batches import Batches
from ava_np.models import Model
from ava_np.specification import OptimiserName, PaperModel, Reduction, TrainingSpecification
from ava_np.training.trainer import Trainer

SHAPE = (3, 4, 1)
COUNT, BATCH, EPOCHS = 7, 3, 2  # batches of 3, 3 and 1
STEPS = 6


def small_model(name: PaperModel = "ava5", seed: int = 0) -> Model:
    """Build a small model and add noise to all parameters, because a new decoder outputs grey for every code.

    It has the printed objective.
    """
    printed: dict[str, Any] = {"likelihood": "gaussian"} | ({} if name == "vae" else {"saturating": True})
    model = build(name, SHAPE, latent=2, hidden=(5,), seed=seed, **printed)
    for network in model.networks.values():
        network.theta += np.random.default_rng(seed).normal(0, 0.3, network.theta.shape)
    return model


def specify(
    optimiser: OptimiserName = "adam",
    learning_rate: float = 1e-2,
    reduction: Reduction = "sum",
    batch_size: int = BATCH,
    seed: int = 0,
) -> TrainingSpecification:
    """Return a specification of a training of ``EPOCHS`` epochs."""
    return TrainingSpecification(optimiser, learning_rate, reduction, batch_size, EPOCHS, seed)


def parameter_bytes(model: Model) -> dict[str, bytes]:
    """Return the bytes of each network's parameters."""
    return {name: network.theta.tobytes() for name, network in model.networks.items()}


def trained(
    training: TrainingSpecification, pictures: np.ndarray, name: PaperModel = "ava5"
) -> tuple[dict[str, bytes], list[Any]]:
    """Return parameters and metrics after a whole training."""
    trainer = Trainer(small_model(name), training)
    metrics = list(trainer.run(Batches(pictures)))
    return parameter_bytes(trainer.model), metrics
