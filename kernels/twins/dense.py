"""Twin of kernels/dense.py: y[n,o] = Σ_i x[n,i] W[i,o] + b[o].

Shapes: x, dx (batch, inputs); W, dW (inputs, outputs); b, db (outputs,); y, dy (batch, outputs).
"""

import numpy as np


def dense_forward(y: np.ndarray, x: np.ndarray, W: np.ndarray, b: np.ndarray) -> None:
    """Write y: each output neuron is a weighted sum of all input neurons."""
    batch, inputs, outputs = x.shape[0], *W.shape
    for n in range(batch):
        for o in range(outputs):
            y[n, o] = b[o]
            for i in range(inputs):
                y[n, o] += x[n, i] * W[i, o]


def dense_backward_input(dx: np.ndarray, dy: np.ndarray, W: np.ndarray) -> None:
    """Write dx: the error of an input neuron is the weighted sum of the errors of all outputs."""
    batch, inputs, outputs = dy.shape[0], *W.shape
    for n in range(batch):
        for i in range(inputs):
            dx[n, i] = 0
            for o in range(outputs):
                dx[n, i] += dy[n, o] * W[i, o]


def dense_backward_parameters(dW: np.ndarray, db: np.ndarray, dy: np.ndarray, x: np.ndarray) -> None:
    """Add to dW and db: for a weight, its input times the error of its output, summed over the batch."""
    batch, inputs, outputs = dy.shape[0], *dW.shape
    for n in range(batch):
        for o in range(outputs):
            db[o] += dy[n, o]
            for i in range(inputs):
                dW[i, o] += x[n, i] * dy[n, o]
