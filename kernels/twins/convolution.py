"""Twin of kernels/convolution.py: y[n,i,j,o] = b[o] + Σ_{p,q,c} x[n,u,v,c] W[p,q,c,o].

u = stride i + p - padding, v = stride j + q - padding.

The transposed convolution has loops of its own, which do not use that it is the convolution with both directions
exchanged.

Shapes: x, dx, y, dy (batch, height, width, channels); W, dW (kernel height, kernel width, inputs, outputs) for the
convolution and (kernel height, kernel width, outputs, inputs) for the transposed one; b, db (outputs,).
"""

import numpy as np


def convolution_forward(y: np.ndarray, x: np.ndarray, W: np.ndarray, b: np.ndarray, stride: int, padding: int) -> None:
    """Write y: each output is the weighted sum of the inputs under its window; outside the picture they are 0."""
    batch, rows, columns, outputs = y.shape
    for n in range(batch):
        for i in range(rows):
            for j in range(columns):
                for o in range(outputs):
                    y[n, i, j, o] = b[o]
                    for p in range(W.shape[0]):
                        for q in range(W.shape[1]):
                            u, v = stride * i + p - padding, stride * j + q - padding
                            if 0 <= u < x.shape[1] and 0 <= v < x.shape[2]:
                                for c in range(W.shape[2]):
                                    y[n, i, j, o] += x[n, u, v, c] * W[p, q, c, o]


def convolution_backward_input(dx: np.ndarray, dy: np.ndarray, W: np.ndarray, stride: int, padding: int) -> None:
    """Write dx: each input sums the errors of the windows that cover it, times the weights that they apply to it."""
    batch, height, width, inputs = dx.shape
    for n in range(batch):
        for u in range(height):
            for v in range(width):
                for c in range(inputs):
                    dx[n, u, v, c] = 0
                    for i in range(dy.shape[1]):
                        for j in range(dy.shape[2]):
                            p, q = u + padding - stride * i, v + padding - stride * j
                            if 0 <= p < W.shape[0] and 0 <= q < W.shape[1]:
                                for o in range(W.shape[3]):
                                    dx[n, u, v, c] += dy[n, i, j, o] * W[p, q, c, o]


def convolution_backward_parameters(
    dW: np.ndarray, db: np.ndarray, dy: np.ndarray, x: np.ndarray, stride: int, padding: int
) -> None:
    """Add to dW and db: each weight sums, over all windows, the input that it multiplies times the output's error."""
    batch, rows, columns, outputs = dy.shape
    for n in range(batch):
        for i in range(rows):
            for j in range(columns):
                for o in range(outputs):
                    db[o] += dy[n, i, j, o]
                    for p in range(dW.shape[0]):
                        for q in range(dW.shape[1]):
                            u, v = stride * i + p - padding, stride * j + q - padding
                            if 0 <= u < x.shape[1] and 0 <= v < x.shape[2]:
                                for c in range(dW.shape[2]):
                                    dW[p, q, c, o] += x[n, u, v, c] * dy[n, i, j, o]


def transposed_convolution_forward(
    y: np.ndarray, x: np.ndarray, W: np.ndarray, b: np.ndarray, stride: int, padding: int
) -> None:
    """Write y: each input scatters the kernel, times its value, to the outputs; where copies overlap, they add up."""
    batch, height, width, outputs = y.shape
    for n in range(batch):
        for u in range(height):
            for v in range(width):
                for o in range(outputs):
                    y[n, u, v, o] = b[o]
        for i in range(x.shape[1]):
            for j in range(x.shape[2]):
                for p in range(W.shape[0]):
                    for q in range(W.shape[1]):
                        u, v = stride * i + p - padding, stride * j + q - padding
                        if 0 <= u < height and 0 <= v < width:
                            for o in range(outputs):
                                for c in range(W.shape[3]):
                                    y[n, u, v, o] += x[n, i, j, c] * W[p, q, o, c]


def transposed_convolution_backward_input(
    dx: np.ndarray, dy: np.ndarray, W: np.ndarray, stride: int, padding: int
) -> None:
    """Write dx: each input sums the errors of the outputs that it was scattered to, times the weights."""
    batch, rows, columns, inputs = dx.shape
    for n in range(batch):
        for i in range(rows):
            for j in range(columns):
                for c in range(inputs):
                    dx[n, i, j, c] = 0
                    for p in range(W.shape[0]):
                        for q in range(W.shape[1]):
                            u, v = stride * i + p - padding, stride * j + q - padding
                            if 0 <= u < dy.shape[1] and 0 <= v < dy.shape[2]:
                                for o in range(W.shape[2]):
                                    dx[n, i, j, c] += dy[n, u, v, o] * W[p, q, o, c]


def transposed_convolution_backward_parameters(
    dW: np.ndarray, db: np.ndarray, dy: np.ndarray, x: np.ndarray, stride: int, padding: int
) -> None:
    """Add to dW and db: each weight sums, over all inputs, the input times the error where it was scattered to."""
    batch, height, width, outputs = dy.shape
    for n in range(batch):
        for u in range(height):
            for v in range(width):
                for o in range(outputs):
                    db[o] += dy[n, u, v, o]
        for i in range(x.shape[1]):
            for j in range(x.shape[2]):
                for p in range(dW.shape[0]):
                    for q in range(dW.shape[1]):
                        u, v = stride * i + p - padding, stride * j + q - padding
                        if 0 <= u < height and 0 <= v < width:
                            for o in range(outputs):
                                for c in range(dW.shape[3]):
                                    dW[p, q, o, c] += x[n, i, j, c] * dy[n, u, v, o]
