"""Small idx files for the tests, intact or with a false header."""

import gzip
import struct
from pathlib import Path

import numpy as np


def digits(count: int = 5, height: int = 6, width: int = 4, seed: int = 0) -> np.ndarray:
    """Return random pictures, (count, height, width) of bytes."""
    return np.random.default_rng(seed).integers(0, 256, (count, height, width), dtype=np.uint8)


def idx_bytes(values: np.ndarray, *, kind: int = 8, shape: tuple[int, ...] | None = None) -> bytes:
    """Return the bytes of an idx file; ``kind`` and ``shape`` replace the true type and shape in its header."""
    shape = values.shape if shape is None else shape
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, kind, len(shape), *shape) + values.tobytes()


def write_idx(path: Path, values: np.ndarray, *, zipped: bool = False) -> Path:
    """Write an idx file and create its folder; return the file's path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = idx_bytes(values)
    path.write_bytes(gzip.compress(content, mtime=0) if zipped else content)
    return path
