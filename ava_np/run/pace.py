"""How many epochs a training of so many minutes has, from the speed of its first steps."""

import time
from itertools import islice

from ava_np.data.batches import Batches
from ava_np.run.training import new_trainer
from ava_np.share import ALONE, Share
from ava_np.specification import Specification, steps_per_epoch
from ava_np.specification.values import MAX_COUNT

LEAST_SECONDS, LEAST_STEPS = 3.0, 3  # of the trial


def epochs_in(minutes: float, specification: Specification, pictures: Batches, share: Share = ALONE) -> int:
    """Return the number of whole epochs that fit into a time, at least one.

    A copy of the training takes a few steps, after a first one that may compile kernels; the time of the trial counts.

    Parameters
    ----------
    minutes : float
        Time of the training, without its report.
    specification : Specification
        Of the run.
    pictures : Batches
        Its training pictures.
    share : Share
        This process's part of the batches.

    Raises
    ------
    NotFiniteError
        If the steps diverge.
    """
    begun, steps = time.perf_counter(), 0
    trainer = new_trainer(specification)
    trainer.share = share
    trial = trainer.run(pictures)
    next(trial)
    first = time.perf_counter()
    for _ in islice(trial, MAX_COUNT):
        steps += 1
        if steps >= LEAST_STEPS and time.perf_counter() - first >= LEAST_SECONDS:
            break
    now = time.perf_counter()
    if not steps:  # a training of one step
        return 1
    left = 60 * minutes - (now - begun)
    each = (now - first) / steps * steps_per_epoch(len(pictures), specification.training.batch_size)
    return max(1, min(MAX_COUNT, int(left / each)))
