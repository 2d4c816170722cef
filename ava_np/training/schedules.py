"""Learning-rate schedules: what becomes of γ in the course of a training."""

import math

from ava_np.specification import TrainingSpecification


def learning_rate_at(training: TrainingSpecification, step: int, total: int) -> float:
    """The learning rate of one step.

    With s = (step - 1) / total, the share of the training that lies behind, it is γ times

    =============  =======================================================================
    "constant"     1
    "linear"       1 - s
    "cosine"       ½ (1 + cos π s), Loshchilov and Hutter 2017, (5), without restarts
    "exponential"  100^-s
    =============  =======================================================================

    So the first step has the full rate, and no step has rate 0: 0, or γ / 100, would be that of a step after the last.

    Parameters
    ----------
    training : TrainingSpecification
        ``learning_rate`` is γ, ``schedule`` the name.
    step, total : int
        1, 2, ..., total.

    Raises
    ------
    ValueError
        If ``step`` is not among 1, ..., ``total``.
    """
    if not 1 <= step <= total:
        raise ValueError(f"step {step} of a training of {total} steps: a schedule counts from 1 to the last")
    behind, ahead = (step - 1) / total, (total - step + 1) / total
    factor = {
        "constant": 1.0,
        "linear": ahead,
        # ½ (1 + cos π s) = sin² ½π (1 - s), which does not round to 0 at the end of a very long training
        "cosine": math.sin(0.5 * math.pi * ahead) ** 2,
        "exponential": 0.01**behind,
    }
    return training.learning_rate * factor[training.schedule]
