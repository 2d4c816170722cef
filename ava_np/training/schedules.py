"""Learning-rate schedules."""

import math

from ava_np.specification import TrainingSpecification


def learning_rate_at(training: TrainingSpecification, step: int, total: int) -> float:
    """Return the learning rate of one step.

    With done = (step - 1) / total, the completed part of the training, it is γ times

    =============  =======================================================================
    "constant"     1
    "linear"       1 - done
    "cosine"       ½ (1 + cos(π done)), Loshchilov and Hutter 2017, (5), without restarts
    "exponential"  100^-done
    =============  =======================================================================

    After each of ``milestones``, which are epochs, it is multiplied by ``decay`` as well.

    Without milestones the first step has the full rate, and no step has rate 0. The end value, 0 or γ / 100, would be
    that of a step after the last.

    Parameters
    ----------
    training : TrainingSpecification
        ``learning_rate`` is γ, ``schedule`` the name; ``epochs`` of equal length have ``total`` steps together.
    step, total : int
        1, 2, ..., total.

    Returns
    -------
    float
        In (0, γ].

    Raises
    ------
    ValueError
        If ``step`` is not in 1, ..., ``total``.

    Examples
    --------
    >>> training = TrainingSpecification("adam", 0.1, "sum", batch_size=1, epochs=1, seed=0, schedule="linear")
    >>> [round(learning_rate_at(training, step, total=4), 3) for step in (1, 2, 3, 4)]
    [0.1, 0.075, 0.05, 0.025]
    """
    if not 1 <= step <= total:
        raise ValueError(f"step {step} of a training of {total} steps: steps count from 1 to the last")
    completed, remaining = (step - 1) / total, (total - step + 1) / total
    factor = {
        "constant": 1.0,
        "linear": remaining,
        # ½ (1 + cos(π done)) = sin²(½π (1 - done)), which does not round to 0 at the end of a very long training
        "cosine": math.sin(0.5 * math.pi * remaining) ** 2,
        "exponential": 0.01**completed,
    }
    epochs_done = (step - 1) * training.epochs // total
    passed = sum(milestone <= epochs_done for milestone in training.milestones)
    return float(training.learning_rate * factor[training.schedule] * training.decay**passed)
