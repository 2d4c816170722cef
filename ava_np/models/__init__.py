"""Models: one file per system, built by name."""

from collections.abc import Sequence

import numpy as np

from ava_np.models.ava import AVA
from ava_np.models.base import Model
from ava_np.specification import ModelSpecification, checked

__all__ = ["AVA", "Model", "build"]


def build(
    name: str,
    shape: tuple[int, int, int],
    *,
    propagation: str = "exact",
    latent: int = 10,
    hidden: Sequence[int] = (256,),
    seed: int = 0,
    dtype: type[np.floating] = np.float32,
) -> Model:
    """Build a model with fresh weights.

    Parameters
    ----------
    name : {"vae", "ava1", "ava2", "ava3", "ava4", "ava5"}
        Which model.
    shape : tuple of int
        Shape of a picture, (height, width, channels), in [0, 1].
    propagation : {"exact", "paper"}
        True gradients, or the rules as the paper prints them.
    latent : int
        Length of the code.
    hidden : sequence of int
        Widths of the encoder's hidden layers.
    seed : int
        Seed of the first weights.
    dtype : dtype
        ``float32`` for training, ``float64`` for gradient checks.

    Raises
    ------
    ValueError
        If a value is out of range; it is named.
    """
    specification = checked(ModelSpecification, name=name, propagation=propagation, latent=latent, hidden=tuple(hidden))
    return AVA(specification, shape, seed=seed, dtype=dtype)
