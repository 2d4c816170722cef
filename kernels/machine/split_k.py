"""Products far deeper than wide, of few rows: a wide picture meets the first layer of a dense network.

    C[m,n] = base[m,n] + Σ_p Σ_{k in piece p} A[m,k] B[k,n]

Each number of B is needed once, so memory sets the pace, and a thread is fastest where it reads one row of B after the
other. Therefore the depth is shared out, not the columns. It is cut in pieces that depend on the shape alone, each
summed by itself and then added in order: the number of threads changes no bit here either.
"""

from collections.abc import Callable
from functools import cache

import numba
import numpy as np
from numba import types

from ava_np.kernels.machine.compile import kernel_for
from ava_np.kernels.machine.parallel import call_part, part_code, parts_for, run_parts

ROWS = 28  # with more, sums take longer than reading
DEEP = 4096
TIMES = 8  # as deep as wide
PIECES = 16
ROOM = 1 << 16
"""Numbers of scratch for the sums of all pieces."""

MIN_ELEMENTS = 1 << 18
"""Numbers of B for a thread."""

HEADER = 4


def pieces(rows: int, columns: int, depth: int) -> int:
    """Into how many pieces a product of this shape is cut; 1 is none."""
    if rows > ROWS or depth < max(DEEP, TIMES * columns):
        return 1
    return max(1, min(PIECES, ROOM // (rows * columns)))


def multiply(
    code: int, record: np.ndarray, C: np.ndarray, b: np.ndarray, add: bool, sums: np.ndarray, own: int
) -> None:
    """Run ``code`` on each piece of what a record of kernels/gemm.py describes, and add the pieces up.

    ``sums``, (pieces, rows, columns), is written; each thread packs into ``own`` numbers of scratch.
    """
    count, depth, columns = len(sums), int(record[2]), C.shape[1]
    parts = min(parts_for(depth * columns, count, MIN_ELEMENTS), int(record[3]))
    address, finish = _compiled(C.dtype)
    header = (count, parts, code, own * C.itemsize)
    run_parts(address, parts, np.array([*header, *record[:4], sums.ctypes.data, *record[5:]], np.int64))
    finish(C, sums, b, add)


@cache
def _compiled(dtype: np.dtype) -> tuple[int, Callable[..., None]]:
    """The code of a part, and what adds the pieces."""
    kind = numba.from_dtype(dtype)
    bias = types.Array(kind, 1, "C", readonly=True)
    signature = types.void(types.Array(kind, 2, "A"), types.Array(kind, 3, "C"), bias, types.boolean)
    address = part_code(_part(dtype.itemsize))
    return address, kernel_for(signature)(_add_pieces)


def _part(size: int) -> Callable[..., None]:
    """The code of a part, some of the pieces; ``size`` bytes to a number."""
    header = HEADER

    def part(index, record):  # type: ignore[no-untyped-def]
        count, parts, code, own = record[0], record[1], record[2], record[3]
        piece = np.empty(16, np.int64)
        rows, columns, depth, sums = record[header], record[header + 1], record[header + 2], record[header + 4]
        for p in range(index * count // parts, (index + 1) * count // parts):
            for i in range(16):
                piece[i] = record[header + i]
            first, last = p * depth // count, (p + 1) * depth // count
            piece[2], piece[3] = last - first, 1
            piece[4], piece[5] = sums + p * rows * columns * size, columns * size
            piece[6] += first * piece[8]
            piece[9] += first * piece[10]
            piece[12] = piece[13] = 0
            piece[14] += index * own
            call_part(code, 0, piece.ctypes.data)

    return part


def _add_pieces(C, sums, b, add):  # type: ignore[no-untyped-def]
    """Write or add the sums of the pieces and b."""
    for m in range(C.shape[0]):
        for n in range(C.shape[1]):
            total = sums[0, m, n]
            for p in range(1, sums.shape[0]):
                total += sums[p, m, n]
            if b.size:
                total += b[n]
            C[m, n] = C[m, n] + total if add else total
