"""The command line that makes a run again, from its specification."""

import shlex
from typing import Any

import msgspec

from ava_np.specification import Specification, default_momentum

IMPLIED = {"output"}  # fields of a model that no option sets: toy points have a linear output, pictures a sigmoid
OWN_ARCHITECTURE = "architecture.json"


def command(specification: Specification) -> list[str]:
    """The command line that makes this run again, quoted for a POSIX shell, in parts: each option is one.

    An architecture of one's own is in the run folder's architecture.json.
    """
    source = specification.pictures.source
    options = {**_model(specification), **_pictures(specification), **_training(specification)}
    parts = [_option(name.replace("_", "-"), value) for name, value in options.items()]
    return [shlex.join(["ava", "train", *([] if source is None else [source])]), *parts]


def _model(specification: Specification) -> dict[str, Any]:
    """The model's name, and what is not as it is by default."""
    model = specification.model
    options: dict[str, Any] = {"model": model.name}
    for field in msgspec.structs.fields(model):
        value = getattr(model, field.name)
        if field.name not in IMPLIED and value != field.default:
            options[field.name] = value
    if isinstance(model.architecture, dict):
        options["architecture"] = OWN_ARCHITECTURE
    if model.hidden:
        options["hidden"] = ",".join(map(str, model.hidden))
    return options


def _pictures(specification: Specification) -> dict[str, Any]:
    pictures = specification.pictures
    options: dict[str, Any] = {}
    if not pictures.toy:
        options = {"size": "{}x{}".format(*pictures.size), "zoom": pictures.zoom}
    given = {name: getattr(pictures, name) for name in ("limit", "validation", "test", "flip", "shift", "cache")}
    return options | {name: value for name, value in given.items() if value}


def _training(specification: Specification) -> dict[str, Any]:
    training = specification.training
    usual = {
        "momentum": default_momentum(specification.model, training.optimiser),
        "weight_decay": 0,
        "clip": 0,
        "schedule": "constant",
    }
    options = {name: value for name, value in msgspec.structs.asdict(training).items() if value != usual.get(name)}
    return {"lr" if name == "learning_rate" else name: value for name, value in options.items()}


def _option(name: str, value: Any) -> str:
    """An option with its value; a flag has none, and one that is set by default has an opposite."""
    if value is True:
        return f"--{name}"
    if value is False:
        return f"--{name.replace('-are-', '-are-not-')}"
    return shlex.join([f"--{name}", str(value)])
