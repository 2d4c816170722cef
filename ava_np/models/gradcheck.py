"""Every gradient of a model against central differences, in double precision, on a small copy of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ava_np.indices import evenly_spaced
from ava_np.models import Model, build
from ava_np.models.base import Phase
from ava_np.network import Network

LIMIT = 1e-6  # relative error that a row must stay below
STEPS = (1e-5, 1e-6)  # of the differences: their error is about step² + 1e-16 / step
MOST = 40  # entries of an array that are nudged, evenly spaced
FLOOR = 1e-2  # of the largest in the network: smaller gradients are measured by it, as biases before batch norm are 0
SHAPE, LATENT, BATCH = (6, 5, 1), 2, 4
HIDDEN = {"mlp": (6, 5), "conv28": (2, 3), "conv64": (2, 3), "dcgan": (2, 3)}


@dataclass(frozen=True)
class Row:
    """One array's gradient: relative error max |analytic - numeric| / max |numeric|."""

    model: str
    architecture: str
    propagation: str
    phase: str
    network: str
    layer: str
    quantity: str
    relative_error: float


def check(name: str, architecture: str = "mlp", **options: Any) -> list[Row]:
    """Check a small model of this name, two hidden layers in each network, on four pictures.

    In every phase of a step, the parameters of each network that learns are held against the differences of what that
    network descends (``Phase.objectives``); the input of each layer that has parameters, against the differences of a
    random combination of its network's outputs. Up to 40 entries of an array are nudged. Where a nudge crosses
    the kink of a rectifier the smaller of two steps does not: an entry's error is the lesser of both.

    Parameters
    ----------
    name, architecture : str
        As on the command line.
    **options
        Of the model, as ``ava_np.models.build`` takes them.
    """
    model = build(
        name, SHAPE, architecture=architecture, latent=LATENT, hidden=HIDDEN[architecture], dtype=np.float64, **options
    )
    generator = np.random.default_rng(7)
    for network in model.networks.values():  # biases that are not 0, weights that saturate a little
        network.theta += generator.normal(0, 0.3, network.theta.shape)
    x, noise = generator.random((BATCH, model.neurons)), model.noise(generator, BATCH)
    rows: list[Row] = []
    for phase in model.phases:
        for network_name in phase.networks:
            found = _parameters(model, phase, network_name, x, noise)
            if network_name not in {row.network for row in rows}:
                found += _inputs(model.networks[network_name], generator)
            rows += [
                Row(name, architecture, str(options.get("propagation", "exact")), phase.name, network_name, *row)
                for row in found
            ]
    return rows


def _parameters(
    model: Model, phase: Phase, name: str, x: np.ndarray, noise: dict[str, np.ndarray]
) -> list[tuple[str, str, float]]:
    network = model.networks[name]
    model.zero_gradients()
    phase.gradients(x, noise)
    analytic, detached = network.grad.copy(), model.detached(x, noise)
    parts = {}
    start = 0
    for layer, parameter, array in network.named_arrays(network.parameters):
        entries = start + evenly_spaced(array.size, MOST)
        errors, size = _compare(
            lambda: phase.objectives(x, noise, detached)[name], network.theta, entries, analytic[entries]
        )
        parts[layer, parameter] = errors, size
        start += array.size
    floor = FLOOR * max(size for _, size in parts.values())
    return [(*where, _ratio(error, max(size, floor))) for where, (error, size) in parts.items()]


def _inputs(network: Network, generator: np.random.Generator) -> list[tuple[str, str, float]]:
    rows = []
    names = [name for name, parameter, _ in network.named_arrays(network.parameters) if parameter in ("W", "scale")]
    starts = [i for i, layer in enumerate(network.layers) if layer.parameter_shapes(network.shapes[i])]
    for name, i in zip(names, starts, strict=True):
        rest = Network(network.shapes[i], network.layers[i:], generator, np.float64)
        rest.theta[:] = network.theta[-rest.theta.size :]
        x = generator.normal(size=(BATCH, *rest.input_shape))
        combination = generator.normal(size=(BATCH, *rest.output_shape))
        buffers = rest.buffers(BATCH)
        rest.forward(buffers, x)
        buffers.error[:] = combination
        analytic = rest.backward(buffers, parameters=False).reshape(-1).copy()
        flat, entries = x.reshape(-1), evenly_spaced(x.size, MOST)
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
    """Largest error over these entries, each the lesser of two steps', and the largest difference."""
    numeric = [central_differences(function, flat, entries, step) for step in STEPS]
    errors = np.minimum(*(np.abs(analytic - differences) for differences in numeric))
    return float(errors.max()), float(np.abs(numeric[0]).max())


def central_differences(
    function: Callable[[], float], flat: np.ndarray, entries: np.ndarray, step: float
) -> np.ndarray:
    """(f(a + h) - f(a - h)) / 2h for these entries a of a flat array, which is nudged in place and put back."""
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
    """Relative error; the error itself where the difference is 0 throughout."""
    return error / size if size else error
