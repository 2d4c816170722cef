"""The exponential moving average of a model's weights: of a GAN, it draws better pictures than the last weights do.

    a <- a + (1 - β) (θ - a),   β = min(ema, (1 + k) / (10 + k)) at step k

The networks of a GAN circle around an equilibrium instead of reaching it, and the average is nearer to it than any of
their steps (Yazici et al. 2019, "The Unusual Effectiveness of Averaging in GAN Training"). At first β is lower, so that
the average forgets the initial weights. The running statistics of batch norm are averaged with the same β, because they
must belong to the same weights: those of the last steps are the statistics of other weights than the average.
"""

import copy
from collections.abc import Iterator

import numpy as np

from ava_np.kernels.optimisers import average_step
from ava_np.models.base import Model


class Average:
    """The average of all weights and running statistics of a model.

    Parameters
    ----------
    model : Model
        The model that learns.
    decay : float
        Largest β, in [0, 1); with 0, the average is the model itself.

    Attributes
    ----------
    model : Model
        The averaged model.

    Examples
    --------
    >>> import ava_np
    >>> model = ava_np.build("gan", (4, 4, 1), hidden=(8,), latent=2)
    >>> average = Average(model, 0.999)
    >>> theta, averaged = model.networks["generator"].theta, average.model.networks["generator"].theta
    >>> theta[:], averaged[:] = 1, 0
    >>> average.update(step=8)  # β = (1 + 8) / (10 + 8)
    >>> averaged[0]
    np.float32(0.5)
    """

    def __init__(self, model: Model, decay: float) -> None:
        self._learning, self._decay = model, decay
        self.model = copy.deepcopy(model) if decay else model

    def update(self, step: int) -> None:
        """Average the weights after step 1, 2, ..."""
        β = min(self._decay, (1 + step) / (10 + step))
        for averaged, array in self._pairs():
            average_step(averaged, array, β)

    def apply(self) -> None:
        """Give the model that learns the averaged weights and statistics."""
        for averaged, array in self._pairs():
            array[:] = averaged

    def _pairs(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Each averaged array, and the one that it is the average of; none if nothing is averaged."""
        if self.model is self._learning:
            return
        for name, network in self._learning.networks.items():
            averaged = self.model.networks[name]
            yield averaged.theta, network.theta
            for averaged_state, state in zip(averaged.states, network.states, strict=True):
                yield from ((averaged_state[key], array) for key, array in state.items())
