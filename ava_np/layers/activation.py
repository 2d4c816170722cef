"""Activation layer, kernels/activations.py."""

from typing import ClassVar, Literal

from ava_np.kernels.activations import ACTIVATIONS
from ava_np.layers.layer import Arrays, Layer, LayerBuffers

Function = Literal["linear", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "exp"]


class Activation(Layer, frozen=True):
    """An elementwise function with its derivative on the output.

    Parameters
    ----------
    function : str
        One of ``ava_np.kernels.activations.ACTIVATIONS``.
    """

    in_place: ClassVar[bool] = True
    reads_output: ClassVar[bool] = True

    function: Function

    @property
    def name(self) -> str:
        """The function's own name."""
        return self.function

    def forward(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """y <- a(y), over x."""
        ACTIVATIONS[self.function].forward(buffers.y)

    def backward_input(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """dy <- dy · a'(y), over dx."""
        ACTIVATIONS[self.function].backward(buffers.dy, buffers.y)
