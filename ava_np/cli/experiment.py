"""``ava experiment``: the paper's tables, run again."""

from pathlib import Path

import rich_click as click


@click.group()
def experiment() -> None:
    """Run a published experiment again and set its printed figures beside the measured ones."""


@experiment.command("ava-tables")
@click.argument("folder", metavar="[FOLDER]", required=False, type=click.Path(path_type=Path))
@click.option("--quick", is_flag=True, help="Three learning rates and few steps: a minute, to see it work.")
@click.option("--out", type=click.Path(path_type=Path), help="Where.  [default: runs/ava-tables, or -quick]")
@click.option("--jobs", type=click.IntRange(1), help="Models trained side by side.  [default: one a core]")
def ava_tables(folder: Path | None, quick: bool, out: Path | None, jobs: int | None) -> None:
    """Tables 1 to 3 and Figure 5: VAE and AVA1 to AVA5, 19 learning rates, both propagations, RMSE (17).

    A run that was stopped goes on where it was. Results: results.csv, tables.csv, figure5.png, report.html.

    \b
    ava experiment ava-tables --quick
    ava experiment ava-tables labels --out runs/tables
    """
    from ava_np.experiments.paper.ava_tables import run

    report = run(folder, quick=quick, out=out, jobs=jobs)
    click.echo(str(report))
