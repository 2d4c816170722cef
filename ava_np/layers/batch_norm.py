"""Batch normalisation layer; the kernels are in kernels/batch_norm.py."""

from math import prod
from typing import ClassVar

import numpy as np

from ava_np.errors import ArchitectureError
from ava_np.kernels import batch_norm
from ava_np.layers.layer import Arrays, Layer, LayerBuffers, Shape


class BatchNorm(Layer, frozen=True, tag="batch_norm"):
    """Batch normalisation: each channel gets a learned mean and standard deviation (Ioffe and Szegedy 2015).

    In training and frozen mode the batch's own statistics are used, and errors pass through them. Only training mode
    updates the running statistics, which evaluation mode uses. So in a generator's phase the discriminator computes
    exactly what its own phase trained, the generator's gradient is the true one, and the discriminator's running
    statistics come from its own phase alone.

    Parameters
    ----------
    momentum : float
        Weight of the new batch in the running statistics, in [0, 1].
    epsilon : float
        Added to the variance; in (0, 1].

    Examples
    --------
    >>> from ava_np.layers import BatchNorm
    >>> BatchNorm().parameter_shapes((14, 14, 32))
    {'scale': (32,), 'shift': (32,)}
    """

    uses_batch_statistics: ClassVar[bool] = True

    momentum: float = 0.1
    epsilon: float = 1e-5

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        if not (0 <= self.momentum <= 1 and 0 < self.epsilon <= 1):
            raise ArchitectureError(
                f"batch norm needs momentum in [0, 1] and epsilon in (0, 1], not {self.momentum} and {self.epsilon}"
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
        return {"mean": input_shape[-1:], "variance": input_shape[-1:], "inverse_std": input_shape[-1:]}

    def parameter_uses(self, input_shape: Shape) -> int:
        """Return the number of pixels of a channel."""
        return prod(input_shape[:-1])

    def initialise(self, parameters: Arrays, state: Arrays, input_shape: Shape, generator: np.random.Generator) -> None:
        """Set the scale to 1, the shift to 0, and the running statistics to those of N(0, 1)."""
        parameters["scale"][:], parameters["shift"][:] = 1, 0
        state["mean"][:], state["variance"][:] = 0, 1

    def forward(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """y = scale x̂ + shift."""
        scale, shift, saved, running = parameters["scale"], parameters["shift"], buffers.saved, buffers.state
        if buffers.mode == "evaluation":
            saved["mean"][:] = running["mean"]
            batch_norm.batch_norm_evaluation_forward(
                buffers.y,
                saved["inverse_std"],
                buffers.x,
                running["mean"],
                running["variance"],
                scale,
                shift,
                self.epsilon,
            )
            return
        count = batch_norm.batch_norm_forward(
            buffers.y,
            saved["mean"],
            saved["variance"],
            saved["inverse_std"],
            buffers.x,
            scale,
            shift,
            self.epsilon,
            buffers.share.add,
        )
        if buffers.mode == "training":
            batch_norm.update_running_statistics(
                running["mean"], running["variance"], saved["mean"], saved["variance"], self.momentum, count
            )

    def backward_input(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """dx, through the batch's statistics if these were used."""
        saved, scale = buffers.saved, parameters["scale"]
        if buffers.mode == "evaluation":
            batch_norm.batch_norm_evaluation_backward_input(buffers.dx, buffers.dy, saved["inverse_std"], scale)
        else:
            batch_norm.batch_norm_backward_input(
                buffers.dx, buffers.dy, buffers.x, saved["mean"], saved["inverse_std"], scale, buffers.share.add
            )

    def backward_parameters(self, gradients: Arrays, buffers: LayerBuffers) -> None:
        """dscale += Σ dy x̂, dshift += Σ dy."""
        saved = buffers.saved
        batch_norm.batch_norm_backward_parameters(
            gradients["scale"], gradients["shift"], buffers.dy, buffers.x, saved["mean"], saved["inverse_std"]
        )
