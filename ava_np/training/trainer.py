"""The trainer: one loop for every model. Its whole progress is the number of the step."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ava_np.data.batches import Batches
from ava_np.errors import NotFiniteError, PictureError
from ava_np.evaluation.metrics import reconstruction_error
from ava_np.indices import evenly_spaced
from ava_np.models.base import Model
from ava_np.models.step import Noise, Phase
from ava_np.network.blas import single_threaded_blas
from ava_np.specification import DEFAULTS, TrainingSpecification, default_momentum, steps_per_epoch, validated
from ava_np.training.optimisers import clip_factor, make_optimiser
from ava_np.training.reductions import layer_weights
from ava_np.training.schedules import learning_rate_at

Metrics = dict[str, Any]

MAX_VALIDATED = 256  # validation pictures whose reconstruction error is measured during training

QUIET = np.errstate(over="ignore", invalid="ignore")  # NotFiniteError reports what NumPy would warn of


class Trainer:
    """Trains a model, one step at a time.

    The order of the pictures in epoch e = 1, 2, ... and the noise of the step after k others come from generators of
    their own, seeded with (seed, 0, e) and (seed, 1, k). So a training that is stopped anywhere and resumed later takes
    the same steps.

    Parameters
    ----------
    model : Model
        Its parameters are changed in place.
    training : TrainingSpecification
        Optimiser, learning rate, schedule, reduction, batch size, epochs and seed.

    Attributes
    ----------
    steps : int
        Steps completed so far.
    between_steps : bool
        False while a step is being applied: the state is inconsistent then and must not be saved. A step that fails
        before its first update leaves no trace; one that fails later has been applied in part.
    optimisers : dict of (str, str) to Optimiser
        By phase and network: a network that learns in two phases has one optimiser for each.
    weights : dict of str to list of float
        The factor on each layer's gradient, besides 1/batch, by network (``reductions.layer_weights``).

    Examples
    --------
    >>> import ava_np
    >>> model = ava_np.build("ae", (4, 4, 1), hidden=(8,), latent=2)
    >>> training = TrainingSpecification("adam", 0.001, "sum", batch_size=5, epochs=2, seed=0)
    >>> trainer = Trainer(model, training)
    >>> pictures = np.random.default_rng(0).random((10, 4, 4, 1), dtype=np.float32)
    >>> epochs = [metrics for metrics in trainer.run(Batches(pictures)) if metrics is not None]
    >>> trainer.steps, [metrics["epoch"] for metrics in epochs]
    (4, [1, 2])
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
        self._pictures_seen = 0

    def check(self, pictures: int) -> None:
        """Refuse batches of a single picture if the model compares the pictures of a batch.

        Parameters
        ----------
        pictures : int
            Number of pictures to train on.

        Raises
        ------
        PictureError
            If a batch would hold one picture.
        """
        size = self.training.batch_size
        if self.model.uses_batch_statistics and (pictures == 1 or size == 1 or pictures % size == 1):
            raise PictureError(
                "batch norm and minibatch discrimination compare the pictures of a batch, and of "
                f"{pictures} in batches of {size} one would be alone: choose another --batch-size or more pictures"
            )

    def run(self, batches: Batches, validation: Batches | None = None) -> Iterator[Metrics | None]:
        """Train to the last epoch. Yield after every step: an epoch's metrics after its last step, otherwise None.

        Parameters
        ----------
        batches : Batches
            Pictures of the model's shape.
        validation : Batches, optional
            Other pictures, whose reconstruction error is measured in some epochs.

        Raises
        ------
        NotFiniteError
            If a term or a gradient is not finite; that phase of the step and later ones are not applied.
        PictureError
            If ``check`` refuses the batches.
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
        """Update every network once, phase by phase.

        Parameters
        ----------
        x : ndarray, (batch, m)
            Pictures as rows.
        noise : dict of str to ndarray
            From ``model.noise``.
        rate : float, optional
            γ; by default ``training.learning_rate``.

        Raises
        ------
        NotFiniteError
            If a term or a gradient is not finite.
        """
        x = x.astype(self.model.dtype, copy=False)
        rate = self.training.learning_rate if rate is None else rate
        terms: dict[str, float] = {}
        applied, self.between_steps = False, False
        try:
            with self.model.preserve_statistics(unless=lambda: applied):
                for phase in self.model.phases:
                    self.model.zero_gradients()
                    phase_terms = phase.gradients(x, noise)
                    norms = self._require_finite(phase, phase_terms, applied)
                    terms |= phase_terms
                    applied = True
                    self._update(phase, norms, len(x), rate)
        finally:
            self.between_steps = not applied
        self.steps += 1
        self._totals = {term: self._totals.get(term, 0.0) + value for term, value in terms.items()}
        self._pictures_seen += len(x)
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
        """Return everything that ``restore`` needs: arrays by name, and numbers."""
        arrays = {}
        for name, network in self.model.networks.items():
            arrays[f"{name}.theta"] = network.theta
            arrays |= {f"{name}.{layer}.{key}": array for layer, key, array in network.named_arrays(network.states)}
        for (phase, name), optimiser in self.optimisers.items():
            arrays |= {f"{phase}.{name}.{key}": array for key, array in optimiser.state.items()}
        return arrays, {"steps": self.steps, "totals": self._totals, "seen": self._pictures_seen}

    def restore(self, arrays: dict[str, np.ndarray], numbers: Metrics) -> None:
        """Return to a saved state.

        Parameters
        ----------
        arrays, numbers : dict
            From ``state``.

        Raises
        ------
        KeyError, ValueError
            If the arrays do not belong to this model and optimiser.
        """
        for name, target in self.state()[0].items():
            if arrays[name].shape != target.shape:
                raise ValueError(f"{name} has {arrays[name].size} values instead of {target.size}")
            if arrays[name].dtype != target.dtype:
                raise ValueError(f"{name} is of type {arrays[name].dtype} instead of {target.dtype}")
            target[:] = arrays[name]
        self.steps, self._totals, self._pictures_seen = numbers["steps"], dict(numbers["totals"]), numbers["seen"]

    @QUIET
    def _epoch(self, epoch: int, x: np.ndarray, validation: Batches | None) -> Metrics:
        """Return a finished epoch's metrics: the terms' means over its pictures in nats, and the last batch's norms."""
        means = {term: total / self._pictures_seen for term, total in self._totals.items()}
        metrics: Metrics = {"epoch": epoch, "step": self.steps, "nats": means, "gradient_norm": dict(self._norms)}
        self._totals, self._pictures_seen = {}, 0
        interval = max(1, self.training.epochs // 50)
        if epoch % interval == 0 or epoch in (1, self.training.epochs):
            noise = self.model.noise(np.random.default_rng((self.training.seed, 2, epoch)), len(x))
            metrics |= self.model.diagnostics(x, noise)
            if validation is not None and self.model.encoder_name:
                metrics["validation"] = {"reconstruction_error": self._validation_error(validation)}
        return metrics

    def _validation_error(self, validation: Batches) -> float:
        rows = validation.rows(evenly_spaced(len(validation), MAX_VALIDATED), np.random.default_rng(0))
        pictures = rows.reshape(-1, *self.model.shape)
        return reconstruction_error(pictures, self.model.reconstruct(pictures))

    def _require_finite(self, phase: Phase, terms: dict[str, float], applied: bool) -> dict[str, float]:
        """Return the norms of a phase's gradients; refuse the phase if one of them or a term is not finite."""
        faults, norms = [], {}
        for name in phase.networks:
            network = self.model.networks[name]
            norms[name] = network.gradient.norm()
            if not math.isfinite(norms[name]):
                layer, parameter, _ = max(
                    network.named_arrays(network.gradient.read_layers()), key=lambda named: _magnitude(named[2])
                )
                faults.append(f"gradient of {name}.{layer}.{parameter}")
        faults += [f"term {term}" for term, value in terms.items() if not math.isfinite(value)]
        if faults:
            end = "the step was applied in part and is not saved" if applied else "the step was not applied"
            raise NotFiniteError(
                f"the {faults[0]} is not finite at step {self.steps + 1} (learning rate "
                f"{self.training.learning_rate:g}); {end}: try a lower learning rate"
            )
        return norms


def _magnitude(gradient: np.ndarray) -> float:
    """The largest magnitude, infinite for a NaN."""
    return float(np.nan_to_num(np.abs(gradient), nan=np.inf, posinf=np.inf).max())


def fit(
    model: Model,
    pictures: ArrayLike,
    *,
    epochs: int,
    batch_size: int = 16,
    optimiser: str = "adam",
    learning_rate: float | None = None,
    reduction: str | None = None,
    seed: int = 0,
    **options: Any,
) -> list[Metrics]:
    """Train a model in place.

    Parameters
    ----------
    model : Model
        From ``ava_np.build`` or ``ava_np.load``.
    pictures : array_like, (pictures, height, width, channels)
        Of the model's shape; floats in [0, 1], unless the model's output is linear.
    epochs : int
        Passes over the pictures.
    batch_size : int
        Largest number of pictures in a step.
    optimiser : {"adam", "rmsprop", "momentum", "sgd"}
        "sgd" is the update of AVA (5) to (16) as printed.
    learning_rate : float, optional
        γ in (0, 1]; by default the optimiser's in ``ava_np.specification.DEFAULTS``.
    reduction : {"sum", "mean", "fan"}, optional
        What γ multiplies (``ava_np.training.reductions``); by default the optimiser's.
    seed : int
        Seed of the order of the pictures and of the noise.
    **options
        ``momentum``, ``weight_decay``, ``clip`` and ``schedule`` of ``TrainingSpecification``.

    Returns
    -------
    list of dict
        Each epoch's metrics: "epoch", "step", "nats" (the terms, means over pictures), "gradient_norm", ...

    Raises
    ------
    ValueError
        If there are no pictures, their shape or range does not fit the model, or an option is out of range.
    NotFiniteError
        If a term or a gradient is not finite; the parameters stay finite.

    Examples
    --------
    >>> import ava_np
    >>> pictures = np.random.default_rng(0).random((20, 4, 4, 1), dtype=np.float32)
    >>> model = ava_np.build("vae", (4, 4, 1), hidden=(8,), latent=2)
    >>> metrics = ava_np.fit(model, pictures, epochs=3)
    >>> metrics[-1]["epoch"], list(metrics[-1]["nats"])
    (3, ['reconstruction', 'kl'])
    """
    array = model.validated_pictures(pictures)
    if not len(array):
        raise ValueError("fit takes at least one picture")
    unknown = [option for option in options if option not in TrainingSpecification.__struct_fields__]
    if unknown:
        known = ", ".join(TrainingSpecification.__struct_fields__)
        raise ValueError(f"fit has no option {unknown[0]!r}: it has {known}")
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
    return [metrics for metrics in trainer.run(Batches(array)) if metrics is not None]
