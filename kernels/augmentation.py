"""Differentiable augmentation (Zhao et al. 2020): random changes to the pictures that a discriminator sees.

Colour       y[n,i,j,c] = k s x[n,i,j,c] + k (1 - s) m[n,i,j] + (1 - k) M[n] + b                     written
             m[n,i,j] is the mean of x[n,i,j] over the channels, M[n] that of x[n] over all values.
             b is the brightness, s the saturation, k the contrast of picture n.
Translation  y[n,i,j,c] = x[n,i-p,j-q,c], or 0 where that is outside of the picture                  written
Cutout       y[n,i,j,c] = 0 if p <= i < p + height, q <= j < q + width, else x[n,i,j,c]              written

Each is linear, up to b, so a backward pass is its transpose:

Colour       dx = the same of dy, with b = 0        the means are symmetric matrices                 written
Translation  dx = the translation of dy by (-p, -q)                                                  written
Cutout       dx = the cutout of dy                                                                   written

The noise is an argument, uniform in [0, 1), one row for each picture. Zhao et al. have pictures in [-1, 1]; these are
in [0, 1], so b is half of theirs: b is uniform in [-1/4, 1/4), s in [0, 2), k in [1/2, 3/2). A translation is at most
1/8 of a side. A cutout has half of each side, and its centre is anywhere in the picture. Saturation does not change
grey pictures, because their m is x.

Shapes: x, y, dx, dy (pictures, height, width, channels); noise (pictures, 3) for colour, (pictures, 2) for the others.
y must not be the same array as x, nor dx the same as dy.
"""

import numpy as np

from ava_np.kernels.machine.compile import inline_kernel, kernel


@kernel
def _colour(y: np.ndarray, x: np.ndarray, noise: np.ndarray, brightness: float) -> None:
    """Write y = k s x + k (1 - s) m + (1 - k) M + brightness · (noise - 1/2)."""
    pictures, height, width, channels = x.shape
    real = x.dtype.type
    for n in range(pictures):
        s, k = real(2.0 * noise[n, 1]), real(0.5 + noise[n, 2])
        own, of_pixel = k * s, k * (real(1) - s) / real(channels)
        total = real(0)
        for i in range(height):
            for j in range(width):
                for c in range(channels):
                    total += x[n, i, j, c]
        constant = (real(1) - k) / real(height * width * channels) * total + real(brightness * (noise[n, 0] - 0.5))
        for i in range(height):
            for j in range(width):
                pixel = real(0)
                for c in range(channels):
                    pixel += x[n, i, j, c]
                for c in range(channels):
                    y[n, i, j, c] = own * x[n, i, j, c] + (of_pixel * pixel + constant)


def colour_forward(y: np.ndarray, x: np.ndarray, noise: np.ndarray) -> None:
    """Write y, with another brightness, saturation and contrast for each picture.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.kernels.augmentation import colour_forward
    >>> x, y = np.array([0.2, 0.6]).reshape(1, 1, 2, 1), np.empty((1, 1, 2, 1))
    >>> colour_forward(y, x, np.array([[0.7, 0.5, 0.0]]))  # brighter by a tenth, and half of the contrast
    >>> y.ravel()
    array([0.4, 0.6])
    """
    _colour(y, x, noise, 0.5)


def colour_backward(dx: np.ndarray, dy: np.ndarray, noise: np.ndarray) -> None:
    """Write dx, with the noise of the forward pass."""
    _colour(dx, dy, noise, 0.0)


@inline_kernel
def _place(noise: float, places: int) -> int:
    """One of the integers 0, ..., places - 1, with equal probabilities; min, since noise · places may be rounded up."""
    return min(int(noise * places), places - 1)


@kernel
def _translation(y: np.ndarray, x: np.ndarray, noise: np.ndarray, sign: int) -> None:
    """Write y, which is x moved by sign · (p, q), with zeros where nothing was."""
    pictures, height, width, channels = x.shape
    most_down, most_right = (height + 4) // 8, (width + 4) // 8
    for n in range(pictures):
        p = sign * (_place(noise[n, 0], 2 * most_down + 1) - most_down)
        q = sign * (_place(noise[n, 1], 2 * most_right + 1) - most_right)
        for i in range(height):
            for j in range(width):
                inside = 0 <= i - p < height and 0 <= j - q < width
                for c in range(channels):
                    y[n, i, j, c] = x[n, i - p, j - q, c] if inside else 0


def translation_forward(y: np.ndarray, x: np.ndarray, noise: np.ndarray) -> None:
    """Write y, each picture moved down and to the right by at most 1/8 of its sides."""
    _translation(y, x, noise, 1)


def translation_backward(dx: np.ndarray, dy: np.ndarray, noise: np.ndarray) -> None:
    """Write dx, the errors moved back, with the noise of the forward pass."""
    _translation(dx, dy, noise, -1)


@kernel
def _cutout(y: np.ndarray, x: np.ndarray, noise: np.ndarray) -> None:
    """Write y, which is x with a rectangle of zeros in each picture."""
    pictures, height, width, channels = x.shape
    tall, wide = (height + 1) // 2, (width + 1) // 2
    for n in range(pictures):
        top = _place(noise[n, 0], height + 1 - tall % 2) - tall // 2
        left = _place(noise[n, 1], width + 1 - wide % 2) - wide // 2
        for i in range(height):
            for j in range(width):
                cut = top <= i < top + tall and left <= j < left + wide
                for c in range(channels):
                    y[n, i, j, c] = 0 if cut else x[n, i, j, c]


def cutout_forward(y: np.ndarray, x: np.ndarray, noise: np.ndarray) -> None:
    """Write y, each picture with a rectangle of zeros that has half of its sides."""
    _cutout(y, x, noise)


def cutout_backward(dx: np.ndarray, dy: np.ndarray, noise: np.ndarray) -> None:
    """Write dx: what was cut out has no error. The noise is that of the forward pass."""
    _cutout(dx, dy, noise)
