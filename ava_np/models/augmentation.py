"""What a discriminator sees of pictures and fakes: both randomly changed (Zhao et al. 2020).

With few pictures, a discriminator learns them by heart. It cannot if it never sees the same picture twice. But if only
the pictures were changed, the generator would learn to make changed ones. So D sees T(x) and T(G(z)), with other random
changes T each time, and the error reaches G through T (kernels/augmentation.py):

    D ascends  log D(T₁(x)) + log(1 - D(T₂(G(z)))),   G descends  -log D(T₃(G(z)))
"""

from collections.abc import Callable, Sequence

import numpy as np

from ava_np.kernels import augmentation as kernels
from ava_np.models.step import Noise
from ava_np.specification import Change

Pass = Callable[[np.ndarray, np.ndarray, np.ndarray], None]

CHANGES: dict[Change, tuple[int, Pass, Pass]] = {
    "colour": (3, kernels.colour_forward, kernels.colour_backward),
    "translation": (2, kernels.translation_forward, kernels.translation_backward),
    "cutout": (2, kernels.cutout_forward, kernels.cutout_backward),
}
"""Random numbers for each picture, forward pass and backward pass, in the order in which they are applied."""


class Augmentation:
    """Random changes of pictures, T.

    Parameters
    ----------
    names : sequence of str
        The changes, in any order; none for T(x) = x.
    shape : (height, width, channels)
        Of a picture.

    Examples
    --------
    >>> T = Augmentation(["cutout"], (4, 4, 1))
    >>> noise = T.draw(np.random.default_rng(0), 3, "T1")
    >>> T.forward(np.ones((3, 16)), noise, "T1").sum(1)  # of 16 pixels, those that are left
    array([12., 15., 15.])
    """

    def __init__(self, names: Sequence[Change], shape: tuple[int, int, int]) -> None:
        self._shape = shape
        self._changes: list[tuple[slice, Pass, Pass]] = []
        self.numbers = 0
        for name, (count, forward, backward) in CHANGES.items():
            if name in names:
                self._changes.append((slice(self.numbers, self.numbers + count), forward, backward))
                self.numbers += count

    def draw(self, generator: np.random.Generator, batch: int, *names: str) -> Noise:
        """Draw the noise of applications to ``batch`` pictures, uniform in [0, 1), by their names; none without T."""
        return {name: generator.random((batch, self.numbers)) for name in names if self.numbers}

    def forward(self, x: np.ndarray, noise: Noise, name: str) -> np.ndarray:
        """Return T(x) of pictures as rows, with the noise of this name."""
        for numbers, forward, _ in self._changes:
            x = self._apply(forward, x, noise[name][:, numbers])
        return x

    def backward(self, error: np.ndarray, noise: Noise, name: str) -> np.ndarray:
        """Return the error at x of the error at T(x), both as rows."""
        for numbers, _, backward in reversed(self._changes):
            error = self._apply(backward, error, noise[name][:, numbers])
        return error

    def _apply(self, change: Pass, rows: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        pictures = rows.reshape(-1, *self._shape)
        changed = np.empty_like(pictures)
        change(changed, pictures, numbers)
        return changed.reshape(rows.shape)
