"""``ava train``: from pictures to a run folder."""

import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, get_args

import rich_click as click
from click.core import ParameterSource

from ava_np.cli.options import (
    ARCHITECTURES,
    COUNT,
    MODELS,
    PROPAGATIONS,
    RATE,
    SHARE,
    WEIGHT,
    ArchitectureType,
    SizeType,
    WidthsType,
)
from ava_np.cli.specify import (
    BATCH,
    DEFAULT_STEPS,
    FEW,
    LARGE_BATCH,
    OF_A_MODEL,
    free_folder,
    model_specification,
    specify,
)
from ava_np.specification import TOY, Likelihood, OptimiserName, PriorName, Reduction, Schedule

if TYPE_CHECKING:
    from ava_np.data.pictures import Pictures
    from ava_np.run.folder import Run
    from ava_np.training.trainer import Trainer

ZOOM, LARGE = 3, 64  # the paper's zoom, and the side in pixels above which it is the default for dense networks
RESUMABLE = {"out", "epochs", "resume", "threads"}

GROUPS = {
    "Model": ["model", *OF_A_MODEL],
    "Pictures": ["size", "zoom", "limit", "validation", "test", "flip", "shift", "cache", "strict"],
    "Training": [
        *("epochs", "batch_size", "optimiser", "lr", "momentum", "weight_decay", "clip", "schedule", "reduction"),
        *("seed", "threads"),
    ],
    "Run folder": ["out", "resume", "overwrite"],
}
click.rich_click.OPTION_GROUPS["ava train"] = [
    {"name": name, "options": [f"--{option.replace('_', '-')}" for option in options]}
    for name, options in GROUPS.items()
]


@click.command()
@click.argument("source", metavar="[SOURCE]", required=False)
@click.option("--model", type=MODELS, default="ava5", show_default=True, help="Which model.")
@click.option(
    "--architecture",
    type=ArchitectureType(),
    metavar="|".join((*ARCHITECTURES, "FILE.json")),
    help="Layers of its networks, or a file with your own (docs/layers).  [default: mlp; dcgan for dcgan]",
)
@click.option(
    "--hidden",
    type=WidthsType(),
    help="Widths of the hidden layers, from the picture inward: neurons, or channels.  [default: 256 for mlp]",
)
@click.option("--latent", type=COUNT, help="Length of the code z.  [default: 10; 100 for dcgan]")
@click.option(
    "--propagation",
    type=PROPAGATIONS,
    help="vae, ava1 to ava5: true gradients, or the paper's rules (5) to (16) as printed.  [default: exact]",
)
@click.option(
    "--likelihood",
    type=click.Choice(get_args(Likelihood)),
    help="ae, vae, aae, vae-gan-costs: squared error, or cross-entropy.  [default: gaussian]",
)
@click.option("--beta", type=WEIGHT, help="vae: weight of the divergence.  [default: 1]")
@click.option(
    "--prior",
    type=click.Choice(get_args(PriorName)),
    help="aae, vae-gan-costs: what the codes shall look like.  [default: normal]",
)
@click.option("--stochastic", is_flag=True, default=None, help="aae: the encoder draws its code from a Gaussian.")
@click.option("--gamma", type=WEIGHT, help="vaegan: weight of the features' likeness for the decoder.  [default: 1]")
@click.option(
    "--reconstructions-are-fake/--reconstructions-are-not-fake",
    default=None,
    help="vaegan: whether the discriminator is shown reconstructions as fakes.  [default: as Algorithm 1, they are]",
)
@click.option(
    "--minibatch-discrimination",
    is_flag=True,
    default=None,
    help="Discriminators also see how alike the pictures of a batch are.",
)
@click.option(
    "--smoothing", type=SHARE, help="How far below 1 a discriminator's target for real ones is.  [default: 0]"
)
@click.option("--saturating", is_flag=True, default=None, help="Generators descend log(1 - d) instead of -log d.")
@click.option("--size", type=SizeType(), help="Resize every picture to this.  [default: the median, at most 256]")
@click.option(
    "--zoom",
    type=click.IntRange(1),
    help="The paper's fixed zoom: block means on the way in, repetition on the way out.  "
    f"[default: {ZOOM} for mlp and pictures of more than {LARGE} pixels, else 1]",
)
@click.option("--limit", type=COUNT, help="Take the first so many pictures.")
@click.option("--validation", type=SHARE, default=0.0, help="Share to hold out and measure while training.")
@click.option("--test", type=SHARE, default=0.0, help="Share to hold out for ava evaluate --part test.")
@click.option("--flip", is_flag=True, help="Mirror pictures at random, left to right.")
@click.option("--shift", type=click.IntRange(0), default=0, help="Shift pictures at random by up to so many pixels.")
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    help="Read a folder of pictures from a memory-mapped copy in this folder, made once: for more than fit in memory.",
)
@click.option("--strict", is_flag=True, help="Stop at a picture that cannot be read, instead of leaving it out.")
@click.option("--epochs", type=COUNT, help=f"Passes.  [default: enough for {DEFAULT_STEPS} steps]")
@click.option(
    "--batch-size",
    type=COUNT,
    help=f"Pictures in a step, at most.  [default: {BATCH}, or {LARGE_BATCH} of more than {FEW}]",
)
@click.option(
    "--optimiser",
    "--optimizer",
    type=click.Choice(get_args(OptimiserName)),
    default="adam",
    show_default=True,
    help="sgd is the paper's.",
)
@click.option("--lr", type=RATE, help="Learning rate γ.  [default: 0.0002; 0.03 for momentum, 0.3 for sgd]")
@click.option("--momentum", type=SHARE, help="Of momentum, or Adam's β₁.  [default: 0.9; 0.5 for Adam in GANs]")
@click.option("--weight-decay", type=WEIGHT, default=0.0, help="λ of θ <- θ - γ λ θ.")
@click.option("--clip", type=WEIGHT, default=0.0, help="Largest norm of a network's gradient, per picture.")
@click.option("--schedule", type=click.Choice(get_args(Schedule)), default="constant", help="How γ falls.")
@click.option(
    "--reduction",
    type=click.Choice(get_args(Reduction)),
    help="What γ multiplies: a picture's sum, its mean, or the mean over a layer's connections.  "
    "[default: fan for momentum and sgd, else sum]",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed, the same bytes.")
@click.option("--threads", type=click.IntRange(1), help="Threads that share large work.  [default: one a core]")
@click.option("--out", type=click.Path(path_type=Path), help="The run folder.  [default: a new one in runs/]")
@click.option("--resume", is_flag=True, help="Go on with the run in --out, to --epochs if that is given.")
@click.option("--overwrite", is_flag=True, help="Replace the run in --out.")
@click.pass_context
def train(context: click.Context, source: str | None, resume: bool, **options: Any) -> None:
    """Train a model on SOURCE and leave a run folder with everything in it.

    SOURCE is a folder of pictures, an idx file such as MNIST's or a folder that holds it, or points to learn from:
    toy:gaussian, toy:ring, toy:grid. Without it, ten built-in pictures.

    \b
    ava train
    ava train photos --out runs/photos
    ava train photos --model vae --size 96x96 --architecture conv28 --latent 32
    ava train mnist --model dcgan --hidden 32,64 --epochs 5
    ava train mnist --model aae --prior swiss-roll --latent 2
    ava train toy:gaussian --model gan --latent 1 --hidden 16 --lr 0.001 --epochs 40
    ava train photos --propagation paper --optimiser sgd --lr 0.1
    ava train --out runs/photos --resume --epochs 3000

    The run folder holds config.json, model.safetensors, metrics.jsonl, the pictures and report.html; and
    training.safetensors, which is only needed to --resume. Ctrl-C saves and stops.
    """
    threads = options.pop("threads")
    if threads is not None:
        from ava_np import use_threads

        use_threads(threads)
    if resume:
        run, trainer, pictures = _resume(context, source, options)
    else:
        run, trainer, pictures = _start(context, source, options)
    _train(run, trainer, pictures)


def _start(context: click.Context, source: str | None, options: dict[str, Any]) -> "tuple[Run, Trainer, Pictures]":
    """A new run from the options."""
    from ava_np.console import progress_counter, say
    from ava_np.data.sources import common_size, read_pictures
    from ava_np.run.folder import Run
    from ava_np.training.trainer import Trainer

    if options["overwrite"] and options["out"] is None:
        raise click.UsageError("--overwrite needs the run folder: --out RUN")
    if options["out"] is not None:
        Run.require_free(options["out"], overwrite=options["overwrite"])  # before a long read
    model = model_specification(source, options)
    if options["zoom"] is None:
        flat = model.architecture == "mlp" and not (source or "").startswith(TOY)
        large = flat and max(options["size"] or common_size(source, options["limit"] or 0)) > LARGE
        options["zoom"] = ZOOM if large else 1
    with progress_counter("reading pictures") as progress:
        pictures = read_pictures(
            source,
            size=options["size"],
            zoom=options["zoom"],
            strict=options["strict"],
            limit=options["limit"] or 0,
            cache=options["cache"],
            progress=progress,
        )
    _describe(source, pictures, options["zoom"], say)
    specification = specify(model, source, pictures, options)
    out = options["out"] or free_folder(source, specification.model)
    # the model before its folder: it may not fit in memory, or not to the pictures
    run = Run(out, specification)
    trainer = Trainer(run.new_model(), specification.training)
    trainer.check(len(run.split(pictures).train))
    return Run.create(out, specification, overwrite=options["overwrite"]), trainer, pictures


def _resume(context: click.Context, source: str | None, options: dict[str, Any]) -> "tuple[Run, Trainer, Pictures]":
    """The run in --out, where it stopped."""
    from ava_np.console import progress_counter, say
    from ava_np.errors import RunError
    from ava_np.run.folder import Run

    given = [name for name in options if context.get_parameter_source(name) is not ParameterSource.DEFAULT]
    refused = [f"--{name.replace('_', '-')}" for name in given if name not in RESUMABLE]
    if options["out"] is None:
        raise click.UsageError("--resume needs the run folder: --out RUN")
    if source is not None or refused:
        raise click.UsageError(f"--resume takes {refused[0] if refused else 'SOURCE'} from the run; leave it out")
    run = Run.open(options["out"])
    with progress_counter("reading pictures") as progress:
        pictures = run.pictures(progress=progress)
    if pictures.sha256 != run.specification.pictures.sha256:
        raise RunError(f"the pictures of {run.folder} have changed: start a new run with another --out")
    trainer = run.resume(options["epochs"])
    left = "going on with" if _steps(run, pictures) > trainer.steps else "nothing left to train in"
    say(f"{left} {run.folder} after step {trainer.steps}")
    return run, trainer, pictures


def _train(run: "Run", trainer: "Trainer", pictures: "Pictures") -> None:
    """Train, showing progress; then write the pictures and the report."""
    from ava_np.console import say, spinner, training_progress

    training, model = run.specification.training, trainer.model
    total = _steps(run, pictures)
    parameters = sum(network.theta.size for network in model.networks.values())
    propagation = getattr(model.specification, "propagation", None)
    rules = f" ({propagation} propagation)" if propagation else ""
    say(
        f"{model.specification.name}{rules}, {parameters:,} parameters; γ = {training.learning_rate:g} "
        f"({training.optimiser}, {training.reduction}), every term with weight {_weight(trainer)}"
    )
    stopped = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a second Ctrl-C does not wait for the step

    previous = signal.signal(signal.SIGINT, stop)
    try:
        with training_progress(trainer.steps, total, training.epochs) as show:
            for metrics in run.train(trainer, pictures):
                show(trainer.steps, metrics)
                if stopped:
                    break
    finally:
        signal.signal(signal.SIGINT, previous)
    if stopped:
        say(f"stopped after step {trainer.steps} of {total}; go on with: ava train --out {run.folder} --resume")
        raise click.Abort
    with spinner("writing the report"):
        from ava_np.evaluation.evaluate import evaluate  # not before: the first step need not wait for matplotlib
        from ava_np.report.page import write_pictures, write_report

        shown, evaluation = run.evaluation_pictures(pictures), None
        if model.encoder_name is not None and not run.specification.pictures.toy:
            evaluation = evaluate(model, shown.array, run.specification.pictures.zoom)
        write_pictures(run, model, shown, evaluation)
        report = write_report(run, model, shown, evaluation, parts=run.split(pictures))
    if evaluation is not None:
        click.echo(
            f"own error {evaluation.reconstruction_error:.4f}, (17) {evaluation.rmse:.4f} "
            f"(mean image {evaluation.baselines['mean_image']:.4f}, floor {evaluation.baselines['floor']:.4f})"
        )
    click.echo(str(report))


def _steps(run: "Run", pictures: "Pictures") -> int:
    """How many steps the whole training has."""
    training = run.specification.training
    return training.epochs * -(-len(run.split(pictures).train) // training.batch_size)


def _weight(trainer: "Trainer") -> str:
    """The effective weight of a term in the objective: one number, or its range over the layers."""
    weights = [weight for layers in trainer.weights.values() for weight in layers]
    low, high = f"{min(weights):.3g}", f"{max(weights):.3g}"
    return low if low == high else f"{low} to {high} by layer"


def _describe(source: str | None, pictures: "Pictures", zoom: int, say: Any) -> None:
    """Say what was read: how many, of what size, what was left out."""
    height, width = pictures.array.shape[1:3]
    count = len(pictures.names)
    if source is not None and source.startswith(TOY):
        say(f"{count} points of {source}")
        return
    kind = "grey" if pictures.array.shape[-1] == 1 else "RGB"
    where = "built-in" if source is None else f"in {source}"
    line = f"{count} {'picture' if count == 1 else 'pictures'} {where}, {kind} {width}x{height}"
    if len(set(pictures.sizes)) > 1:
        line += f" (resized from {len(set(pictures.sizes))} sizes)"
    elif pictures.sizes[0] != (width, height):
        line += f" (from {pictures.sizes[0][0]}x{pictures.sizes[0][1]})"
    if zoom > 1:
        line += f", zoomed out by {zoom}"
    say(line)
    if pictures.skipped:
        say(f"{len(pictures.skipped)} left out, the first: {pictures.skipped[0]}")
