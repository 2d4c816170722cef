"""One step of a small model, with every number: what ``ava trace`` prints, writes and draws."""

import math
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import Any

import numpy as np

from ava_np.models import Model, build
from ava_np.models.step import Detached, Noise, Phase
from ava_np.network import Network
from ava_np.trace.layers import differences
from ava_np.trace.recorder import Recorder
from ava_np.trace.row import Row, relative_error

WEIGHTS = 0.7  # standard deviation of parameters, less in wide layers: small ones would make small numbers
HIDDEN = (3,)


@dataclass
class Total:
    """The gradient of a parameter over all applications in a phase, checked against the whole objective.

    Attributes
    ----------
    phase, network, layer, parameter : str
        Which one it is.
    applications : dict of str to ndarray
        What each application has added.
    gradient, differences : ndarray
        Their sum, and the derivative of the network's objective by central differences.
    """

    phase: str
    network: str
    layer: str
    parameter: str
    applications: dict[str, np.ndarray]
    gradient: np.ndarray
    differences: np.ndarray

    @property
    def relative_error(self) -> float:
        """As that of a row."""
        return relative_error(self.gradient, self.differences)


@dataclass
class Update:
    """What a step along the gradient does to what a network minimises.

    Attributes
    ----------
    phase, network : str
        Which one it is.
    squared_norm : float
        ‖g‖².
    predicted, actual : float
        -γ ‖g‖², and how much the objective changes if only this network moves.
    """

    phase: str
    network: str
    squared_norm: float
    predicted: float
    actual: float


@dataclass
class Trace:
    """A step of a model, recorded.

    Attributes
    ----------
    model : Model
        After the step.
    propagation : str
        "exact" or "paper", for the models that have both; otherwise empty.
    seed, rate
        Of the weights, pictures and noise; and γ.
    x, noise
        What the step was given.
    parameters : dict
        Of each network, before the step.
    inputs : dict of str to ndarray
        What each application of a network has read.
    rows, totals, updates : list
        What was computed, in order.
    """

    model: Model
    propagation: str
    seed: int
    rate: float
    x: np.ndarray
    noise: Noise
    parameters: dict[str, dict[str, np.ndarray]]
    inputs: dict[str, np.ndarray]
    rows: list[Row]
    totals: list[Total] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)

    @property
    def worst(self) -> tuple[float, str]:
        """The largest relative error against finite differences, and where it is."""
        rows = [(row.relative_error, f"{row.quantity}, {row.place}") for row in self.rows]
        totals = [(one.relative_error, f"{one.network}.{one.layer}.{one.parameter}") for one in self.totals]
        return max((error, where) for error, where in [*rows, *totals] if error is not None)

    def gradient(self, network: str) -> np.ndarray:
        """Return the gradient of a network as one vector, over all phases."""
        return np.concatenate([one.gradient.reshape(-1) for one in self.totals if one.network == network])


def trace_step(
    name: str,
    *,
    seed: int = 0,
    shape: tuple[int, int, int] = (2, 2, 1),
    latent: int = 2,
    hidden: tuple[int, ...] = HIDDEN,
    batch: int = 1,
    rate: float = 0.01,
    **options: Any,
) -> Trace:
    """Do one step of a model that is small enough to print, and record every number on the way.

    Parameters
    ----------
    name : str
        A model's name, as for ``ava_np.build``.
    seed : int
        Of weights, pictures and noise.
    shape, latent, hidden, batch
        Sizes: (height, width, channels) of a picture, numbers of a code, neurons of hidden layers, pictures.
    rate : float
        γ, the learning rate of the update θ ← θ - γ g.
    **options
        Options of the model, such as ``propagation``.

    Returns
    -------
    Trace

    Examples
    --------
    >>> from ava_np.trace import trace_step
    >>> trace = trace_step("vae")
    >>> [row.note for row in trace.rows if row.equations == (8,)]
    ['z = μ + Σ^½ r']
    >>> trace.worst[0] < 1e-6
    True
    """
    model = build(name, shape, architecture="mlp", latent=latent, hidden=hidden, seed=seed, dtype=np.float64, **options)
    generator = np.random.default_rng(seed)
    for network in model.networks.values():
        for _, _, array in network.named_arrays(network.parameters):
            array[:] = generator.normal(0, min(WEIGHTS, 1.4 / math.sqrt(prod(array.shape[:-1]))), array.shape)
    x, noise = generator.random((batch, model.neurons)), model.noise(generator, batch)
    parameters = {name: _parameters(network) for name, network in model.networks.items()}
    for phase in model.phases:  # the first call compiles the kernels, of which nothing should be recorded
        phase.gradients(x, noise)
    recorder = Recorder(model, model.buffers(batch, noise), x, noise)
    propagation = getattr(model, "propagation", "")
    trace = Trace(model, propagation, seed, rate, x, noise, parameters, recorder.inputs, recorder.rows)
    for phase in model.phases:
        model.zero_gradients()
        recorder.start(phase.name)
        recorder.add_data(x, noise)
        with recorder.follow():
            terms = phase.gradients(x, noise)
        recorder.add_terms(terms)
        _finish(trace, phase)
    return trace


def _finish(trace: Trace, phase: Phase) -> None:
    """Check the gradients of a phase against its objectives, and apply them."""
    model, x, noise, rate = trace.model, trace.x, trace.noise, trace.rate
    gradients = {name: model.networks[name].gradient.read() for name in phase.networks}
    detached = model.detached(x, noise)
    before = phase.objectives(x, noise, detached)
    for name in phase.networks:
        network, start = model.networks[name], 0
        for layer, parameter, array in network.named_arrays(network.parameters):
            gradient = gradients[name][start : start + array.size].reshape(array.shape)
            start += array.size
            numeric = differences(partial(_objective, phase, name, x, noise, detached), array)
            added = _added(trace, phase, name, layer, parameter)
            trace.totals.append(Total(phase.name, name, layer, parameter, added, gradient, numeric))
    for name in phase.networks:
        network, g = model.networks[name], gradients[name]
        network.theta -= rate * g
        actual = phase.objectives(x, noise, detached)[name] - before[name]
        network.theta += rate * g
        squared = float(g @ g)
        trace.updates.append(Update(phase.name, name, squared, -rate * squared, actual))
    for name in phase.networks:
        model.networks[name].theta -= rate * gradients[name]


def _objective(phase: Phase, name: str, x: np.ndarray, noise: Noise, detached: Detached) -> float:
    return phase.objectives(x, noise, detached)[name]


def _added(trace: Trace, phase: Phase, name: str, layer: str, parameter: str) -> dict[str, np.ndarray]:
    """What each application of a network has added to the gradient of a parameter."""
    added: dict[str, np.ndarray] = {}
    wanted = phase.name, name, layer, f"δ{parameter}"
    for row in trace.rows:
        if (row.phase, row.network, row.layer, row.quantity) == wanted and row.before is not None:
            added[row.application] = added.get(row.application, 0.0) + (row.after - row.before)
    return added


def _parameters(network: Network) -> dict[str, np.ndarray]:
    return {f"{layer}.{name}": array.copy() for layer, name, array in network.named_arrays(network.parameters)}
