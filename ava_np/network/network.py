"""Networks and tapes: parameters in one flat vector, each application's state on a tape of its own.

A network remembers nothing of the samples that it has seen. In a step of AVA the discriminator Ψ runs on x and on x',
the encoder Θ on x and on x', Λ on μ(x) and on μ(x'): six tapes, four networks.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from math import prod

import numpy as np

from ava_np.kernels.activations import ACTIVATIONS
from ava_np.layers import Activation, Arrays, Layer, Mode, Shape, Slot
from ava_np.network.gradient import Gradient


class Tape:
    """The arrays of one application of a network to a batch, allocated once.

    Parameters
    ----------
    network : Network
        The network that will be applied.
    batch : int
        Number of samples.
    mode : {"training", "frozen", "evaluation"}
        How (``ava_np.layers.Mode``).

    Attributes
    ----------
    input, output : ndarray
        First input and last output, ``(batch, *shape)``.
    error, input_error : ndarray
        Errors at the output and at the input: a model writes the first, ``Network.backward`` the second.
    tapped, tapped_error : ndarray
        The values at the network's tap, and their errors, for ``Network.backward(..., from_tap=True)``.
    slope : ndarray
        What ``Network.output_slope`` writes, like ``output``; allocated when it is first asked for.
    noise : list of ndarray
        What must be filled, uniform in [0, 1), before ``Network.forward``; empty without dropout.
    """

    def __init__(self, network: "Network", batch: int, mode: Mode) -> None:
        values = [np.zeros((batch, *network.input_shape), network.dtype)]
        errors = [np.zeros_like(values[0])]
        # Several threads may show pictures to one network, but only one may train it.
        scratch = np.empty_like(network.scratch) if mode == "evaluation" else network.scratch
        self.slots: list[Slot] = []
        for i, (layer, shape) in enumerate(zip(network.layers, network.shapes[1:], strict=True)):
            for arrays in (values, errors):
                shared = layer.in_place and i not in network.apart
                arrays.append(arrays[-1].reshape(batch, *shape) if shared else np.zeros((batch, *shape), network.dtype))
            memory = {
                name: np.zeros(kept, network.dtype)
                for name, kept in layer.memory_shapes(network.shapes[i], batch).items()
            }
            self.slots.append(
                Slot(values[-2], values[-1], errors[-2], errors[-1], memory, network.states[i], scratch, mode)
            )
        self.input, self.output = values[0], values[-1]
        self.error, self.input_error = errors[-1], errors[0]
        self.tapped, self.tapped_error = values[network.tap], errors[network.tap]
        self.noise = [slot.memory["noise"] for slot in self.slots if "noise" in slot.memory]

    @cached_property
    def slope(self) -> np.ndarray:
        """Room for a' at the output."""
        return np.empty_like(self.output)

    def clear_error(self) -> np.ndarray:
        """Set the error at the output to 0, for terms to be added to it; return it."""
        self.error.fill(0)
        return self.error


class Network:
    """A chain of layers over one flat parameter vector.

    Parameters
    ----------
    input_shape : tuple of int
        Shape of one sample.
    layers : sequence of Layer
        Applied in order.
    generator : numpy.random.Generator
        Draws the first weights.
    dtype : dtype
        ``float32`` for training, ``float64`` for gradient checks.
    tap : int
        How many layers stand before the tap, where values can be read and an error can enter; by default all. A
        negative one counts from the end: -1 is before the last.

    Attributes
    ----------
    theta, grad : ndarray, (parameters,)
        Every parameter and its gradient; ``parameters`` and ``gradients`` are named views into them, layer by layer.
    gradient : Gradient
        Where ``grad`` comes from: it can be used without being written down.
    states : list of dict
        What layers keep besides, such as running statistics: saved, but not learnt by gradients.
    parts : list of slice
        Where in ``theta`` each layer that has parameters keeps them.
    apart : frozenset of int
        Layers that work in place, but on a copy of their input, because that is still needed.

    Raises
    ------
    ArchitectureError
        If a layer does not fit the shape before it.
    ValueError
        If there is no such tap.
    """

    def __init__(
        self,
        input_shape: Shape,
        layers: Sequence[Layer],
        generator: np.random.Generator,
        dtype: type[np.floating] = np.float32,
        tap: int | None = None,
    ) -> None:
        self.input_shape, self.layers, self.dtype = input_shape, tuple(layers), dtype
        self.tap = len(layers) if tap is None else tap + len(layers) * (tap < 0)
        if not 0 <= self.tap <= len(layers):
            raise ValueError(f"a network of {len(layers)} layers has no tap {tap}")
        self.apart = _apart(self.layers, self.tap)
        self.shapes = [input_shape]
        for layer in layers:
            self.shapes.append(layer.output_shape(self.shapes[-1]))
        placed = list(zip(self.layers, self.shapes, strict=False))
        named = [layer.parameter_shapes(shape) for layer, shape in placed]
        parameters = sum(prod(shape) for shapes in named for shape in shapes.values())
        self.theta = np.zeros(parameters, dtype)
        self.parameters = _views(self.theta, named)
        self.states = [
            {name: np.zeros(kept, dtype) for name, kept in layer.state_shapes(shape).items()} for layer, shape in placed
        ]
        self.parts = _parts(named)
        self.scratch = np.zeros(max((layer.scratch_size(shape) for layer, shape in placed), default=0), dtype)
        flat = np.zeros(parameters, dtype)
        self.gradient = Gradient(self.layers, flat, _views(flat, named), self.scratch)
        for (layer, shape), arrays, state in zip(placed, self.parameters, self.states, strict=True):
            layer.initialise(arrays, state, shape, generator)
        # Nothing learns before the first parameters: where the error at the input is not wanted, it stops there.
        self._first = next((i for i, shapes in enumerate(named) if shapes), 0)

    @property
    def grad(self) -> np.ndarray:
        """The gradient of every parameter, (parameters,).

        Ask for it anew after each ``backward`` and ``clear``, and leave the tapes' values alone until then: an array
        that was asked for before does not have what has waited since.
        """
        return self.gradient.flat

    @property
    def gradients(self) -> Sequence[Arrays]:
        """The layers' arrays in ``grad``."""
        return self.gradient.views

    @property
    def output_shape(self) -> Shape:
        """Shape of one output sample."""
        return self.shapes[-1]

    @property
    def couples(self) -> bool:
        """Whether a sample's output depends on the others of its batch."""
        return any(layer.couples for layer in self.layers)

    def tape(self, batch: int, mode: Mode = "training") -> Tape:
        """A new tape for ``batch`` samples."""
        return Tape(self, batch, mode)

    def forward(self, tape: Tape, x: np.ndarray) -> np.ndarray:
        """Apply the network to ``x``, ``(batch, *input_shape)``; return the tape's output array."""
        self.gradient.release(tape.slots)
        np.copyto(tape.input, x)
        for i, (layer, parameters, slot) in enumerate(zip(self.layers, self.parameters, tape.slots, strict=True)):
            if i in self.apart:
                np.copyto(slot.y, slot.x.reshape(slot.y.shape))
            layer.forward(parameters, slot)
        return tape.output

    def backward(
        self, tape: Tape, *, parameters: bool = True, inputs: bool = True, from_tap: bool = False
    ) -> np.ndarray:
        """Carry ``tape.error`` back through the application that ``tape`` holds.

        Parameters
        ----------
        tape : Tape
            A tape that ``forward`` has filled and on whose ``error`` the objective's gradient stands. Errors are
            overwritten on the way, values are not: the same tape can be carried back again with another error.
        parameters : bool
            Whether to add the parameters' gradients to ``grad``. False is the paper's Ψ*: the network passes an
            error on but does not learn from it.
        inputs : bool
            Whether the error at the input is wanted; without it the first layer's share of the work is left out.
        from_tap : bool
            Begin at the tap, with ``tape.tapped_error`` instead.

        Returns
        -------
        ndarray, (batch, *input_shape)
            The tape's input error, written if ``inputs``.
        """
        for i in reversed(range(self.tap if from_tap else len(self.layers))):
            layer, slot = self.layers[i], tape.slots[i]
            if parameters:
                self.gradient.add(i, slot)
            if inputs or i > self._first:
                layer.backward_input(self.parameters[i], slot)
                if i in self.apart:
                    np.copyto(slot.dx, slot.dy.reshape(slot.dx.shape))
        return tape.input_error

    def output_slope(self, tape: Tape) -> np.ndarray:
        """Write a' of the last layer at its output to ``tape.slope`` and return it: a_g'(x') for the decoder."""
        tape.slope.fill(1)
        last = self.layers[-1]
        if isinstance(last, Activation):
            ACTIVATIONS[last.function].backward(tape.slope, tape.output)
        return tape.slope

    def named(self, views: Sequence[Arrays]) -> Iterator[tuple[str, str, np.ndarray]]:
        """Yield (layer, parameter, array) over ``parameters``, ``gradients`` or ``states``: ("dense1", "W", ...)."""
        seen: Counter[str] = Counter()
        for layer, arrays in zip(self.layers, views, strict=True):
            seen[layer.name] += 1
            for name, array in arrays.items():
                yield f"{layer.name}{seen[layer.name]}", name, array


def _apart(layers: Sequence[Layer], tap: int) -> frozenset[int]:
    """Layers that must not overwrite their input: it is the network's, or tapped, or an activation's own output."""
    apart, needed = set(), True
    for i, layer in enumerate(layers):
        needed = needed or i == tap
        if not layer.in_place:
            needed = False
        elif layer.reads_output and needed:  # the other layers in place only count the numbers differently
            apart.add(i)
        needed = needed or layer.reads_output
    return frozenset(apart)


def _parts(named: Sequence[dict[str, Shape]]) -> list[slice]:
    """The stretch of the flat vector that belongs to each layer that has parameters."""
    ends = list(accumulate(sum(map(prod, shapes.values())) for shapes in named if shapes))
    return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


def _views(flat: np.ndarray, named: Sequence[dict[str, Shape]]) -> list[Arrays]:
    """Cut a flat vector into the layers' arrays, which share its memory."""
    views, start = [], 0
    for shapes in named:
        layer = {}
        for name, shape in shapes.items():
            layer[name] = flat[start : start + prod(shape)].reshape(shape)
            start += prod(shape)
        views.append(layer)
    return views
