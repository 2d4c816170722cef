"""What a layer is: a frozen specification of shapes and kernels that holds no array of its own."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

Shape = tuple[int, ...]
Parameters = dict[str, np.ndarray]


@dataclass
class Slot:
    """The arrays of one layer in one application: outputs and inputs, and the errors that come back.

    Attributes
    ----------
    x, y : ndarray
        Input and output, ``(batch, *input_shape)`` and ``(batch, *output_shape)``. They share their memory where the
        layer works in place.
    dx, dy : ndarray
        Errors (gradients of the objective) at the input and the output, of the shapes of ``x`` and ``y``.
    """

    x: np.ndarray
    y: np.ndarray
    dx: np.ndarray
    dy: np.ndarray


class Layer(Protocol):
    """One step of a network: shapes, parameters and the two passes."""

    in_place: ClassVar[bool]
    """Whether the output overwrites the input, so that a tape gives both one array."""

    @property
    def name(self) -> str:
        """What the layer is called in checkpoints and tables."""

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of one sample after the layer."""

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Names and shapes of the layer's parameters."""

    def initialise(self, parameters: Parameters, generator: np.random.Generator) -> None:
        """Write the first values of the parameters."""

    def forward(self, parameters: Parameters, slot: Slot) -> None:
        """Write ``slot.y``."""

    def backward_input(self, parameters: Parameters, slot: Slot) -> None:
        """Write ``slot.dx`` from ``slot.dy``."""

    def backward_parameters(self, gradients: Parameters, slot: Slot, scratch: np.ndarray) -> None:
        """Add to ``gradients``; ``scratch`` is a flat array as long as the largest parameter."""
