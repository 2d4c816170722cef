"""Specifications of the VAE and of AVA1 to AVA5, whose propagation may be exact or as the paper prints it."""

from typing import Any

import msgspec

from ava_np.errors import OptionError
from ava_np.specification.base import ModelSpecification
from ava_np.specification.values import AVALikelihood, Propagation, VAELikelihood, Weight

_PRINTED = {
    "likelihood": "gaussian",
    "beta": 1.0,
    "saturating": True,
    "adversarial_weight": 1.0,
    "encoding_adversarial_weight": 1.0,
}
_AS_PRINTED = "the paper's propagation is as printed, which this option would change: leave one of the two out"


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


def _set_default(specification: VAE | AVA, name: str, *, exact: Any, paper: Any) -> None:
    """Replace None by the default that belongs to the propagation."""
    if getattr(specification, name) is None:
        msgspec.structs.force_setattr(specification, name, exact if specification.propagation == "exact" else paper)
