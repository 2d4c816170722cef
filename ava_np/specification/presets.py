"""Options that suit common kinds of pictures: each preset fills in those that were not given."""

from typing import Any

from ava_np.specification.gans import GAN, BiGAN
from ava_np.specification.models import MODELS

PRESETS: dict[str, dict[str, Any]] = {
    "faces": {"size": (64, 80), "flip": True},
    "photos": {"size": (64, 64), "flip": True, "latent": 64},
    "sprites": {"fit": "pad", "flip": True, "latent": 64},
    "digits": {"size": (28, 28), "fit": "pad", "latent": 16},
    "few": {"architecture": "mlp", "latent": 10, "shift": 2},
}
"""By name: faces are alike when mirrored; photos are cropped to a small square; sprites keep all of their shape; digits
and letters are not mirrored; few pictures get dense layers, and vary by being shifted."""

AUGMENTED = {"faces", "photos", "sprites"}
"""Presets with which a GAN's discriminator sees changed pictures: it learns few of them by heart otherwise. Colours of
digits and letters hardly vary, so that a changed one is no digit."""


def fill_in(given: dict[str, Any], preset: str, model: str) -> dict[str, Any]:
    """Return the options that were given, and those of a preset that were not, for a model.

    A GAN keeps its layers and the length of its code, and gets augmentation where that helps.

    Examples
    --------
    >>> fill_in({"latent": 8}, "digits", "vae")
    {'size': (28, 28), 'fit': 'pad', 'latent': 8}
    >>> fill_in({}, "photos", "dcgan")
    {'size': (64, 64), 'flip': True, 'augment': ('colour', 'translation')}
    """
    filled = PRESETS[preset]
    if issubclass(MODELS[model], GAN | BiGAN):
        filled = {name: value for name, value in filled.items() if name not in ("latent", "architecture")}
        if preset in AUGMENTED:
            filled["augment"] = ("colour", "translation")
    return filled | given
