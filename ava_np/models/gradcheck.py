"""Check every gradient of a model against central differences, in double precision, on a small copy of the model."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ava_np.indices import evenly_spaced
from ava_np.models import Model, build
from ava_np.models.gradcheck_cases import EVERY_LAYER
from ava_np.models.step import Noise, Phase
from ava_np.network import Network

LIMIT = 1e-6  # relative error that every row must stay below
STEPS = (1e-5, 1e-6)  # of the differences, whose error is about step² + 1e-16 / step
MAX_ENTRIES = 40  # of each array, evenly spaced
FLOOR = 1e-2  # of the network's largest gradient: smaller ones are compared with that, since a bias in front of batch
#               norm has a gradient of 0
SHAPE, EVEN_SHAPE, LATENT, BATCH = (6, 5, 1), (6, 4, 1), 2, 4
HIDDEN = {"mlp": (6, 5), "conv28": (2, 3), "conv64": (2, 3), "dcgan": (2, 3)}


@dataclass(frozen=True)
class Row:
    """The result for one array: relative error ``max |analytic - numeric| / max |numeric|``."""

    model: str
    architecture: str
    propagation: str
    phase: str
    network: str
    layer: str
    quantity: str
    relative_error: float
    options: str = ""


def check(name: str, architecture: str = "mlp", **options: Any) -> list[Row]:
    """Check the gradients of a small model on four pictures.

    In every phase of a step, the gradient of each parameter is compared with central differences of what its network
    minimises (``Phase.objectives``). The error at the input of each layer that has parameters is compared with central
    differences of a random combination of the network's outputs. Up to 40 entries of an array are checked. A nudge may
    cross the kink of a rectifier, which a smaller one does not: the error of an entry is the lesser of two step sizes.

    Parameters
    ----------
    name, architecture : str
        Names of the model and of the architecture, the same as on the command line. "every-layer" has every layer and
        every activation; the others have two hidden layers.
    **options
        Options of the model, the same as for ``ava_np.models.build``.

    Returns
    -------
    list of Row
        One for each array and phase.

    Examples
    --------
    >>> max(row.relative_error for row in check("vae")) < LIMIT
    True
    """
    model = _small(name, architecture, options)
    generator = np.random.default_rng(7)
    for network in model.networks.values():  # biases that are not 0, weights that saturate a little
        network.theta += generator.normal(0, 0.3, network.theta.shape)
    x, noise = generator.random((BATCH, model.neurons)), model.noise(generator, BATCH)
    rule, rows = str(options.pop("propagation", "exact")), list[Row]()
    words = ", ".join(f"{key} {_text(value)}" for key, value in options.items())
    for phase in model.phases:
        for network_name in phase.networks:
            results = _check_parameters(model, phase, network_name, x, noise)
            if network_name not in {row.network for row in rows}:
                results += _check_inputs(model.networks[network_name], generator)
            rows += [Row(name, architecture, rule, phase.name, network_name, *result, words) for result in results]
    return rows


def _small(name: str, architecture: str, options: dict[str, Any]) -> Model:
    """Build a small model in double precision."""
    sizes: dict[str, Any] = {"latent": LATENT, "dtype": np.float64}
    if architecture == "every-layer":
        return build(name, EVEN_SHAPE, architecture=EVERY_LAYER, **sizes, **options)
    return build(name, SHAPE, architecture=architecture, hidden=HIDDEN[architecture], **sizes, **options)


def _text(value: Any) -> str:
    return "+".join(value) if isinstance(value, tuple) else str(value)


def _check_parameters(
    model: Model, phase: Phase, name: str, x: np.ndarray, noise: Noise
) -> list[tuple[str, str, float]]:
    """Return (layer, parameter, relative error) for each parameter of a network."""
    network = model.networks[name]
    model.zero_gradients()
    phase.gradients(x, noise)
    analytic, detached = network.gradient.read(), model.detached(x, noise)
    errors = {}
    start = 0
    for layer, parameter, array in network.named_arrays(network.parameters):
        entries = start + evenly_spaced(array.size, MAX_ENTRIES)
        errors[layer, parameter] = _compare(
            lambda: phase.objectives(x, noise, detached)[name], network.theta, entries, analytic[entries]
        )
        start += array.size
    floor = FLOOR * max(size for _, size in errors.values())
    return [(*where, _ratio(error, max(size, floor))) for where, (error, size) in errors.items()]


def _check_inputs(network: Network, generator: np.random.Generator) -> list[tuple[str, str, float]]:
    """Return (layer, "input", relative error) for each layer of a network that has parameters."""
    rows = []
    names = list(dict.fromkeys(name for name, _, _ in network.named_arrays(network.parameters)))
    starts = [i for i, parameters in enumerate(network.parameters) if parameters]
    for name, i in zip(names, starts, strict=True):
        rest = Network(network.shapes[i], network.layers[i:], generator, np.float64)
        rest.theta[:] = network.theta[-rest.theta.size :]
        x = generator.normal(size=(BATCH, *rest.input_shape))
        combination = generator.normal(size=(BATCH, *rest.output_shape))
        buffers = rest.buffers(BATCH)
        for noise in buffers.noise:
            noise[:] = generator.random(noise.shape)
        rest.forward(buffers, x)
        analytic = rest.backward_input(buffers, combination).reshape(-1).copy()
        flat, entries = x.reshape(-1), evenly_spaced(x.size, MAX_ENTRIES)
        error, size = _compare(
            lambda: float(np.sum(rest.forward(buffers, x) * combination)),  # noqa: B023
            flat,
            entries,
            analytic[entries],
        )
        rows.append((name, "input", _ratio(error, size)))
    return rows


def _compare(
    function: Callable[[], float], flat: np.ndarray, entries: np.ndarray, analytic: np.ndarray
) -> tuple[float, float]:
    """Return the largest error over these entries, each the lesser of two step sizes', and the largest difference."""
    numeric = [central_differences(function, flat, entries, step) for step in STEPS]
    errors = np.minimum(*(np.abs(analytic - differences) for differences in numeric))
    return float(errors.max()), float(np.abs(numeric[0]).max())


def central_differences(
    function: Callable[[], float], flat: np.ndarray, entries: np.ndarray, step: float
) -> np.ndarray:
    """Return (f(a + step) - f(a - step)) / 2 step for these entries a of a flat array.

    The array is changed in place and restored.
    """
    slopes = np.empty(len(entries))
    for k, i in enumerate(entries):
        value = flat[i]
        flat[i] = value + step
        above = function()
        flat[i] = value - step
        slopes[k] = (above - function()) / (2 * step)
        flat[i] = value
    return slopes


def _ratio(error: float, size: float) -> float:
    """The relative error; the absolute error if all differences are 0."""
    return error / size if size else error
