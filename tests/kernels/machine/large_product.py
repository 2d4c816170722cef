"""Compute a product large enough for the micro-kernel, twice."""

import numpy as np

from ava_np.kernels import gemm

if __name__ == "__main__":
    A, B, C = np.ones((64, 256), np.float32), np.ones((256, 64), np.float32), np.empty((64, 64), np.float32)
    for _ in range(2):
        gemm.gemm(C, A, B, np.empty(gemm.MIN_SCRATCH, np.float32))
    assert np.all(C == 256)
