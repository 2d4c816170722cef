"""Activation layer; the kernels are in kernels/activations.py."""

from typing import ClassVar, Literal

import numpy as np

from ava_np.kernels.activations import ACTIVATIONS
from ava_np.layers.layer import Arrays, Layer, LayerBuffers

Function = Literal["linear", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "exp"]


class Activation(Layer, frozen=True):
    """Elementwise activation, computed in place, whose derivative is a function of its output.

    Parameters
    ----------
    function : {"linear", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "exp"}
        A key of ``ava_np.kernels.activations.ACTIVATIONS``.

    Examples
    --------
    >>> from ava_np.layers import Activation
    >>> Activation("tanh").output_shape((256,))
    (256,)
    """

    in_place: ClassVar[bool] = True
    reads_output: ClassVar[bool] = True

    function: Function

    @property
    def name(self) -> str:
        """Name of the function."""
        return self.function

    def forward(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """y <- a(y), over x."""
        ACTIVATIONS[self.function].forward(buffers.y)

    def backward_input(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """dy <- dy · a'(y), over dx."""
        ACTIVATIONS[self.function].backward(buffers.dy, buffers.y)

    def output_slope(self, slope: np.ndarray, output: np.ndarray) -> None:
        """slope <- a'(output), AVA's a_f', a_g', a_d', a_D'."""
        slope.fill(1)
        ACTIVATIONS[self.function].backward(slope, output)
