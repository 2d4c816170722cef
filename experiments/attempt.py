"""One training of an experiment, which may diverge: then its last finite parameters are measured."""

from typing import Any

import numpy as np

from ava_np.errors import NotFiniteError
from ava_np.models import Model
from ava_np.training.fit import fit


def attempt(model: Model, pictures: np.ndarray, **options: Any) -> str:
    """Train a model in place.

    Parameters
    ----------
    model : Model
        It keeps its last finite parameters, if the training diverges.
    pictures : ndarray, (N, H, W, C)
        What to train on.
    **options
        Those of ``ava_np.fit``.

    Returns
    -------
    str
        How the training ended: "trained", or a description of the divergence.
    """
    try:
        fit(model, pictures, **options)
    except NotFiniteError as error:
        return f"diverged: {error}"
    return "trained"
