"""The trainer: one loop for every model, whose whole progress is the number of the step."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from ava_np.errors import NotFiniteError
from ava_np.models.base import Model
from ava_np.optimisers import OPTIMISERS
from ava_np.reductions import layer_weights
from ava_np.specification import DEFAULTS, TrainingSpecification, checked

Metrics = dict[str, Any]

QUIET = np.errstate(over="ignore", invalid="ignore")  # NumPy would warn of what NotFiniteError says


class Trainer:
    """Trains a model, a step at a time.

    The order of the pictures in epoch e and the noise of step k are drawn from generators of their own, seeded with
    (seed, 0, e) and (seed, 1, k): a training that is stopped anywhere and goes on later takes the same steps.

    Parameters
    ----------
    model : Model
        Its parameters are changed in place.
    training : TrainingSpecification
        Optimiser, learning rate, reduction, batch size, epochs and seed.

    Attributes
    ----------
    steps : int
        Steps taken so far.
    between_steps : bool
        False while a step is being applied, network by network: what is interrupted there is no state to keep.
    weights : dict of str to list of float
        What each layer's gradient is multiplied by before the optimiser sees it, besides 1/batch: the same for every
        term of the objective (``reductions.layer_weights``).
    """

    def __init__(self, model: Model, training: TrainingSpecification) -> None:
        self.model, self.training = model, training
        optimiser, rate = OPTIMISERS[training.optimiser], training.learning_rate
        self.optimisers = {name: optimiser(network, rate) for name, network in model.networks.items()}
        self.weights = layer_weights(model, training.reduction)
        self.steps = 0
        self.between_steps = True
        self._totals: dict[str, float] = {}
        self._seen = 0

    def run(self, pictures: np.ndarray) -> Iterator[Metrics | None]:
        """Train to the last epoch, yielding after every step: an epoch's metrics at its end, else None.

        Parameters
        ----------
        pictures : ndarray, (pictures, height, width, channels)
            In [0, 1], of the model's shape.

        Raises
        ------
        NotFiniteError
            If a term or a gradient is not finite; the step is not applied.
        """
        rows = pictures.reshape(len(pictures), -1)
        batch_size, seed = self.training.batch_size, self.training.seed
        batches = math.ceil(len(rows) / batch_size)
        # BLAS on one thread: its sums then do not depend on how many cores there are, and its spinning threads do
        # not stall each other where the cores are shared (measured: 35 times slower beside other jobs).
        with threadpool_limits(1, "blas"):
            while self.steps < self.training.epochs * batches:
                epoch, batch = divmod(self.steps, batches)
                order = np.random.default_rng((seed, 0, epoch)).permutation(len(rows))
                x = rows[order[batch * batch_size : (batch + 1) * batch_size]]
                self.step(x, self.model.noise(np.random.default_rng((seed, 1, self.steps)), len(x)))
                yield self._epoch(epoch + 1, x) if batch == batches - 1 else None

    @QUIET
    def step(self, x: np.ndarray, r: np.ndarray) -> None:
        """One update of every network from one forward pass over x, (batch, m), with the noise r."""
        self.model.zero_gradients()
        terms = self.model.gradients(x, r)
        self._require_finite(terms)
        self.steps += 1
        self.between_steps = False
        for name, network in self.model.networks.items():
            weights = [weight / len(x) for weight in self.weights[name]]
            self.optimisers[name].step(network, weights, self.steps)
        self._totals = {term: self._totals.get(term, 0.0) + value for term, value in terms.items()}
        self._seen += len(x)
        self.between_steps = True

    def state(self) -> tuple[dict[str, np.ndarray], Metrics]:
        """Everything that ``restore`` needs: arrays by name, and numbers."""
        arrays = {}
        for name, network in self.model.networks.items():
            arrays[f"{name}.theta"] = network.theta
            arrays |= {f"{name}.{key}": array for key, array in self.optimisers[name].state.items()}
        return arrays, {"steps": self.steps, "totals": self._totals, "seen": self._seen}

    def restore(self, arrays: dict[str, np.ndarray], numbers: Metrics) -> None:
        """Go back to a saved state.

        Raises
        ------
        KeyError, ValueError
            If the arrays are not those of this model and optimiser.
        """
        for name, target in self.state()[0].items():
            if arrays[name].shape != target.shape:
                raise ValueError(f"{name} has {arrays[name].size} values instead of {target.size}")
            target[:] = arrays[name]
        self.steps, self._totals, self._seen = numbers["steps"], dict(numbers["totals"]), numbers["seen"]

    @QUIET
    def _epoch(self, epoch: int, x: np.ndarray) -> Metrics:
        """The metrics of a finished epoch: terms as means over its pictures, in nats; norms of its last batch."""
        means = {term: total / self._seen for term, total in self._totals.items()}
        norms = {name: self._norm(network.grad) / len(x) for name, network in self.model.networks.items()}
        metrics: Metrics = {"epoch": epoch, "step": self.steps, "nats": means, "gradient_norm": norms}
        self._totals, self._seen = {}, 0
        interval = max(1, self.training.epochs // 50)
        if epoch % interval == 0 or epoch in (1, self.training.epochs):
            noise = self.model.noise(np.random.default_rng((self.training.seed, 2, epoch)), len(x))
            metrics |= self.model.diagnostics(x, noise)
        return metrics

    @staticmethod
    def _norm(gradient: np.ndarray) -> float:
        return math.sqrt(float(np.dot(gradient, gradient)))

    def _require_finite(self, terms: dict[str, float]) -> None:
        """Refuse a step whose terms, or whose gradients' norms, are not finite: then θ would not stay finite either."""
        faults = []
        for name, network in self.model.networks.items():
            if not math.isfinite(self._norm(network.grad)):
                layer, parameter, _ = max(network.named(network.gradients), key=lambda named: _size(named[2]))
                faults.append(f"gradient of {name}.{layer}.{parameter}")
        faults += [f"term {term}" for term, value in terms.items() if not math.isfinite(value)]
        if faults:
            raise NotFiniteError(
                f"the {faults[0]} is not finite at step {self.steps + 1} (learning rate "
                f"{self.training.learning_rate:g}); the step was not applied: try a lower learning rate"
            )


def _size(gradient: np.ndarray) -> float:
    """The largest magnitude, infinite for a NaN."""
    return float(np.nan_to_num(np.abs(gradient), nan=np.inf, posinf=np.inf).max())


def fit(
    model: Model,
    pictures: np.ndarray,
    *,
    epochs: int,
    batch_size: int = 16,
    optimiser: str = "adam",
    learning_rate: float | None = None,
    reduction: str | None = None,
    seed: int = 0,
) -> list[Metrics]:
    """Train ``model`` in place.

    Parameters
    ----------
    model : Model
        From ``build`` or ``load``.
    pictures : ndarray, (pictures, height, width, channels)
        In [0, 1], of the model's shape.
    epochs, batch_size : int
        Passes over the pictures, and pictures in a step at most.
    optimiser : {"adam", "sgd"}
        Adam, or SGD as AVA (5) to (16) print it.
    learning_rate : float, optional
        γ in (0, 1]; by default 0.0002 for Adam and 0.3 for SGD.
    reduction : {"sum", "mean", "fan"}, optional
        What γ multiplies (``ava_np.reductions``); by default the sum for Adam and "fan" for SGD.
    seed : int
        Of the order of the pictures and the noise.

    Returns
    -------
    list of dict
        Each epoch's metrics; terms in nats per picture.

    Raises
    ------
    ValueError
        If there are no pictures, or not of the model's shape or in [0, 1], or an option is out of range.
    NotFiniteError
        If a term or a gradient stops being finite; the model keeps its last good parameters.
    """
    if pictures.shape[1:] != model.shape:
        raise ValueError(f"pictures of shape {pictures.shape[1:]} given to a model of shape {model.shape}")
    if not len(pictures) or not (pictures.min() >= 0 and pictures.max() <= 1):
        raise ValueError("fit takes at least one picture, with finite values in [0, 1]")
    default_rate, default_reduction = DEFAULTS.get(optimiser, (None, None))
    training = checked(
        TrainingSpecification,
        optimiser=optimiser,
        learning_rate=default_rate if learning_rate is None else learning_rate,
        reduction=default_reduction if reduction is None else reduction,
        batch_size=batch_size,
        epochs=epochs,
        seed=seed,
    )
    trainer = Trainer(model, training)
    return [metrics for metrics in trainer.run(pictures) if metrics is not None]
