"""The trainer: one loop for every model. Its whole progress is the number of the step."""

import copy
import math
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from ava_np.data.batches import Batches
from ava_np.errors import NotFiniteError, PictureError
from ava_np.evaluation.metrics import reconstruction_error
from ava_np.indices import evenly_spaced
from ava_np.models.base import Model
from ava_np.models.step import Noise, Phase, Terms
from ava_np.network.blas import single_threaded_blas
from ava_np.share import ALONE, Share
from ava_np.specification import Nats, Total, TrainingSpecification, steps_per_epoch
from ava_np.training.average import Average
from ava_np.training.optimisers import clip_factor, make_optimiser
from ava_np.training.reductions import layer_weights
from ava_np.training.schedules import learning_rate_at

Metrics = dict[str, Any]

MAX_VALIDATED = 256  # validation pictures whose reconstruction error is measured during training


class Progress(msgspec.Struct, frozen=True):
    """How far a training is: the numbers in its state, besides the arrays.

    Parameters
    ----------
    steps : int
        Steps completed.
    totals : dict of str to float
        Terms, summed over the pictures of the current epoch.
    seen : int
        Number of these pictures.
    norms : dict of str to float
        Norms of the last step's gradients.
    """

    steps: Total = 0
    totals: dict[str, Nats] = {}
    seen: Total = 0
    norms: Annotated[dict[Annotated[str, Meta(max_length=100)], float], Meta(max_length=20)] = {}


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
    average : Average
        The exponential moving average of the weights; ``average.model`` is the model to save and to sample.
    between_steps : bool
        False while a step is being applied: the state is inconsistent then and must not be saved. A step that fails
        before its first update leaves no trace; one that fails later has been applied in part.
    optimisers : dict of (str, str) to Optimiser
        By phase and network: a network that learns in two phases has one optimiser for each.
    progress : Progress
        ``steps``, and what the metrics of the current epoch are made of.
    share : Share
        This process's part of the batches: all of each, unless several processes train the model together
        (``ava_np.mpi``).
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

    More epochs continue the training, with the optimiser's memory:

    >>> trainer.training = msgspec.structs.replace(training, epochs=3)
    >>> [metrics["epoch"] for metrics in trainer.run(Batches(pictures)) if metrics is not None]
    [3]
    """

    def __init__(self, model: Model, training: TrainingSpecification) -> None:
        self.model, self.training = model, training
        self.optimisers = {
            (phase.name, name): make_optimiser(model.networks[name], training)
            for phase in model.phases
            for name in phase.networks
        }
        self.weights = layer_weights(model, training.reduction)
        self.average = Average(model, training.ema)
        self.progress = Progress()
        self.between_steps = True
        self.share = ALONE

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle holds: everything but the other processes."""
        return {**self.__dict__, "share": ALONE}

    @property
    def steps(self) -> int:
        """Number of steps completed."""
        return self.progress.steps

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
            if pictures == 1:
                alone = "there is only one: give more pictures"
            else:
                alone = f"of {pictures} in batches of {size} one would be alone: choose another --batch-size"
            raise PictureError(f"batch norm and minibatch discrimination compare the pictures of a batch, and {alone}")

    def run(self, batches: Batches, validation: Batches | None = None) -> Iterator[Metrics | None]:
        """Train to the last epoch. Yield after every step: an epoch's metrics after its last step, otherwise None.

        An epoch counts as reported when its metrics have been taken and the next value is asked for. A training that
        was saved before that yields them again, the same ones, when it is resumed.

        Parameters
        ----------
        batches : Batches
            Pictures of the model's shape.
        validation : Batches, optional
            Other pictures, whose reconstruction error is measured in some epochs.

        Raises
        ------
        NotFiniteError
            If a term or a gradient is not finite; that phase of the step and later ones are not applied. Or if the
            parameters are not finite after the last step.
        PictureError
            If ``check`` refuses the batches.
        """
        self.check(len(batches))
        self.share.tell((self, batches))
        count = steps_per_epoch(len(batches), self.training.batch_size)
        total = self.training.total_steps(len(batches))
        with single_threaded_blas:
            while True:
                if self._epoch_to_report(count):
                    yield self._epoch(batches, validation, count)
                    self.progress = msgspec.structs.replace(self.progress, totals={}, seen=0)
                if self.steps >= total:
                    return
                size, (x, noise) = self.batch_size(batches, self.steps), self.batch(batches, self.steps)
                rate = learning_rate_at(self.training, self.steps + 1, total)
                self.share.tell(rate)
                try:
                    self.step(x, noise, rate, size)
                except NotFiniteError:  # of the sum over all shares, so all raise it
                    raise
                except BaseException:
                    self.share.abort()
                    raise
                if self.steps == total:
                    self._require_finite_model(x)
                if self.steps % count:
                    yield None

    def _epoch_to_report(self, count: int) -> bool:
        """Return whether an epoch of ``count`` steps is complete and its metrics have not been taken."""
        return self.progress.seen > 0 and self.steps % count == 0

    def batch_size(self, batches: Batches, steps: int) -> int:
        """Return the number of pictures in the step after ``steps`` others; the last one of an epoch may have fewer."""
        size = self.training.batch_size
        return min(size, len(batches) - steps % steps_per_epoch(len(batches), size) * size)

    def batch(self, batches: Batches, steps: int, *, whole: bool = False) -> tuple[np.ndarray, Noise]:
        """Return the pictures and the noise of the step after ``steps`` others.

        Parameters
        ----------
        batches : Batches
            Pictures of the model's shape.
        steps : int
            Number of steps before this one.
        whole : bool
            All of the batch, and not only this process's share.
        """
        size, seed = self.training.batch_size, self.training.seed
        count = self.batch_size(batches, steps)
        part = slice(0, count) if whole else self._share(count).part(count)
        epoch, batch = divmod(steps, steps_per_epoch(len(batches), size))
        order = batches.order((seed, 0, epoch + 1))
        generator = np.random.default_rng((seed, 1, steps))
        x = batches.rows(order[batch * size : (batch + 1) * size], generator, part)
        return x, {name: array[part] for name, array in self.model.noise(generator, count).items()}

    def _share(self, size: int) -> Share:
        """This process's share of a batch: all of one that has fewer pictures than there are processes."""
        return self.share if size >= self.share.size else ALONE

    @QUIET
    def step(self, x: np.ndarray, noise: Noise, rate: float | None = None, size: int | None = None) -> None:
        """Update every network once, phase by phase.

        Several processes that share the batches call this together, each with what its ``batch`` returns.

        Parameters
        ----------
        x : ndarray, (batch, m)
            Pictures as rows.
        noise : dict of str to ndarray
            From ``model.noise``.
        rate : float, optional
            γ; by default ``training.learning_rate``.
        size : int, optional
            Number of pictures of the whole batch, of which the rows are this process's share. By default they are all.

        Raises
        ------
        NotFiniteError
            If a term or a gradient is not finite.
        """
        share, size = (ALONE, len(x)) if size is None else (self._share(size), size)
        x = x.astype(self.model.dtype, copy=False)
        rate = self.training.learning_rate if rate is None else rate
        terms: dict[str, float] = {}
        applied, self.between_steps = False, False
        try:
            with self.model.preserve_statistics(unless=lambda: applied), self.model.sharing(share):
                for phase in self.model.phases:
                    self.model.zero_gradients()
                    phase_terms = _added(phase.gradients(x, noise), share)
                    for name in phase.networks:
                        self.model.networks[name].gradient.add_shares(share, size)
                    norms = self._require_finite(phase, phase_terms, applied)
                    terms |= phase_terms
                    applied = True
                    self._update(phase, norms, size, rate)
                self.average.update(self.steps + 1)
        finally:
            self.between_steps = not applied
        totals = {term: self.progress.totals.get(term, 0.0) + value for term, value in terms.items()}
        self.progress = Progress(self.steps + 1, totals, self.progress.seen + size, self.progress.norms)
        self.between_steps = True

    def _update(self, phase: Phase, norms: dict[str, float], batch: int, rate: float) -> None:
        """Apply the gradients of a phase."""
        for name in phase.networks:
            phases = sum(name in other.networks for other in self.model.phases)
            self.progress.norms[name if phases == 1 else f"{name}, {phase.name}"] = norms[name] / batch
            factor = clip_factor(norms[name] / batch, self.training.clip) / batch
            weights = [weight * factor for weight in self.weights[name]]
            self.optimisers[phase.name, name].step(self.model.networks[name], weights, self.steps + 1, rate)

    def state(self) -> tuple[dict[str, np.ndarray], Progress]:
        """Return everything that ``restore`` needs: arrays by name, and the progress."""
        arrays = model_arrays(self.model)
        if self.training.ema:
            arrays |= {f"average.{name}": array for name, array in model_arrays(self.average.model).items()}
        return arrays | self.memory(), self.progress

    def memory(self) -> dict[str, np.ndarray]:
        """Return what the optimisers keep, by the names in ``state``; before the first step it is 0."""
        return {
            f"{phase}.{name}.{key}": array
            for (phase, name), optimiser in self.optimisers.items()
            for key, array in optimiser.state.items()
        }

    def restore(self, arrays: dict[str, np.ndarray], progress: Progress) -> None:
        """Return to a saved state.

        Parameters
        ----------
        arrays, progress
            From ``state``.

        Raises
        ------
        KeyError, ValueError
            If the arrays do not belong to this model and optimiser; nothing has changed then.
        """
        targets = self.state()[0]
        for name, target in targets.items():
            if arrays[name].shape != target.shape:
                raise ValueError(f"{name} has {arrays[name].size} values instead of {target.size}")
            if arrays[name].dtype != target.dtype:
                raise ValueError(f"{name} is of type {arrays[name].dtype} instead of {target.dtype}")
        for name, target in targets.items():
            target[:] = arrays[name]
        self.progress, self.between_steps = copy.deepcopy(progress), True

    def finite(self) -> bool:
        """Return whether all parameters and running statistics are finite."""
        models = (self.model, self.average.model)
        return all(np.isfinite(array).all() for model in models for array in model_arrays(model).values())

    @QUIET
    def _epoch(self, batches: Batches, validation: Batches | None, count: int) -> Metrics:
        """Return a finished epoch's metrics: the terms' means over its pictures in nats, and the last batch's norms."""
        epoch, epochs = self.steps // count, self.training.epochs
        means = {term: total / self.progress.seen for term, total in self.progress.totals.items()}
        rate = learning_rate_at(self.training, self.steps, epochs * count)
        metrics: Metrics = {"epoch": epoch, "step": self.steps, "learning_rate": rate, "nats": means}
        metrics["gradient_norm"] = dict(self.progress.norms)
        if epoch % max(1, epochs // 50) == 0 or epoch in (1, epochs):
            x, _ = self.batch(batches, self.steps - 1, whole=True)
            noise = self.model.noise(np.random.default_rng((self.training.seed, 2, epoch)), len(x))
            metrics |= self.model.diagnostics(x, noise)
            if validation is not None and self.model.encoder_name:
                metrics["validation"] = {"reconstruction_error": self._validation_error(validation)}
        return metrics

    def _validation_error(self, validation: Batches) -> float:
        rows = validation.rows(evenly_spaced(len(validation), MAX_VALIDATED), np.random.default_rng(0))
        pictures = rows.reshape(-1, *self.model.shape)
        return reconstruction_error(pictures, self.average.model.reconstruct(pictures))

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
            end = ", which was applied in part" if applied else ""
            raise NotFiniteError(
                f"the {faults[0]} is not finite at step {self.steps + 1}{end} (learning rate "
                f"{self.training.learning_rate:g})"
            )
        return norms

    @QUIET
    def _require_finite_model(self, x: np.ndarray) -> None:
        """Refuse the parameters after the last step, or what they draw, if they are not finite.

        After any other step, the gradients of the next one show it.
        """
        try:
            if not self.finite():
                raise NotFiniteError("the parameters are not finite")
            model = self.average.model
            model.sample(len(x), 0)
            if model.encoder_name is not None:
                model.reconstruct(x.reshape(-1, *model.shape))
        except NotFiniteError as error:
            raise NotFiniteError(
                f"{error} after step {self.steps} (learning rate {self.training.learning_rate:g})"
            ) from None


def _added(terms: Terms, share: Share) -> Terms:
    """Return the terms of the whole batch."""
    values = np.array(list(terms.values()), np.float64)
    share.add(values)
    return dict(zip(terms, values.tolist(), strict=True))


def model_arrays(model: Model) -> dict[str, np.ndarray]:
    """Return the parameters and the running statistics of a model, by the names in a training state."""
    arrays = {}
    for name, network in model.networks.items():
        arrays[f"{name}.theta"] = network.theta
        arrays |= {f"{name}.{layer}.{key}": array for layer, key, array in network.named_arrays(network.states)}
    return arrays


def _magnitude(gradient: np.ndarray) -> float:
    """The largest magnitude, infinite for a NaN."""
    return float(np.nan_to_num(np.abs(gradient), nan=np.inf, posinf=np.inf).max())
