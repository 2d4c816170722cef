"""Training a model in place on an array of pictures."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ava_np.data.batches import Batches
from ava_np.errors import NotFiniteError
from ava_np.indices import evenly_spaced
from ava_np.models.base import Model
from ava_np.specification import DEFAULTS, TrainingSpecification, default_ema, default_momentum, validated
from ava_np.specification.defaults import default_adaptive_rate
from ava_np.training.early_stopping import BestValidation
from ava_np.training.progress import Progress
from ava_np.training.trainer import Metrics, Trainer, model_arrays

MAX_FITTED = 1000  # pictures, to whose codes a distribution is fitted at the end


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
    validation: ArrayLike | None = None,
    patience: int = 0,
    callbacks: Sequence[Callable[[Trainer, Metrics], None]] = (),
    progress: bool = False,
    **options: Any,
) -> list[Metrics]:
    """Train a model in place.

    Each call is a training of its own: the optimiser starts without memory, and the order of the pictures and the noise
    are the same again unless ``seed`` is another. To continue a training, use ``Trainer``.

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
    validation : array_like, (pictures, height, width, channels), optional
        Other pictures. Their reconstruction error is measured at most 50 times and stands in the metrics.
    patience : int
        End when the error of ``validation`` has not improved for so many measurements, and keep the weights with the
        smallest error; 0 trains all epochs and keeps the last.
    callbacks : sequence of callable
        Each is called as ``callback(trainer, metrics)`` after each epoch. One that raises an error ends the training.
    progress : bool
        Show a bar on standard error, in a terminal and in a notebook; in a log, a line now and then.
    **options
        ``momentum``, ``weight_decay``, ``clip``, ``schedule``, ``milestones``, ``decay`` and ``ema`` of
        ``TrainingSpecification``.

    Returns
    -------
    list of dict
        Each epoch's metrics: "epoch", "step", "learning_rate", "nats" (the terms, means over pictures),
        "gradient_norm", ...

    Raises
    ------
    ValueError
        If there are no pictures, their shape or range does not fit the model, an option is out of range, or there is
        no reconstruction error to measure: for a patience without ``validation``, or a model without an encoder.
    NotFiniteError
        If a term or a gradient is not finite; the parameters stay finite.

    Examples
    --------
    >>> import ava_np
    >>> import numpy as np
    >>> pictures = np.random.default_rng(0).random((20, 4, 4, 1), dtype=np.float32)
    >>> model = ava_np.build("vae", (4, 4, 1), hidden=(8,), latent=2)
    >>> metrics = ava_np.fit(model, pictures, epochs=3)
    >>> metrics[-1]["epoch"], list(metrics[-1]["nats"])
    (3, ['reconstruction', 'kl'])
    """
    array = model.validated_pictures(pictures)
    if not len(array):
        raise ValueError("fit takes at least one picture")
    training = training_specification(
        model, epochs=epochs, batch_size=batch_size, optimiser=optimiser, learning_rate=learning_rate,
        reduction=reduction, seed=seed, **options,
    )  # fmt: skip
    held = None if validation is None else Batches(model.validated_pictures(validation))
    if held is not None and model.encoder_name is None:
        raise ValueError(f"{model.specification.name} has no encoder, so there is no reconstruction error to validate")
    if patience and held is None:
        raise ValueError("patience needs validation pictures")
    trainer, epochs_metrics = Trainer(model, training), []
    best, kept = BestValidation(), dict[str, np.ndarray]()
    try:
        with Progress(training.total_steps(len(array)), shown=progress) as shown:
            for metrics in trainer.run(Batches(array), held):
                shown.step(metrics)
                if metrics is None:
                    continue
                epochs_metrics.append(metrics)
                for callback in callbacks:
                    callback(trainer, metrics)
                best.add(metrics)
                if patience and best.epoch == metrics["epoch"]:
                    kept = {name: one.copy() for name, one in model_arrays(trainer.average.model).items()}
                elif patience and best.waited >= patience:
                    break
    except NotFiniteError as error:
        raise NotFiniteError(f"{error}: try a lower learning rate") from error
    finally:
        trainer.average.apply()
    for name, array_ in model_arrays(model).items() if kept else ():
        array_[:] = kept[name]
    model.fit_codes(array[evenly_spaced(len(array), MAX_FITTED)])
    return epochs_metrics


def training_specification(
    model: Model,
    *,
    epochs: int,
    batch_size: int,
    optimiser: str = "adam",
    learning_rate: float | None = None,
    reduction: str | None = None,
    seed: int = 0,
    **options: Any,
) -> TrainingSpecification:
    """Return how ``fit`` trains a model, for a ``Trainer`` of one's own.

    Parameters
    ----------
    model, epochs, batch_size, optimiser, learning_rate, reduction, seed, **options
        As for ``fit``.

    Returns
    -------
    TrainingSpecification
        With the defaults of the model and the optimiser.

    Raises
    ------
    ValueError
        If an option is unknown or out of range.

    Examples
    --------
    >>> import ava_np
    >>> from ava_np.training.fit import training_specification
    >>> model = ava_np.build("gan", (8, 8, 1))
    >>> training_specification(model, epochs=1, batch_size=16).learning_rate
    0.0002
    """
    known = [name for name in TrainingSpecification.__struct_fields__ if name != "patience"]  # which a run has
    unknown = [option for option in options if option not in known]
    if unknown:
        raise ValueError(f"fit has no option {unknown[0]!r}: it has {', '.join(known)}")
    default_rate, default_reduction = DEFAULTS.get(optimiser, (None, None))
    if optimiser in ("adam", "rmsprop"):
        default_rate = default_adaptive_rate(model.specification, model.neurons)
    return validated(
        TrainingSpecification,
        optimiser=optimiser,
        learning_rate=default_rate if learning_rate is None else learning_rate,
        reduction=default_reduction if reduction is None else reduction,
        batch_size=batch_size,
        epochs=epochs,
        seed=seed,
        **{
            "momentum": default_momentum(model.specification, optimiser),
            "ema": default_ema(model.specification, options.get("schedule", "constant")),
            **options,
        },
    )
