"""Models: one file per system, built by name."""

from typing import Any

import numpy as np

from ava_np import specification as specifications
from ava_np.models.aae import AAE
from ava_np.models.autoencoder import Autoencoder
from ava_np.models.ava import AVA
from ava_np.models.base import Model
from ava_np.models.bigan import BiGAN
from ava_np.models.gan import GAN
from ava_np.models.priors import Prior
from ava_np.models.vae import VAE
from ava_np.models.vaegan import VAEGAN
from ava_np.specification import ModelSpecification, specify_model

__all__ = ["AAE", "AVA", "GAN", "VAE", "VAEGAN", "Autoencoder", "BiGAN", "Model", "build", "from_specification"]


def build(
    name: str,
    shape: tuple[int, int, int],
    *,
    seed: int = 0,
    dtype: type[np.floating] = np.float32,
    prior: str | Prior | None = None,
    **options: Any,
) -> Model:
    """Build a model with freshly drawn weights.

    Parameters
    ----------
    name : str
        A key of ``ava_np.specification.MODELS``: "ae", "vae", "gan", "dcgan", "aae", "vae-gan-costs", "bigan",
        "vaegan", "ava1" to "ava5".
    shape : tuple of int
        Shape of a picture, (height, width, channels).
    seed : int
        Seed of the weights.
    dtype : dtype
        ``float32`` for training, ``float64`` for gradient checks.
    prior : str or callable, optional
        For "aae" and "vae-gan-costs": a name of ``ava_np.models.priors``, or a function
        ``prior(generator, count, latent)`` that returns codes (count, latent).
    **options
        Fields of the model's specification: ``latent``, ``architecture``, ``hidden`` and ``output`` for every model;
        ``propagation``, ``likelihood``, ``beta``, ... depending on the model.

    Returns
    -------
    Model
        With ``encode``, ``decode``, ``reconstruct`` and ``sample``; train it with ``ava_np.fit``.

    Raises
    ------
    ValueError
        If there is no such model, the shape is not that of a picture, the model has no such option, or a value is out
        of range.
    ArchitectureError
        If the architecture does not fit the pictures, or the prior does not fit the codes.

    Examples
    --------
    >>> import ava_np
    >>> model = ava_np.build("vae", (28, 28, 1), architecture="conv28", latent=16, likelihood="bernoulli")
    >>> list(model.networks)
    ['encoder', 'decoder']
    >>> model.sample(4, np.random.default_rng(0)).shape
    (4, 28, 28, 1)
    """
    if len(shape) != 3 or not all(isinstance(side, int | np.integer) and side > 0 for side in shape):
        raise ValueError(
            f"a model takes the shape of one picture, (height, width, channels), not {shape}: pass x.shape[1:] of an "
            "array (pictures, height, width, channels)"
        )
    if prior is not None:
        options["prior"] = "function" if callable(prior) else prior
    specification = specify_model(name, **options)
    return from_specification(specification, shape, seed=seed, dtype=dtype, prior=prior if callable(prior) else None)


def from_specification(
    specification: ModelSpecification,
    shape: tuple[int, int, int],
    *,
    seed: int = 0,
    dtype: type[np.floating] = np.float32,
    prior: Prior | None = None,
) -> Model:
    """Build the model that a specification describes, with freshly drawn weights.

    Parameters and errors are those of ``build``; ``prior`` is a function, for specifications that say "function".
    """
    match specification:
        case specifications.AE():
            return Autoencoder(specification, shape, seed=seed, dtype=dtype)
        case specifications.VAE():
            return VAE(specification, shape, seed=seed, dtype=dtype)
        case specifications.GAN():
            return GAN(specification, shape, seed=seed, dtype=dtype)
        case specifications.AAE() | specifications.VAEGANCosts():
            return AAE(specification, shape, seed=seed, dtype=dtype, prior=prior)
        case specifications.BiGAN():
            return BiGAN(specification, shape, seed=seed, dtype=dtype)
        case specifications.VAEGAN():
            return VAEGAN(specification, shape, seed=seed, dtype=dtype)
        case specifications.AVA():
            return AVA(specification, shape, seed=seed, dtype=dtype)
    raise ValueError(f"no model is built from {type(specification).__name__}")
