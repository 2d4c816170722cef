"""Dense layer, kernels/dense.py."""

import numpy as np

from ava_np.errors import ArchitectureError
from ava_np.kernels import dense, factored, gemm
from ava_np.layers.initialisers import Initialiser, initialise
from ava_np.layers.layer import Arrays, Layer, LayerBuffers, Shape, shape_text


class Dense(Layer, frozen=True):
    """y = x W + b for ``width`` output neurons.

    Parameters
    ----------
    width : int
        Number of output neurons.
    initialiser : str
        How W is drawn (``ava_np.layers.initialisers``): "he_normal" before a rectifier, "lecun_normal" otherwise. b
        starts at 0.
    """

    width: int
    initialiser: Initialiser = "lecun_normal"

    def output_shape(self, input_shape: Shape) -> Shape:
        """``(width,)``."""
        if len(input_shape) != 1:
            raise ArchitectureError(f"a dense layer takes rows, not {shape_text(input_shape)}: put flatten before it")
        if self.width < 1:
            raise ArchitectureError(f"a dense layer has at least 1 neuron, not {self.width}")
        return (self.width,)

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """W (inputs, width) and b (width,)."""
        return {"W": (*input_shape, self.width), "b": (self.width,)}

    def saved_shapes(self, input_shape: Shape, batch: int) -> dict[str, Shape]:
        """The errors, where it is better to keep them than to write W's gradient (kernels/factored.py)."""
        large = factored.keeps_factors(batch, input_shape[0], self.width)
        return {"error": (batch, self.width)} if large else {}

    def scratch_size(self, input_shape: Shape) -> int:
        """What a product packs into, and a block of a gradient."""
        return max(gemm.scratch_size(), factored.scratch_size())

    def fan_in_out(self, input_shape: Shape) -> tuple[float, float]:
        """(inputs, width)."""
        return input_shape[0], self.width

    def initialise(self, parameters: Arrays, state: Arrays, input_shape: Shape, generator: np.random.Generator) -> None:
        """Draw W; b is 0."""
        initialise(parameters["W"], self.initialiser, *self.fan_in_out(input_shape), generator)
        parameters["b"][:] = 0

    def forward(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """y = x W + b."""
        dense.dense_forward(buffers.y, buffers.x, parameters["W"], parameters["b"], buffers.scratch)

    def backward_input(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """dx = dy Wᵀ."""
        dense.dense_backward_input(buffers.dx, buffers.dy, parameters["W"], buffers.scratch)

    def backward_parameters(self, gradients: Arrays, buffers: LayerBuffers) -> None:
        """dW += xᵀ dy, db += Σ dy."""
        dense.dense_backward_parameters(gradients["W"], gradients["b"], buffers.dy, buffers.x, buffers.scratch)

    def defer_weight_gradient(self, gradients: Arrays, buffers: LayerBuffers) -> bool:
        """db += Σ dy, and dy is kept; if the gradient of W is large and the batch is not."""
        if "error" not in buffers.saved:
            return False
        dense.add_column_sums(gradients["b"], buffers.dy)
        np.copyto(buffers.saved["error"], buffers.dy)
        return True

    def deferred_factors(self, buffers: LayerBuffers) -> tuple[np.ndarray, np.ndarray]:
        """x and dy."""
        return buffers.x, buffers.saved["error"]
