"""Flatten and reshape: the same numbers in the same memory, counted differently; no kernel."""

from math import prod
from typing import ClassVar

from ava_np.errors import ArchitectureError
from ava_np.layers.layer import Arrays, Layer, LayerBuffers, Shape, shape_text


class Reshape(Layer, frozen=True):
    """Give every sample the shape ``shape``."""

    in_place: ClassVar[bool] = True

    shape: Shape

    def output_shape(self, input_shape: Shape) -> Shape:
        """``shape``."""
        if prod(input_shape) != prod(self.shape) or min(self.shape, default=0) < 1:
            wanted = shape_text(self.shape) or "nothing"
            raise ArchitectureError(f"{shape_text(input_shape)} cannot be reshaped to {wanted}")
        return self.shape

    def forward(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """y is x."""

    def backward_input(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """dx is dy."""


class Flatten(Layer, frozen=True):
    """Make every sample a row."""

    in_place: ClassVar[bool] = True

    def output_shape(self, input_shape: Shape) -> Shape:
        """``(neurons,)``."""
        return (prod(input_shape),)

    def forward(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """y is x."""

    def backward_input(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """dx is dy."""
