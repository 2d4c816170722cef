"""What a cascade has from the run of its VAE: the code, and how the pictures are prepared."""

from dataclasses import replace
from typing import Any

import msgspec

from ava_np.errors import OptionError
from ava_np.models.cascade import options_of
from ava_np.run.folder import Run
from ava_np.specification import RunOptions


def with_vae(options: RunOptions, vae: Run) -> RunOptions:
    """Return the options of a cascade, with those that the run of its VAE has decided.

    The run is known by the checksum of its weights, not by its folder: the same VAE gives the same bytes.

    Parameters
    ----------
    options : RunOptions
        Of a cascade.
    vae : Run
        Of a VAE or an AVA.

    Raises
    ------
    OptionError
        If the run is of another model, or decided an option in another way.
    """
    of_vae = options_of(vae.specification.model) | {"vae_sha256": vae.header().sha256}
    pictures = vae.specification.pictures
    decided: dict[str, Any] = {}
    if pictures.toy != options.toy:
        kinds = ("points", "pictures") if pictures.toy else ("pictures", "points")
        raise OptionError("trained_vae", "the VAE in {} was trained on {}, not on {}".format(vae.folder, *kinds))
    if not pictures.toy:
        decided = {"size": pictures.size, "fit": pictures.fit, "zoom": pictures.zoom}
    for name, value in decided.items():
        if getattr(options, name) not in (getattr(RunOptions, name), value):
            text = "x".join(map(str, value)) if isinstance(value, tuple) else value
            raise OptionError(name, f"the VAE in {vae.folder} was trained with {name} {text}: leave it out")
    if isinstance(options.model, str):
        return replace(options, model_options={**of_vae, **options.model_options}, **decided)
    return replace(options, model=msgspec.structs.replace(options.model, **of_vae), **decided)
