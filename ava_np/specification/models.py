"""Specifications of models: one class for each, with its options and their ranges; and all of them by name."""

from typing import Any, cast, get_args, get_type_hints

import msgspec

from ava_np.errors import OptionError, advice
from ava_np.specification.ava import AVA, AVA1, AVA2, AVA3, AVA4, AVA5, VAE
from ava_np.specification.base import ModelSpecification
from ava_np.specification.gans import AAE, DCGAN, GAN, BiGAN, Cascade, VAEGANCosts
from ava_np.specification.values import Likelihood, VAELikelihood, Weight, validated


class AE(ModelSpecification, frozen=True):
    """Autoencoder."""

    likelihood: Likelihood = "gaussian"


class VAEGAN(ModelSpecification, frozen=True):
    """VAE-GAN of Larsen et al. 2016.

    Parameters
    ----------
    beta : float
        Weight of L_prior.
    gamma : float
        Weight of L_llike in the decoder's objective.
    reconstructions_are_fake : bool
        Whether L_GAN contains log(1 - Dis(x')), as Algorithm 1 prints it.
    """

    minibatch_discrimination: bool = False
    beta: Weight = 1.0
    gamma: Weight = 0.01
    reconstructions_are_fake: bool = True


class VAEGANSum(ModelSpecification, frozen=True, tag="vae-gan-sum"):
    """The weighted sum of a VAE and a GAN, of Miolane, Poitevin, Li and Holmes 2020.

    Parameters
    ----------
    likelihood, beta
        As in ``VAE``.
    adversarial_weight : float
        Weight λ of the GAN's term in the decoder's objective.
    saturating : bool
        The decoder descends log(1 - d) instead of -log d.
    minibatch_discrimination : bool
        Add a minibatch discrimination layer to the discriminator.
    """

    likelihood: VAELikelihood = "calibrated"
    beta: Weight = 1.0
    adversarial_weight: Weight = 1.0
    saturating: bool = False
    minibatch_discrimination: bool = False


class AVB(ModelSpecification, frozen=True):
    """Adversarial variational Bayes; ``likelihood`` as in ``VAE``."""

    likelihood: VAELikelihood = "calibrated"


class AlphaGAN(ModelSpecification, frozen=True):
    """α-GAN of Rosca et al. 2017; ``reconstruction_weight`` is λ, the weight of the distance ‖x - x̂‖₁."""

    reconstruction_weight: Weight = 1.0


AnyModel = (
    AE
    | VAE
    | GAN
    | DCGAN
    | AAE
    | VAEGANCosts
    | BiGAN
    | VAEGAN
    | VAEGANSum
    | AVB
    | AlphaGAN
    | Cascade
    | AVA1
    | AVA2
    | AVA3
    | AVA4
    | AVA5
)

MODELS: dict[str, type[ModelSpecification]] = {str(kind.__struct_config__.tag): kind for kind in get_args(AnyModel)}


def specify_model(name: str, **options: Any) -> AnyModel:
    """Return the specification of the model ``name``, in small or capital letters, with these options.

    Raises
    ------
    OptionError
        If there is no such model, it has no such option, or two options do not agree.
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
    try:
        return cast(AnyModel, validated(kind, **options))
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, OptionError):  # of two options that do not agree
            raise error.__cause__ from None
        likelihood = options.get("likelihood")
        if isinstance(likelihood, str) and likelihood not in (offered := _likelihoods(kind)):
            raise OptionError(
                "likelihood", f"{name.lower()} has no {likelihood} likelihood: {advice(likelihood, offered)}"
            ) from None
        raise


def _likelihoods(kind: type[ModelSpecification]) -> list[str]:
    """The likelihoods that a model offers."""
    offered = get_type_hints(kind)["likelihood"]
    return [name for part in (offered, *get_args(offered)) for name in get_args(part) if isinstance(name, str)]


def of_format(model: AnyModel, version: int) -> AnyModel:
    """Return the specification of a model that was read from a run folder of this format.

    Before format 4, every AVA had the printed objective.
    """
    if version < 4 and isinstance(model, AVA):
        return msgspec.structs.replace(model, likelihood="gaussian", saturating=True)
    return model
