"""``ava experiment``: the paper's tables, reproduced."""

from pathlib import Path

import rich_click as click

from ava_np.cli.options import COUNT
from ava_np.console import echo


@click.group()
def experiment() -> None:
    """Reproduce a published experiment and compare its printed figures with the measured ones."""


@experiment.command("ava-tables")
@click.argument("folder", metavar="[FOLDER]", required=False, type=click.Path(path_type=Path))
@click.option("--quick", is_flag=True, help="A trial: 36 short training runs instead of 228 long ones.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the results.  [default: runs/ava-tables, or -quick]",
)
@click.option("--jobs", type=COUNT, help="Models to train in parallel.  [default: one for each core]")
def ava_tables(folder: Path | None, quick: bool, out: Path | None, jobs: int | None) -> None:
    """Tables 1 to 3 and Figure 5: VAE and AVA1 to AVA5, 19 learning rates, both propagations, RMSE (17).

    FOLDER holds the ten medicine-label images of the paper; without it, the built-in pictures are used. The results are
    results.csv, tables.csv, figure5.png and report.html. If stopped, the same command continues. The time that is left
    is measured and shown while it runs.

    \b
    ava experiment ava-tables --quick
    ava experiment ava-tables labels --out runs/tables
    """
    from ava_np.experiments.paper.ava_tables import run

    report = run(folder, quick=quick, out=out, jobs=jobs)
    echo(str(report))
