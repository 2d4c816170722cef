"""Twin of kernels/zoom.py: the mean of each block (zoom out) and the repetition of each value (zoom in).

Shapes: the large array is (pictures, zoom·height, zoom·width, channels), the small one (pictures, height, width,
channels).
"""

import numpy as np


def zoom_out_forward(y: np.ndarray, x: np.ndarray, zoom: int) -> None:
    """Write y: each value is the mean of a block of x."""
    pictures, height, width, channels = y.shape
    for n in range(pictures):
        for i in range(height):
            for j in range(width):
                for c in range(channels):
                    y[n, i, j, c] = 0
                    for p in range(zoom):
                        for q in range(zoom):
                            y[n, i, j, c] += x[n, zoom * i + p, zoom * j + q, c] / zoom**2


def zoom_out_backward(dx: np.ndarray, dy: np.ndarray, zoom: int) -> None:
    """Write dx: each value of a block contributed to the mean with weight 1 / zoom²."""
    pictures, height, width, channels = dy.shape
    for n in range(pictures):
        for i in range(height):
            for j in range(width):
                for c in range(channels):
                    for p in range(zoom):
                        for q in range(zoom):
                            dx[n, zoom * i + p, zoom * j + q, c] = dy[n, i, j, c] / zoom**2


def zoom_in_forward(y: np.ndarray, x: np.ndarray, zoom: int) -> None:
    """Write y: each value of a block is a copy of one value of x."""
    pictures, height, width, channels = x.shape
    for n in range(pictures):
        for i in range(height):
            for j in range(width):
                for c in range(channels):
                    for p in range(zoom):
                        for q in range(zoom):
                            y[n, zoom * i + p, zoom * j + q, c] = x[n, i, j, c]


def zoom_in_backward(dx: np.ndarray, dy: np.ndarray, zoom: int) -> None:
    """Write dx: the errors of all copies of a value add up."""
    pictures, height, width, channels = dx.shape
    for n in range(pictures):
        for i in range(height):
            for j in range(width):
                for c in range(channels):
                    dx[n, i, j, c] = 0
                    for p in range(zoom):
                        for q in range(zoom):
                            dx[n, i, j, c] += dy[n, zoom * i + p, zoom * j + q, c]
