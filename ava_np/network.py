"""Networks and tapes: parameters in one flat vector, each application's state on a tape of its own.

A network remembers nothing of the samples that it has seen. In a step of AVA the discriminator Ψ runs on x and on x',
the encoder Θ on x and on x', Λ on μ(x) and on μ(x'): six tapes, four networks.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import prod

import numpy as np

from ava_np.kernels.activations import ACTIVATIONS
from ava_np.layers import Activation, Layer, Parameters, Shape, Slot


class Tape:
    """The arrays of one application of a network to a batch, allocated once.

    Parameters
    ----------
    network : Network
        The network that will be applied.
    batch : int
        Number of samples.

    Attributes
    ----------
    input, output : ndarray
        First input and last output, ``(batch, *shape)``.
    error, input_error : ndarray
        Errors at the output and at the input: a model writes the first, ``Network.backward`` the second.
    """

    def __init__(self, network: "Network", batch: int) -> None:
        values = [np.zeros((batch, *network.input_shape), network.dtype)]
        errors = [np.zeros_like(values[0])]
        self.slots: list[Slot] = []
        for layer, shape in zip(network.layers, network.shapes[1:], strict=True):
            for arrays in (values, errors):
                new = arrays[-1] if layer.in_place else np.zeros((batch, *shape), network.dtype)
                arrays.append(new)
            self.slots.append(Slot(values[-2], values[-1], errors[-2], errors[-1]))
        self.input, self.output = values[0], values[-1]
        self.error, self.input_error = errors[-1], errors[0]

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

    Attributes
    ----------
    theta, grad : ndarray, (parameters,)
        Every parameter and its gradient; ``parameters`` and ``gradients`` are named views into them, layer by layer.
    parts : list of slice
        Where in ``theta`` each layer that has parameters keeps them.
    """

    def __init__(
        self,
        input_shape: Shape,
        layers: Sequence[Layer],
        generator: np.random.Generator,
        dtype: type[np.floating] = np.float32,
    ) -> None:
        self.input_shape, self.layers, self.dtype = input_shape, tuple(layers), dtype
        self.shapes = [input_shape]
        for layer in layers:
            self.shapes.append(layer.output_shape(self.shapes[-1]))
        named = [layer.parameter_shapes(shape) for layer, shape in zip(layers, self.shapes, strict=False)]
        sizes = [prod(shape) for shapes in named for shape in shapes.values()]
        self.theta, self.grad = np.zeros(sum(sizes), dtype), np.zeros(sum(sizes), dtype)
        self.parameters, self.gradients = _views(self.theta, named), _views(self.grad, named)
        self.parts = _parts(named)
        self._scratch = np.zeros(max(sizes), dtype)
        for layer, parameters in zip(self.layers, self.parameters, strict=True):
            layer.initialise(parameters, generator)

    @property
    def output_shape(self) -> Shape:
        """Shape of one output sample."""
        return self.shapes[-1]

    def tape(self, batch: int) -> Tape:
        """A new tape for ``batch`` samples."""
        return Tape(self, batch)

    def forward(self, tape: Tape, x: np.ndarray) -> np.ndarray:
        """Apply the network to ``x``, ``(batch, *input_shape)``; return the tape's output array."""
        np.copyto(tape.input, x)
        for layer, parameters, slot in zip(self.layers, self.parameters, tape.slots, strict=True):
            layer.forward(parameters, slot)
        return tape.output

    def backward(self, tape: Tape, *, parameters: bool = True, inputs: bool = True) -> np.ndarray:
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

        Returns
        -------
        ndarray, (batch, *input_shape)
            The tape's input error, written if ``inputs``.
        """
        for i in reversed(range(len(self.layers))):
            layer, slot = self.layers[i], tape.slots[i]
            if parameters:
                layer.backward_parameters(self.gradients[i], slot, self._scratch)
            if inputs or i > 0:
                layer.backward_input(self.parameters[i], slot)
        return tape.input_error

    def output_slope(self, tape: Tape) -> np.ndarray:
        """a' of the last layer at the output neurons, a new array like the output: a_g'(x') for the decoder."""
        slope = np.ones_like(tape.output)
        last = self.layers[-1]
        if isinstance(last, Activation):
            ACTIVATIONS[last.function].backward(slope, tape.output)
        return slope

    def named(self, views: Sequence[Parameters]) -> Iterator[tuple[str, str, np.ndarray]]:
        """Yield (layer, parameter, array) over ``parameters`` or ``gradients``: ("dense1", "W", ...)."""
        seen: Counter[str] = Counter()
        for layer, arrays in zip(self.layers, views, strict=True):
            seen[layer.name] += 1
            for name, array in arrays.items():
                yield f"{layer.name}{seen[layer.name]}", name, array


def _parts(named: Sequence[dict[str, Shape]]) -> list[slice]:
    """The stretch of the flat vector that belongs to each layer that has parameters."""
    ends = list(accumulate(sum(map(prod, shapes.values())) for shapes in named if shapes))
    return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


def _views(flat: np.ndarray, named: Sequence[dict[str, Shape]]) -> list[Parameters]:
    """Cut a flat vector into the layers' arrays, which share its memory."""
    views, start = [], 0
    for shapes in named:
        layer = {}
        for name, shape in shapes.items():
            layer[name] = flat[start : start + prod(shape)].reshape(shape)
            start += prod(shape)
        views.append(layer)
    return views
