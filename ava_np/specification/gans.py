"""Specifications of the models that play the game of a GAN: with pictures, with codes or with both."""

from typing import Literal

import msgspec

from ava_np.errors import OptionError
from ava_np.specification.ava import AVA1, AVA2, AVA3, AVA4, AVA5, VAE
from ava_np.specification.base import ModelSpecification
from ava_np.specification.values import (
    ArchitectureName,
    Changes,
    Checksum,
    Layers,
    Likelihood,
    Positive,
    PriorName,
    Share,
    validated,
)


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
    """Generative adversarial network.

    Parameters
    ----------
    prior : {"normal", "uniform"}
        Where codes come from: N(0, I), or [-1, 1] in every dimension, as in the experiments of Radford et al. 2016.
    """

    prior: Literal["normal", "uniform"] = "normal"


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
        if self.prior != "normal":
            raise OptionError("prior", "a cascade's codes come from its VAE, not from a prior: leave it out")
        for name, value in shared.items():
            if getattr(vae, name) != value:
                raise OptionError(name, f"the VAE's {name} is {getattr(vae, name)}, not {value}: leave it out")
        msgspec.structs.force_setattr(self, "vae", vae)
