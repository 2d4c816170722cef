"""Minibatch discrimination (Salimans et al. 2016): measures how similar each sample is to the others in its batch.

M is the product of the features h (batch, A) with a tensor T, stored as (A, B·C). It gives each sample B rows of C
numbers.

Forward   o[i,b]    = Σ_{j≠i} e[i,j,b],   e[i,j,b] = exp(-Σ_c |M[i,b,c] - M[j,b,c]|)                 written
Backward  dM[i,b,c] = -Σ_{j≠i} (do[i,b] + do[j,b]) e[i,j,b] sign(M[i,b,c] - M[j,b,c])                written

Where two numbers are equal, |·| has no derivative; the kernels use 0, which lies between the two one-sided derivatives.
A sample is not compared with itself. Other implementations include j = i in the sum: their o is larger by the
constant 1, and the gradient is the same.

Shapes: M, dM (batch, B, C); o, do (batch, B). The time grows with batch².
"""

import math

import numpy as np

from ava_np.kernels.machine.compile import kernel


@kernel
def minibatch_discrimination_forward(o: np.ndarray, M: np.ndarray) -> None:
    """Write o. The similarity of each pair is computed once and added to both samples."""
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
    """Write dM. The similarity of each pair is computed again, once for both samples, instead of being stored."""
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
                    sign = (M[i, b, c] > M[j, b, c]) - (M[i, b, c] < M[j, b, c])
                    dM[i, b, c] -= error * sign
                    dM[j, b, c] += error * sign
