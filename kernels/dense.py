"""Dense layer: each output neuron is a weighted sum of all input neurons.

Forward   y[n,o]  = Σ_i x[n,i] W[i,o] + b[o]
Backward  dx[n,i] = Σ_o dy[n,o] W[i,o]              written
          dW[i,o] += Σ_n x[n,i] dy[n,o]             added
          db[o]   += Σ_n dy[n,o]                    added

Shapes: x, dx (batch, inputs); W, dW (inputs, outputs); b, db (outputs,); y, dy (batch, outputs).

The three products are those of kernels/gemm.py, which adds b to y, and the gradient to dW, without a temporary array.
If BLAS computes a product, b is added in a second pass, and xᵀ dy is a temporary array that is then added to dW.
``scratch`` is the scratch of kernels/gemm.py.
"""

import numpy as np

from ava_np.kernels.gemm import gemm, gemm_add, gemm_bias
from ava_np.kernels.machine.compile import kernel


@kernel
def add_column_sums(db: np.ndarray, dy: np.ndarray) -> None:
    """db[o] += Σ_n dy[n,o]."""
    for n in range(dy.shape[0]):
        for o in range(dy.shape[1]):
            db[o] += dy[n, o]


def dense_forward(y: np.ndarray, x: np.ndarray, W: np.ndarray, b: np.ndarray, scratch: np.ndarray) -> None:
    """Write y = x W + b."""
    gemm_bias(y, x, W, b, scratch)


def dense_backward_input(dx: np.ndarray, dy: np.ndarray, W: np.ndarray, scratch: np.ndarray) -> None:
    """Write dx = dy Wᵀ."""
    gemm(dx, dy, W.T, scratch)


def dense_backward_parameters(
    dW: np.ndarray, db: np.ndarray, dy: np.ndarray, x: np.ndarray, scratch: np.ndarray
) -> None:
    """Add xᵀ dy to dW and the column sums of dy to db."""
    gemm_add(dW, x.T, dy, scratch)
    add_column_sums(db, dy)
