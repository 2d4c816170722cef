"""The two propagations of the paper's models, and the angle between what they teach."""

import math
from typing import TypeVar

import numpy as np

from ava_np.models.base import Model, Noise
from ava_np.specification import Propagation

PROPAGATIONS: tuple[Propagation, Propagation] = ("exact", "paper")

T = TypeVar("T")


class TwoPropagations(Model[T]):
    """A model whose errors cross from one network to another as true gradients, "exact", or as printed, "paper"."""

    propagation: Propagation

    @property
    def passes_through(self) -> dict[str, str]:
        """With exact propagation the reconstruction error reaches Θ through Φ; (5) drops that path."""
        return {"encoder": "decoder"} if self.propagation == "exact" else {}

    def diagnostics(self, x: np.ndarray, noise: Noise) -> dict[str, dict[str, float]]:
        """The angle in degrees between each network's gradients under the two propagations, at x with this noise."""
        own, (first, second) = self.propagation, PROPAGATIONS
        try:
            with self.preserve_statistics():
                self._gradients_under(first, x, noise)
                before = {name: network.grad.copy() for name, network in self.networks.items()}
                self._gradients_under(second, x, noise)
        finally:
            self.propagation = own
        return {"angle": {name: angle(before[name], network.grad) for name, network in self.networks.items()}}

    def _gradients_under(self, propagation: Propagation, x: np.ndarray, noise: Noise) -> None:
        self.propagation = propagation
        self.zero_gradients()
        self.gradients(x, noise)


def angle(a: np.ndarray, b: np.ndarray) -> float:
    """Degrees between two vectors; 0 where either is 0."""
    lengths = math.sqrt(float(a @ a) * float(b @ b))
    return math.degrees(math.acos(min(1.0, max(-1.0, float(a @ b) / lengths)))) if lengths else 0.0
