"""``ava gradcheck``: every gradient compared with central differences."""

import math
from dataclasses import asdict
from typing import TYPE_CHECKING

import rich_click as click

from ava_np.cli.options import ARCHITECTURES, MODELS, PROPAGATIONS, Word, json_option, print_json
from ava_np.console import echo
from ava_np.specification import MODELS as SPECIFICATIONS

if TYPE_CHECKING:
    from ava_np.models.gradcheck import Row
    from ava_np.models.gradcheck_cases import Case


@click.command()
@click.option("--model", type=MODELS, help="Check only this model.  [default: all]")
@click.option(
    "--architecture",
    type=Word([*ARCHITECTURES, "every-layer"]),
    help="Check only this architecture; every-layer has every layer and every activation.  [default: all]",
)
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

    Every model is checked with every architecture, every layer and both propagations, and with every option that
    changes a gradient, such as the likelihood.

    Exact rules are compared with the objective, paper rules with the surrogate objective that they descend
    (docs/paper/ava.md). The exit code is 1 if a relative error reaches 1e-6.

    \b
    ava gradcheck
    ava gradcheck --model ava5 --propagation paper --all
    ava gradcheck --architecture dcgan --minibatch-discrimination
    """
    from ava_np.console import say, table
    from ava_np.models.gradcheck import LIMIT, check
    from ava_np.models.gradcheck_cases import cases

    checks = []
    for name in (model,) if model else SPECIFICATIONS:
        chosen = [case for case in cases(name) if _is_wanted(case, architecture, propagation, minibatch)]
        if model and not chosen:
            raise click.UsageError(f"{model} has no discriminator, or only one propagation: leave out that option")
        checks += [(case, check(case.model, case.architecture, **case.options)) for case in chosen]
    rows = [row for _, checked_rows in checks for row in checked_rows]
    if as_json:
        print_json([asdict(row) for row in rows])
    elif every:
        cells = [[*list(asdict(row).values())[:-2], row.options, f"{row.relative_error:.1e}"] for row in rows]
        places = ["phase", "network", "layer", "quantity"]
        headings = ["model", "architecture", "propagation", *places, "option", "relative error"]
        echo(table(headings, cells))
    else:
        headings = ["model", "architecture", "propagation", "option", "gradients", "worst", "where"]
        echo(table(headings, [_summary(case, checked_rows) for case, checked_rows in checks]))
    worst = max(rows, key=_error)
    failed = [row for row in rows if not row.relative_error < LIMIT]
    verdict = f"{len(failed)} of {len(rows)} gradients reach {LIMIT:g}" if failed else f"all {len(rows)} gradients pass"
    where = f"{worst.model}, {worst.architecture}, {_where(worst)}"
    say(f"{verdict}; the largest error is {worst.relative_error:.1e}: {where}")
    context.exit(1 if failed else 0)


def _is_wanted(case: "Case", architecture: str | None, propagation: str | None, minibatch: bool) -> bool:
    """Whether a check is one of those that were asked for."""
    return (
        (architecture is None or case.architecture == architecture)
        and (propagation is None or case.options.get("propagation") == propagation)
        and (not minibatch or "minibatch_discrimination" in case.options)
    )


def _summary(case: "Case", rows: "list[Row]") -> list[str]:
    """The row of a table for one check."""
    worst, rule = max(rows, key=_error), case.options.get("propagation", "")
    error = f"{worst.relative_error:.1e}"
    return [worst.model, worst.architecture, rule, worst.options, str(len(rows)), error, _where(worst)]


def _error(row: "Row") -> float:
    return math.inf if math.isnan(row.relative_error) else row.relative_error


def _where(row: "Row") -> str:
    return f"{row.phase}: {row.network}.{row.layer}.{row.quantity}"
