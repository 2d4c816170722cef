"""The command line that repeats a run, from its specification."""

import shlex
from typing import Any

import msgspec

from ava_np.run.names import ARCHITECTURE
from ava_np.specification import (
    MAX_PIXELS,
    Cascade,
    RunOptions,
    Specification,
    TrainingSpecification,
    default_ema,
    default_momentum,
)

IMPLIED = {"output", "vae", "vae_sha256"}
"""Fields of a model that no option sets: toy points have a linear output, pictures a sigmoid; a cascade reads a run."""


def command(specification: Specification) -> list[str]:
    """Return the command line that repeats a run, quoted for a POSIX shell, with each option as one item.

    A custom architecture is read from architecture.json in the run folder. VAE stands for the run of a cascade's VAE.

    Examples
    --------
    >>> from ava_np.specification import FORMAT, VAE, PicturesSpecification, TrainingSpecification
    >>> pictures = PicturesSpecification(source="photos", size=(64, 64), channels=3, zoom=1)
    >>> training = TrainingSpecification("adam", 2e-4, "sum", batch_size=16, epochs=100, seed=0)
    >>> command(Specification(FORMAT, VAE(latent=2), pictures, training))[:3]
    ['ava train photos', '--model vae', '--latent 2']
    """
    source = specification.pictures.source
    options = {**_model(specification), **_pictures(specification), **_training(specification)}
    parts = [_option(name.replace("_", "-"), value) for name, value in options.items()]
    return [shlex.join(["ava", "train", *([] if source is None else [source])]), *parts]


def _model(specification: Specification) -> dict[str, Any]:
    """The model's name, and the options that differ from its defaults, some of which depend on the propagation."""
    model = specification.model
    propagation = getattr(model, "propagation", None)
    defaults = type(model)(**({} if propagation is None else {"propagation": propagation}))
    options: dict[str, Any] = {"model": model.name}
    if propagation == "paper":
        options["propagation"] = propagation
    for field in msgspec.structs.fields(model):
        value = getattr(model, field.name)
        if field.name not in IMPLIED and value != getattr(defaults, field.name):
            options[field.name] = value
    if isinstance(model.architecture, dict):
        options["architecture"] = ARCHITECTURE
    if isinstance(model, Cascade):
        options["from"] = "VAE"
    return {name: _text(value) for name, value in options.items()}


def _pictures(specification: Specification) -> dict[str, Any]:
    pictures = specification.pictures
    options: dict[str, Any] = {}
    if not pictures.toy:
        options = {"size": "{}x{}".format(*pictures.size), "zoom": pictures.zoom}
        if pictures.fit != RunOptions.fit:
            options["fit"] = pictures.fit
    given = {name: getattr(pictures, name) for name in ("limit", "validation", "test", "flip", "shift", "cache")}
    if pictures.max_pixels != MAX_PIXELS:
        given["max_pixels"] = pictures.max_pixels
    return options | {name: value for name, value in given.items() if value}


def _training(specification: Specification) -> dict[str, Any]:
    training = specification.training
    defaults = {field.name: field.default for field in msgspec.structs.fields(TrainingSpecification)}
    defaults["momentum"] = default_momentum(specification.model, training.optimiser)
    defaults["ema"] = default_ema(specification.model, training.schedule)
    options = {name: value for name, value in msgspec.structs.asdict(training).items() if value != defaults[name]}
    return {"lr" if name == "learning_rate" else name: _text(value) for name, value in options.items()}


def _text(value: Any) -> Any:
    """A list as the command line takes it."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else value


def _option(name: str, value: Any) -> str:
    """An option with its value. A flag has no value; a flag that is set by default has an opposite."""
    if value is True:
        return f"--{name}"
    if value is False:
        return f"--{name.replace('-are-', '-are-not-')}"
    return shlex.join([f"--{name}", str(value)])
