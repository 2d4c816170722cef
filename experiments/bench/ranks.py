"""What several processes of one training exchange: bytes and time of a step of W1 and W3, and their losses.

``mpirun -n 4 python -m ava_np.experiments.bench.ranks`` prints one line for each workload. Compare the lines of 1, 2
and 4 processes; the time says little if the processes share the cores of one machine.
"""

import time
from collections.abc import Callable

import numpy as np

from ava_np.data.batches import Batches
from ava_np.experiments.bench.models import training_specification, w1_model, w3_model
from ava_np.models import Model
from ava_np.mpi import Ranks
from ava_np.specification import OptimiserName
from ava_np.training.trainer import Trainer

STEPS = 5

WORKLOADS: list[tuple[str, Callable[[], Model], OptimiserName, int]] = [
    ("W1", w1_model, "sgd", 20),
    ("W3", w3_model, "rmsprop", 8),
]
"""Name, model, optimiser and pictures in a batch."""


def main() -> None:
    """Run the workloads in all processes, and print what the first one has measured."""
    ranks = Ranks()
    if ranks.rank:
        ranks.follow()
        return
    for name, make, optimiser, batch in WORKLOADS:
        model = make()
        pictures = np.random.default_rng(0).random((batch * STEPS, *model.shape), dtype=np.float32)
        trainer = Trainer(model, training_specification(optimiser, batch))
        trainer.share = ranks
        run = trainer.run(Batches(pictures))
        next(run)
        sent, begun = ranks.sent, time.perf_counter()
        last = [metrics for _, metrics in zip(range(STEPS - 1), run, strict=False)][-1]
        assert last is not None
        each = (time.perf_counter() - begun) / (STEPS - 1)
        terms = "  ".join(f"{term} {value:.9g}" for term, value in last["nats"].items())
        parameters = sum(network.theta.nbytes for network in model.networks.values())
        print(
            f"{name}, batch {batch}, {ranks.size} processes: {parameters / 1e6:.1f} MB of parameters, "
            f"{(ranks.sent - sent) / (STEPS - 1) / 1e6:.3f} MB sent by each in a step of {1000 * each:.1f} ms; {terms}",
            flush=True,
        )
    ranks.dismiss()


if __name__ == "__main__":
    main()
