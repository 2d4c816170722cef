"""``ava gradcheck``: every gradient compared with central differences."""

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, get_args

import rich_click as click

from ava_np.cli.options import ARCHITECTURES, MODELS, PROPAGATIONS, Word, json_option, print_json
from ava_np.console import echo
from ava_np.specification import MODELS as SPECIFICATIONS
from ava_np.specification import Propagation

if TYPE_CHECKING:
    from ava_np.models.gradcheck import Row


@click.command()
@click.option("--model", type=MODELS, help="Check only this model.  [default: all]")
@click.option("--architecture", type=Word(ARCHITECTURES), help="Check only this architecture.  [default: all]")
@click.option("--propagation", type=PROPAGATIONS, help="Check only this propagation.  [default: both]")
@click.option(
    "--minibatch-discrimination",
    "minibatch",
    is_flag=True,
    help="Check the models with a discriminator, with that layer in it.",
)
@click.option("--all", "every", is_flag=True, help="Print every gradient instead of the worst one of each model.")
@json_option
@click.pass_context
def gradcheck(
    context: click.Context,
    model: str | None,
    architecture: str | None,
    propagation: str | None,
    minibatch: bool,
    every: bool,
    as_json: bool,
) -> None:
    """Compare every gradient with central differences in double precision, for parameters and inputs of layers.

    Exact rules are compared with the objective, paper rules with the surrogate objective that they descend
    (docs/paper/ava.md). The exit code is 1 if a relative error reaches 1e-6.

    \b
    ava gradcheck
    ava gradcheck --model ava5 --propagation paper --all
    ava gradcheck --architecture dcgan --minibatch-discrimination
    """
    from ava_np.console import say, table
    from ava_np.models.gradcheck import LIMIT, check

    checks = []
    for name in (model,) if model else SPECIFICATIONS:
        fields = SPECIFICATIONS[name].__struct_fields__
        rules = _options(fields, propagation, minibatch)
        if model and not rules:
            raise click.UsageError(f"{model} has no discriminator, or only one propagation: leave out that option")
        for kind in (architecture,) if architecture else ARCHITECTURES:
            checks += [(options, check(name, kind, **options)) for options in rules]
    rows = [row for _, checked_rows in checks for row in checked_rows]
    if as_json:
        print_json([asdict(row) for row in rows])
    elif every:
        cells = [[*list(asdict(row).values())[:-1], f"{row.relative_error:.1e}"] for row in rows]
        headings = ["model", "architecture", "propagation", "phase", "network", "layer", "quantity", "relative error"]
        echo(table(headings, cells))
    else:
        headings = ["model", "architecture", "propagation", "gradients", "worst", "where"]
        echo(table(headings, [_summary(options, checked_rows) for options, checked_rows in checks]))
    worst = max(rows, key=_error)
    failed = [row for row in rows if not row.relative_error < LIMIT]
    verdict = f"{len(failed)} of {len(rows)} gradients reach {LIMIT:g}" if failed else f"all {len(rows)} gradients pass"
    where = f"{worst.model}, {worst.architecture}, {_where(worst)}"
    say(f"{verdict}; the largest error is {worst.relative_error:.1e}: {where}")
    context.exit(1 if failed else 0)


def _options(fields: tuple[str, ...], propagation: str | None, minibatch: bool) -> list[dict[str, Any]]:
    """The options of each check of a model with these fields; none if it lacks a field that is asked for."""
    if (minibatch and "minibatch_discrimination" not in fields) or (propagation and "propagation" not in fields):
        return []
    options: dict[str, Any] = {"minibatch_discrimination": True} if minibatch else {}
    if "propagation" not in fields:
        return [options]
    rules = (propagation,) if propagation else get_args(Propagation)
    return [{**options, "propagation": rule} for rule in rules]


def _summary(options: dict[str, Any], rows: "list[Row]") -> list[str]:
    """The row of a table for the check of one model."""
    worst, rule = max(rows, key=_error), options.get("propagation", "")
    error = f"{worst.relative_error:.1e}"
    return [worst.model, worst.architecture, rule, str(len(rows)), error, _where(worst)]


def _error(row: "Row") -> float:
    return math.inf if math.isnan(row.relative_error) else row.relative_error


def _where(row: "Row") -> str:
    return f"{row.phase}: {row.network}.{row.layer}.{row.quantity}"
