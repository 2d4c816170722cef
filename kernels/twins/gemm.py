"""Twin of kernels/gemm.py: C[m,n] = Σ_k A[m,k] B[k,n].

Shapes: A (rows, depth), B (depth, columns), b (columns,), C (rows, columns).
"""

import numpy as np


def gemm(C: np.ndarray, A: np.ndarray, B: np.ndarray) -> None:
    """Write C: each element is the inner product of a row of A and a column of B."""
    (rows, columns), depth = C.shape, A.shape[1]
    for m in range(rows):
        for n in range(columns):
            C[m, n] = 0
            for k in range(depth):
                C[m, n] += A[m, k] * B[k, n]


def gemm_bias(C: np.ndarray, A: np.ndarray, B: np.ndarray, b: np.ndarray) -> None:
    """Write C, with b added to every row."""
    (rows, columns), depth = C.shape, A.shape[1]
    for m in range(rows):
        for n in range(columns):
            C[m, n] = b[n]
            for k in range(depth):
                C[m, n] += A[m, k] * B[k, n]


def gemm_add(C: np.ndarray, A: np.ndarray, B: np.ndarray) -> None:
    """Add the product to C."""
    (rows, columns), depth = C.shape, A.shape[1]
    for m in range(rows):
        for n in range(columns):
            for k in range(depth):
                C[m, n] += A[m, k] * B[k, n]
