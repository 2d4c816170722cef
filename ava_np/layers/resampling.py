"""Average pooling and nearest-neighbour upsampling layers; the kernels are in kernels/zoom.py."""

from ava_np.errors import ArchitectureError
from ava_np.kernels import zoom
from ava_np.layers.layer import Arrays, Layer, LayerBuffers, Shape, shape_text
from ava_np.specification import Positive


class AveragePooling(Layer, frozen=True, tag="average_pooling"):
    """Means over blocks of ``factor`` x ``factor`` pixels.

    Parameters
    ----------
    factor : int
        Side of a block; it must divide both sides of the image.

    Examples
    --------
    >>> from ava_np.layers import AveragePooling
    >>> AveragePooling(2).output_shape((28, 28, 3))
    (14, 14, 3)
    """

    factor: Positive = 2

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape with both sides divided by the factor."""
        if len(input_shape) != 3 or self.factor < 1 or input_shape[0] % self.factor or input_shape[1] % self.factor:
            raise ArchitectureError(f"{shape_text(input_shape)} cannot be pooled by {self.factor} x {self.factor}")
        return input_shape[0] // self.factor, input_shape[1] // self.factor, input_shape[2]

    def fan_in_out(self, input_shape: Shape) -> tuple[float, float]:
        """Return (factor², 1)."""
        return self.factor**2, 1

    def forward(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """y = block means of x."""
        zoom.zoom_out_forward(buffers.y, buffers.x, self.factor)

    def backward_input(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """dx = dy / factor², repeated over each block."""
        zoom.zoom_out_backward(buffers.dx, buffers.dy, self.factor)


class Upsampling(Layer, frozen=True):
    """Nearest-neighbour upsampling: each pixel is repeated ``factor`` x ``factor`` times.

    Parameters
    ----------
    factor : int
        Repetitions along each side, at least 1.

    Examples
    --------
    >>> from ava_np.layers import Upsampling
    >>> Upsampling(2).output_shape((14, 14, 3))
    (28, 28, 3)
    """

    factor: Positive = 2

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape with both sides multiplied by the factor."""
        if len(input_shape) != 3 or self.factor < 1:
            raise ArchitectureError(f"{shape_text(input_shape)} cannot be upsampled by {self.factor} x {self.factor}")
        return input_shape[0] * self.factor, input_shape[1] * self.factor, input_shape[2]

    def fan_in_out(self, input_shape: Shape) -> tuple[float, float]:
        """Return (1, factor²)."""
        return 1, self.factor**2

    def forward(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """y = x, repeated."""
        zoom.zoom_in_forward(buffers.y, buffers.x, self.factor)

    def backward_input(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """dx = Σ dy over each block."""
        zoom.zoom_in_backward(buffers.dx, buffers.dy, self.factor)
