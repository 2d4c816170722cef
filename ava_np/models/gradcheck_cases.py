"""What the gradient check is run on: every model with every option, and networks that hold every layer."""

from collections.abc import Iterator
from typing import Any, NamedTuple, get_args

from ava_np.specification import MODELS, ArchitectureName, Propagation, specify_model

EVERY_LAYER: dict[str, tuple[dict[str, Any], ...]] = {
    "encoder": (
        {"layer": "convolution", "channels": 2, "kernel": 3, "padding": 1},
        {"layer": "batch_norm"},
        {"layer": "activation", "function": "elu"},
        {"layer": "average_pooling"},
        {"layer": "dropout", "rate": 0.3},
        {"layer": "flatten"},
        {"layer": "dense", "width": 6},
        {"layer": "maxout", "pieces": 2},
        {"layer": "activation", "function": "tanh"},
    ),
    "decoder": (
        {"layer": "dense", "width": 12},
        {"layer": "activation", "function": "softplus"},
        {"layer": "reshape", "shape": (3, 2, 2)},
        {"layer": "upsampling"},
        {"layer": "activation", "function": "leaky_relu"},
        {"layer": "transposed_convolution", "channels": 1, "kernel": 3, "padding": 1},
    ),
    "discriminator": (
        {"layer": "average_pooling"},
        {"layer": "flatten"},
        {"layer": "dense", "width": 5},
        {"layer": "activation", "function": "relu"},
        {"layer": "dropout", "rate": 0.3},
        {"layer": "minibatch_discrimination"},
    ),
    "code_discriminator": (
        {"layer": "dense", "width": 4},
        {"layer": "activation", "function": "sigmoid"},
        {"layer": "dense", "width": 3},
        {"layer": "activation", "function": "exp"},
        {"layer": "activation", "function": "linear"},
    ),
}
"""An architecture in which every layer and every activation is used, for pictures of 6 x 4 values."""

ARCHITECTURES: tuple[str, ...] = (*get_args(ArchitectureName), "every-layer")
"""The named architectures, and ``EVERY_LAYER``."""

ALTERNATIVES: dict[str, tuple[Any, ...]] = {
    "likelihood": ("gaussian", "calibrated", "bernoulli"),
    "output": ("linear",),
    "beta": (0.3,),
    "gamma": (0.1,),
    "reconstructions_are_fake": (False,),
    "adversarial_weight": (3.0,),
    "encoding_adversarial_weight": (0.5,),
    "reconstruction_weight": (2.0,),
    "saturating": (True, False),
    "smoothing": (0.2,),
    "stochastic": (True,),
    "augment": (("colour", "translation", "cutout"),),
    "minibatch_discrimination": (True,),
}
"""Values of each option that changes a gradient."""

OTHER = {"latent", "architecture", "hidden", "propagation", "prior", "vae", "vae_sha256"}
"""Options that change sizes, that choose what is checked, or that only change what is drawn."""


class Case(NamedTuple):
    """A check: a model, the name of its architecture, and options."""

    model: str
    architecture: str
    options: dict[str, Any]


def cases(model: str) -> Iterator[Case]:
    """Yield the checks of a model: every architecture, every layer, and every option at another value.

    Parameters
    ----------
    model : str
        Its name. A model with two propagations is checked with both, except where an option belongs to one.

    Examples
    --------
    >>> from ava_np.models.gradcheck_cases import cases
    >>> [case.options for case in cases("ae") if case.architecture == "mlp"]
    [{}, {'likelihood': 'bernoulli'}, {'output': 'linear'}]
    """
    fields = MODELS[model].__struct_fields__
    rules: tuple[dict[str, Any], ...] = ({},)
    if "propagation" in fields:
        rules = tuple({"propagation": rule} for rule in get_args(Propagation))
    for architecture in ARCHITECTURES:
        yield from (Case(model, architecture, rule) for rule in rules)
    for option in fields:
        for value in ALTERNATIVES.get(option, ()):
            for rule in rules:
                options = {**rule, option: value}
                if _is_another(model, rule, options):
                    yield Case(model, "mlp", options)


def _is_another(model: str, rule: dict[str, Any], options: dict[str, Any]) -> bool:
    """Whether these options are possible, and differ from the defaults."""
    try:
        return specify_model(model, **options) != specify_model(model, **rule)
    except ValueError:
        return False
