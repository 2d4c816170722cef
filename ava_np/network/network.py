"""A network: a chain of layers over one flat parameter vector.

A network keeps parameters, and running statistics if it has batch norm. What it computes in one application is kept in
``Buffers``. So the same network can be applied to several inputs before any error comes back, and a finite difference
is "nudge ``theta[i]`` and run again".
"""

from collections.abc import Sequence
from itertools import accumulate
from math import prod
from typing import Any

import numpy as np

from ava_np.layers import Layer, Mode, Shape
from ava_np.network.buffers import Buffers
from ava_np.network.chain import Chain
from ava_np.network.gradient import Gradient, layer_views


class Network(Chain):
    """A chain of layers over one flat parameter vector.

    Parameters
    ----------
    input_shape, layers, intermediate
        As for ``Chain``, which also says which errors are raised, and has the shapes.
    generator : numpy.random.Generator
        Draws the initial weights.
    dtype : dtype
        ``float32`` for training, ``float64`` for gradient checks.

    Attributes
    ----------
    theta : ndarray, (parameters,)
        Every parameter.
    parameters : list of dict of str to ndarray
        Each layer's parameters by name, as views into ``theta``.
    gradient : Gradient
        The gradient of every parameter; ``gradient.read()`` returns it.
    states : list of dict of str to ndarray
        What each layer keeps besides parameters, such as running statistics. It is saved, but not learned.
    layer_slices : list of slice
        The range of ``theta`` of each layer that has parameters.
    needs_copy : frozenset of int
        In-place layers that work on a copy of their input, because the input is still needed.

    Examples
    --------
    >>> from ava_np.layers import Activation, Dense
    >>> network = Network((4,), [Dense(3), Activation("tanh"), Dense(1)], np.random.default_rng(0))
    >>> buffers = network.buffers(batch=2)
    >>> network.forward(buffers, np.zeros((2, 4))).shape
    (2, 1)
    >>> network.backward(buffers, np.ones((2, 1))).shape
    (2, 4)
    >>> network.gradient.read().shape
    (19,)
    """

    def __init__(
        self,
        input_shape: Shape,
        layers: Sequence[Layer],
        generator: np.random.Generator,
        dtype: type[np.floating] = np.float32,
        intermediate: int | None = None,
    ) -> None:
        super().__init__(input_shape, layers, intermediate)
        self._allocate(dtype)
        for layer, shape, arrays, state in zip(self.layers, self.shapes, self.parameters, self.states, strict=False):
            layer.initialise(arrays, state, shape, generator)

    def _allocate(self, dtype: type[np.floating]) -> None:
        """Make all arrays, with values that are still to be written."""
        self.dtype = dtype
        self.needs_copy = _layers_that_need_a_copy(self.layers, self.intermediate)
        self.theta = np.zeros(self.parameter_count, dtype)
        self.parameters = layer_views(self.theta, self.parameter_shapes)
        self.states = [{name: np.zeros(shape, dtype) for name, shape in kept.items()} for kept in self.state_shapes]
        self.layer_slices = _layer_slices(self.parameter_shapes)
        placed = zip(self.layers, self.shapes, strict=False)
        self.scratch = np.zeros(max((layer.scratch_size(shape) for layer, shape in placed), default=0), dtype)
        self.gradient = Gradient(self.layers, self.parameter_shapes, self.scratch)
        # Below the first layer with parameters nothing learns, so an error goes further down only if it is asked for.
        self._first = next((i for i, named in enumerate(self.parameter_shapes) if named), 0)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle holds: parameters and states. Views, gradient and scratch are laid out again."""
        names = ("input_shape", "layers", "dtype", "intermediate", "theta", "states")
        return {name: getattr(self, name) for name in names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__init__(state["input_shape"], state["layers"], state["intermediate"])
        self._allocate(state["dtype"])
        self.theta[:] = state["theta"]
        for arrays, values in zip(self.states, state["states"], strict=True):
            for name, array in arrays.items():
                array[:] = values[name]

    def buffers(self, batch: int, mode: Mode = "training") -> Buffers:
        """Return new buffers for applying the network to ``batch`` samples.

        Parameters
        ----------
        batch : int
            Number of samples.
        mode : {"training", "frozen", "evaluation"}
            See ``ava_np.layers.Mode``. Several threads may evaluate a network at once: each has its own
            scratch. Only one thread may train it.
        """
        scratch = np.empty_like(self.scratch) if mode == "evaluation" else self.scratch
        return Buffers(self.layers, self.shapes, self.intermediate, self.needs_copy, self.states, scratch, batch, mode)

    def forward(self, buffers: Buffers, x: np.ndarray, *, hidden: bool = False) -> np.ndarray:
        """Apply the network.

        Parameters
        ----------
        buffers : Buffers
            Written.
        x : ndarray, (batch, *input_shape)
            Input.
        hidden : bool
            Leave the last layer out.

        Returns
        -------
        ndarray, (batch, *output_shape)
            ``buffers.output``, or what the last layer takes. The next forward pass with these buffers overwrites it.
        """
        self.gradient.release(buffers.layers)
        np.copyto(buffers.input, x)
        for i, (layer, parameters) in enumerate(zip(self.layers, self.parameters, strict=True)):
            layer_buffers = buffers.layers[i]
            if hidden and i == len(self.layers) - 1:
                return layer_buffers.x
            if i in self.needs_copy:
                np.copyto(layer_buffers.y, layer_buffers.x.reshape(layer_buffers.y.shape))
            layer.forward(parameters, layer_buffers)
        return buffers.output

    def backward(self, buffers: Buffers, error: np.ndarray, *, from_intermediate: bool = False) -> np.ndarray:
        """Propagate an error back: add the gradients of the parameters, and return the error at the input.

        Parameters
        ----------
        buffers : Buffers
            Buffers that ``forward`` has filled. Their errors are overwritten on the way. Their values are not, so that
            another error can be propagated through the same application.
        error : ndarray, (batch, *output_shape)
            Gradient of the objective at the output. It may be ``buffers.error`` itself, which saves a copy.
        from_intermediate : bool
            Let the error enter at the intermediate layer instead; ``error`` then has the shape of
            ``buffers.intermediate``, and may be ``buffers.intermediate_error``.

        Returns
        -------
        ndarray, (batch, *input_shape)
            ``buffers.input_error``, which the next backward pass with these buffers overwrites.

        Raises
        ------
        ValueError
            If the error has another shape.
        """
        self._propagate(buffers, error, from_intermediate, parameters=True, inputs=True)
        return buffers.input_error

    def backward_input(self, buffers: Buffers, error: np.ndarray, *, from_intermediate: bool = False) -> np.ndarray:
        """Return the error at the input without adding gradients: the network does not learn from it (AVA's star, Ψ*).

        Parameters and return value are those of ``backward``.
        """
        self._propagate(buffers, error, from_intermediate, parameters=False, inputs=True)
        return buffers.input_error

    def backward_parameters(self, buffers: Buffers, error: np.ndarray, *, from_intermediate: bool = False) -> None:
        """Add the gradients of the parameters, and stop at the first layer that has any: the cheapest backward pass.

        Parameters are those of ``backward``.
        """
        self._propagate(buffers, error, from_intermediate, parameters=True, inputs=False)

    def output_slope(self, buffers: Buffers) -> np.ndarray:
        """Return a' of the last layer at the output, of the output's shape: AVA's a_g'(x') if this is the decoder."""
        self.layers[-1].output_slope(buffers.slope, buffers.output)
        return buffers.slope

    def _propagate(
        self, buffers: Buffers, error: np.ndarray, from_intermediate: bool, *, parameters: bool, inputs: bool
    ) -> None:
        start = buffers.intermediate_error if from_intermediate else buffers.error
        if error.shape != start.shape:
            raise ValueError(f"an error of shape {error.shape} for values of shape {start.shape}")
        if error is not start:
            np.copyto(start, error)
        for i in reversed(range(self.intermediate if from_intermediate else len(self.layers))):
            layer_buffers = buffers.layers[i]
            if parameters:
                self.gradient.add(i, layer_buffers)
            if inputs or i > self._first:
                self.layers[i].backward_input(self.parameters[i], layer_buffers)
                if i in self.needs_copy:
                    np.copyto(layer_buffers.dx, layer_buffers.dy.reshape(layer_buffers.dx.shape))


def _layers_that_need_a_copy(layers: Sequence[Layer], intermediate: int) -> frozenset[int]:
    """In-place layers whose input is still needed: the network's input, the intermediate values, or an output that a
    layer's own backward pass reads.
    """
    needs_copy, needed = set(), True
    for i, layer in enumerate(layers):
        needed = needed or i == intermediate
        if not layer.in_place:
            needed = False
        elif layer.reads_output and needed:  # the other in-place layers only change the shape
            needs_copy.add(i)
        needed = needed or layer.reads_output
    return frozenset(needs_copy)


def _layer_slices(shapes: Sequence[dict[str, Shape]]) -> list[slice]:
    """The range of the flat vector of each layer that has parameters."""
    ends = list(accumulate(sum(map(prod, named.values())) for named in shapes if named))
    return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]
