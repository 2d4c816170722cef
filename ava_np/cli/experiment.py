"""``ava experiment``: the paper's tables, reproduced, its idea, measured, and what other sources published."""

from pathlib import Path
from typing import get_args

import rich_click as click

from ava_np.cli.options import ARCHITECTURES, COUNT, WEIGHT, Word, engine_options
from ava_np.cli.studies import STUDIES, study_command
from ava_np.console import echo
from ava_np.specification import PaperModel

_WAYS = ("paper", "printed", "non-saturating", "defaults")  # those of ava_works, which is imported when it runs


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
@engine_options
def ava_tables(folder: Path | None, quick: bool, out: Path | None, jobs: int | None, scheduler: str | None) -> None:
    """Tables 1 to 3 and Figure 5: VAE and AVA1 to AVA5, 19 learning rates, both propagations, RMSE (17).

    FOLDER holds the ten medicine-label images of the paper; without it, the built-in pictures are used. The results are
    results.csv, tables.csv, figure5.png and report.html. If stopped, the same command continues. The time that is left
    is measured and shown while it runs.

    \b
    ava experiment ava-tables --quick
    ava experiment ava-tables labels --out runs/tables
    """
    from ava_np.experiments.paper.ava_tables import run

    report = run(folder, quick=quick, out=out, jobs=jobs, scheduler=scheduler)
    echo(str(report))


@experiment.command("ava-works")
@click.option(
    "--data",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder of pictures; may be repeated.  [default: the built-in pictures]",
)
@click.option("--models", multiple=True, type=Word(get_args(PaperModel)), help="May be repeated.  [default: all six]")
@click.option("--ways", multiple=True, type=Word(_WAYS), help="May be repeated.  [default: all four]")
@click.option(
    "--architectures", multiple=True, type=Word(ARCHITECTURES), default=("dcgan",), show_default=True,
    help="May be repeated.",
)  # fmt: skip
@click.option("--weights", multiple=True, type=WEIGHT, help="Other adversarial weights for AVA1; may be repeated.")
@click.option("--seeds", type=COUNT, default=3, show_default=True, help="Trainings that differ by the seed alone.")
@click.option("--quick", is_flag=True, help="A trial: 60 steps, one seed and one architecture.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the results.  [default: runs/ava-works, or -quick]",
)
@engine_options
def ava_works(
    data: tuple[Path, ...],
    models: tuple[str, ...],
    ways: tuple[str, ...],
    architectures: tuple[str, ...],
    weights: tuple[float, ...],
    seeds: int,
    quick: bool,
    out: Path | None,
    jobs: int | None,
    scheduler: str | None,
) -> None:
    """Does AVA work? VAE and AVA1 to AVA5, as printed and with what was added, measured on samples and reconstructions.

    The results are results.csv, tables.csv, pictures of samples and report.html, which compares each AVA with the VAE.
    If stopped, the same command continues; more models, seeds or data may be added to the same folder.

    \b
    ava experiment ava-works --quick
    ava experiment ava-works --data mnist --models vae --models ava1 --out runs/works
    """
    from ava_np.experiments.paper.ava_works import run

    report = run(
        data, models=models or get_args(PaperModel), ways=ways or _WAYS, architectures=architectures, weights=weights,
        seeds=seeds, quick=quick, out=out, jobs=jobs, scheduler=scheduler,
    )  # fmt: skip
    echo(str(report))


for _name, _published in STUDIES.items():
    experiment.add_command(study_command(_name, _published))
