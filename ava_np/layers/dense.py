"""Dense layer, kernels/dense.py."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from ava_np.kernels import dense
from ava_np.layers.layer import Parameters, Shape, Slot

Initialiser = Literal["he_normal", "lecun_normal", "zeros"]


@dataclass(frozen=True)
class Dense:
    """y = x W + b for ``width`` output neurons.

    Parameters
    ----------
    width : int
        Number of output neurons.
    initialiser : {"he_normal", "lecun_normal", "zeros"}
        Standard deviation of the first weights: √(2 / inputs) before a rectifier (He et al. 2015), √(1 / inputs)
        otherwise (LeCun et al. 1998), or 0. Biases start at 0.
    """

    in_place: ClassVar[bool] = False
    name: ClassVar[str] = "dense"

    width: int
    initialiser: Initialiser = "lecun_normal"

    def output_shape(self, input_shape: Shape) -> Shape:
        """``(width,)``."""
        return (self.width,)

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """W (inputs, width) and b (width,)."""
        return {"W": (*input_shape, self.width), "b": (self.width,)}

    def initialise(self, parameters: Parameters, generator: np.random.Generator) -> None:
        """Draw W in double precision, so that every float type starts from the same numbers; b is 0."""
        W = parameters["W"]
        variance = {"he_normal": 2.0, "lecun_normal": 1.0, "zeros": 0.0}[self.initialiser] / W.shape[0]
        W[:] = generator.normal(0.0, math.sqrt(variance), W.shape)
        parameters["b"][:] = 0

    def forward(self, parameters: Parameters, slot: Slot) -> None:
        """y = x W + b."""
        dense.dense_forward(slot.y, slot.x, parameters["W"], parameters["b"])

    def backward_input(self, parameters: Parameters, slot: Slot) -> None:
        """dx = dy Wᵀ."""
        dense.dense_backward_input(slot.dx, slot.dy, parameters["W"])

    def backward_parameters(self, gradients: Parameters, slot: Slot, scratch: np.ndarray) -> None:
        """dW += xᵀ dy, db += Σ dy."""
        dW = gradients["W"]
        product = scratch[: dW.size].reshape(dW.shape)
        dense.dense_backward_parameters(dW, gradients["b"], slot.dy, slot.x, product)
