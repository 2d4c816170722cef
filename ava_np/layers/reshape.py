"""Reshape and flatten layers: the same memory under another shape; no kernel."""

from math import prod
from typing import ClassVar

from ava_np.errors import ArchitectureError
from ava_np.layers.layer import Arrays, Layer, LayerBuffers, Shape, shape_text
from ava_np.specification import Positive


class Reshape(Layer, frozen=True):
    """Give each sample another shape with the same number of values.

    Parameters
    ----------
    shape : tuple of int
        Shape of one sample after the layer.

    Examples
    --------
    >>> from ava_np.layers import Reshape
    >>> Reshape((7, 7, 32)).output_shape((1568,))
    (7, 7, 32)
    """

    in_place: ClassVar[bool] = True

    shape: tuple[Positive, ...]

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return ``shape``."""
        if prod(input_shape) != prod(self.shape) or min(self.shape, default=0) < 1:
            wanted = shape_text(self.shape) or "nothing"
            raise ArchitectureError(f"{shape_text(input_shape)} cannot be reshaped to {wanted}")
        return self.shape

    def forward(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """y is x."""

    def backward_input(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """dx is dy."""


class Flatten(Layer, frozen=True):
    """Make each sample a row.

    Examples
    --------
    >>> from ava_np.layers import Flatten
    >>> Flatten().output_shape((7, 7, 32))
    (1568,)
    """

    in_place: ClassVar[bool] = True

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return ``(values,)``."""
        return (prod(input_shape),)

    def forward(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """y is x."""

    def backward_input(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """dx is dy."""
