"""``ava evaluate``, ``gradcheck`` and ``info``: figures to trust or to doubt, as tables or as JSON."""

import json
from pathlib import Path
from typing import Any, get_args

import rich_click as click

from ava_np.cli.options import MODELS, PROPAGATIONS, folder_argument, json_option, run_argument
from ava_np.specification import ModelName, Propagation


@click.command()
@run_argument
@folder_argument
@json_option
def evaluate(run_folder: Path, folder: Path | None, as_json: bool) -> None:
    """Measure how a run shows pictures back: its own, or those in FOLDER, which it may never have seen.

    Own error: each picture against its own reconstruction. (17): the paper's measure, ONE decoded image against all
    pictures; it rewards an average, so it stands beside what trivial fixed images reach. Both are ½‖difference‖ of a
    pixel's channels in [0, 1], mean over pixels and pictures.

    \b
    ava evaluate runs/mine
    ava evaluate runs/mine held-out --json
    """
    from ava_np.cli.show import pictures_of
    from ava_np.console import table
    from ava_np.evaluation import evaluate
    from ava_np.run import Run

    run = Run.open(run_folder)
    pictures = pictures_of(run, folder)
    result = evaluate(run.model(), pictures.array, run.specification.pictures.zoom)
    own = dict(zip(pictures.names, result.own_errors.tolist(), strict=True))
    if as_json:
        _print_json(
            {
                "own_error": result.own_error,
                "own_errors": own,
                "rmse": result.rmse,
                "rmse_mean": result.rmse_mean,
                "image_best": pictures.names[result.best],
                "rivals": result.rivals,
            }
        )
        return
    click.echo(table(["picture", "own error"], [[name, f"{value:.4f}"] for name, value in own.items()]))
    click.echo(f"\nown error, mean                 {result.own_error:.4f}\n")
    rows = [[f"this run, imageBest = {pictures.names[result.best]}", f"{result.rmse:.4f}"]]
    rows.append(["this run, mean over its images", f"{result.rmse_mean:.4f}"])
    rows += [[name.replace("_", " "), f"{value:.4f}"] for name, value in result.rivals.items()]
    click.echo(table(["one image against all", "(17)"], rows))


@click.command()
@click.option("--model", type=MODELS, help="Only this model.  [default: all]")
@click.option("--propagation", type=PROPAGATIONS, help="Only this propagation.  [default: both]")
@json_option
@click.pass_context
def gradcheck(context: click.Context, model: str | None, propagation: str | None, as_json: bool) -> None:
    """Hold every gradient against central differences in double precision, parameter by parameter and input by input.

    Exact rules are held against the printed objective, paper rules against the surrogate that they descend
    (docs/paper/ava.md). The exit code is 1 if any relative error reaches 1e-6.

    \b
    ava gradcheck
    ava gradcheck --model ava5 --propagation paper
    """
    from dataclasses import asdict

    from ava_np.console import say, table
    from ava_np.gradcheck import LIMIT, check

    rows = []
    for name in (model,) if model else get_args(ModelName):
        for rule in (propagation,) if propagation else get_args(Propagation):
            rows += check(name, rule)
    worst = max(rows, key=lambda row: row.relative_error)
    if as_json:
        _print_json([asdict(row) for row in rows])
    else:
        cells = [[*list(asdict(row).values())[:-1], f"{row.relative_error:.1e}"] for row in rows]
        click.echo(table(["model", "propagation", "network", "layer", "quantity", "relative error"], cells))
    failed = [row for row in rows if not row.relative_error < LIMIT]
    verdict = f"{len(failed)} of {len(rows)} rows reach {LIMIT:g}" if failed else f"all {len(rows)} rows pass"
    say(
        f"{verdict}; the worst is {worst.relative_error:.1e}: {worst.model} {worst.propagation} {worst.network} "
        f"{worst.layer} {worst.quantity}"
    )
    context.exit(1 if failed else 0)


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
            click.echo(f"  {key:<22} {json.dumps(value) if isinstance(value, dict) else value}")


def _run(folder: Path) -> dict[str, Any]:
    import msgspec

    from ava_np.run import Run

    run = Run.open(folder)
    model, epochs = run.model(), run.metrics()
    specification: dict[str, Any] = msgspec.to_builtins(run.specification)
    specification["networks"] = {
        name: f"{'-'.join(str(shape[0]) for shape in dict.fromkeys(network.shapes))}, {network.theta.size:,} parameters"
        for name, network in model.networks.items()
    }
    last = epochs[-1] if epochs else {"epoch": 0, "step": 0, "nats": {}}
    specification["progress"] = {"epochs": last["epoch"], "steps": last["step"], "nats": last["nats"]}
    specification.pop("format")
    return specification


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
