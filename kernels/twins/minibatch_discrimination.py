"""Twin of kernels/minibatch_discrimination.py: compares every sample with every other, each pair twice.

Shapes: M, dM (batch, B, C); o, do (batch, B).
"""

import math

import numpy as np


def similarity(M: np.ndarray, i: int, j: int, b: int) -> float:
    """exp(-distance), with the L1 distance between rows b of samples i and j: 1 if they are equal, near 0 if far."""
    distance = 0.0
    for c in range(M.shape[2]):
        distance += abs(M[i, b, c] - M[j, b, c])
    return math.exp(-distance)


def minibatch_discrimination_forward(o: np.ndarray, M: np.ndarray) -> None:
    """Write o: for each sample, the sum of its similarities to all others."""
    batch, features, _ = M.shape
    for i in range(batch):
        for b in range(features):
            o[i, b] = 0
            for j in range(batch):
                if j != i:
                    o[i, b] += similarity(M, i, j, b)


def abs_derivative(u: float) -> float:
    """The derivative of |u|; at u = 0, where it has none, 0."""
    if u > 0:
        return 1.0
    return -1.0 if u < 0 else 0.0


def minibatch_discrimination_backward(dM: np.ndarray, do: np.ndarray, M: np.ndarray) -> None:
    """Write dM: each term of o[i,b] depends on a distance between sample i and sample j, so both get an error."""
    batch, features, width = M.shape
    for i in range(batch):
        for b in range(features):
            for c in range(width):
                dM[i, b, c] = 0
    for i in range(batch):
        for b in range(features):
            for j in range(batch):
                if j != i:
                    ddistance = -do[i, b] * similarity(M, i, j, b)
                    for c in range(width):
                        dM[i, b, c] += ddistance * abs_derivative(M[i, b, c] - M[j, b, c])
                        dM[j, b, c] -= ddistance * abs_derivative(M[i, b, c] - M[j, b, c])
