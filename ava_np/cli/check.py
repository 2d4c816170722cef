"""``ava evaluate``, ``gradcheck`` and ``info``: figures to trust or to doubt, as tables or as JSON."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import rich_click as click

from ava_np.cli.options import ARCHITECTURES, MODELS, PROPAGATIONS, folder_argument, json_option, run_argument
from ava_np.specification import MODELS as SPECIFICATIONS
from ava_np.specification import Part, Propagation

if TYPE_CHECKING:
    from ava_np.data.pictures import Pictures
    from ava_np.models import Model
    from ava_np.models.gradcheck import Row
    from ava_np.run.folder import Run


MAX_LISTED, WORST = 100, 10  # pictures whose own errors are all printed, and of more the worst


@click.command()
@run_argument
@folder_argument
@click.option(
    "--part",
    type=click.Choice(get_args(Part)),
    help="Which of the run's own pictures, if some are held out.  [default: train]",
)
@json_option
def evaluate(run_folder: Path, folder: Path | None, part: Part | None, as_json: bool) -> None:
    """Measure how a run shows pictures back: its own, or those in FOLDER, which it may never have seen.

    Own error: each picture against its own reconstruction. (17): the paper's measure, ONE decoded image against all
    pictures; it rewards an average, so it stands beside what trivial fixed images reach. Both are ½‖difference‖ of a
    pixel's channels in [0, 1], mean over pixels and pictures. Of many pictures 1000 are judged, evenly spaced.

    A model without an encoder (gan, dcgan) shows nothing back: (17) is then that of 100 samples. Of points of a toy
    distribution it is said how many modes 1000 samples find, and how many of them are good.

    \b
    ava evaluate runs/mine
    ava evaluate runs/mine held-out --json
    ava evaluate runs/mine --part test
    """
    from ava_np.run.folder import Run

    run = Run.open(run_folder)
    if folder is not None and part is not None:
        raise click.UsageError("--part is of the run's own pictures: leave it or FOLDER out")
    if run.specification.pictures.toy:
        if folder is not None or part is not None:
            raise click.UsageError("samples are judged by the toy distribution itself: leave out FOLDER and --part")
        found, text = _toy(run)
    else:
        found, text = _pictures(run, *_judged(run, folder, part or "train"))
    if as_json:
        _print_json(found)
    else:
        click.echo(text)


def _judged(run: "Run", folder: Path | None, part: Part) -> "tuple[Model, Pictures]":
    """The model, and at most 1000 pictures of a part or a folder; if they are not all of them, that is said."""
    from ava_np.cli.show import pictures_of
    from ava_np.console import say
    from ava_np.run.folder import subsample

    model, every = run.model(), pictures_of(run, folder)
    count = len(every.names) if folder is not None else len(getattr(run.split(every), part))
    pictures = subsample(every) if folder is not None else run.evaluation_pictures(every, part)
    if len(pictures.names) < count:
        say(f"{len(pictures.names):,} of {count:,} pictures are judged, evenly spaced")
    return model, pictures


def _pictures(run: "Run", model: "Model", pictures: "Pictures") -> tuple[dict[str, Any], str]:
    """What ``evaluate`` says of pictures, as JSON and as text."""
    from ava_np.console import table
    from ava_np.evaluation.evaluate import MAX_COMPARED, evaluate, sample_generator, sample_rmses
    from ava_np.evaluation.metrics import baselines

    zoom = run.specification.pictures.zoom
    found: dict[str, Any]
    if model.encoder_name is None:
        rmses = sample_rmses(model, pictures.array, zoom, sample_generator(run.specification))
        found = {"rmse": float(rmses.min()), "rmse_mean": float(rmses.mean()), "samples": MAX_COMPARED}
        found["baselines"] = baselines(pictures.array, zoom)
        names, text = (f"the best of {MAX_COMPARED} samples", f"{MAX_COMPARED} samples, mean"), ""
    else:
        result = evaluate(model, pictures.array, zoom)
        own = dict(zip(pictures.names, result.reconstruction_errors.tolist(), strict=True))
        best = pictures.names[result.best]
        found = {
            "reconstruction_error": result.reconstruction_error,
            "reconstruction_errors": own,
            "rmse": result.rmse,
            "rmse_mean": result.rmse_mean,
        }
        found |= {"image_best": best, "baselines": result.baselines}
        names = (f"this run, imageBest = {best}", "this run, mean over its images")
        heading, listed = "picture", list(own.items())
        if len(own) > MAX_LISTED:
            heading = f"the {WORST} worst of {len(own):,} pictures"
            listed = sorted(listed, key=lambda item: -item[1])[:WORST]
        text = table([heading, "own error"], [[name, f"{value:.4f}"] for name, value in listed])
        text += f"\n\nown error, mean                 {result.reconstruction_error:.4f}\n\n"
    rows = [[names[0], f"{found['rmse']:.4f}"], [names[1], f"{found['rmse_mean']:.4f}"]]
    rows += [[name.replace("_", " "), f"{value:.4f}"] for name, value in found["baselines"].items()]
    return found, text + table(["one image against all", "(17)"], rows)


def _toy(run: "Run") -> tuple[dict[str, Any], str]:
    """What ``evaluate`` says of a toy distribution, as JSON and as text."""
    from ava_np.console import table
    from ava_np.evaluation.evaluate import evaluate_toy

    judged = evaluate_toy(run.model(), run.specification)
    found: dict[str, Any] = {"samples": len(judged.points)}
    found |= {"modes": judged.modes_found, "of": judged.mode_count, "good": judged.good_fraction}
    rows = [
        ["modes found", f"{judged.modes_found} of {judged.mode_count}"],
        ["good samples", f"{100 * judged.good_fraction:.1f} %"],
    ]
    if judged.points.shape[1] == 1:
        found |= {"mean": float(judged.points.mean()), "deviation": float(judged.points.std())}
        rows += [[name, f"{found[name]:.4f}"] for name in ("mean", "deviation")]
    return found, table([f"{len(judged.points):,} samples", ""], rows)


@click.command()
@click.option("--model", type=MODELS, help="Only this model.  [default: all]")
@click.option("--architecture", type=click.Choice(ARCHITECTURES), help="Only this architecture.  [default: all]")
@click.option("--propagation", type=PROPAGATIONS, help="Only this propagation.  [default: both, where there are two]")
@click.option(
    "--minibatch-discrimination",
    "many",
    is_flag=True,
    help="With that layer in the discriminators of the models that have them.",
)
@click.option("--all", "every", is_flag=True, help="Print every gradient, and not the worst of each model alone.")
@json_option
@click.pass_context
def gradcheck(
    context: click.Context,
    model: str | None,
    architecture: str | None,
    propagation: str | None,
    many: bool,
    every: bool,
    as_json: bool,
) -> None:
    """Hold every gradient against central differences in double precision, parameter by parameter and input by input.

    Exact rules are held against the printed objective, paper rules against the surrogate that they descend
    (docs/paper/ava.md). The exit code is 1 if any relative error reaches 1e-6.

    \b
    ava gradcheck
    ava gradcheck --model ava5 --propagation paper --all
    ava gradcheck --architecture dcgan --minibatch-discrimination
    """
    from dataclasses import asdict

    from ava_np.console import say, table
    from ava_np.models.gradcheck import LIMIT, check

    checked = []
    for name in (model,) if model else SPECIFICATIONS:
        fields = SPECIFICATIONS[name].__struct_fields__
        rules = _options(fields, propagation, many)
        if model and not rules:
            raise click.UsageError(f"{model} has no discriminator, or only one propagation: leave that option out")
        for kind in (architecture,) if architecture else ARCHITECTURES:
            checked += [(options, check(name, kind, **options)) for options in rules]
    rows = [row for _, found in checked for row in found]
    if as_json:
        _print_json([asdict(row) for row in rows])
    elif every:
        cells = [[*list(asdict(row).values())[:-1], f"{row.relative_error:.1e}"] for row in rows]
        headings = ["model", "architecture", "propagation", "phase", "network", "layer", "quantity", "relative error"]
        click.echo(table(headings, cells))
    else:
        headings = ["model", "architecture", "propagation", "gradients", "worst", "where"]
        click.echo(table(headings, [_summary(options, found) for options, found in checked]))
    worst = max(rows, key=_error)
    failed = [row for row in rows if not row.relative_error < LIMIT]
    verdict = f"{len(failed)} of {len(rows)} gradients reach {LIMIT:g}" if failed else f"all {len(rows)} gradients pass"
    say(f"{verdict}; the worst is {worst.relative_error:.1e}: {worst.model}, {worst.architecture}, {_where(worst)}")
    context.exit(1 if failed else 0)


def _options(fields: tuple[str, ...], propagation: str | None, many: bool) -> list[dict[str, Any]]:
    """What to check a model of these fields with, one after the other; nothing if it lacks what is asked for."""
    if (many and "minibatch_discrimination" not in fields) or (propagation and "propagation" not in fields):
        return []
    options: dict[str, Any] = {"minibatch_discrimination": True} if many else {}
    if "propagation" not in fields:
        return [options]
    rules = (propagation,) if propagation else get_args(Propagation)
    return [{**options, "propagation": rule} for rule in rules]


def _summary(options: dict[str, Any], rows: "list[Row]") -> list[str]:
    """One line for a check of one model."""
    worst, rule = max(rows, key=_error), options.get("propagation", "")
    error = f"{worst.relative_error:.1e}"
    return [worst.model, worst.architecture, rule, str(len(rows)), error, _where(worst)]


def _error(row: "Row") -> float:
    return math.inf if math.isnan(row.relative_error) else row.relative_error


def _where(row: "Row") -> str:
    return f"{row.phase}: {row.network}.{row.layer}.{row.quantity}"


@click.command()
@click.argument("run_folder", metavar="[RUN]", required=False, type=click.Path(path_type=Path))
@json_option
def info(run_folder: Path | None, as_json: bool) -> None:
    """Describe a run, or without RUN this installation.

    \b
    ava info runs/mine
    ava info --json
    """
    described = _installation() if run_folder is None else _run(run_folder)
    if as_json:
        _print_json(described)
        return
    for section, values in described.items():
        click.echo(section)
        for key, value in values.items():
            click.echo(f"  {key:<24} {_text(value)}")


def _run(folder: Path) -> dict[str, Any]:
    import msgspec

    from ava_np.report.names import layers_text
    from ava_np.run.folder import Run

    run = Run.open(folder)
    model, epochs = run.model(), run.metrics()
    specification: dict[str, Any] = msgspec.to_builtins(run.specification)
    specification["networks"] = {
        name: f"{layers_text(network)}; {network.theta.size:,} parameters" for name, network in model.networks.items()
    }
    last = epochs[-1] if epochs else {"epoch": 0, "step": 0, "nats": {}}
    specification["progress"] = {"epochs": last["epoch"], "steps": last["step"], "nats": last["nats"]}
    specification.pop("format")
    return specification


def _text(value: Any) -> str:
    """A value of a specification for reading: numbers by name, lists without brackets, no word where there is none."""
    match value:
        case str():
            return value
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.6g}"
        case dict():
            return ", ".join(f"{name} {_text(inner)}" for name, inner in value.items())
        case [dict(), *_]:
            return json.dumps(value)
        case [*inner]:
            return ", ".join(map(_text, inner))
        case None:
            return ""
    return str(value)


def _installation() -> dict[str, Any]:
    import platform
    from importlib.metadata import version

    import llvmlite.binding
    import numba

    names = ("ava-np", "numpy", "numba", "pillow")
    return {
        "versions": {"python": platform.python_version(), **{name: version(name) for name in names}},
        "machine": {
            "processor": llvmlite.binding.get_host_cpu_name(),
            "threads": numba.get_num_threads(),
        },
    }


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))
