"""Compute a product on two threads, and then the same product in a forked process."""

import os

import numpy as np

from ava_np.kernels import gemm
from ava_np.kernels.machine import parallel

if __name__ == "__main__":
    parallel.cores = lambda: 2
    parallel.MIN_MULTIPLY_ADDS = 1
    A, B, C = np.ones((600, 600)), np.ones((600, 600)), np.empty((600, 600))
    scratch = np.empty(gemm.scratch_size(2))
    gemm.gemm(C, A, B, scratch)
    assert np.all(C == 600)
    assert parallel._parallel_launcher.cache_info().currsize == 1, "the product was not split"
    child = os.fork()
    if not child:
        C.fill(0)
        gemm.gemm(C, A, B, scratch)
        os._exit(0 if np.all(C == 600) and parallel.part_count(1 << 40, 8) == 1 else 1)
    raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
