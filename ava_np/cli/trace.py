"""``ava trace``: one step of a small model, with every number."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from ava_np.cli.options import RATE, SEED, CountsType, SizeType, Word
from ava_np.console import echo, say, spinner, table
from ava_np.errors import AvaError
from ava_np.specification import MODELS

if TYPE_CHECKING:
    from ava_np.trace import Trace

MAX_SIDE, MAX_WIDTH = 8, 32  # so that a trace can be read


@click.command()
@click.argument("model", type=Word(["all", *MODELS]), default="ava5", metavar="MODEL")
@click.option(
    "--propagation",
    type=Word(["exact", "paper", "both"]),
    help="True gradients, the paper's rules, or one after the other with the angle between them.  [default: exact]",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seed of weights, picture and noise.")
@click.option("--size", type=SizeType(), default="2x2", show_default=True, help="Pixels of a picture.")
@click.option("--latent", type=click.IntRange(1, MAX_WIDTH), default=2, show_default=True, help="Numbers of a code.")
@click.option(
    "--hidden", type=CountsType("width"), default="3", show_default=True, help="Neurons of each hidden layer."
)
@click.option("--batch", type=click.IntRange(1, MAX_SIDE), default=1, show_default=True, help="Pictures.")
@click.option("--rate", type=RATE, default=0.01, show_default=True, help="γ of the update.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write every number."
)
@click.option(
    "--html",
    "html_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.html",
    help="Write a page on which to step through it.",
)
@click.pass_context
def trace(
    context: click.Context,
    model: str,
    propagation: str | None,
    seed: int,
    size: tuple[int, int],
    latent: int,
    hidden: tuple[int, ...],
    batch: int,
    rate: float,
    json_file: Path | None,
    html_file: Path | None,
) -> None:
    """Do one step of a small model and show every number: forward, errors back, gradients, update.

    The lines are those of the model's own code, and each error and gradient is compared with finite differences. The
    exit code is 1 if a relative error reaches 1e-6.

    \b
    ava trace ava5
    ava trace ava5 --propagation both --html ava5.html
    ava trace vae --hidden 4,3 --json vae.json
    ava trace all --html backpropagation.html
    """
    names = list(MODELS) if model == "all" else [model]
    rules = {name: _rules(name, propagation, every=model == "all") for name in names}
    _check_sizes(size, hidden)
    for file in (json_file, html_file):
        if file is not None and file.exists():
            raise AvaError(f"{file} exists: choose another name")

    from ava_np.models.gradcheck import LIMIT
    from ava_np.trace import trace_step

    sizes: dict[str, Any] = {"shape": (size[1], size[0], 1), "latent": latent, "hidden": hidden, "batch": batch}
    with spinner("tracing"):
        traces = [
            trace_step(name, seed=seed, rate=rate, **sizes, **options) for name in names for options in rules[name]
        ]
    _write(traces, json_file, html_file)
    if model == "all":
        echo(table(["model", "propagation", "rows", "worst", "where"], [_summary(one) for one in traces]))
    else:
        for one in traces:
            _print(one)
        if len(traces) > 1:
            _print_angles(traces)
    error, where = max(one.worst for one in traces)
    say(f"the largest relative error against finite differences is {error:.1e}: {where}")
    context.exit(0 if error < LIMIT else 1)


def _rules(name: str, propagation: str | None, *, every: bool) -> list[dict[str, Any]]:
    """The options of each trace of a model."""
    if "propagation" not in MODELS[name].__struct_fields__:
        if propagation and not every:
            raise click.UsageError(f"{name} has only one propagation: leave out --propagation")
        return [{}]
    wanted = propagation or ("both" if every else "exact")
    return [{"propagation": rule} for rule in (("exact", "paper") if wanted == "both" else (wanted,))]


def _check_sizes(size: tuple[int, int], hidden: tuple[int, ...]) -> None:
    if max(size) > MAX_SIDE:
        raise click.UsageError(f"--size: a trace shows pictures of at most {MAX_SIDE}x{MAX_SIDE} pixels")
    if any(width > MAX_WIDTH for width in hidden):
        raise click.UsageError(f"--hidden: a trace shows layers of at most {MAX_WIDTH} neurons")


def _print(trace: "Trace") -> None:
    from ava_np.trace.table import gradient_cells, rows_text, update_cells

    name = trace.model.specification.name
    echo(f"{name}, {trace.propagation} propagation\n" if trace.propagation else f"{name}\n")
    echo(rows_text(trace, max(shutil.get_terminal_size((140, 24)).columns, 120)))
    for headings, cells in (gradient_cells(trace), update_cells(trace)):
        echo(f"\n{table(headings, cells)}")
    echo("")


def _print_angles(traces: "list[Trace]") -> None:
    from ava_np.trace.document import angles

    exact, paper = traces
    echo(table(["network", "angle, exact to paper"], [[k, f"{v:.1f}°"] for k, v in angles(exact, paper).items()]))


def _summary(trace: "Trace") -> list[str]:
    error, where = trace.worst
    return [trace.model.specification.name, trace.propagation, str(len(trace.rows)), f"{error:.1e}", where]


def _write(traces: "list[Trace]", json_file: Path | None, html_file: Path | None) -> None:
    from ava_np.files import write_atomically
    from ava_np.trace.document import to_json

    if json_file is not None:
        write_atomically(json_file, to_json(traces).encode())
        echo(str(json_file))
    if html_file is not None:
        from ava_np.trace.page import page

        write_atomically(html_file, page(traces))
        echo(str(html_file))
