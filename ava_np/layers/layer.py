"""What a layer is: a frozen specification of shapes and kernels that holds no array of its own."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import msgspec
import numpy as np

Shape = tuple[int, ...]
Arrays = dict[str, np.ndarray]

Mode = Literal["training", "frozen", "evaluation"]
"""How an application treats what couples its samples, or is random (batch norm, dropout).

training    statistics of the batch itself, through which errors pass too; the running ones move; dropout drops.
frozen      the same numbers and errors, but the running statistics do not move: for a network that passes an error on
            in a step in which it does not learn, as a discriminator in its generator's step.
evaluation  running statistics, which are constants, and no dropout.
"""


@dataclass
class LayerBuffers:
    """The arrays of one layer in one application: outputs and inputs, and the errors that come back.

    Attributes
    ----------
    x, y : ndarray
        Input and output, ``(batch, *input_shape)`` and ``(batch, *output_shape)``. They share their memory where the
        layer works in place.
    dx, dy : ndarray
        Errors (gradients of the objective) at the input and the output, of the shapes of ``x`` and ``y``.
    saved : dict of str to ndarray
        What the forward pass needs besides (noise) or leaves for the backward pass (statistics of the batch).
    state : dict of str to ndarray
        What the network keeps for this layer beside parameters (running statistics).
    scratch : ndarray
        Flat, shared by all layers of the network, at least ``scratch_size`` long; it may hold anything.
    mode : {"training", "frozen", "evaluation"}
        See ``Mode``.
    """

    x: np.ndarray
    y: np.ndarray
    dx: np.ndarray
    dy: np.ndarray
    saved: Arrays
    state: Arrays
    scratch: np.ndarray
    mode: Mode


class Layer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="layer", tag=str.lower):
    """One step of a network: shapes, parameters and the two passes. The defaults are those of a layer without any."""

    in_place: ClassVar[bool] = False
    """Whether buffers gives output and input one array."""

    reads_output: ClassVar[bool] = False
    """Whether the backward pass reads the output, so that no later layer may overwrite it."""

    uses_batch_statistics: ClassVar[bool] = False
    """Whether a sample's output depends on the other samples of its batch."""

    @property
    def name(self) -> str:
        """What the layer is called in specifications, checkpoints and tables."""
        return str(self.__struct_config__.tag)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of one sample after the layer.

        Raises
        ------
        ArchitectureError
            If the layer does not fit samples of ``input_shape``.
        """
        return input_shape

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Names and shapes of the layer's parameters."""
        return {}

    def state_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Names and shapes of what the network keeps for the layer beside parameters."""
        return {}

    def saved_shapes(self, input_shape: Shape, batch: int) -> dict[str, Shape]:
        """Names and shapes of what one application keeps; "noise" is drawn anew for each, uniform in [0, 1)."""
        return {}

    def scratch_size(self, input_shape: Shape) -> int:
        """Values of scratch that the passes need."""
        return 0

    def fan_in_out(self, input_shape: Shape) -> tuple[float, float]:
        """Connections into an output neuron and out of an input neuron, on average away from edges."""
        return 1.0, 1.0

    def positions(self, input_shape: Shape) -> int:
        """How many times a sample uses each parameter."""
        return 1

    def initialise(self, parameters: Arrays, state: Arrays, input_shape: Shape, generator: np.random.Generator) -> None:
        """Write the first values of parameters and state."""

    def forward(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """Write ``buffers.y``."""
        raise NotImplementedError

    def backward_input(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """Write ``buffers.dx`` from ``buffers.dy``."""
        raise NotImplementedError

    def backward_parameters(self, gradients: Arrays, buffers: LayerBuffers) -> None:
        """Add to ``gradients``."""

    def defer_weight_gradient(self, gradients: Arrays, buffers: LayerBuffers) -> bool:
        """Add to ``gradients``, but for those of W: keep in ``buffers.saved`` what they can be multiplied from.

        False, and nothing done, if the layer, or one of this size, does not.
        """
        return False

    def deferred_factors(self, buffers: LayerBuffers) -> tuple[np.ndarray, np.ndarray]:
        """What was kept: x and the error, whose product is to be added to W's gradient."""
        raise NotImplementedError


def shape_text(shape: Shape) -> str:
    """A shape as people write it: 28x28x1."""
    return "x".join(map(str, shape))
