"""Batch norm, kernels/batch_norm.py."""

from math import isfinite, prod
from typing import ClassVar

import numpy as np

from ava_np.errors import ArchitectureError
from ava_np.kernels import batch_norm
from ava_np.layers.layer import Arrays, Layer, LayerBuffers, Shape


class BatchNorm(Layer, frozen=True, tag="batch_norm"):
    """Every channel, over the batch and all places, gets a mean and a deviation that are learnt.

    In training and frozen mode the statistics are the batch's own, and errors pass through them; only training moves
    the running ones, by which evaluation normalises. So a generator's step sees the very discriminator that the
    discriminator's step has trained, its gradient is the true one, and what the discriminator keeps comes from its own
    steps.

    Parameters
    ----------
    momentum : float
        Weight of a batch in the running statistics, in [0, 1].
    epsilon : float
        Added to the variance, positive.
    """

    uses_batch_statistics: ClassVar[bool] = True

    momentum: float = 0.1
    epsilon: float = 1e-5

    def output_shape(self, input_shape: Shape) -> Shape:
        """The input's."""
        if not (0 <= self.momentum <= 1 and self.epsilon > 0 and isfinite(self.epsilon)):
            raise ArchitectureError(
                f"batch norm needs a momentum in [0, 1] and a positive epsilon, not {self.momentum} and {self.epsilon}"
            )
        return input_shape

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Scale and shift of each channel."""
        return {"scale": input_shape[-1:], "shift": input_shape[-1:]}

    def state_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Running mean and variance of each channel."""
        return {"mean": input_shape[-1:], "variance": input_shape[-1:]}

    def saved_shapes(self, input_shape: Shape, batch: int) -> dict[str, Shape]:
        """The batch's mean, variance and 1 / √(variance + ε)."""
        return {"mean": input_shape[-1:], "variance": input_shape[-1:], "inverse": input_shape[-1:]}

    def positions(self, input_shape: Shape) -> int:
        """Places of a channel."""
        return prod(input_shape[:-1])

    def initialise(self, parameters: Arrays, state: Arrays, input_shape: Shape, generator: np.random.Generator) -> None:
        """Mean 0 and deviation 1."""
        parameters["scale"][:], parameters["shift"][:] = 1, 0
        state["mean"][:], state["variance"][:] = 0, 1

    def forward(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """y = scale x̂ + shift."""
        scale, shift, own, running = parameters["scale"], parameters["shift"], buffers.saved, buffers.state
        if buffers.mode == "evaluation":
            own["mean"][:] = running["mean"]
            batch_norm.batch_norm_evaluation_forward(
                buffers.y, own["inverse"], buffers.x, running["mean"], running["variance"], scale, shift, self.epsilon
            )
            return
        batch_norm.batch_norm_forward(
            buffers.y, own["mean"], own["variance"], own["inverse"], buffers.x, scale, shift, self.epsilon
        )
        if buffers.mode == "training":
            count = buffers.x.size // scale.size
            batch_norm.update_running(
                running["mean"], running["variance"], own["mean"], own["variance"], self.momentum, count
            )

    def backward_input(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """dx, through the batch's statistics where these were used."""
        own, scale = buffers.saved, parameters["scale"]
        if buffers.mode == "evaluation":
            batch_norm.batch_norm_evaluation_backward_input(buffers.dx, buffers.dy, own["inverse"], scale)
        else:
            batch_norm.batch_norm_backward_input(buffers.dx, buffers.dy, buffers.x, own["mean"], own["inverse"], scale)

    def backward_parameters(self, gradients: Arrays, buffers: LayerBuffers) -> None:
        """dscale += Σ dy x̂, dshift += Σ dy."""
        batch_norm.batch_norm_backward_parameters(
            gradients["scale"],
            gradients["shift"],
            buffers.dy,
            buffers.x,
            buffers.saved["mean"],
            buffers.saved["inverse"],
        )
