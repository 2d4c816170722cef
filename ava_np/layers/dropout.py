"""Dropout, kernels/dropout.py."""

import numpy as np

from ava_np.errors import ArchitectureError
from ava_np.kernels import dropout
from ava_np.layers.layer import Arrays, Layer, LayerBuffers, Shape


class Dropout(Layer, frozen=True):
    """Silence neurons with the probability ``rate``, except in evaluation; the noise is in the buffers."""

    rate: float = 0.5

    def output_shape(self, input_shape: Shape) -> Shape:
        """The input's."""
        if not 0 <= self.rate < 1:
            raise ArchitectureError(f"a dropout rate is in [0, 1), not {self.rate}")
        return input_shape

    def saved_shapes(self, input_shape: Shape, batch: int) -> dict[str, Shape]:
        """A number in [0, 1) for every neuron."""
        return {"noise": (batch, *input_shape)}

    def forward(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """y = x keep / (1 - rate)."""
        if buffers.mode == "evaluation":
            np.copyto(buffers.y, buffers.x)
        else:
            dropout.dropout_forward(buffers.y, buffers.x, buffers.saved["noise"], self.rate)

    def backward_input(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """dx = dy keep / (1 - rate)."""
        if buffers.mode == "evaluation":
            np.copyto(buffers.dx, buffers.dy)
        else:
            dropout.dropout_backward(buffers.dx, buffers.dy, buffers.saved["noise"], self.rate)
