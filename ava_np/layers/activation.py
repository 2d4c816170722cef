"""Activation layer, kernels/activations.py."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ava_np.kernels.activations import ACTIVATIONS
from ava_np.layers.layer import Parameters, Shape, Slot


@dataclass(frozen=True)
class Activation:
    """An elementwise function with its derivative on the output.

    Parameters
    ----------
    function : str
        One of ``ava_np.kernels.activations.ACTIVATIONS``.
    """

    in_place: ClassVar[bool] = True

    function: str

    @property
    def name(self) -> str:
        """The function's own name."""
        return self.function

    def output_shape(self, input_shape: Shape) -> Shape:
        """The input's."""
        return input_shape

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """None."""
        return {}

    def initialise(self, parameters: Parameters, generator: np.random.Generator) -> None:
        """Nothing to initialise."""

    def forward(self, parameters: Parameters, slot: Slot) -> None:
        """y <- a(y), over x."""
        ACTIVATIONS[self.function].forward(slot.y)

    def backward_input(self, parameters: Parameters, slot: Slot) -> None:
        """dy <- dy · a'(y), over dx."""
        ACTIVATIONS[self.function].backward(slot.dy, slot.y)

    def backward_parameters(self, gradients: Parameters, slot: Slot, scratch: np.ndarray) -> None:
        """Nothing to add."""
