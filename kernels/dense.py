"""Dense layer: every output neuron is a weighted sum of every input neuron.

Forward   y[n,o]  = Σ_i x[n,i] W[i,o] + b[o]
Backward  dx[n,i] = Σ_o dy[n,o] W[i,o]              written
          dW[i,o] += Σ_n x[n,i] dy[n,o]             added
          db[o]   += Σ_n dy[n,o]                    added

Shapes: x, dx (batch, inputs); W, dW (inputs, outputs); b, db (outputs,); y, dy (batch, outputs).

The three products are BLAS's, called with ``out=`` so that nothing is allocated; the rest is ours.
"""

import numpy as np

from ava_np.kernels._compile import kernel


@kernel
def add_rows(y: np.ndarray, b: np.ndarray) -> None:
    """y[n,o] += b[o]."""
    for n in range(y.shape[0]):
        for o in range(y.shape[1]):
            y[n, o] += b[o]


@kernel
def add_column_sums(db: np.ndarray, dy: np.ndarray) -> None:
    """db[o] += Σ_n dy[n,o]."""
    for n in range(dy.shape[0]):
        for o in range(dy.shape[1]):
            db[o] += dy[n, o]


@kernel
def add_array(total: np.ndarray, part: np.ndarray) -> None:
    """total += part, in one pass."""
    t, p = total.reshape(-1), part.reshape(-1)
    for i in range(t.size):
        t[i] += p[i]


def dense_forward(y: np.ndarray, x: np.ndarray, W: np.ndarray, b: np.ndarray) -> None:
    """Write y = x W + b."""
    np.matmul(x, W, out=y)
    add_rows(y, b)


def dense_backward_input(dx: np.ndarray, dy: np.ndarray, W: np.ndarray) -> None:
    """Write dx = dy Wᵀ."""
    np.matmul(dy, W.T, out=dx)


def dense_backward_parameters(
    dW: np.ndarray, db: np.ndarray, dy: np.ndarray, x: np.ndarray, scratch: np.ndarray
) -> None:
    """Add xᵀ dy to dW and the column sums of dy to db; ``scratch`` has the shape of dW and holds the product."""
    np.matmul(x.T, dy, out=scratch)
    add_array(dW, scratch)
    add_column_sums(db, dy)
