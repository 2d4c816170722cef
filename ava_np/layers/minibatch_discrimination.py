"""Minibatch discrimination layer; the kernels are in kernels/minibatch_discrimination.py."""

from typing import ClassVar

import numpy as np

from ava_np.errors import ArchitectureError
from ava_np.kernels import gemm
from ava_np.kernels.minibatch_discrimination import (
    minibatch_discrimination_backward,
    minibatch_discrimination_forward,
)
from ava_np.layers.initialisers import Initialiser, initialise
from ava_np.layers.layer import Arrays, Layer, LayerBuffers, Shape, shape_text
from ava_np.specification import Positive


class MinibatchDiscrimination(Layer, frozen=True, tag="minibatch_discrimination"):
    """Minibatch discrimination (Salimans et al. 2016): append to each sample its similarity to the rest of the batch.

    y = (h, o) with o[i,b] = Σ_{j≠i} exp(-‖M[i,b] - M[j,b]‖₁) and M = h T. The tensor T of shape
    (inputs, features, width) is kept as the matrix W of (inputs, features · width).

    Parameters
    ----------
    features : int
        B, number of similarities that are appended.
    width : int
        C, length of the vectors that are compared.
    initialiser : str
        Initialiser of T, a name of ``ava_np.layers.initialisers``.

    Examples
    --------
    >>> from ava_np.layers import MinibatchDiscrimination
    >>> MinibatchDiscrimination(features=16).output_shape((256,))
    (272,)
    """

    uses_batch_statistics: ClassVar[bool] = True

    features: Positive = 16
    width: Positive = 4
    initialiser: Initialiser = "lecun_normal"

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return ``(inputs + features,)``."""
        if len(input_shape) != 1 or min(self.features, self.width) < 1:
            raise ArchitectureError(
                f"minibatch discrimination takes rows, not {shape_text(input_shape)}, and at least 1 feature and width"
            )
        return (input_shape[0] + self.features,)

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """T as W (inputs, features · width)."""
        return {"W": (input_shape[0], self.features * self.width)}

    def saved_shapes(self, input_shape: Shape, batch: int) -> dict[str, Shape]:
        """M."""
        return {"M": (batch, self.features, self.width)}

    def scratch_size(self, input_shape: Shape) -> int:
        """Room for packed blocks of a product."""
        return gemm.scratch_size()

    def fan_in_out(self, input_shape: Shape) -> tuple[float, float]:
        """Return (inputs, features · width)."""
        return input_shape[0], self.features * self.width

    def initialise(self, parameters: Arrays, state: Arrays, input_shape: Shape, generator: np.random.Generator) -> None:
        """Draw T."""
        initialise(parameters["W"], self.initialiser, *self.fan_in_out(input_shape), generator)

    def forward(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """M = h T, y = (h, o)."""
        M, inputs = buffers.saved["M"], buffers.x.shape[1]
        gemm.gemm(M.reshape(len(M), -1), buffers.x, parameters["W"], buffers.scratch)
        every_M = buffers.share.rows(M)
        o = np.empty(every_M.shape[:2], M.dtype)
        minibatch_discrimination_forward(o, every_M)
        buffers.y[:, :inputs], buffers.y[:, inputs:] = buffers.x, o[buffers.share.part(len(o))]

    def backward_input(self, parameters: Arrays, buffers: LayerBuffers) -> None:
        """dh = the first ``inputs`` columns of dy, plus dM Tᵀ."""
        gemm.gemm(buffers.dx, self._matrix_error(buffers), parameters["W"].T, buffers.scratch)
        buffers.dx += buffers.dy[:, : buffers.x.shape[1]]

    def backward_parameters(self, gradients: Arrays, buffers: LayerBuffers) -> None:
        """dT += hᵀ dM."""
        gemm.gemm_add(gradients["W"], buffers.x.T, self._matrix_error(buffers), buffers.scratch)

    @staticmethod
    def _matrix_error(buffers: LayerBuffers) -> np.ndarray:
        """Return dM as a matrix, (batch, features · width)."""
        M, share = buffers.share.rows(buffers.saved["M"]), buffers.share
        do = share.rows(np.ascontiguousarray(buffers.dy[:, buffers.x.shape[1] :]))
        dM = np.empty_like(M)
        minibatch_discrimination_backward(dM, do, M)
        return dM[share.part(len(dM))].reshape(len(buffers.x), -1)
