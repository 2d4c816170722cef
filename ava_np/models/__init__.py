"""Models: one file per system, built by name."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ava_np import specification as specifications
from ava_np.layers import Shape
from ava_np.models.aae import AAE
from ava_np.models.alphagan import AlphaGAN
from ava_np.models.autoencoder import Autoencoder
from ava_np.models.ava import AVA
from ava_np.models.avb import AVB
from ava_np.models.base import Model
from ava_np.models.bigan import BiGAN
from ava_np.models.cascade import Cascade, options_of
from ava_np.models.gan import GAN
from ava_np.models.priors import Prior
from ava_np.models.vae import VAE
from ava_np.models.vaegan import VAEGAN
from ava_np.models.vaegansum import VAEGANSum
from ava_np.network.chain import Chain
from ava_np.specification import ModelSpecification, specify_model

__all__ = [
    "AAE",
    "AVA",
    "AVB",
    "GAN",
    "VAE",
    "VAEGAN",
    "AlphaGAN",
    "Autoencoder",
    "BiGAN",
    "Cascade",
    "Model",
    "VAEGANSum",
    "array_shapes",
    "build",
    "from_specification",
    "parameter_count",
]


def build(
    name: str,
    shape: tuple[int, int, int],
    *,
    seed: int = 0,
    dtype: type[np.floating] = np.float32,
    prior: str | Prior | None = None,
    vae: Model | None = None,
    **options: Any,
) -> Model:
    """Build a model with freshly drawn weights.

    Parameters
    ----------
    name : str
        A key of ``ava_np.specification.MODELS``: "ae", "vae", "gan", "dcgan", "aae", "vae-gan-costs", "bigan",
        "vaegan", "vae-gan-sum", "avb", "alphagan", "cascade", "ava1" to "ava5". In small or capital letters.
    shape : tuple of int
        Shape of a picture, (height, width, channels).
    seed : int
        Seed of the weights.
    dtype : dtype
        ``float32`` for training, ``float64`` for gradient checks.
    prior : str or callable, optional
        For "aae" and "vae-gan-costs": a name of ``ava_np.models.priors``, or a function
        ``prior(generator, count, latent)`` that returns codes (count, latent).
    vae : Model, optional
        For "cascade": the trained VAE or AVA that its codes come from. It is copied, and its ``latent`` is the default.
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
        of range; or the type is another one.
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
    if prior is not None:
        options["prior"] = "function" if callable(prior) else prior
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(f"a model computes in float32 or float64, not in {np.dtype(dtype)}")
    if vae is not None:
        options = {**options_of(vae.specification), **options}
    specification = specify_model(name, **options)
    model = from_specification(specification, shape, seed=seed, dtype=dtype, prior=prior if callable(prior) else None)
    if vae is not None and isinstance(model, Cascade):
        model.take_vae(vae)
    return model


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
    shape = _picture_shape(shape)
    if isinstance(specification, specifications.AAE | specifications.VAEGANCosts):
        return AAE(specification, shape, seed=seed, dtype=dtype, prior=prior)
    return _kind(specification)(specification, shape, seed=seed, dtype=dtype)


def array_shapes(specification: ModelSpecification, shape: tuple[int, int, int]) -> dict[str, Shape]:
    """Return the name and the shape of every array that a model is saved with. Nothing is allocated.

    Parameters
    ----------
    specification : ModelSpecification
        The model's options.
    shape : tuple of int
        Shape of a picture, (height, width, channels).

    Returns
    -------
    dict of str to tuple of int
        Parameters and running statistics, by the names in ``model.safetensors``.

    Raises
    ------
    ValueError
        If the shape is not that of a picture.
    ArchitectureError
        If the architecture does not fit the pictures.

    Examples
    --------
    >>> from ava_np.models import array_shapes
    >>> from ava_np.specification import AE
    >>> list(array_shapes(AE(latent=2, hidden=(8,)), (4, 4, 1)).items())[:2]
    [('encoder.dense1.W', (16, 8)), ('encoder.dense1.b', (8,))]
    """
    return {
        f"{name}.{layer}.{array}": found
        for name, chain in _plan(specification, shape).items()
        for shapes in (chain.parameter_shapes, chain.state_shapes)
        for layer, array, found in chain.named_arrays(shapes)
    }


def parameter_count(specification: ModelSpecification, shape: tuple[int, int, int]) -> int:
    """Return the number of parameters of the model that a specification describes. Nothing is allocated.

    Parameters and errors are those of ``array_shapes``.

    Examples
    --------
    >>> from ava_np.models import parameter_count
    >>> from ava_np.specification import VAE
    >>> parameter_count(VAE(latent=10), (28, 28, 1))
    410404
    """
    return sum(chain.parameter_count for chain in _plan(specification, shape).values())


def _plan(specification: ModelSpecification, shape: tuple[int, int, int]) -> dict[str, Chain]:
    """The chains of layers of a model's networks."""
    return _kind(specification).plan(specification, _picture_shape(shape))


def _picture_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    """The shape of a picture, from a list or an array too; refuse any other."""
    if len(shape) != 3 or not all(isinstance(side, int | np.integer) and side > 0 for side in shape):
        raise ValueError(
            f"a model takes the shape of one picture, (height, width, channels), not {shape}: pass x.shape[1:] of an "
            "array (pictures, height, width, channels)"
        )
    height, width, channels = map(int, shape)
    return height, width, channels


def _kind(specification: ModelSpecification) -> type[Model]:
    """The class of the models that a specification describes."""
    match specification:
        case specifications.AE():
            return Autoencoder
        case specifications.VAE():
            return VAE
        case specifications.Cascade():
            return Cascade
        case specifications.GAN():
            return GAN
        case specifications.AAE() | specifications.VAEGANCosts():
            return AAE
        case specifications.BiGAN():
            return BiGAN
        case specifications.VAEGAN():
            return VAEGAN
        case specifications.VAEGANSum():
            return VAEGANSum
        case specifications.AVB():
            return AVB
        case specifications.AlphaGAN():
            return AlphaGAN
        case specifications.AVA():
            return AVA
    raise ValueError(f"no model is built from {type(specification).__name__}")
