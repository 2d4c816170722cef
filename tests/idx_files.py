"""Small idx files for the tests, whole or with a header that lies."""

import gzip
import struct
from pathlib import Path

import numpy as np


def digits(count: int = 5, height: int = 6, width: int = 4, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, height, width), dtype=np.uint8)


def idx_bytes(values: np.ndarray, *, kind: int = 8, shape: tuple[int, ...] | None = None) -> bytes:
    """The values as idx, with the shape and the type that the header is to claim."""
    shape = values.shape if shape is None else shape
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, kind, len(shape), *shape) + values.tobytes()


def write_idx(path: Path, values: np.ndarray, *, zipped: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = idx_bytes(values)
    path.write_bytes(gzip.compress(content, mtime=0) if zipped else content)
    return path
