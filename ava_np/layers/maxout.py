"""Maxout layer; the kernels are in kernels/maxout.py."""

from typing import ClassVar

from ava_np.errors import ArchitectureError
from ava_np.kernels.maxout import maxout_backward, maxout_forward
from ava_np.layers.layer import Arrays, Layer, LayerBuffers, Shape, shape_text
from ava_np.specification import Positive


class Maxout(Layer, frozen=True):
    """The largest of each ``pieces`` neurons or channels that are side by side (Goodfellow et al. 2013).

    Parameters
    ----------
    pieces : int
        P, neurons of a group; it must divide the number of neurons, or of channels of an image.

    Examples
    --------
    >>> from ava_np.layers import Maxout
    >>> Maxout(5).output_shape((1200,))
    (240,)
    """

    reads_output: ClassVar[bool] = True

    pieces: Positive = 2

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape with the last axis divided by the pieces."""
        if self.pieces < 1 or input_shape[-1] % self.pieces:
            raise ArchitectureError(f"{shape_text(input_shape)} cannot be divided into groups of {self.pieces}")
        return (*input_shape[:-1], input_shape[-1] // self.pieces)

    def forward(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """y = the largest of each group of x."""
        maxout_forward(buffers.y, buffers.x)

    def backward_input(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """dx = dy at the largest neuron of each group, 0 elsewhere."""
        maxout_backward(buffers.dx, buffers.dy, buffers.x, buffers.y)
