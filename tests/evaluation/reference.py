"""Reference implementations and random pictures for the tests of ``ava_np.evaluation``."""

import math

import numpy as np
from hypothesis import strategies as st

from ava_np.evaluation.arrays import Floats

shapes = st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.sampled_from([1, 3]))


def random_pictures(seed: int, shape: tuple[int, ...]) -> Floats:
    """Return pictures with only five 8-bit levels, so that some colours coincide and some lie on a line."""
    generator = np.random.default_rng(seed)
    levels = generator.integers(0, 256, size=5)
    return (generator.choice(levels, size=shape) / 255).astype(np.float32)


def direct_rmse(image: Floats, pictures: Floats) -> float:
    """Compute AVA (17) pixel by pixel."""
    total = 0.0
    N, H, W, C = pictures.shape
    for i in range(N):
        for row in range(H):
            for column in range(W):
                squares = 0.0
                for c in range(C):
                    squares += (float(image[row, column, c]) - float(pictures[i, row, column, c])) ** 2
                total += math.sqrt(squares) / 2
    return total / (N * H * W)
