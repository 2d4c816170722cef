"""``ava train``: from pictures to a run folder."""

import signal
from collections.abc import Mapping
from contextlib import closing
from math import prod
from pathlib import Path
from shlex import quote
from types import FrameType
from typing import TYPE_CHECKING, Any

import msgspec
import rich_click as click
from click.exceptions import Exit
from msgspec.structs import replace

from ava_np.cli.train_options import DEFAULT, train_options
from ava_np.console import echo, say
from ava_np.errors import AvaError, NotFiniteError, OptionError
from ava_np.share import ALONE, Share
from ava_np.specification import MODELS, OnDivergence, RunOptions
from ava_np.specification.defaults import FEW_PICTURES
from ava_np.specification.presets import fill_in

if TYPE_CHECKING:
    from ava_np.evaluation.evaluate import Evaluation
    from ava_np.run.checkpoint_interval import Interval
    from ava_np.run.session import Session
    from ava_np.tracking import Log

STOP_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")
STOP_SIGNALS = [getattr(signal, name) for name in STOP_NAMES if hasattr(signal, name)]
"""Ctrl-C; batch systems, ``docker stop`` and ``timeout``; a terminal that is closed; and what ``mpirun`` passes on,
which kills its processes a moment after the others."""

CHANGEABLE = {"epochs", "learning_rate", "patience", "cache", "checkpoint_every", "on_divergence"}
"""Options that --resume takes."""

MODEL_FIELDS = {field for kind in MODELS.values() for field in kind.__struct_fields__}


@click.command()
@click.argument("source", metavar="[SOURCE]", required=False)
@train_options
@click.pass_context
def train(
    context: click.Context,
    source: str | None,
    threads: int | None,
    out: Path | None,
    resume: bool,
    log: tuple[str, ...],
    **options: Any,
) -> None:
    """Train a model on SOURCE and write a run folder.

    SOURCE is a folder of pictures, an idx file such as MNIST's or a folder that holds one, or points of a toy
    distribution: toy:gaussian, toy:ring, toy:grid. Without SOURCE, ten built-in pictures.

    \b
    ava train
    ava train photos --out runs/photos
    ava train photos --size 64 --fit pad
    ava train photos --preset photos --minutes 10
    ava train photos --model vae --size 96x96 --architecture conv28 --latent 32
    ava train mnist --model dcgan --hidden 32,64 --epochs 5
    ava train mnist --model aae --prior swiss-roll --latent 2
    ava train photos --model cascade --from runs/vae
    ava train toy:gaussian --model gan --latent 1 --hidden 16 --lr 0.001 --epochs 40
    ava train photos --propagation paper --optimiser sgd --lr 0.1
    ava train --out runs/photos --resume --epochs 3000

    --resume continues a run with its own options, except --epochs, --lr, --patience, --cache, --checkpoint-every,
    --on-divergence and --log. SOURCE says where the pictures are now, if they have moved.

    The run folder contains config.json, model.safetensors, metrics.jsonl, pictures and report.html, and
    training.safetensors, which only --resume needs. Open report.html while it trains: it shows the progress. Ctrl-C,
    SIGTERM and a closed terminal save, write the report and stop; a second Ctrl-C stops at once.

    Several processes train together under MPI: mpirun -n 4 ava train photos. Each computes its part of every batch. To
    save and stop, send SIGUSR1 to mpirun: after Ctrl-C it kills the processes, and the last save stays.
    """
    if threads is not None:
        from ava_np import use_threads

        use_threads(threads)
    given = {name: value for name, value in options.items() if value is not None}
    if context.obj is not None:  # this process leads those of mpirun
        given["share"] = context.obj
    else:
        from ava_np.run.compilation import second_process

        context.with_resource(second_process())
    try:
        session = _resume(source, out, **given) if resume else _start(source, out, **given)
    except OptionError as error:
        raise click.BadParameter(str(error), param_hint=_flag(error.option)) from error
    with session.run:  # also between the training and its report, no other training may write the run
        try:
            stopped = _train(session, log)
        except NotFiniteError:
            _report_of_stopped(session)
            raise
        if stopped:
            say(_stopped(session))
            _report_of_stopped(session)
            raise Exit(128 + stopped)
        _report(session)


def _start(
    source: str | None,
    out: Path | None,
    *,
    overwrite: bool = False,
    strict: bool = False,
    checkpoint_every: "Interval | None" = None,
    on_divergence: OnDivergence = "stop",
    minutes: float | None = None,
    share: Share = ALONE,
    **given: Any,
) -> "Session":
    """Start a new run with the options that were given."""
    if overwrite and out is None:
        raise click.UsageError("--overwrite needs the run folder: --out RUN")
    if minutes is not None and "epochs" in given:
        raise click.UsageError("--minutes and --epochs both say how long to train: leave one of them out")
    if "preset" in given:
        _describe_preset(**given)
    options = run_options(source, **given)

    from ava_np.console import progress_counter
    from ava_np.run.session import start

    with progress_counter("reading pictures") as progress:
        session = start(
            options,
            out,
            overwrite=overwrite,
            strict=strict,
            checkpoint_every=checkpoint_every,
            on_divergence=on_divergence,
            minutes=minutes,
            share=share,
            progress=progress,
        )
    _describe(session, source)
    if options.trained_vae is not None:
        say(f"codes from the VAE in {options.trained_vae}")
    _describe_layers(session, options.model_options)
    return session


def run_options(
    source: str | None, *, model: str = str(DEFAULT.model), preset: str | None = None, **given: Any
) -> RunOptions:
    """Return the options of a run from those that were given on the command line."""
    if preset is not None:
        given = fill_in(given, preset, model)
    of_model = {name: value for name, value in given.items() if name in MODEL_FIELDS}
    others = {name: value for name, value in given.items() if name not in MODEL_FIELDS}
    try:
        return RunOptions(source, model=model, model_options=of_model, **others)
    except msgspec.ValidationError as error:  # of what the types of the options leave open, such as a long path
        raise click.UsageError(f"an option is out of range: {error}") from error


def _describe_preset(*, preset: str, model: str = str(DEFAULT.model), **given: Any) -> None:
    """Print the options of a preset that were not given."""
    filled = fill_in(given, preset, model)
    added = {name: value for name, value in filled.items() if name not in given}
    between = {"size": "x", "augment": ","}
    texts = {name: between[name].join(map(str, value)) if name in between else value for name, value in added.items()}
    options = " ".join(_flag(name) if value is True else f"{_flag(name)} {value}" for name, value in texts.items())
    say(f"preset {preset}: {options or 'all of its options were given'}")


def _resume(source: str | None, out: Path | None, **given: Any) -> "Session":
    """Continue the run in --out."""
    if out is None:
        raise click.UsageError("--resume needs the run folder: --out RUN")
    refused = [option for option in given if option not in {*CHANGEABLE, "share"}]
    if refused:
        raise click.UsageError(f"--resume takes {_flag(refused[0])} from the run: leave it out")

    from ava_np.console import progress_counter
    from ava_np.run.session import resume

    with progress_counter("reading pictures") as progress:
        session = resume(out, source=source, progress=progress, **given)
    steps = session.trainer.steps
    if "learning_rate" in given and session.total_steps <= steps:
        raise click.UsageError("--lr has no effect, since nothing is left to train: add --epochs")
    say(f"{'resuming' if session.total_steps > steps else 'nothing left to train in'} {out} after step {steps}")
    return session


def _train(session: "Session", log: tuple[str, ...]) -> int:
    """Train and show the progress. Ctrl-C saves after the current step and stops; return the signal, or 0."""
    from ava_np.console import training_progress
    from ava_np.data.stored import StoredArray
    from ava_np.report.live import LivePage
    from ava_np.run.memory import size_text, training_memory

    run, trainer, total = session.run, session.trainer, session.total_steps
    training, model = trainer.training, trainer.model
    parameters = sum(network.theta.size for network in model.networks.values())
    propagation = getattr(model.specification, "propagation", None)
    rules = f" ({propagation} propagation)" if propagation else ""
    pictures, largest = run.specification.pictures, max(map(prod, session.data.pictures.sizes))
    array = session.data.pictures.array  # in memory, if the cache that the run names is not there
    pictures = replace(pictures, cache=str(array.path) if isinstance(array, StoredArray) else None)
    memory = size_text(training_memory(trainer, pictures, largest).total)
    processes = f" in each of {trainer.share.size} processes" if trainer.share.size > 1 else ""
    say(
        f"{model.specification.name}{rules}, {parameters:,} parameters, at most {memory} of memory{processes}; "
        f"γ = {training.learning_rate:g} ({training.optimiser}, {training.reduction}), "
        f"gradients scaled by {_weight(trainer.weights)}"
    )
    page, logs = LivePage(session), [_log(kind, session) for kind in dict.fromkeys(log)]
    stopped: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a second Ctrl-C does not wait for the step

    previous = {number: signal.signal(number, stop) for number in STOP_SIGNALS}
    try:
        # Closed here, because the training saves when it is closed, and what fails then must not go unnoticed.
        with training_progress(trainer.steps, total, training.epochs) as show, closing(iter(session)) as steps:
            for metrics in steps:
                show(trainer.steps, metrics)
                if metrics is not None:
                    for one in logs:
                        one(trainer, metrics)
                if stopped:
                    break
                page.refresh()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        for one in logs:
            one.close()
    if not stopped and trainer.steps < total:
        say(_stopped_early(session))
    return stopped[0] if stopped else 0


def _log(kind: str, session: "Session") -> "Log":
    """The log of --log csv or --log tensorboard, in the run folder."""
    from ava_np.run.names import METRICS_CSV
    from ava_np.tracking import CSVLog, TensorBoardLog

    folder = session.run.folder
    if kind == "csv":
        return CSVLog(folder / METRICS_CSV, session.run.metrics())
    try:
        return TensorBoardLog(folder / "tensorboard", session.trainer.steps)
    except ImportError:
        raise AvaError("--log tensorboard needs tensorboardX: pip install 'ava-np[track]'") from None


def _stopped_early(session: "Session") -> str:
    """Why a training has stopped before its last epoch, and how it continues."""
    from ava_np.training.early_stopping import BestValidation

    run, patience = session.run, session.trainer.training.patience
    best = BestValidation.of(run.metrics())
    return (
        f"stopped early: the validation error has not improved in {best.waited} evaluations; the weights are those of "
        f"epoch {best.epoch}, with {best.error:.4g}; continue with: "
        f"ava train --out {quote(str(run.folder))} --resume --patience {2 * patience}"
    )


def _stopped(session: "Session") -> str:
    """Where a training has stopped, and how it continues: not from there if the state of that step was not saved."""
    from ava_np.run.checkpoint import saved_steps
    from ava_np.run.names import TRAINING

    folder, steps = session.run.folder, session.trainer.steps
    line = f"stopped after step {steps} of {session.total_steps}"
    if not (folder / TRAINING).exists():  # it never had room on the disk
        return f"{line}; its weights are saved, but it cannot be continued"
    if (saved := saved_steps(folder / TRAINING)) != steps:
        line += f", saved after step {saved}"
    again = "" if session.on_divergence == "stop" else f" --on-divergence {session.on_divergence}"
    return f"{line}; continue with: ava train --out {quote(str(folder))} --resume{again}"


def _report_of_stopped(session: "Session") -> None:
    """Write the pictures and the report of a training that has stopped, without a word on standard output."""
    from ava_np.console import spinner
    from ava_np.run.names import REPORT

    try:
        with spinner("writing the report"):
            from ava_np.report.run import report_run

            report_run(session)
    except AvaError as error:
        say(f"the report was not written: {error}")
    else:
        say(f"its pictures and its report: {session.run.folder / REPORT}")


def _report(session: "Session") -> None:
    """Write the pictures and the report; print the errors and the path of the report."""
    from ava_np.console import spinner

    with spinner("writing the report"):
        from ava_np.report.run import report_run  # not before: the first step need not wait for matplotlib
        from ava_np.run.names import REPORT

        evaluation, findings = report_run(session)
    if evaluation is not None:
        echo(_errors(evaluation, session.trainer.model.latent))
    for finding in findings:
        echo(str(finding))
    echo(str(session.run.folder / REPORT))


def _errors(evaluation: "Evaluation", latent: int) -> str:
    pca = "" if evaluation.pca_is_perfect else f", PCA of {latent} {evaluation.pca_error:.4f}"
    return (
        f"reconstruction error {evaluation.reconstruction_error:.4f} "
        f"(the mean picture {evaluation.mean_image_error:.4f}{pca})"
    )


def _weight(weights: dict[str, list[float]]) -> str:
    """The weight of the terms in each layer: one number, or the range over all layers."""
    every = [weight for layers in weights.values() for weight in layers]
    low, high = f"{min(every):.3g}", f"{max(every):.3g}"
    return low if low == high else f"{low} to {high} by layer"


def _describe(session: "Session", source: str | None) -> None:
    """Print the number, the size and the source of the pictures, and how many files were left out."""
    from ava_np.cli.pictures import say_left_out
    from ava_np.data.fitting import fit_line

    pictures, specification = session.data.pictures, session.run.specification.pictures
    count = len(pictures.names)
    if specification.toy:
        say(f"{count} points of {source}")
        return
    height, width, channels = pictures.array.shape[1:]
    where = "built-in" if source is None else f"in {source}"
    kind = "grey" if channels == 1 else "RGB"
    line = f"{count} {'picture' if count == 1 else 'pictures'} {where}, {kind} {width}x{height}"
    if len(set(pictures.sizes)) > 1:
        line += f" (resized from {len(set(pictures.sizes))} sizes)"
    elif pictures.sizes[0] != (width, height):
        line += f" (from {pictures.sizes[0][0]}x{pictures.sizes[0][1]})"
    if specification.zoom > 1:
        line += f", zoomed out by {specification.zoom}"
    say(line)
    if fitted := fit_line(pictures.sizes, pictures.size, specification.fit):
        say(fitted)
    say_left_out(pictures)


def _describe_layers(session: "Session", given: Mapping[str, Any]) -> None:
    """Print the architecture that was chosen for the pictures, as the options that would set it."""
    model, count = session.run.specification.model, len(session.data.split.train)
    if {"architecture", "hidden"} & given.keys() or session.run.specification.pictures.toy:
        return
    chosen = {"architecture": model.architecture, "hidden": ",".join(map(str, model.hidden)), "latent": model.latent}
    options = " ".join(f"--{name} {value}" for name, value in chosen.items() if value and name not in given)
    few = "few pictures: dense layers" if count < FEW_PICTURES else "dense layers"
    say(f"{'convolutions' if model.architecture != 'mlp' else few}, {options}")


def _flag(name: str) -> str:
    """The command-line option that sets a parameter."""
    return next(parameter.opts[0] for parameter in train.params if parameter.name == name)
