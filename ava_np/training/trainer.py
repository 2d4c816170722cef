"""The trainer: one loop for every model, whose whole progress is the number of the step."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ava_np.data.batches import Batches
from ava_np.errors import NotFiniteError, PictureError
from ava_np.evaluation.metrics import reconstruction_error
from ava_np.indices import evenly_spaced
from ava_np.models.base import Model, Noise, Phase
from ava_np.network.blas import single_threaded_blas
from ava_np.specification import DEFAULTS, TrainingSpecification, default_momentum, steps_per_epoch, validated
from ava_np.training.optimisers import clip_factor, make_optimiser
from ava_np.training.reductions import layer_weights
from ava_np.training.schedules import learning_rate_at

Metrics = dict[str, Any]

VALIDATED = 256  # pictures at most that are not trained on and are shown back now and then

QUIET = np.errstate(over="ignore", invalid="ignore")  # NumPy would warn of what NotFiniteError says


class Trainer:
    """Trains a model, a step at a time.

    The order of the pictures in epoch e = 1, 2, ... and the noise after k steps are drawn from generators of their
    own, seeded with (seed, 0, e) and (seed, 1, k): a training that is stopped anywhere and goes on later takes the same
    steps.

    Parameters
    ----------
    model : Model
        Its parameters are changed in place.
    training : TrainingSpecification
        Optimiser, learning rate, schedule, reduction, batch size, epochs and seed.

    Attributes
    ----------
    steps : int
        Steps taken so far.
    between_steps : bool
        False while a step is on its way: what is interrupted there is no state to keep. A step that stops before its
        first update leaves no trace; one that stops later has been applied in part.
    optimisers : dict of (str, str) to Optimiser
        By phase and network: a network that learns in two phases has a memory for each.
    weights : dict of str to list of float
        What each layer's gradient is multiplied by before the optimiser sees it, besides 1/batch: the same for every
        term of the objective (``reductions.layer_weights``).
    """

    def __init__(self, model: Model, training: TrainingSpecification) -> None:
        self.model, self.training = model, training
        self.optimisers = {
            (phase.name, name): make_optimiser(model.networks[name], training)
            for phase in model.phases
            for name in phase.networks
        }
        self.weights = layer_weights(model, training.reduction)
        self.steps = 0
        self.between_steps = True
        self._totals: dict[str, float] = {}
        self._norms: dict[str, float] = {}
        self._seen = 0

    def check(self, pictures: int) -> None:
        """Refuse a training in which a batch would hold a single picture, if the model compares those of a batch.

        Raises
        ------
        PictureError
            If it would.
        """
        size = self.training.batch_size
        if self.model.uses_batch_statistics and (pictures == 1 or size == 1 or pictures % size == 1):
            raise PictureError(
                "batch norm and minibatch discrimination compare the pictures of a batch, and of "
                f"{pictures} in batches of {size} one would be alone: choose another --batch-size or more pictures"
            )

    def run(self, batches: Batches, validation: Batches | None = None) -> Iterator[Metrics | None]:
        """Train to the last epoch, yielding after every step: an epoch's metrics at its end, else None.

        Parameters
        ----------
        batches : Batches
            Pictures of the model's shape.
        validation : Batches, optional
            Others, on which the error of reconstructions is measured now and then.

        Raises
        ------
        NotFiniteError
            If a term or a gradient is not finite; that phase of the step, and those after it, are not applied.
        PictureError
            As ``check`` does.
        """
        self.check(len(batches))
        size, seed = self.training.batch_size, self.training.seed
        count, total = steps_per_epoch(len(batches), size), self.training.total_steps(len(batches))
        with single_threaded_blas:
            while self.steps < total:
                epoch, batch = divmod(self.steps, count)
                order = np.random.default_rng((seed, 0, epoch + 1)).permutation(len(batches))
                generator = np.random.default_rng((seed, 1, self.steps))
                x = batches.rows(order[batch * size : (batch + 1) * size], generator)
                noise = self.model.noise(generator, len(x))
                self.step(x, noise, learning_rate_at(self.training, self.steps + 1, total))
                yield self._epoch(epoch + 1, x, validation) if batch == count - 1 else None

    @QUIET
    def step(self, x: np.ndarray, noise: Noise, rate: float | None = None) -> None:
        """One update of every network, phase by phase, at x, (batch, m).

        γ is ``rate``, by default ``training.learning_rate``.
        """
        x = x.astype(self.model.dtype, copy=False)
        rate = self.training.learning_rate if rate is None else rate
        terms: dict[str, float] = {}
        applied, self.between_steps = False, False
        try:
            with self.model.preserve_statistics(unless=lambda: applied):
                for phase in self.model.phases:
                    self.model.zero_gradients()
                    found = phase.gradients(x, noise)
                    norms = self._require_finite(phase, found, applied)
                    terms |= found
                    applied = True
                    self._update(phase, norms, len(x), rate)
        finally:
            self.between_steps = not applied
        self.steps += 1
        self._totals = {term: self._totals.get(term, 0.0) + value for term, value in terms.items()}
        self._seen += len(x)
        self.between_steps = True

    def _update(self, phase: Phase, norms: dict[str, float], batch: int, rate: float) -> None:
        """Apply the gradients of a phase."""
        for name in phase.networks:
            phases = sum(name in other.networks for other in self.model.phases)
            self._norms[name if phases == 1 else f"{name}, {phase.name}"] = norms[name] / batch
            factor = clip_factor(norms[name] / batch, self.training.clip) / batch
            weights = [weight * factor for weight in self.weights[name]]
            self.optimisers[phase.name, name].step(self.model.networks[name], weights, self.steps + 1, rate)

    def state(self) -> tuple[dict[str, np.ndarray], Metrics]:
        """Everything that ``restore`` needs: arrays by name, and numbers."""
        arrays = {}
        for name, network in self.model.networks.items():
            arrays[f"{name}.theta"] = network.theta
            arrays |= {f"{name}.{layer}.{key}": array for layer, key, array in network.named_arrays(network.states)}
        for (phase, name), optimiser in self.optimisers.items():
            arrays |= {f"{phase}.{name}.{key}": array for key, array in optimiser.state.items()}
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
    def _epoch(self, epoch: int, x: np.ndarray, validation: Batches | None) -> Metrics:
        """The metrics of a finished epoch: terms as means over its pictures, in nats; norms of its last batch."""
        means = {term: total / self._seen for term, total in self._totals.items()}
        metrics: Metrics = {"epoch": epoch, "step": self.steps, "nats": means, "gradient_norm": dict(self._norms)}
        self._totals, self._seen = {}, 0
        interval = max(1, self.training.epochs // 50)
        if epoch % interval == 0 or epoch in (1, self.training.epochs):
            noise = self.model.noise(np.random.default_rng((self.training.seed, 2, epoch)), len(x))
            metrics |= self.model.diagnostics(x, noise)
            if validation is not None and self.model.encoder_name:
                metrics["validation"] = {"reconstruction_error": self._validation_error(validation)}
        return metrics

    def _validation_error(self, validation: Batches) -> float:
        rows = validation.rows(evenly_spaced(len(validation), VALIDATED), np.random.default_rng(0))
        pictures = rows.reshape(-1, *self.model.shape)
        return reconstruction_error(pictures, self.model.reconstruct(pictures))

    def _require_finite(self, phase: Phase, terms: dict[str, float], applied: bool) -> dict[str, float]:
        """The norms of a phase's gradients; refuse it if these or a term are not finite: θ would not stay so either."""
        faults, norms = [], {}
        for name in phase.networks:
            network = self.model.networks[name]
            norms[name] = network.gradient.norm()
            if not math.isfinite(norms[name]):
                layer, parameter, _ = max(network.named_arrays(network.gradients), key=lambda named: _size(named[2]))
                faults.append(f"gradient of {name}.{layer}.{parameter}")
        faults += [f"term {term}" for term, value in terms.items() if not math.isfinite(value)]
        if faults:
            end = "the step was broken off, and is not saved" if applied else "the step was not applied"
            raise NotFiniteError(
                f"the {faults[0]} is not finite at step {self.steps + 1} (learning rate "
                f"{self.training.learning_rate:g}); {end}: try a lower learning rate"
            )
        return norms


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
    **options: Any,
) -> list[Metrics]:
    """Train ``model`` in place.

    Parameters
    ----------
    model : Model
        From ``build`` or ``load``.
    pictures : ndarray, (pictures, height, width, channels)
        Of the model's shape; in [0, 1], unless its output is linear.
    epochs, batch_size : int
        Passes over the pictures, and pictures in a step at most.
    optimiser : {"adam", "rmsprop", "momentum", "sgd"}
        SGD is that of AVA (5) to (16) as printed.
    learning_rate : float, optional
        γ in (0, 1]; by default ``specification.DEFAULTS`` of the optimiser.
    reduction : {"sum", "mean", "fan"}, optional
        What γ multiplies (``ava_np.training.reductions``); by default that of the optimiser.
    seed : int
        Of the order of the pictures and the noise.
    **options
        ``momentum``, ``weight_decay``, ``clip``, ``schedule`` of ``TrainingSpecification``.

    Returns
    -------
    list of dict
        Each epoch's metrics; terms in nats per picture.

    Raises
    ------
    ValueError
        If there are no pictures, or not of the model's shape or in [0, 1], or an option is out of range.
    NotFiniteError
        If a term or a gradient stops being finite; parameters stay finite.
    """
    if pictures.shape[1:] != model.shape:
        raise ValueError(f"pictures of shape {pictures.shape[1:]} given to a model of shape {model.shape}")
    if not len(pictures) or not np.isfinite(pictures).all():
        raise ValueError("fit takes at least one picture, with finite values")
    if model.specification.output != "linear" and not (pictures.min() >= 0 and pictures.max() <= 1):
        raise ValueError("fit takes pictures with values in [0, 1], unless the model's output is linear")
    default_rate, default_reduction = DEFAULTS.get(optimiser, (None, None))
    training = validated(
        TrainingSpecification,
        optimiser=optimiser,
        learning_rate=default_rate if learning_rate is None else learning_rate,
        reduction=default_reduction if reduction is None else reduction,
        batch_size=batch_size,
        epochs=epochs,
        seed=seed,
        **{"momentum": default_momentum(model.specification, optimiser), **options},
    )
    trainer = Trainer(model, training)
    return [metrics for metrics in trainer.run(Batches(pictures)) if metrics is not None]
