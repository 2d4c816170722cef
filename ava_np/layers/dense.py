"""Dense layer; the kernels are in kernels/dense.py and kernels/factored.py."""

from typing import ClassVar

import numpy as np

from ava_np.errors import ArchitectureError
from ava_np.kernels import dense, factored, gemm
from ava_np.layers.initialisers import Initialiser, initialise, initialise_bias
from ava_np.layers.layer import Arrays, Layer, LayerBuffers, Shape, shape_text
from ava_np.specification import Positive


class Dense(Layer, frozen=True):
    """Fully connected layer, y = x W + b.

    Parameters
    ----------
    width : int
        Number of output neurons, at least 1.
    initialiser : str
        Initialiser of W, a name of ``ava_np.layers.initialisers``: "he_normal" in front of a rectifier, otherwise
        "lecun_normal". b starts at 0, except with "torch".

    Examples
    --------
    >>> from ava_np.layers import Dense
    >>> Dense(20).parameter_shapes((784,))
    {'W': (784, 20), 'b': (20,)}
    """

    deferred_parameter: ClassVar[str | None] = "W"

    width: Positive
    initialiser: Initialiser = "lecun_normal"

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return ``(width,)``."""
        if len(input_shape) != 1:
            raise ArchitectureError(
                f"a dense layer takes rows, not {shape_text(input_shape)}: put flatten in front of it"
            )
        if self.width < 1:
            raise ArchitectureError(f"a dense layer has at least 1 neuron, not {self.width}")
        return (self.width,)

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """W (inputs, width) and b (width,)."""
        return {"W": (*input_shape, self.width), "b": (self.width,)}

    def saved_shapes(self, input_shape: Shape, batch: int) -> dict[str, Shape]:
        """The errors at the output, if it is cheaper to keep them than to write W's gradient (kernels/factored.py)."""
        defers = factored.keeps_factors(batch, input_shape[0], self.width)
        return {"error": (batch, self.width)} if defers else {}

    def scratch_size(self, input_shape: Shape) -> int:
        """Room for packed blocks of a product and for one block of a gradient."""
        return max(gemm.scratch_size(), factored.scratch_size())

    def fan_in_out(self, input_shape: Shape) -> tuple[float, float]:
        """Return (inputs, width)."""
        return input_shape[0], self.width

    def initialise(self, parameters: Arrays, state: Arrays, input_shape: Shape, generator: np.random.Generator) -> None:
        """Draw W; set b to 0, or draw it as torch does."""
        initialise(parameters["W"], self.initialiser, *self.fan_in_out(input_shape), generator)
        initialise_bias(parameters["b"], self.initialiser, self.fan_in_out(input_shape)[0], generator)

    def forward(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """y = x W + b."""
        dense.dense_forward(buffers.y, buffers.x, parameters["W"], parameters["b"], buffers.scratch)

    def backward_input(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """dx = dy Wᵀ."""
        dense.dense_backward_input(buffers.dx, buffers.dy, parameters["W"], buffers.scratch)

    def backward_parameters(self, gradients: Arrays, buffers: LayerBuffers) -> None:
        """dW += xᵀ dy, db += Σ dy."""
        dense.dense_backward_parameters(gradients["W"], gradients["b"], buffers.dy, buffers.x, buffers.scratch)

    def defer_gradient(self, gradients: Arrays, buffers: LayerBuffers) -> bool:
        """db += Σ dy; save dy, a factor of dW, if W is large and the batch is small."""
        if "error" not in buffers.saved:
            return False
        dense.add_column_sums(gradients["b"], buffers.dy)
        np.copyto(buffers.saved["error"], buffers.dy)
        return True

    def deferred_factors(self, buffers: LayerBuffers) -> tuple[np.ndarray, np.ndarray]:
        """Return x and dy: dW = xᵀ dy."""
        return buffers.x, buffers.saved["error"]
