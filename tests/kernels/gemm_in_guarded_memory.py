"""Multiply matrices of both layouts that end at a locked page of memory."""

import itertools

import numpy as np

from ava_np.kernels import gemm
from tests.kernels.guarded_memory import guarded_ones

if __name__ == "__main__":
    columns = 70
    scratch, b = guarded_ones(gemm.MIN_SCRATCH), guarded_ones(columns)
    for rows, depth in itertools.product((1, 10, 61), (70, 300, 4500)):
        for A, B in itertools.product(
            (guarded_ones(rows, depth), guarded_ones(depth, rows).T),
            (guarded_ones(depth, columns), guarded_ones(columns, depth).T),
        ):
            C = guarded_ones(rows, columns)
            gemm._multiply(C, A, B, b, False, scratch)
            gemm._multiply(C, A, B, b[:0], True, scratch)
            np.testing.assert_array_equal(C, 2 * depth + 1)
