"""Specifications of models: one class for each, with its options and their ranges."""

from typing import Any, Literal, cast, get_args

import msgspec

from ava_np.errors import OptionError, advice
from ava_np.specification.values import (
    ArchitectureName,
    Layers,
    Likelihood,
    Positive,
    PriorName,
    Propagation,
    Share,
    Weight,
    Widths,
    validated,
)


class ModelSpecification(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="name", tag=str.lower
):
    """Base class of the specifications of models.

    Parameters
    ----------
    latent : int
        Length of the code, 1 to 1,000,000.
    architecture : str or dict
        Name of an architecture, or a custom one: the layers of each network (``ava_np.network.architectures``).
    hidden : tuple of int
        Widths of the hidden layers from the picture inward: neurons, or channels of convolutions. Empty for the
        architecture's default.
    output : {"sigmoid", "linear"}
        Activation of the decoder's output. Points of a toy distribution need "linear".

    Examples
    --------
    >>> from ava_np.specification import MODELS, VAE
    >>> VAE(latent=2, beta=4.0).name
    'vae'
    >>> list(MODELS)[-5:]
    ['ava1', 'ava2', 'ava3', 'ava4', 'ava5']
    """

    latent: Positive = 10
    architecture: ArchitectureName | Layers = "mlp"
    hidden: Widths = ()
    output: Literal["sigmoid", "linear"] = "sigmoid"

    @property
    def name(self) -> str:
        """Name of the model on the command line and in ``config.json``."""
        return str(self.__struct_config__.tag)


class AE(ModelSpecification, frozen=True):
    """Autoencoder."""

    likelihood: Likelihood = "gaussian"


class VAE(ModelSpecification, frozen=True):
    """Variational autoencoder; ``beta`` is the weight of the divergence."""

    propagation: Propagation = "exact"
    likelihood: Likelihood = "gaussian"
    beta: Weight = 1.0


class _Adversarial(ModelSpecification, frozen=True):
    """Options of the models with a discriminator.

    Parameters
    ----------
    minibatch_discrimination : bool
        Add a minibatch discrimination layer to the discriminator.
    smoothing : float
        One-sided label smoothing: the discriminator's target for real samples is 1 - ``smoothing``.
    saturating : bool
        The generator descends log(1 - d), as in the objective, instead of -log d.
    """

    minibatch_discrimination: bool = False
    smoothing: Share = 0.0
    saturating: bool = False


class GAN(_Adversarial, frozen=True):
    """Generative adversarial network."""


class DCGAN(GAN, frozen=True):
    """GAN of convolutions with batch normalisation."""

    architecture: ArchitectureName | Layers = "dcgan"
    latent: Positive = 100


class AAE(_Adversarial, frozen=True):
    """Adversarial autoencoder; a ``stochastic`` encoder samples the code from a Gaussian."""

    likelihood: Likelihood = "gaussian"
    prior: PriorName | Literal["function"] = "normal"
    stochastic: bool = False


class VAEGANCosts(_Adversarial, frozen=True, tag="vae-gan-costs"):
    """Variational autoencoder in which a discriminator of codes replaces the divergence."""

    likelihood: Likelihood = "gaussian"
    prior: PriorName | Literal["function"] = "normal"


class BiGAN(_Adversarial, frozen=True):
    """Bidirectional GAN."""


class VAEGAN(ModelSpecification, frozen=True):
    """VAE-GAN of Larsen et al. 2016.

    Parameters
    ----------
    gamma : float
        Weight of L_llike in the decoder's objective.
    reconstructions_are_fake : bool
        Whether L_GAN contains log(1 - Dis(x')), as Algorithm 1 prints it.
    """

    minibatch_discrimination: bool = False
    gamma: Weight = 1.0
    reconstructions_are_fake: bool = True


class AVA(ModelSpecification, frozen=True):
    """Base class of the paper's adversarial variational autoencoders."""

    propagation: Propagation = "exact"
    minibatch_discrimination: bool = False


class AVA1(AVA, frozen=True):
    """AVA with a discriminator of pictures."""


class AVA2(AVA, frozen=True):
    """AVA1 with the reverse-causal rule (10)."""


class AVA3(AVA, frozen=True):
    """AVA with a discriminator of codes."""


class AVA4(AVA, frozen=True):
    """AVA3 with the reverse-causal rule (16)."""


class AVA5(AVA, frozen=True):
    """AVA with a discriminator of pictures and a discriminator of codes."""


AnyModel = AE | VAE | GAN | DCGAN | AAE | VAEGANCosts | BiGAN | VAEGAN | AVA1 | AVA2 | AVA3 | AVA4 | AVA5

MODELS: dict[str, type[ModelSpecification]] = {str(kind.__struct_config__.tag): kind for kind in get_args(AnyModel)}


def specify_model(name: str, **options: Any) -> AnyModel:
    """Return the specification of the model ``name``, in small or capital letters, with these options.

    Raises
    ------
    OptionError
        If there is no such model, or it has no such option.
    ValueError
        ``msgspec.ValidationError``, if a value is out of range.

    Examples
    --------
    >>> from ava_np.specification import specify_model
    >>> specify_model("vae", latent=2, beta=4.0).latent
    2
    """
    kind = MODELS.get(str(name).lower())
    if kind is None:
        raise OptionError("model", f"there is no model {name!r}: {advice(str(name), MODELS)}")
    known = kind.__struct_fields__
    for option in options:
        if option not in known:
            raise OptionError(option, f"{name.lower()} has no option {option!r}: it has {', '.join(known)}")
    return cast(AnyModel, validated(kind, **options))
