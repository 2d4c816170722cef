"""Dropout layer; the kernels are in kernels/dropout.py."""

import numpy as np

from ava_np.errors import ArchitectureError
from ava_np.kernels import dropout
from ava_np.layers.layer import Arrays, Layer, LayerBuffers, Shape
from ava_np.specification import Share


class Dropout(Layer, frozen=True):
    """Inverted dropout (Srivastava et al. 2014); off in evaluation mode.

    Parameters
    ----------
    rate : float
        Probability that a neuron is dropped, in [0, 1).

    Examples
    --------
    >>> from ava_np.layers import Dropout
    >>> Dropout(0.3).noise_shape((256,))
    (256,)
    """

    rate: Share = 0.5

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        if not 0 <= self.rate < 1:
            raise ArchitectureError(f"a dropout rate must be in [0, 1), not {self.rate}")
        return input_shape

    def noise_shape(self, input_shape: Shape) -> Shape | None:
        """One number in [0, 1) for each neuron."""
        return input_shape

    def forward(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """y = x keep / (1 - rate)."""
        if buffers.mode == "evaluation":
            np.copyto(buffers.y, buffers.x)
        else:
            dropout.dropout_forward(buffers.y, buffers.x, _noise(buffers), self.rate)

    def backward_input(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """dx = dy keep / (1 - rate)."""
        if buffers.mode == "evaluation":
            np.copyto(buffers.dx, buffers.dy)
        else:
            dropout.dropout_backward(buffers.dx, buffers.dy, _noise(buffers), self.rate)


def _noise(buffers: LayerBuffers) -> np.ndarray:
    """The noise of this application, which ``Dropout.noise_shape`` has asked for."""
    assert buffers.noise is not None
    return buffers.noise
