"""The gradient of a network: one flat vector, of which the largest products are multiplied only when they are read.

The gradient of a dense layer's weights, dW = Σ xᵀ dy over the layer's applications in a step, can have a hundred times
more values than x and dy. Its norm and an optimiser's update do not need dW (kernels/factored.py), so the factors x and
dy are kept instead. ``Gradient.read`` multiplies them, and then the result is the same as if they had been multiplied
at once.

Processes that have a share of the batch each exchange the factors too, and add the rest (``Gradient.add_shares``): this
is sufficient factor broadcasting (Xie et al. 2016).
"""

import math
from collections.abc import Iterator, Sequence
from math import prod

import numpy as np

from ava_np.kernels.factored import Factors, factored_inner, factored_norm, keeps_factors
from ava_np.kernels.gemm import gemm_add
from ava_np.layers import Arrays, Layer, LayerBuffers, Shape
from ava_np.share import Share

Segment = tuple[slice, np.ndarray | Factors]
"""A range of the flat vector, and the gradient there: its values, or the factors of the product that they are."""


class Gradient:
    """The gradient of all parameters of a network.

    Parameters
    ----------
    layers : sequence of Layer
        The network's layers.
    shapes : sequence of dict of str to tuple
        Names and shapes of each layer's parameters.
    scratch : ndarray
        The network's scratch, for products; its type is the gradient's.

    Examples
    --------
    >>> from ava_np.layers import Dense
    >>> from ava_np.network import Network
    >>> network = Network((3,), [Dense(2)], np.random.default_rng(0))
    >>> buffers = network.buffers(1)
    >>> y = network.forward(buffers, np.ones((1, 3)))
    >>> network.backward_parameters(buffers, np.array([[1.0, 10.0]]))
    >>> network.gradient.read()
    array([ 1., 10.,  1., 10.,  1., 10.,  1., 10.], dtype=float32)
    """

    def __init__(self, layers: Sequence[Layer], shapes: Sequence[dict[str, Shape]], scratch: np.ndarray) -> None:
        self._layers, self._shapes, self._scratch = layers, shapes, scratch
        self._flat = np.zeros(sum(prod(shape) for named in shapes for shape in named.values()), scratch.dtype)
        self._arrays = layer_views(self._flat, shapes)
        self._deferred: dict[int, list[LayerBuffers]] = {}
        self._of_all: dict[int, Factors] = {}  # the factors of the whole batch, of layers that are deferred
        self._nonzero: list[set[str]] = [set() for _ in layers]  # arrays that may hold anything but 0

    def read(self) -> np.ndarray:
        """Return a copy of the gradient as it is now, (parameters,)."""
        self._multiply(list(self._deferred))
        return self._flat.copy()

    def read_layers(self) -> list[Arrays]:
        """Return a copy of the gradient as it is now, as each layer's arrays by name."""
        return layer_views(self.read(), self._shapes)

    def write(self, values: np.ndarray) -> None:
        """Replace the gradient by ``values``, (parameters,)."""
        self._deferred.clear()
        self._of_all.clear()
        self._flat[:] = values
        self._nonzero = [set(named) for named in self._shapes]

    def clear(self) -> None:
        """Set the gradient to 0."""
        self._deferred.clear()
        self._of_all.clear()
        for arrays, nonzero in zip(self._arrays, self._nonzero, strict=True):
            for name in nonzero:
                arrays[name].fill(0)
            nonzero.clear()

    def add(self, index: int, buffers: LayerBuffers) -> None:
        """Add the gradient of layer ``index`` in one application; its largest product may be deferred."""
        if any(buffers is other for other in self._deferred.get(index, [])):
            self._multiply([index])  # the factors are about to be overwritten
        layer, arrays = self._layers[index], self._arrays[index]
        self._nonzero[index] |= arrays.keys() - {layer.deferred_parameter}
        if layer.defer_gradient(arrays, buffers):
            self._deferred.setdefault(index, []).append(buffers)
        else:
            self._nonzero[index] |= arrays.keys()
            layer.backward_parameters(arrays, buffers)

    def release(self, buffers: Sequence[LayerBuffers]) -> None:
        """Multiply the deferred products of an application, because its values are about to be overwritten."""
        self._multiply([i for i, deferred in self._deferred.items() if any(buffers[i] is one for one in deferred)])

    def add_shares(self, share: Share, batch: int) -> None:
        """Make this the gradient over the whole batch; it was that over this process's share of it.

        Nothing may be added afterwards, until ``clear``.

        Parameters
        ----------
        share : Share
            This process's share. The other processes call this method too.
        batch : int
            Number of samples in the whole batch.
        """
        if share.size == 1:
            return
        for i in list(self._deferred):
            x, error = self._factors(i)[0]
            if not keeps_factors(batch, x.shape[1], error.shape[1]):  # the factors of the whole batch are larger than G
                self._multiply([i])
        values = [part for segments in self.segments() for _, part in segments if isinstance(part, np.ndarray)]
        self._of_all = {i: [(share.rows(x), share.rows(e)) for x, e in self._factors(i)] for i in self._deferred}
        sums, start = np.concatenate(values), 0
        share.add(sums)
        for part in values:
            part[:] = sums[start : start + part.size]
            start += part.size

    def norm(self) -> float:
        """Return the Euclidean norm, without multiplying what is deferred."""
        squares = 0.0
        for segments in self.segments():
            for _, values in segments:
                if isinstance(values, np.ndarray):
                    squares += float(np.dot(values, values))
                else:
                    squares += factored_norm(values, self._scratch) ** 2
        return math.sqrt(squares)

    def copy_parts(self) -> list[np.ndarray | Factors]:
        """Return a copy of each parameter's gradient, or of its factors, for ``inner_product``."""
        self._multiply_what_has_values()
        parts: list[np.ndarray | Factors] = []
        for i, (layer, arrays) in enumerate(zip(self._layers, self._arrays, strict=True)):
            for name, array in arrays.items():
                if i in self._deferred and name == layer.deferred_parameter:
                    parts.append([(x.copy(), error.copy()) for x, error in self._factors(i)])
                else:
                    parts.append(array.copy())
        return parts

    def segments(self) -> Iterator[list[Segment]]:
        """Yield the segments of each layer that has parameters; together they cover the flat vector in order."""
        start = 0
        self._multiply_what_has_values()
        for i, (layer, arrays) in enumerate(zip(self._layers, self._arrays, strict=True)):
            if i not in self._deferred:
                stop = start + sum(array.size for array in arrays.values())
                if arrays:
                    yield [(slice(start, stop), self._flat[start:stop])]
                start = stop
                continue
            segments: list[Segment] = []
            for name, array in arrays.items():
                where = slice(start, start + array.size)
                if name == layer.deferred_parameter:
                    segments.append((where, self._factors(i)))
                else:
                    segments.append((where, self._flat[where]))
                start = where.stop
            yield segments

    def _multiply_what_has_values(self) -> None:
        """A sum of values and products has no factors: multiply what is deferred on top of values."""
        self._multiply([i for i in self._deferred if self._layers[i].deferred_parameter in self._nonzero[i]])

    def _multiply(self, indices: Sequence[int]) -> None:
        """Add the deferred products of these layers to the flat vector."""
        for i in indices:
            layer = self._layers[i]
            assert layer.deferred_parameter is not None
            self._nonzero[i].add(layer.deferred_parameter)
            for x, error in self._factors(i):
                gemm_add(self._arrays[i][layer.deferred_parameter], x.T, error, self._scratch)
            del self._deferred[i]
            self._of_all.pop(i, None)

    def _factors(self, index: int) -> Factors:
        """The factors of a layer's deferred product."""
        if index in self._of_all:
            return self._of_all[index]
        return [self._layers[index].deferred_factors(buffers) for buffers in self._deferred[index]]


def inner_product(parts: Sequence[np.ndarray | Factors], others: Sequence[np.ndarray | Factors]) -> float:
    """Return the sum of the products of the entries of two gradients, without multiplying what both have deferred.

    Parameters
    ----------
    parts, others : list
        From ``Gradient.copy_parts`` of the same network.

    Returns
    -------
    float

    Examples
    --------
    >>> inner_product([np.array([1.0, 2.0])], [np.array([3.0, 4.0])])
    11.0
    """
    total = 0.0
    for part, other in zip(parts, others, strict=True):
        if isinstance(part, np.ndarray) and isinstance(other, np.ndarray):
            total += float(np.vdot(part, other))
        elif isinstance(part, np.ndarray):
            total += sum(float(np.vdot(x @ part, error)) for x, error in other)
        elif isinstance(other, np.ndarray):
            total += sum(float(np.vdot(x @ other, error)) for x, error in part)
        else:
            total += factored_inner(part, other)
    return total


def layer_views(flat: np.ndarray, shapes: Sequence[dict[str, Shape]]) -> list[Arrays]:
    """Return the layers' arrays as views into a flat vector, one after the other."""
    views, start = [], 0
    for named in shapes:
        arrays = {}
        for name, shape in named.items():
            arrays[name] = flat[start : start + prod(shape)].reshape(shape)
            start += prod(shape)
        views.append(arrays)
    return views
