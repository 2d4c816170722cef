"""Twin of kernels/minibatch_discrimination.py: every sample against every other, one way and the other.

Shapes: M, dM (batch, B, C); o, do (batch, B).
"""

import math

import numpy as np


def similarity(M: np.ndarray, i: int, j: int, b: int) -> float:
    """One over e to the L1 distance of the rows b of samples i and j: 1 if they are equal, near 0 if they are far."""
    distance = 0.0
    for c in range(M.shape[2]):
        distance += abs(M[i, b, c] - M[j, b, c])
    return math.exp(-distance)


def minibatch_discrimination_forward(o: np.ndarray, M: np.ndarray) -> None:
    """Write o: each sample sums up its similarity to all others."""
    batch, features, _ = M.shape
    for i in range(batch):
        for b in range(features):
            o[i, b] = 0
            for j in range(batch):
                if j != i:
                    o[i, b] += similarity(M, i, j, b)


def slope(t: float) -> float:
    """The derivative of |t|; at the kink the one in the middle."""
    if t > 0:
        return 1.0
    return -1.0 if t < 0 else 0.0


def minibatch_discrimination_backward(dM: np.ndarray, do: np.ndarray, M: np.ndarray) -> None:
    """Write dM: in each summand of o[i,b] sample i moved one end of the distance and sample j the other."""
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
                        dM[i, b, c] += ddistance * slope(M[i, b, c] - M[j, b, c])
                        dM[j, b, c] -= ddistance * slope(M[i, b, c] - M[j, b, c])
