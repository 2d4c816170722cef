"""Specifications of models: one class for each, with its options and their ranges."""

from typing import Any, Literal, cast, get_args, get_type_hints

import msgspec

from ava_np.errors import OptionError, advice
from ava_np.specification.values import (
    ArchitectureName,
    AVALikelihood,
    Changes,
    Checksum,
    Layers,
    Likelihood,
    Positive,
    PriorName,
    Propagation,
    Share,
    VAELikelihood,
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
    """Variational autoencoder.

    Parameters
    ----------
    propagation : {"exact", "paper"}
        Whether errors pass between the networks as true gradients, or as the paper prints it.
    likelihood : {"calibrated", "gaussian", "bernoulli"}, optional
        Distribution of a picture around its reconstruction. By default "calibrated", a Gaussian whose variance is the
        mean squared error, with exact propagation, and "gaussian", whose variance is 1, with the paper's.
    beta : float
        Weight of the divergence.

    Raises
    ------
    OptionError
        If the likelihood is calibrated and the propagation the paper's.

    Examples
    --------
    >>> from ava_np.specification import VAE
    >>> VAE().likelihood, VAE(propagation="paper").likelihood
    ('calibrated', 'gaussian')
    """

    propagation: Propagation = "exact"
    likelihood: VAELikelihood | None = None
    beta: Weight = 1.0

    def __post_init__(self) -> None:
        _set_default(self, "likelihood", exact="calibrated", paper="gaussian")
        if self.propagation == "paper" and self.likelihood == "calibrated":
            raise OptionError("likelihood", _AS_PRINTED)


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


class _Augmented(_Adversarial, frozen=True):
    """Options of the models whose discriminator may see changed pictures.

    Parameters
    ----------
    augment : tuple of {"colour", "translation", "cutout"}
        Random changes of pictures and fakes (``ava_np.models.augmentation``); empty for none.
    """

    augment: Changes = ()


class GAN(_Augmented, frozen=True):
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


class BiGAN(_Augmented, frozen=True):
    """Bidirectional GAN."""


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
    """The weighted sum of a VAE and a GAN, of Miolane, Poitevin and Li 2020.

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


class AVA(ModelSpecification, frozen=True):
    """Base class of the paper's adversarial variational autoencoders.

    The paper's propagation is as printed: the other options then have the values that the paper gives them.

    Parameters
    ----------
    propagation, likelihood, beta
        As in ``VAE``; there is no "bernoulli".
    saturating : bool, optional
        Encoder and decoder descend log(1 - d), as (3) and (12) print it, instead of -log d, which does not saturate.
        By default false with exact propagation, and true with the paper's.
    minibatch_discrimination : bool
        Add a minibatch discrimination layer to the discriminators.

    Raises
    ------
    OptionError
        If an option does not agree with the paper's propagation.

    Examples
    --------
    >>> from ava_np.specification import AVA5
    >>> AVA5().saturating, AVA5(propagation="paper").saturating
    (False, True)
    """

    propagation: Propagation = "exact"
    likelihood: AVALikelihood | None = None
    beta: Weight = 1.0
    saturating: bool | None = None
    minibatch_discrimination: bool = False

    def __post_init__(self) -> None:
        _set_default(self, "likelihood", exact="calibrated", paper="gaussian")
        _set_default(self, "saturating", exact=False, paper=True)
        if self.propagation == "paper":
            for name, printed in _PRINTED.items():
                if getattr(self, name, printed) != printed:
                    raise OptionError(name, _AS_PRINTED)


class _PictureDiscriminator(AVA, frozen=True):
    """Options of the models with Ψ; ``adversarial_weight`` is that of Ψ's error in (3)."""

    adversarial_weight: Weight = 1.0


class _CodeDiscriminator(AVA, frozen=True):
    """Options of the models with Λ; ``encoding_adversarial_weight`` is that of Λ's error in (12)."""

    encoding_adversarial_weight: Weight = 1.0


class AVA1(_PictureDiscriminator, frozen=True):
    """AVA with a discriminator of pictures."""


class AVA2(_PictureDiscriminator, frozen=True):
    """AVA1 with the reverse-causal rule (10)."""


class AVA3(_CodeDiscriminator, frozen=True):
    """AVA with a discriminator of codes."""


class AVA4(_CodeDiscriminator, frozen=True):
    """AVA3 with the reverse-causal rule (16)."""


class AVA5(_PictureDiscriminator, frozen=True):
    """AVA with a discriminator of pictures and a discriminator of codes."""

    encoding_adversarial_weight: Weight = 1.0


class Cascade(DCGAN, frozen=True):
    """GAN whose codes come from a trained VAE (``ava_np.models.cascade``).

    Parameters
    ----------
    vae : VAE, AVA1 to AVA5, optional
        The trained model, which has the same ``latent`` and ``output``. By default a VAE with the layers of the GAN.
    vae_sha256 : str
        Checksum of its weights; empty if they come from no file.

    Raises
    ------
    OptionError
        If the VAE's codes or its output are others.

    Examples
    --------
    >>> from ava_np.specification import VAE, Cascade
    >>> Cascade(latent=8, vae=VAE(latent=8, architecture="conv28")).architecture
    'dcgan'
    """

    vae: VAE | AVA1 | AVA2 | AVA3 | AVA4 | AVA5 | None = None
    vae_sha256: Checksum = ""

    def __post_init__(self) -> None:
        layers = {"architecture": self.architecture, "hidden": self.hidden}
        shared = {"latent": self.latent, "output": self.output}
        vae = self.vae or validated(VAE, **layers, **shared)
        for name, value in shared.items():
            if getattr(vae, name) != value:
                raise OptionError(name, f"the VAE's {name} is {getattr(vae, name)}, not {value}: leave it out")
        msgspec.structs.force_setattr(self, "vae", vae)


_PRINTED = {
    "likelihood": "gaussian",
    "beta": 1.0,
    "saturating": True,
    "adversarial_weight": 1.0,
    "encoding_adversarial_weight": 1.0,
}
_AS_PRINTED = "the paper's propagation is as printed, which this option would change: leave one of the two out"


def _set_default(specification: VAE | AVA, name: str, *, exact: Any, paper: Any) -> None:
    """Replace None by the default that belongs to the propagation."""
    if getattr(specification, name) is None:
        msgspec.structs.force_setattr(specification, name, exact if specification.propagation == "exact" else paper)


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
