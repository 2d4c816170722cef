"""Dropout, kernels/dropout.py."""

import numpy as np

from ava_np.errors import ArchitectureError
from ava_np.kernels import dropout
from ava_np.layers.layer import Arrays, Layer, Shape, Slot


class Dropout(Layer, frozen=True):
    """Silence neurons with the probability ``rate``, except in evaluation; the noise is on the tape."""

    rate: float = 0.5

    def output_shape(self, input_shape: Shape) -> Shape:
        """The input's."""
        if not 0 <= self.rate < 1:
            raise ArchitectureError(f"a dropout rate is in [0, 1), not {self.rate}")
        return input_shape

    def memory_shapes(self, input_shape: Shape, batch: int) -> dict[str, Shape]:
        """A number in [0, 1) for every neuron."""
        return {"noise": (batch, *input_shape)}

    def forward(self, parameters: Arrays, slot: Slot) -> None:
        """y = x keep / (1 - rate)."""
        if slot.mode == "evaluation":
            np.copyto(slot.y, slot.x)
        else:
            dropout.dropout_forward(slot.y, slot.x, slot.memory["noise"], self.rate)

    def backward_input(self, parameters: Arrays, slot: Slot) -> None:
        """dx = dy keep / (1 - rate)."""
        if slot.mode == "evaluation":
            np.copyto(slot.dx, slot.dy)
        else:
            dropout.dropout_backward(slot.dx, slot.dy, slot.memory["noise"], self.rate)
