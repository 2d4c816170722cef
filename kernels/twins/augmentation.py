"""Twin of kernels/augmentation.py: each change on its own, picture by picture, as Zhao et al. (2020) describe it.

Shapes: x, y, dx, dy (pictures, height, width, channels); noise (pictures, 3) for colour, (pictures, 2) for the others.
"""

import math

import numpy as np


def colour_forward(y: np.ndarray, x: np.ndarray, noise: np.ndarray) -> None:
    """Write y: brightness, then saturation, then contrast."""
    pictures, height, width, channels = x.shape
    for n in range(pictures):
        brightness, saturation, contrast = noise[n, 0] / 2 - 1 / 4, 2 * noise[n, 1], noise[n, 2] + 1 / 2
        mean = 0.0
        for i in range(height):
            for j in range(width):
                pixel = 0.0
                for c in range(channels):
                    pixel += (x[n, i, j, c] + brightness) / channels
                for c in range(channels):
                    y[n, i, j, c] = pixel + saturation * (x[n, i, j, c] + brightness - pixel)
                    mean += y[n, i, j, c] / (height * width * channels)
        for i in range(height):
            for j in range(width):
                for c in range(channels):
                    y[n, i, j, c] = mean + contrast * (y[n, i, j, c] - mean)


def colour_backward(dx: np.ndarray, dy: np.ndarray, noise: np.ndarray) -> None:
    """Write dx: back through the contrast, then through the saturation; the brightness changes no error."""
    pictures, height, width, channels = dx.shape
    for n in range(pictures):
        saturation, contrast = 2 * noise[n, 1], noise[n, 2] + 1 / 2
        mean = 0.0
        for i in range(height):
            for j in range(width):
                for c in range(channels):
                    mean += dy[n, i, j, c] / (height * width * channels)
        for i in range(height):
            for j in range(width):
                pixel = 0.0
                for c in range(channels):
                    dx[n, i, j, c] = contrast * dy[n, i, j, c] + (1 - contrast) * mean
                    pixel += dx[n, i, j, c] / channels
                for c in range(channels):
                    dx[n, i, j, c] = saturation * dx[n, i, j, c] + (1 - saturation) * pixel


def shift(noise: float, side: int) -> int:
    """The pixels by which a picture moves along a side: at most 1/8 of the side, rounded, in either direction."""
    most = math.floor(side / 8 + 1 / 2)
    return math.floor(noise * (2 * most + 1)) - most


def translation_forward(y: np.ndarray, x: np.ndarray, noise: np.ndarray) -> None:
    """Write y: zeros, then every pixel that stays inside at its new place."""
    pictures, height, width, channels = x.shape
    y[:] = 0
    for n in range(pictures):
        p, q = shift(noise[n, 0], height), shift(noise[n, 1], width)
        for i in range(height):
            for j in range(width):
                for c in range(channels):
                    if 0 <= i + p < height and 0 <= j + q < width:
                        y[n, i + p, j + q, c] = x[n, i, j, c]


def translation_backward(dx: np.ndarray, dy: np.ndarray, noise: np.ndarray) -> None:
    """Write dx: a pixel that has stayed inside gets the error at its new place, one that has left gets none."""
    pictures, height, width, channels = dx.shape
    dx[:] = 0
    for n in range(pictures):
        p, q = shift(noise[n, 0], height), shift(noise[n, 1], width)
        for i in range(height):
            for j in range(width):
                for c in range(channels):
                    if 0 <= i + p < height and 0 <= j + q < width:
                        dx[n, i, j, c] = dy[n, i + p, j + q, c]


def hole(noise: float, side: int) -> tuple[int, int]:
    """The first pixel of a hole along a side, which may be outside, and the first pixel after it."""
    length = math.floor(side / 2 + 1 / 2)
    centre = math.floor(noise * (side + 1 - length % 2))
    return centre - length // 2, centre - length // 2 + length


def cutout_forward(y: np.ndarray, x: np.ndarray, noise: np.ndarray) -> None:
    """Write y: a copy of x with a hole in each picture."""
    pictures, height, width, channels = x.shape
    for n in range(pictures):
        (top, bottom), (left, right) = hole(noise[n, 0], height), hole(noise[n, 1], width)
        for i in range(height):
            for j in range(width):
                for c in range(channels):
                    y[n, i, j, c] = 0 if top <= i < bottom and left <= j < right else x[n, i, j, c]


def cutout_backward(dx: np.ndarray, dy: np.ndarray, noise: np.ndarray) -> None:
    """Write dx: the pixels in the hole have no error."""
    pictures, height, width, channels = dx.shape
    for n in range(pictures):
        (top, bottom), (left, right) = hole(noise[n, 0], height), hole(noise[n, 1], width)
        for i in range(height):
            for j in range(width):
                for c in range(channels):
                    dx[n, i, j, c] = 0 if top <= i < bottom and left <= j < right else dy[n, i, j, c]
