"""Minibatch discrimination (Salimans et al. 2016): how many others of its batch does a sample resemble?

M is the product of the features h (batch, A) with a tensor T, stored as (A, B·C): for every sample B rows of C numbers.

Forward   o[i,b]    = Σ_{j≠i} e[i,j,b],   e[i,j,b] = exp(-Σ_c |M[i,b,c] - M[j,b,c]|)
Backward  dM[i,b,c] = -Σ_{j≠i} (do[i,b] + do[j,b]) e[i,j,b] sign(M[i,b,c] - M[j,b,c])        written

The derivative of |·| at a tie is taken as 0, between its two sides. A sample is not compared with itself; where the sum
counts j = i too, o is larger by the constant 1 and the gradient is the same.

Shapes: M, dM (batch, B, C); o, do (batch, B). Time grows with batch².
"""

import math

import numpy as np

from ava_np.kernels.machine.compile import kernel


@kernel
def minibatch_discrimination_forward(o: np.ndarray, M: np.ndarray) -> None:
    """Write o; each pair is compared once and counts for both."""
    batch, features, width = M.shape
    for i in range(batch):
        for b in range(features):
            o[i, b] = 0
    for i in range(batch):
        for j in range(i):
            for b in range(features):
                distance = M.dtype.type(0)
                for c in range(width):
                    distance += abs(M[i, b, c] - M[j, b, c])
                similarity = math.exp(-distance)
                o[i, b] += similarity
                o[j, b] += similarity


@kernel
def minibatch_discrimination_backward(dM: np.ndarray, do: np.ndarray, M: np.ndarray) -> None:
    """Write dM; the similarity of each pair is worked out again, once for both."""
    batch, features, width = M.shape
    for i in range(batch):
        for b in range(features):
            for c in range(width):
                dM[i, b, c] = 0
    for i in range(batch):
        for j in range(i):
            for b in range(features):
                distance = M.dtype.type(0)
                for c in range(width):
                    distance += abs(M[i, b, c] - M[j, b, c])
                error = (do[i, b] + do[j, b]) * math.exp(-distance)
                for c in range(width):
                    side = (M[i, b, c] > M[j, b, c]) - (M[i, b, c] < M[j, b, c])
                    dM[i, b, c] -= error * side
                    dM[j, b, c] += error * side
