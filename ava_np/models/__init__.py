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
    """Build a model with fresh weights.

    Parameters
    ----------
    name : str
        One of ``ava_np.specification.MODELS``: "ae", "vae", "gan", "dcgan", "aae", "vae-gan-costs", "bigan",
        "vaegan", "ava1" to "ava5".
    shape : tuple of int
        Shape of a picture, (height, width, channels).
    seed : int
        Seed of the first weights.
    dtype : dtype
        ``float32`` for training, ``float64`` for gradient checks.
    prior : str or callable, optional
        For the models that choose one: a name of ``ava_np.models.priors``, or a function
        ``prior(generator, count, latent)`` that gives codes (count, latent).
    **options
        What the model's specification has: ``latent``, ``architecture``, ``hidden``, ``output`` for every model;
        ``propagation``, ``likelihood``, ``beta``, ... by model.

    Raises
    ------
    ValueError
        If there is no such model, or a value is out of range, or the model has no such option; it is named.
    ArchitectureError
        If the architecture does not fit the pictures, or the prior the codes.
    """
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
    """Build the model that a specification describes, with fresh weights; arguments and errors as of ``build``."""
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
