"""From the options of ``ava train`` to a run's specification."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from ava_np.specification import DEFAULTS, TOY
from ava_np.specification import MODELS as SPECIFICATIONS

if TYPE_CHECKING:
    from ava_np.data.pictures import Pictures
    from ava_np.specification import ModelSpecification, Specification

DEFAULT_STEPS = 1000  # what --epochs defaults to, counted in steps
FEW, BATCH, LARGE_BATCH = 1000, 16, 64  # pictures up to which the default batch is small
OF_A_MODEL = (
    *("architecture", "hidden", "latent", "propagation", "likelihood", "beta", "prior", "stochastic", "gamma"),
    *("reconstructions_are_fake", "minibatch_discrimination", "smoothing", "saturating"),
)


def model_specification(source: str | None, options: dict[str, Any]) -> "ModelSpecification":
    """The model's specification; options that it or its source has no use for are refused."""
    from ava_np.specification import GAN, validated

    kind = SPECIFICATIONS[options["model"]]
    toy = source is not None and source.startswith(TOY)
    given = {name: options[name] for name in OF_A_MODEL if options[name] is not None}
    for name in given:
        if name not in kind.__struct_fields__:
            raise click.UsageError(f"--{name.replace('_', '-')} is no option of {options['model']}")
    if options["momentum"] is not None and options["optimiser"] not in ("adam", "momentum"):
        raise click.UsageError(f"--momentum is of adam and momentum, and {options['optimiser']} has none")
    if toy and (options["flip"] or options["shift"]):
        raise click.UsageError("--flip and --shift vary pictures, and toy points are none")
    if options["validation"] and issubclass(kind, GAN):
        raise click.UsageError(f"--validation measures reconstructions, and {options['model']} makes none")
    if toy:
        given["output"] = "linear"
    model = validated(kind, **given)
    if toy and isinstance(model.architecture, str) and model.architecture != "mlp":
        raise click.UsageError(
            f"toy points have no room for convolutions: take --architecture mlp, not {model.architecture}"
        )
    return model


def specify(
    model: "ModelSpecification", source: str | None, pictures: "Pictures", options: dict[str, Any]
) -> "Specification":
    """The whole run's specification, with defaults for what is not given."""
    from ava_np.data.split import split
    from ava_np.specification import (
        FORMAT,
        PicturesSpecification,
        Specification,
        TrainingSpecification,
        default_momentum,
        validated,
    )

    learning_rate, reduction = DEFAULTS[options["optimiser"]]
    trained = len(split(len(pictures.names), options["validation"], options["test"], options["seed"]).train)
    batch_size = options["batch_size"] or (BATCH if trained <= FEW else LARGE_BATCH)
    if not options["batch_size"] and trained % batch_size == 1:
        batch_size += 1  # so that no picture is left alone, which batch norm could not do with
    momentum = options["momentum"]
    named = source is None or source.startswith(TOY)
    return Specification(
        format=FORMAT,
        model=model,  # type: ignore[arg-type]
        pictures=validated(
            PicturesSpecification,
            source=source if named else str(Path(str(source)).resolve()),
            size=pictures.size,
            channels=pictures.array.shape[-1],
            zoom=options["zoom"],
            sha256=pictures.sha256,
            limit=options["limit"] or 0,
            cache=None if options["cache"] is None else str(options["cache"].resolve()),
            **{name: options[name] for name in ("validation", "test", "flip", "shift")},
        ),
        training=validated(
            TrainingSpecification,
            learning_rate=options["lr"] or learning_rate,
            momentum=default_momentum(model, options["optimiser"]) if momentum is None else momentum,
            reduction=options["reduction"] or reduction,
            batch_size=batch_size,
            epochs=options["epochs"] or -(-DEFAULT_STEPS // -(-trained // batch_size)),
            **{name: options[name] for name in ("optimiser", "weight_decay", "clip", "schedule", "seed")},
        ),
    )


def free_folder(source: str | None, model: "ModelSpecification") -> Path:
    """runs/NAME-MODEL, with a number where that is taken."""
    stem = "builtin" if source is None else Path(source.replace(":", "-")).resolve().name
    parts = [stem, model.name, getattr(model, "propagation", None), model.architecture]
    base = Path("runs") / "-".join(part for part in parts if isinstance(part, str) and part not in ("mlp", "exact"))
    candidate, number = base, 1
    while candidate.exists():
        number += 1
        candidate = base.with_name(f"{base.name}-{number}")
    return candidate
