"""Train a small convolutional autoencoder and print the bytes of its parameters."""

import numpy as np

from ava_np.data.batches import Batches
from ava_np.models import build
from ava_np.specification import TrainingSpecification
from ava_np.training.trainer import Trainer

if __name__ == "__main__":
    model = build("ae", (8, 8, 1), architecture="conv64", hidden=(3, 5), latent=2)
    pictures = np.random.default_rng(0).random((40, 8, 8, 1), dtype=np.float32)
    list(Trainer(model, TrainingSpecification("adam", 0.01, "sum", 8, 2, 0)).run(Batches(pictures)))
    print(*(network.theta.tobytes().hex() for network in model.networks.values()))
