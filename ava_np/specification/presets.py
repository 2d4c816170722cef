"""Options that suit common kinds of pictures: each preset fills in those that were not given."""

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    "faces": {"size": (64, 80), "flip": True},
    "photos": {"size": (64, 64), "flip": True, "latent": 64},
    "sprites": {"fit": "pad", "flip": True, "latent": 64},
    "digits": {"size": (28, 28), "fit": "pad", "latent": 16},
    "few": {"architecture": "mlp", "latent": 10, "shift": 2},
}
"""By name: faces are alike when mirrored; photos are cropped to a small square; sprites keep all of their shape; digits
and letters are not mirrored; few pictures get dense layers, and vary by being shifted."""


def fill_in(given: dict[str, Any], preset: str) -> dict[str, Any]:
    """Return the options that were given, and those of a preset that were not.

    Examples
    --------
    >>> fill_in({"latent": 8}, "digits")
    {'size': (28, 28), 'fit': 'pad', 'latent': 8}
    """
    return PRESETS[preset] | given
