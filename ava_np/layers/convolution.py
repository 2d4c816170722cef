"""Convolution and transposed convolution layers; the kernels are in kernels/convolution.py."""

from math import prod

import numpy as np

from ava_np.errors import ArchitectureError
from ava_np.kernels import convolution as kernels
from ava_np.kernels.machine.geometry import output_size, transposed_output_size
from ava_np.layers.initialisers import Initialiser, initialise, initialise_bias
from ava_np.layers.layer import Arrays, Layer, LayerBuffers, Shape, shape_text
from ava_np.specification import Natural, Positive


class Convolution(Layer, frozen=True):
    """Two-dimensional convolution, y = A x + b (a cross-correlation, as everywhere in deep learning).

    Parameters
    ----------
    channels : int
        Output channels.
    kernel : int
        Side of the square kernel.
    stride : int
        Step of the window.
    padding : int
        Zeros around the image, on each side.
    initialiser : str
        Initialiser of W, a name of ``ava_np.layers.initialisers``. b starts at 0, except with "torch".

    Examples
    --------
    >>> from ava_np.layers import Convolution
    >>> Convolution(16, 5, stride=2, padding=2).output_shape((28, 28, 1))
    (14, 14, 16)
    """

    channels: Positive
    kernel: Positive
    stride: Positive = 1
    padding: Natural = 0
    initialiser: Initialiser = "he_normal"

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (height, width, channels), one pixel for each position of the window."""
        _check(self, input_shape)
        height, width = (output_size(side, self.kernel, self.stride, self.padding) for side in input_shape[:2])
        if min(height, width) < 1:
            raise ArchitectureError(
                f"a {self.kernel}x{self.kernel} window does not fit {shape_text(input_shape)} with padding "
                f"{self.padding}: take larger pictures or fewer layers"
            )
        return height, width, self.channels

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """W (kernel, kernel, in, out) and b (out,)."""
        return {"W": (self.kernel, self.kernel, input_shape[2], self.channels), "b": (self.channels,)}

    def scratch_size(self, input_shape: Shape) -> int:
        """Room for zero-padded images and packed weights."""
        weights = self.parameter_shapes(input_shape)["W"]
        return kernels.scratch_size(input_shape, weights, self.stride, self.padding)

    def fan_in_out(self, input_shape: Shape) -> tuple[float, float]:
        """Return kernel² in, and kernel² out / stride²: only every stride-th window covers a pixel."""
        return self.kernel**2 * input_shape[2], self.kernel**2 * self.channels / self.stride**2

    def parameter_uses(self, input_shape: Shape) -> int:
        """Return the number of positions of the window."""
        return prod(self.output_shape(input_shape)[:2])

    def initialise(self, parameters: Arrays, state: Arrays, input_shape: Shape, generator: np.random.Generator) -> None:
        """Draw W; set b to 0, or draw it as torch does."""
        initialise(parameters["W"], self.initialiser, *self.fan_in_out(input_shape), generator)
        initialise_bias(parameters["b"], self.initialiser, self.fan_in_out(input_shape)[0], generator)

    def forward(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """y = A x + b."""
        W, b = parameters["W"], parameters["b"]
        kernels.convolution_forward(buffers.y, buffers.x, W, b, self.stride, self.padding, buffers.scratch)

    def backward_input(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """dx = Aᵀ dy."""
        W = parameters["W"]
        kernels.convolution_backward_input(buffers.dx, buffers.dy, W, self.stride, self.padding, buffers.scratch)

    def backward_parameters(self, gradients: Arrays, buffers: LayerBuffers) -> None:
        """dW += ∂⟨dy, A x⟩/∂W, db += Σ dy."""
        dW, db, x, dy = gradients["W"], gradients["b"], buffers.x, buffers.dy
        kernels.convolution_backward_parameters(dW, db, dy, x, self.stride, self.padding, buffers.scratch)


class TransposedConvolution(Layer, frozen=True, tag="transposed_convolution"):
    """Transposed two-dimensional convolution, y = Aᵀ x + b: each input pixel adds its window to a larger image.

    Parameters
    ----------
    channels, kernel, stride, padding, initialiser
        The same as for ``Convolution``, whose change of shape this layer inverts.
    output_padding : (int, int)
        Rows and columns to add at the bottom and at the right, each less than the stride: those that a convolution's
        windows do not reach.

    Examples
    --------
    >>> from ava_np.layers import TransposedConvolution
    >>> TransposedConvolution(1, 5, stride=2, padding=2, output_padding=(1, 1)).output_shape((14, 14, 16))
    (28, 28, 1)
    """

    channels: Positive
    kernel: Positive
    stride: Positive = 1
    padding: Natural = 0
    output_padding: tuple[Natural, Natural] = (0, 0)
    initialiser: Initialiser = "he_normal"

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (height, width, channels) of the image to which the windows are added."""
        _check(self, input_shape)
        if not all(0 <= more < self.stride for more in self.output_padding):
            raise ArchitectureError(
                f"output padding {self.output_padding} of a transposed convolution must be less than its stride"
            )
        height, width = (
            transposed_output_size(side, self.kernel, self.stride, self.padding, more)
            for side, more in zip(input_shape[:2], self.output_padding, strict=True)
        )
        if min(height, width) < 1:
            raise ArchitectureError(f"padding {self.padding} leaves nothing of {shape_text(input_shape)}")
        return height, width, self.channels

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """W (kernel, kernel, out, in) and b (out,)."""
        return {"W": (self.kernel, self.kernel, self.channels, input_shape[2]), "b": (self.channels,)}

    def scratch_size(self, input_shape: Shape) -> int:
        """Room for zero-padded images and packed weights."""
        weights = self.parameter_shapes(input_shape)["W"]
        return kernels.scratch_size(self.output_shape(input_shape), weights, self.stride, self.padding)

    def fan_in_out(self, input_shape: Shape) -> tuple[float, float]:
        """Return kernel² in / stride², and kernel² out."""
        return self.kernel**2 * input_shape[2] / self.stride**2, self.kernel**2 * self.channels

    def parameter_uses(self, input_shape: Shape) -> int:
        """Return the number of input pixels: each adds one window."""
        return prod(input_shape[:2])

    def initialise(self, parameters: Arrays, state: Arrays, input_shape: Shape, generator: np.random.Generator) -> None:
        """Draw W; set b to 0, or draw it as torch does."""
        initialise(parameters["W"], self.initialiser, *self.fan_in_out(input_shape), generator)
        initialise_bias(parameters["b"], self.initialiser, self.fan_in_out(input_shape)[0], generator)

    def forward(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """y = Aᵀ x + b."""
        W, b = parameters["W"], parameters["b"]
        kernels.transposed_convolution_forward(buffers.y, buffers.x, W, b, self.stride, self.padding, buffers.scratch)

    def backward_input(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """dx = A dy."""
        kernels.transposed_convolution_backward_input(
            buffers.dx, buffers.dy, parameters["W"], self.stride, self.padding, buffers.scratch
        )

    def backward_parameters(self, gradients: Arrays, buffers: LayerBuffers) -> None:
        """dW += ∂⟨A dy, x⟩/∂W, db += Σ dy."""
        kernels.transposed_convolution_backward_parameters(
            gradients["W"], gradients["b"], buffers.dy, buffers.x, self.stride, self.padding, buffers.scratch
        )


def _check(layer: Convolution | TransposedConvolution, input_shape: Shape) -> None:
    name = layer.name.replace("_", " ")
    if len(input_shape) != 3:
        raise ArchitectureError(
            f"a {name} takes pictures (height, width, channels), not {shape_text(input_shape)}: put reshape in front "
            "of it"
        )
    if min(layer.channels, layer.kernel, layer.stride) < 1 or layer.padding < 0:
        raise ArchitectureError(f"a {name} needs channels, kernel and stride of at least 1, and no negative padding")
