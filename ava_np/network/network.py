"""Networks and buffers: parameters in one flat vector, each application's state on buffers of its own.

A network remembers nothing of the samples that it has seen. In a step of AVA the discriminator Ψ runs on x and on x',
the encoder Θ on x and on x', Λ on μ(x) and on μ(x'): six buffers, four networks.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from math import prod

import numpy as np

from ava_np.kernels.activations import ACTIVATIONS
from ava_np.layers import Activation, Arrays, Layer, LayerBuffers, Mode, Shape
from ava_np.network.gradient import Gradient


class Buffers:
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
    intermediate, intermediate_error : ndarray
        The values at the network's intermediate, and their errors, for ``Network.backward(...,
        from_intermediate=True)``.
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
        self.layers: list[LayerBuffers] = []
        for i, (layer, shape) in enumerate(zip(network.layers, network.shapes[1:], strict=True)):
            for arrays in (values, errors):
                shared = layer.in_place and i not in network.needs_copy
                arrays.append(arrays[-1].reshape(batch, *shape) if shared else np.zeros((batch, *shape), network.dtype))
            saved = {
                name: np.zeros(kept, network.dtype)
                for name, kept in layer.saved_shapes(network.shapes[i], batch).items()
            }
            self.layers.append(
                LayerBuffers(values[-2], values[-1], errors[-2], errors[-1], saved, network.states[i], scratch, mode)
            )
        self.input, self.output = values[0], values[-1]
        self.error, self.input_error = errors[-1], errors[0]
        self.intermediate, self.intermediate_error = values[network.intermediate], errors[network.intermediate]
        self.noise = [layer_buffers.saved["noise"] for layer_buffers in self.layers if "noise" in layer_buffers.saved]

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
    intermediate : int
        How many layers stand before the intermediate layer, where values can be read and an error can enter; by default
        all. A negative one counts from the end: -1 is before the last.

    Attributes
    ----------
    theta, grad : ndarray, (parameters,)
        Every parameter and its gradient; ``parameters`` and ``gradients`` are named views into them, layer by layer.
    gradient : Gradient
        Where ``grad`` comes from: it can be used without being written down.
    states : list of dict
        What layers keep besides, such as running statistics: saved, but not learnt by gradients.
    layer_slices : list of slice
        Where in ``theta`` each layer that has parameters keeps them.
    needs_copy : frozenset of int
        Layers that work in place, but on a copy of their input, because that is still needed.

    Raises
    ------
    ArchitectureError
        If a layer does not fit the shape before it.
    ValueError
        If there is no such layer.
    """

    def __init__(
        self,
        input_shape: Shape,
        layers: Sequence[Layer],
        generator: np.random.Generator,
        dtype: type[np.floating] = np.float32,
        intermediate: int | None = None,
    ) -> None:
        self.input_shape, self.layers, self.dtype = input_shape, tuple(layers), dtype
        self.intermediate = len(layers) if intermediate is None else intermediate + len(layers) * (intermediate < 0)
        if not 0 <= self.intermediate <= len(layers):
            raise ValueError(f"a network of {len(layers)} layers has no intermediate {intermediate}")
        self.needs_copy = _layers_that_need_a_copy(self.layers, self.intermediate)
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
        self.layer_slices = _layer_slices(named)
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

        Ask for it anew after each ``backward`` and ``clear``, and leave the buffers' values alone until then: an array
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
    def uses_batch_statistics(self) -> bool:
        """Whether a sample's output depends on the others of its batch."""
        return any(layer.uses_batch_statistics for layer in self.layers)

    def buffers(self, batch: int, mode: Mode = "training") -> Buffers:
        """New buffers for ``batch`` samples."""
        return Buffers(self, batch, mode)

    def forward(self, buffers: Buffers, x: np.ndarray) -> np.ndarray:
        """Apply the network to ``x``, ``(batch, *input_shape)``; return the buffers's output array."""
        self.gradient.release(buffers.layers)
        np.copyto(buffers.input, x)
        for i, (layer, parameters, layer_buffers) in enumerate(
            zip(self.layers, self.parameters, buffers.layers, strict=True)
        ):
            if i in self.needs_copy:
                np.copyto(layer_buffers.y, layer_buffers.x.reshape(layer_buffers.y.shape))
            layer.forward(parameters, layer_buffers)
        return buffers.output

    def backward(
        self, buffers: Buffers, *, parameters: bool = True, inputs: bool = True, from_intermediate: bool = False
    ) -> np.ndarray:
        """Carry ``buffers.error`` back through the application that ``buffers`` holds.

        Parameters
        ----------
        buffers : Buffers
            Buffers that ``forward`` has filled and on whose ``error`` the objective's gradient stands. Errors are
            overwritten on the way, values are not: the same buffers can be carried back again with another error.
        parameters : bool
            Whether to add the parameters' gradients to ``grad``. False is the paper's Ψ*: the network passes an
            error on but does not learn from it.
        inputs : bool
            Whether the error at the input is wanted; without it the first layer's share of the work is left out.
        from_intermediate : bool
            Begin at the intermediate, with ``buffers.intermediate_error`` instead.

        Returns
        -------
        ndarray, (batch, *input_shape)
            The buffers' input error, written if ``inputs``.
        """
        for i in reversed(range(self.intermediate if from_intermediate else len(self.layers))):
            layer, layer_buffers = self.layers[i], buffers.layers[i]
            if parameters:
                self.gradient.add(i, layer_buffers)
            if inputs or i > self._first:
                layer.backward_input(self.parameters[i], layer_buffers)
                if i in self.needs_copy:
                    np.copyto(layer_buffers.dx, layer_buffers.dy.reshape(layer_buffers.dx.shape))
        return buffers.input_error

    def output_slope(self, buffers: Buffers) -> np.ndarray:
        """Write a' of the last layer at its output to ``buffers.slope`` and return it: a_g'(x') for the decoder."""
        buffers.slope.fill(1)
        last = self.layers[-1]
        if isinstance(last, Activation):
            ACTIVATIONS[last.function].backward(buffers.slope, buffers.output)
        return buffers.slope

    def named_arrays(self, views: Sequence[Arrays]) -> Iterator[tuple[str, str, np.ndarray]]:
        """Yield (layer, parameter, array) over ``parameters``, ``gradients`` or ``states``: ("dense1", "W", ...)."""
        seen: Counter[str] = Counter()
        for layer, arrays in zip(self.layers, views, strict=True):
            seen[layer.name] += 1
            for name, array in arrays.items():
                yield f"{layer.name}{seen[layer.name]}", name, array


def _layers_that_need_a_copy(layers: Sequence[Layer], intermediate: int) -> frozenset[int]:
    """Layers that must not overwrite their input: it is the network's, or intermediate, or an activation's own
    output."""
    needs_copy, needed = set(), True
    for i, layer in enumerate(layers):
        needed = needed or i == intermediate
        if not layer.in_place:
            needed = False
        elif layer.reads_output and needed:  # the other layers in place only count the numbers differently
            needs_copy.add(i)
        needed = needed or layer.reads_output
    return frozenset(needs_copy)


def _layer_slices(named: Sequence[dict[str, Shape]]) -> list[slice]:
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
