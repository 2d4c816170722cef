"""Every gradient of a model against central differences, in double precision, on a small copy of it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ava_np.models import Model, build
from ava_np.network import Network

LIMIT = 1e-6  # relative error that a row must stay below
STEP = 1e-5  # of the differences: their error is about STEP² + 1e-16 / STEP


@dataclass(frozen=True)
class Row:
    """One array's gradient: relative error max |analytic - numeric| / max |numeric|."""

    model: str
    propagation: str
    network: str
    layer: str
    quantity: str
    relative_error: float


def check(name: str, propagation: str) -> list[Row]:
    """Check a small model of this name, two hidden layers in each network, on four pictures.

    Parameters of every network are held against the differences of what that network descends
    (``Model.objectives``); each dense layer's input, against the differences of a random combination of its network's
    outputs.

    Parameters
    ----------
    name, propagation : str
        As on the command line.
    """
    model = build(name, (3, 2, 3), propagation=propagation, latent=3, hidden=(6, 5), dtype=np.float64)
    generator = np.random.default_rng(7)
    for network in model.networks.values():  # biases that are not 0, weights that saturate a little
        network.theta += generator.normal(0, 0.3, network.theta.shape)
    x, r = generator.random((4, model.neurons)), model.noise(generator, 4)
    rows = []
    for network_name, network in model.networks.items():
        for layer, quantity, error in [
            *_parameters(model, network_name, x, r),
            *_inputs(network, generator),
        ]:
            rows.append(Row(name, propagation, network_name, layer, quantity, error))
    return rows


def _parameters(model: Model, name: str, x: np.ndarray, r: np.ndarray) -> list[tuple[str, str, float]]:
    network = model.networks[name]
    model.zero_gradients()
    model.gradients(x, r)
    analytic = network.grad.copy()
    held = model.held(x, r)
    numeric = central_differences(lambda: model.objectives(x, r, held)[name], network.theta)
    rows = []
    start = 0
    for layer, parameter, array in network.named(network.parameters):
        part = slice(start, start := start + array.size)
        rows.append((layer, parameter, relative_error(analytic[part], numeric[part])))
    return rows


def _inputs(network: Network, generator: np.random.Generator) -> list[tuple[str, str, float]]:
    rows = []
    names = [layer for layer, parameter, _ in network.named(network.parameters) if parameter == "W"]
    starts = [i for i, layer in enumerate(network.layers) if layer.parameter_shapes(network.shapes[i])]
    for layer, i in zip(names, starts, strict=True):
        rest = Network(network.shapes[i], network.layers[i:], generator, np.float64)
        rest.theta[:] = network.theta[-rest.theta.size :]
        x = generator.normal(size=(4, *rest.input_shape))
        combination = generator.normal(size=(4, *rest.output_shape))
        tape = rest.tape(len(x))
        numeric = central_differences(lambda: float(np.sum(rest.forward(tape, x) * combination)), x)  # noqa: B023
        rest.forward(tape, x)
        tape.error[:] = combination
        rows.append((layer, "input", relative_error(rest.backward(tape, parameters=False), numeric)))
    return rows


def central_differences(function: Callable[[], float], at: np.ndarray) -> np.ndarray:
    """(f(a + h) - f(a - h)) / 2h for every entry a of the array ``at``, which is nudged in place and put back."""
    flat = at.reshape(-1)
    slopes = np.empty_like(flat)
    for i, value in enumerate(flat):
        flat[i] = value + STEP
        above = function()
        flat[i] = value - STEP
        slopes[i] = (above - function()) / (2 * STEP)
        flat[i] = value
    return slopes.reshape(at.shape)


def relative_error(analytic: np.ndarray, numeric: np.ndarray) -> float:
    """max |analytic - numeric| / max |numeric|; 0 where both are 0 throughout."""
    difference, size = float(np.abs(analytic - numeric).max()), float(np.abs(numeric).max())
    return difference / size if size else difference
