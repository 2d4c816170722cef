"""The two propagations of the paper's models, and the angle between their gradients."""

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from ava_np.kernels.factored import Factors
from ava_np.models.base import Model
from ava_np.models.step import Noise, StepBuffers
from ava_np.network.gradient import inner_product
from ava_np.specification import AVA, VAE, Propagation

PROPAGATIONS: tuple[Propagation, Propagation] = ("exact", "paper")

S = TypeVar("S", bound=StepBuffers)
Parts = Sequence[np.ndarray | Factors]


class TwoPropagations(Model[S]):
    """A model whose errors pass from one network to another as true gradients ("exact") or as printed ("paper").

    Attributes
    ----------
    propagation : {"exact", "paper"}
        Which of the two the gradients use.
    """

    def __init__(
        self,
        specification: VAE | AVA,
        shape: tuple[int, int, int],
        *,
        seed: int = 0,
        dtype: type[np.floating] = np.float32,
    ) -> None:
        self.propagation = specification.propagation
        super().__init__(specification, shape, seed=seed, dtype=dtype)

    @property
    def error_comes_through(self) -> dict[str, str]:
        """With exact propagation the reconstruction error reaches Θ through Φ; (5) drops that path."""
        return {"encoder": "decoder"} if self.propagation == "exact" else {}

    @property
    def samples_fitted_codes(self) -> bool:
        """With the paper's propagation, samples are drawn from N(0, I), as printed."""
        return self.propagation == "exact"

    def diagnostics(self, x: np.ndarray, noise: Noise) -> dict[str, dict[str, float]]:
        """Return the angle in degrees between each network's gradients under the two propagations."""
        used, (first, second) = self.propagation, PROPAGATIONS
        try:
            with self.preserve_statistics():
                before, after = (self._gradients_under(propagation, x, noise) for propagation in (first, second))
        finally:
            self.propagation = used
        return {"angle": {name: angle(before[name], after[name]) for name in self.networks}}

    def _gradients_under(self, propagation: Propagation, x: np.ndarray, noise: Noise) -> dict[str, Parts]:
        self.propagation = propagation
        self.zero_gradients()
        self.gradients(x, noise)
        return {name: network.gradient.copy_parts() for name, network in self.networks.items()}


def angle(a: Parts, b: Parts) -> float:
    """Return the angle between two gradients in degrees; 0 if either is 0.

    Parameters
    ----------
    a, b : list
        Arrays, or what ``Gradient.copy_parts`` returns.

    Examples
    --------
    >>> angle([np.array([1.0, 0.0])], [np.array([0.0, 2.0])])
    90.0
    """
    lengths = math.sqrt(inner_product(a, a) * inner_product(b, b))
    return math.degrees(math.acos(min(1.0, max(-1.0, inner_product(a, b) / lengths)))) if lengths else 0.0
