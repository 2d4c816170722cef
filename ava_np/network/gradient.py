"""The gradient of a network: one flat vector, of which the largest products may wait until somebody looks.

A dense layer's dW = Σ xᵀ dy, over the layer's applications in a step, can be a hundred times larger than x and dy. Its
norm and an optimiser's step need no dW (kernels/factored.py). Whoever does reads ``Gradient.flat`` or ``views``: then
the products are added, as if they had never waited.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from ava_np.kernels.factored import Factors, factored_norm
from ava_np.kernels.gemm import gemm_add
from ava_np.layers import Arrays, Layer, LayerBuffers

Segment = tuple[slice, np.ndarray | Factors]
"""Where in the flat vector, and what stands there or its factors."""


class Gradient:
    """A flat vector, and the products that wait to be added to it.

    Parameters
    ----------
    layers : sequence of Layer
        The network's layers.
    flat : ndarray, (parameters,)
        Zeros.
    views : sequence of dict
        Each layer's arrays in ``flat``, one after the other.
    scratch : ndarray
        The network's, for products.
    """

    def __init__(self, layers: Sequence[Layer], flat: np.ndarray, views: Sequence[Arrays], scratch: np.ndarray) -> None:
        self._layers, self._flat, self._views, self._scratch = layers, flat, views, scratch
        self._waiting: dict[int, list[LayerBuffers]] = {}
        self._zero = {i for i, arrays in enumerate(views) if "W" in arrays}  # layers whose W has a gradient of 0 here

    @property
    def flat(self) -> np.ndarray:
        """The whole gradient."""
        self._multiply(list(self._waiting))
        self._zero.clear()  # whoever has the array may write to it
        return self._flat

    @property
    def views(self) -> Sequence[Arrays]:
        """The whole gradient, as each layer's arrays."""
        _ = self.flat
        return self._views

    def clear(self) -> None:
        """Set it to 0, without touching what has stayed so."""
        self._waiting.clear()
        for i, arrays in enumerate(self._views):
            for name, array in arrays.items():
                if name != "W" or i not in self._zero:
                    array.fill(0)
            if "W" in arrays:
                self._zero.add(i)

    def add(self, i: int, layer_buffers: LayerBuffers) -> None:
        """Add the gradient of layer ``i`` in the application ``layer_buffers``, or let it wait."""
        if any(layer_buffers is other for other in self._waiting.get(i, [])):
            self._multiply([i])  # its errors are about to be overwritten
        if self._layers[i].defer_weight_gradient(self._views[i], layer_buffers):
            self._waiting.setdefault(i, []).append(layer_buffers)
        else:
            self._zero.discard(i)
            self._layers[i].backward_parameters(self._views[i], layer_buffers)

    def release(self, layers: Sequence[LayerBuffers]) -> None:
        """Multiply what waits in an application whose values are about to be overwritten."""
        self._multiply(
            [i for i, waiting in self._waiting.items() if any(layers[i] is layer_buffers for layer_buffers in waiting)]
        )

    def norm(self) -> float:
        """Its Euclidean norm."""
        squares = 0.0
        for segments in self.segments():
            for _, found in segments:
                squares += float(np.dot(found, found)) if isinstance(found, np.ndarray) else factored_norm(found) ** 2
        return math.sqrt(squares)

    def segments(self) -> Iterator[list[Segment]]:
        """Yield, for each layer that has parameters, the segments of the flat vector that are its own."""
        end = 0
        self._multiply([i for i in self._waiting if i not in self._zero])
        for i, (layer, arrays) in enumerate(zip(self._layers, self._views, strict=True)):
            start, end = end, end + sum(array.size for array in arrays.values())
            if i in self._waiting:
                middle = start + arrays["W"].size
                factors = [layer.deferred_factors(layer_buffers) for layer_buffers in self._waiting[i]]
                yield [(slice(start, middle), factors), (slice(middle, end), self._flat[middle:end])]
            elif arrays:
                yield [(slice(start, end), self._flat[start:end])]

    def _multiply(self, layers: Sequence[int]) -> None:
        for i in layers:
            self._zero.discard(i)
            for layer_buffers in self._waiting.pop(i):
                x, error = self._layers[i].deferred_factors(layer_buffers)
                gemm_add(self._views[i]["W"], x.T, error, self._scratch)
