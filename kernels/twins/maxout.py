"""Twin of kernels/maxout.py: y[c] = max_p x[c,p].

Shapes: x, dx (groups, pieces), y, dy (groups,).
"""

import numpy as np


def maxout_forward(y: np.ndarray, x: np.ndarray) -> None:
    """Write y: the largest value of each group."""
    for c in range(y.size):
        y[c] = max(x[c])


def maxout_backward(dx: np.ndarray, dy: np.ndarray, x: np.ndarray) -> None:
    """Write dx: only the largest neuron of a group has an effect, so the others get no error."""
    for c in range(dy.size):
        winner = 0
        for p in range(len(x[c])):
            if x[c, p] > x[c, winner]:
                winner = p
        for p in range(len(x[c])):
            dx[c, p] = dy[c] if p == winner else 0
