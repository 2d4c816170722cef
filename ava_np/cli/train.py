"""``ava train``: from a folder of pictures to a run folder."""

import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, get_args

import rich_click as click
from click.core import ParameterSource

from ava_np.cli.options import COUNT, MODELS, PROPAGATIONS, RateType, SizeType, WidthsType
from ava_np.specification import DEFAULTS, OptimiserName, Reduction

if TYPE_CHECKING:
    from ava_np.pictures import Pictures
    from ava_np.run import Run
    from ava_np.training import Trainer

DEFAULT_STEPS = 1000  # what --epochs defaults to, counted in steps
RESUMABLE = {"out", "epochs", "resume"}


@click.command()
@click.argument("folder", metavar="[FOLDER]", required=False, type=click.Path(path_type=Path))
@click.option("--model", type=MODELS, default="ava5", show_default=True, help="Which model.")
@click.option(
    "--propagation",
    type=PROPAGATIONS,
    default="exact",
    show_default=True,
    help="True gradients, or the paper's rules (5) to (16) as printed.",
)
@click.option("--latent", type=COUNT, default=10, show_default=True, help="Length of the code z.")
@click.option(
    "--hidden", type=WidthsType(), default="256", show_default=True, help="Widths of the encoder's hidden layers."
)
@click.option("--size", type=SizeType(), help="Resize every picture to this.  [default: the median, at most 256]")
@click.option(
    "--zoom",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="The paper's fixed zoom: block means on the way in, repetition on the way out.",
)
@click.option("--epochs", type=COUNT, help=f"Passes.  [default: enough for {DEFAULT_STEPS} steps]")
@click.option("--batch-size", type=COUNT, default=16, show_default=True, help="Pictures in a step, at most.")
@click.option(
    "--optimiser",
    "--optimizer",
    type=click.Choice(get_args(OptimiserName)),
    default="adam",
    show_default=True,
    help="Adam, or SGD as the paper prints it.",
)
@click.option(
    "--lr",
    type=RateType(),
    help="Learning rate γ.  [default: 0.0002 for adam, 0.3 for sgd]",
)
@click.option(
    "--reduction",
    type=click.Choice(get_args(Reduction)),
    help="What γ multiplies: a picture's sum, its mean, or the mean over a layer's connections.  "
    "[default: sum for adam, fan for sgd]",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed, the same bytes.")
@click.option("--out", type=click.Path(path_type=Path), help="The run folder.  [default: a new one in runs/]")
@click.option("--resume", is_flag=True, help="Go on with the run in --out, to --epochs if that is given.")
@click.option("--overwrite", is_flag=True, help="Replace the run in --out.")
@click.option("--strict", is_flag=True, help="Stop at a picture that cannot be read, instead of leaving it out.")
@click.pass_context
def train(context: click.Context, folder: Path | None, resume: bool, **options: Any) -> None:
    """Train a model on FOLDER, or on ten built-in pictures, and leave a run folder with everything in it.

    \b
    ava train
    ava train photos --out runs/photos
    ava train photos --model vae --size 96x96 --zoom 1 --hidden 512,256 --latent 32
    ava train photos --propagation paper --optimiser sgd --lr 0.1
    ava train --out runs/photos --resume --epochs 3000

    The run folder holds config.json, model.safetensors, metrics.jsonl, the pictures and report.html; and
    training.safetensors, which is only needed to --resume. Ctrl-C saves and stops.
    """
    if resume:
        run, trainer, pictures = _resume(context, folder, options)
    else:
        run, trainer, pictures = _start(folder, options)
    _train(run, trainer, pictures)


def _start(folder: Path | None, options: dict[str, Any]) -> "tuple[Run, Trainer, Pictures]":
    """A new run from the options."""
    from ava_np.console import reading_progress, say
    from ava_np.run import Run, read_pictures
    from ava_np.specification import FORMAT, Specification, checked
    from ava_np.training import Trainer

    if options["overwrite"] and options["out"] is None:
        raise click.UsageError("--overwrite needs the run folder: --out RUN")
    if options["out"] is not None:
        Run.require_free(options["out"], overwrite=options["overwrite"])  # before a long read
    with reading_progress("reading pictures"):
        pictures = read_pictures(folder, size=options["size"], zoom=options["zoom"], strict=options["strict"])
    _describe(folder, pictures, say)
    learning_rate, reduction = DEFAULTS[options["optimiser"]]
    steps = -(-len(pictures.names) // options["batch_size"])
    specification = checked(
        Specification,
        format=FORMAT,
        model={
            "name": options["model"],
            "propagation": options["propagation"],
            "latent": options["latent"],
            "hidden": options["hidden"],
        },
        pictures={
            "folder": None if folder is None else str(folder.resolve()),
            "size": pictures.size,
            "channels": pictures.array.shape[-1],
            "zoom": options["zoom"],
            "sha256": pictures.sha256,
        },
        training={
            "optimiser": options["optimiser"],
            "learning_rate": options["lr"] or learning_rate,
            "reduction": options["reduction"] or reduction,
            "batch_size": options["batch_size"],
            "epochs": options["epochs"] or -(-DEFAULT_STEPS // steps),
            "seed": options["seed"],
        },
    )
    out = options["out"] or _free_folder(folder, specification.model.name, specification.model.propagation)
    # the model before its folder: it may not fit in memory
    trainer = Trainer(Run(out, specification).new_model(), specification.training)
    return Run.create(out, specification, overwrite=options["overwrite"]), trainer, pictures


def _resume(context: click.Context, folder: Path | None, options: dict[str, Any]) -> "tuple[Run, Trainer, Pictures]":
    """The run in --out, where it stopped."""
    from ava_np.console import say
    from ava_np.errors import RunError
    from ava_np.run import Run

    given = [name for name in options if context.get_parameter_source(name) is not ParameterSource.DEFAULT]
    refused = [f"--{name.replace('_', '-')}" for name in given if name not in RESUMABLE]
    if options["out"] is None:
        raise click.UsageError("--resume needs the run folder: --out RUN")
    if folder is not None or refused:
        raise click.UsageError(f"--resume takes {refused[0] if refused else 'FOLDER'} from the run; leave it out")
    run = Run.open(options["out"])
    pictures = run.pictures()
    if pictures.sha256 != run.specification.pictures.sha256:
        raise RunError(f"the pictures of {run.folder} have changed: start a new run with another --out")
    trainer = run.resume(options["epochs"])
    say(f"going on with {run.folder} after step {trainer.steps}")
    return run, trainer, pictures


def _train(run: "Run", trainer: "Trainer", pictures: "Pictures") -> None:
    """Train, showing progress; then write the pictures and the report."""
    from ava_np.console import reading_progress, say, training_progress
    from ava_np.evaluation import evaluate, zoom_out
    from ava_np.report import write_pictures, write_report

    training, model = run.specification.training, trainer.model
    total = training.epochs * -(-len(pictures.names) // training.batch_size)
    weight = _weight(trainer)
    parameters = sum(network.theta.size for network in model.networks.values())
    say(
        f"{model.specification.name} ({model.specification.propagation} propagation), {parameters:,} parameters; "
        f"γ = {training.learning_rate:g} ({training.optimiser}, {training.reduction}), every term with weight {weight}"
    )
    stopped = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a second Ctrl-C does not wait for the step

    previous = signal.signal(signal.SIGINT, stop)
    try:
        with training_progress(trainer.steps, total, training.epochs) as show:
            for metrics in run.train(trainer, zoom_out(pictures.array, run.specification.pictures.zoom)):
                show(trainer.steps, metrics)
                if stopped:
                    break
    finally:
        signal.signal(signal.SIGINT, previous)
    if stopped:
        say(f"stopped after step {trainer.steps} of {total}; go on with: ava train --out {run.folder} --resume")
        raise click.Abort
    with reading_progress("writing the report"):
        evaluation = evaluate(model, pictures.array, run.specification.pictures.zoom)
        write_pictures(run, model, pictures, evaluation)
        report = write_report(run, model, pictures, evaluation)
    click.echo(
        f"own error {evaluation.own_error:.4f}, (17) {evaluation.rmse:.4f} "
        f"(mean image {evaluation.rivals['mean_image']:.4f}, floor {evaluation.rivals['floor']:.4f})"
    )
    click.echo(str(report))


def _weight(trainer: "Trainer") -> str:
    """The effective weight of a term in the objective: one number, or its range over the layers."""
    weights = [weight for layers in trainer.weights.values() for weight in layers]
    low, high = f"{min(weights):.3g}", f"{max(weights):.3g}"
    return low if low == high else f"{low} to {high} by layer"


def _describe(folder: Path | None, pictures: "Pictures", say: Any) -> None:
    """Say what was read: how many, of what size, what was left out."""
    height, width = pictures.array.shape[1:3]
    kind = "grey" if pictures.array.shape[-1] == 1 else "RGB"
    where = "built-in" if folder is None else f"in {folder}"
    count = len(pictures.names)
    line = f"{count} {'picture' if count == 1 else 'pictures'} {where}, {kind} {width}x{height}"
    if len(set(pictures.sizes)) > 1:
        line += f" (resized from {len(set(pictures.sizes))} sizes)"
    elif pictures.sizes[0] != (width, height):
        line += f" (from {pictures.sizes[0][0]}x{pictures.sizes[0][1]})"
    say(line)
    if pictures.skipped:
        say(f"{len(pictures.skipped)} left out, the first: {pictures.skipped[0]}")


def _free_folder(folder: Path | None, model: str, propagation: str) -> Path:
    """runs/NAME-MODEL-PROPAGATION, with a number where that is taken."""
    stem = "builtin" if folder is None else folder.resolve().name
    base = Path("runs") / f"{stem}-{model}-{propagation}"
    candidate, number = base, 1
    while candidate.exists():
        number += 1
        candidate = base.with_name(f"{base.name}-{number}")
    return candidate
