"""C = A B in seven steps, from three nested loops to the kernel that the layers run.

    python -m ava_np.experiments.staircase.gemm [SIDE ...]

prints the time of each step on square float32 matrices. Steps 1 to 5 are plain Numba: loops over arrays, without
intrinsics and without LLVM IR. docs/staircase/gemm.md explains the steps and lists what each one gains.

Shapes: A (M, K), B (K, N), C (M, N), C-contiguous and of one float type. Each step overwrites C.
"""

import sys
from functools import cache

import numpy as np

from ava_np.experiments.staircase.timing import Step, print_times
from ava_np.kernels.gemm import gemm, scratch_size
from ava_np.kernels.machine.compile import kernel

# The names are those of BLIS; sizes in bytes are for float32.
MR, NR = 4, 4  # rows and columns of a register tile
KC = 384  # depth of a block: MR rows of A and NR columns of B (12 kB) fit the L1 cache
MC = 48  # rows of a block of A: MC x KC elements (72 kB) fit the L2 cache
NC = 384  # columns of a block of B: KC x NC elements (576 kB) fit the L2 or the L3 cache
PAD = 16  # extra elements per packed row: rows at a power of two would share a few sets of the L1 cache


@kernel
def step1_triple_loop(C: np.ndarray, A: np.ndarray, B: np.ndarray) -> None:
    """Compute one element of C after the other, as the equation is written.

    The inner loop reads a column of B. Its elements are N apart in memory, so each of them lies in another cache line,
    and the compiler cannot load several of them as one vector.
    """
    for m in range(C.shape[0]):
        for n in range(C.shape[1]):
            C[m, n] = 0
            for k in range(A.shape[1]):
                C[m, n] += A[m, k] * B[k, n]


@kernel
def step2_loop_order(C: np.ndarray, A: np.ndarray, B: np.ndarray) -> None:
    """Swap the two inner loops, so that the innermost loop runs along rows.

    Rows of B and C are contiguous. The compiler loads, multiplies and stores whole vectors, and every byte of a cache
    line is used. But each multiply-add still loads an element of B, loads an element of C, and stores it again.
    """
    C[:] = 0
    for m in range(C.shape[0]):
        for k in range(A.shape[1]):
            for n in range(C.shape[1]):
                C[m, n] += A[m, k] * B[k, n]


@kernel
def step3_cache_blocks(C: np.ndarray, A: np.ndarray, B: np.ndarray) -> None:
    """Split the loops into blocks that fit the caches.

    Step 2 reads all of B for each row of A. Where B does not fit a cache, it is fetched again for every row. Here all
    rows of A are multiplied by one block of B, KC x NC elements, before the next block is read.
    """
    C[:] = 0
    for first_n in range(0, C.shape[1], NC):
        for first_k in range(0, A.shape[1], KC):
            for m in range(C.shape[0]):
                c = C[m, first_n : first_n + NC]
                for k in range(first_k, min(first_k + KC, A.shape[1])):
                    a, b = A[m, k], B[k, first_n : first_n + NC]
                    for n in range(c.size):
                        c[n] += a * b[n]


@kernel
def pack(target: np.ndarray, source: np.ndarray) -> None:
    """Copy a block to the first rows and columns of ``target``, whose rows are contiguous."""
    for k in range(source.shape[1]):
        for i in range(source.shape[0]):
            target[i, k] = source[i, k]


@kernel
def dot(a: np.ndarray, b: np.ndarray) -> float:
    """Return Σ_k a[k] b[k]."""
    total = a.dtype.type(0)
    for k in range(a.size):
        total += a[k] * b[k]
    return total


@kernel
def step4_packing(C: np.ndarray, A: np.ndarray, B: np.ndarray) -> None:
    """Copy each block first, to the layout in which the inner loop reads it.

    The copy of B is transposed, so that rows of ``a`` and rows of ``b`` both run along k. An element of C is then the
    dot product of two contiguous rows, and C is loaded and stored once for KC multiply-adds. Copying an element costs
    one load and one store, and the copy is used MC or NC times.
    """
    C[:] = 0
    a, b = np.empty((MC, KC + PAD), C.dtype), np.empty((NC, KC + PAD), C.dtype)
    for n in range(0, C.shape[1], NC):
        width = min(NC, C.shape[1] - n)
        for k in range(0, A.shape[1], KC):
            depth = min(KC, A.shape[1] - k)
            pack(b, B[k : k + depth, n : n + width].T)
            for m in range(0, C.shape[0], MC):
                height = min(MC, C.shape[0] - m)
                pack(a, A[m : m + height, k : k + depth])
                for j in range(width):
                    for i in range(height):
                        C[m + i, n + j] += dot(a[i, :depth], b[j, :depth])


@kernel
def tile(
    C: np.ndarray, m: int, n: int, a: np.ndarray, i: int, b0: np.ndarray, b1: np.ndarray, b2: np.ndarray, b3: np.ndarray
) -> None:
    """Add to a 4 x 4 tile of C, from (m, n) on, the dot products of rows i to i + 3 of ``a`` with b0 to b3."""
    c00 = c01 = c02 = c03 = c10 = c11 = c12 = c13 = C.dtype.type(0)
    c20 = c21 = c22 = c23 = c30 = c31 = c32 = c33 = C.dtype.type(0)
    for k in range(b0.size):
        a0, a1, a2, a3 = a[i, k], a[i + 1, k], a[i + 2, k], a[i + 3, k]
        c00, c01, c02, c03 = c00 + a0 * b0[k], c01 + a0 * b1[k], c02 + a0 * b2[k], c03 + a0 * b3[k]
        c10, c11, c12, c13 = c10 + a1 * b0[k], c11 + a1 * b1[k], c12 + a1 * b2[k], c13 + a1 * b3[k]
        c20, c21, c22, c23 = c20 + a2 * b0[k], c21 + a2 * b1[k], c22 + a2 * b2[k], c23 + a2 * b3[k]
        c30, c31, c32, c33 = c30 + a3 * b0[k], c31 + a3 * b1[k], c32 + a3 * b2[k], c33 + a3 * b3[k]
    rows = ((c00, c01, c02, c03), (c10, c11, c12, c13), (c20, c21, c22, c23), (c30, c31, c32, c33))
    for r, sums in enumerate(rows):
        for s in range(NR):
            C[m + r, n + s] += sums[s]


@kernel
def step5_register_tile(C: np.ndarray, A: np.ndarray, B: np.ndarray) -> None:
    """Compute MR x NR dot products at the same time, with their sums in registers.

    One dot product loads two elements per multiply-add. Sixteen at a time load eight elements for sixteen
    multiply-adds, because each element is used in four sums. The sums are local variables, and the compiler keeps each
    of them in a vector register while k runs. Rows and columns that do not fill a tile are computed as in step 4.
    """
    C[:] = 0
    a, b = np.empty((MC, KC + PAD), C.dtype), np.empty((NC, KC + PAD), C.dtype)
    for n in range(0, C.shape[1], NC):
        width = min(NC, C.shape[1] - n)
        for k in range(0, A.shape[1], KC):
            depth = min(KC, A.shape[1] - k)
            pack(b, B[k : k + depth, n : n + width].T)
            for m in range(0, C.shape[0], MC):
                height = min(MC, C.shape[0] - m)
                pack(a, A[m : m + height, k : k + depth])
                tiled_height, tiled_width = height // MR * MR, width // NR * NR
                for j in range(0, tiled_width, NR):
                    b0, b1, b2, b3 = b[j, :depth], b[j + 1, :depth], b[j + 2, :depth], b[j + 3, :depth]
                    for i in range(0, tiled_height, MR):
                        tile(C, m + i, n + j, a, i, b0, b1, b2, b3)
                for j in range(width):
                    for i in range(tiled_height if j < tiled_width else 0, height):
                        C[m + i, n + j] += dot(a[i, :depth], b[j, :depth])


def step6_micro_kernel(C: np.ndarray, A: np.ndarray, B: np.ndarray) -> None:
    """Call kernels/gemm.py: the same five loops around a micro-kernel that is written in LLVM IR.

    The micro-kernel decides itself how wide the vectors are and how large the tile is: 14 rows by 32 columns for
    AVX-512 in float32. It multiplies one element of A by vectors of B. Each lane of a sum then belongs to a column of
    C of its own, and nothing has to be added across lanes.
    """
    gemm(C, A, B, _scratch(C.dtype))


@cache
def _scratch(dtype: np.dtype) -> np.ndarray:
    return np.empty(scratch_size(), dtype)


STEPS = (
    Step("1 triple loop", step1_triple_loop),
    Step("2 loop order", step2_loop_order),
    Step("3 cache blocks", step3_cache_blocks),
    Step("4 packing", step4_packing),
    Step("5 register tile", step5_register_tile),
    Step("6 micro-kernel", step6_micro_kernel),
    Step("7 all cores", step6_micro_kernel, threads=0),
)


def main(sides: list[int]) -> None:
    """Print the time of each step on square matrices."""
    for side in sides:
        A, B = np.random.default_rng(0).standard_normal((2, side, side), np.float32)
        C = np.empty_like(A)
        print_times(f"gemm {side} x {side} x {side}, float32", STEPS, (C, A, B), 2 * side**3)


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or [256, 384])
