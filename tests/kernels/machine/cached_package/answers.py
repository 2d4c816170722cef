"""Print the answers of the three kernels of user.py, and how many of the first two were in the cache."""

import ctypes

import numpy as np

from ava_np.kernels import user  # type: ignore[attr-defined]

written, written_at = np.zeros(1, np.int64), np.zeros(1, np.int64)
added = user.add()
user.write(written)
ctypes.CFUNCTYPE(None, ctypes.c_ssize_t, ctypes.c_void_p)(user.address)(0, written_at.ctypes.data)
hits = sum(sum(compiled.stats.cache_hits.values()) for compiled in (user.add, user.write))
print(added, written[0], written_at[0], hits)
