"""The interface of a layer: a frozen specification of shapes and kernels, which holds no array of its own."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import msgspec
import numpy as np

from ava_np.share import ALONE, Share

Shape = tuple[int, ...]
Arrays = dict[str, np.ndarray]

Mode = Literal["training", "frozen", "evaluation"]
"""How a network is applied. It matters to batch norm and dropout only.

training    Batch norm uses the batch's statistics, errors pass through them, and the running statistics are updated.
            Dropout is active.
frozen      The same values and errors, but the running statistics stay as they are. This is for a network that passes
            an error on without learning from it, such as a discriminator in its generator's phase.
evaluation  Batch norm uses the running statistics, which are constants. Dropout is off.
"""


@dataclass
class LayerBuffers:
    """The arrays of one layer in one application of its network: values, and the errors that come back.

    Attributes
    ----------
    x, y : ndarray
        Input ``(batch, *input_shape)`` and output ``(batch, *output_shape)``. They share memory if the layer works in
        place.
    dx, dy : ndarray
        Errors (gradients of the objective) at the input and at the output, shaped like ``x`` and ``y``.
    saved : dict of str to ndarray
        Values that the forward pass leaves for the backward pass, such as the statistics of the batch.
    noise : ndarray or None
        Uniform random numbers in [0, 1) that the layer needs; the model fills it before the forward pass.
    state : dict of str to ndarray
        What the network keeps for this layer besides parameters, such as running statistics.
    scratch : ndarray
        Flat work space that all layers of a network share, of at least ``Layer.scratch_size`` elements. Its content
        may be anything.
    mode : {"training", "frozen", "evaluation"}
        See ``Mode``.
    share : Share
        The rows of the batch that these are; the layers that compare the samples of a batch ask it for the others.
    """

    x: np.ndarray
    y: np.ndarray
    dx: np.ndarray
    dy: np.ndarray
    saved: Arrays
    noise: np.ndarray | None
    state: Arrays
    scratch: np.ndarray
    mode: Mode
    share: Share = ALONE


class Layer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="layer", tag=str.lower):
    """One step of a network: shapes, parameters, a forward and a backward pass.

    The defaults describe a layer that keeps the shape and has no parameters, no state and no saved values.
    """

    in_place: ClassVar[bool] = False
    """Whether output and input share one array."""

    reads_output: ClassVar[bool] = False
    """Whether the backward pass reads the output. If so, no later layer may overwrite it."""

    uses_batch_statistics: ClassVar[bool] = False
    """Whether a sample's output depends on the other samples of its batch."""

    deferred_parameter: ClassVar[str | None] = None
    """The parameter, if any, whose gradient can be kept as factors and multiplied later (``defer_gradient``)."""

    @property
    def name(self) -> str:
        """Name of the layer in specifications, checkpoints and tables."""
        return str(self.__struct_config__.tag)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of one sample after the layer.

        Raises
        ------
        ArchitectureError
            If the layer does not fit samples of ``input_shape``.
        """
        return input_shape

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the names and shapes of the parameters."""
        return {}

    def state_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the names and shapes of what the network keeps for the layer besides parameters."""
        return {}

    def saved_shapes(self, input_shape: Shape, batch: int) -> dict[str, Shape]:
        """Return the names and shapes of what one forward pass saves for its backward pass."""
        return {}

    def noise_shape(self, input_shape: Shape) -> Shape | None:
        """Return the shape of one sample's noise, or None if the layer is deterministic."""
        return None

    def scratch_size(self, input_shape: Shape) -> int:
        """Return the number of scratch elements that the passes need."""
        return 0

    def fan_in_out(self, input_shape: Shape) -> tuple[float, float]:
        """Return the connections into an output neuron and out of an input neuron, on average away from edges."""
        return 1.0, 1.0

    def parameter_uses(self, input_shape: Shape) -> int:
        """Return how many times one sample uses each parameter."""
        return 1

    def initialise(self, parameters: Arrays, state: Arrays, input_shape: Shape, generator: np.random.Generator) -> None:
        """Write the initial values of parameters and state."""

    def forward(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """Write the output ``buffers.y`` from ``buffers.x``."""
        raise NotImplementedError

    def backward_input(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """Write the error at the input, ``buffers.dx``, from the error at the output, ``buffers.dy``."""
        raise NotImplementedError

    def backward_parameters(self, gradients: Arrays, buffers: LayerBuffers) -> None:
        """Add the gradient of every parameter to ``gradients``."""

    def defer_gradient(self, gradients: Arrays, buffers: LayerBuffers) -> bool:
        """Add to ``gradients`` all but the gradient of ``deferred_parameter``; save the factors of that one.

        Returns
        -------
        bool
            False, with nothing done, if a layer of this size does not defer.
        """
        return False

    def deferred_factors(self, buffers: LayerBuffers) -> tuple[np.ndarray, np.ndarray]:
        """Return x (batch, inputs) and e (batch, outputs): the deferred gradient is xᵀ e."""
        raise NotImplementedError

    def output_slope(self, slope: np.ndarray, output: np.ndarray) -> None:
        """Write a' at the output to ``slope``: the derivative of the layer's activation, 1 if it has none."""
        slope.fill(1)


def shape_text(shape: Shape) -> str:
    """Return a shape as people write it.

    Examples
    --------
    >>> shape_text((28, 28, 1))
    '28x28x1'
    """
    return "x".join(map(str, shape))
