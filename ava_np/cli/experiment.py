"""``ava experiment``: published experiments, reproduced."""

from pathlib import Path
from typing import Any, get_args

import rich_click as click

from ava_np.cli.options import COUNT, Word
from ava_np.console import echo
from ava_np.specification import PaperModel

LAYERS = ("mlp", "conv28", "dcgan")  # that ava-works compares


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


@experiment.command("ava-works")
@click.argument("folder", metavar="[FOLDER]", required=False, type=click.Path(path_type=Path))
@click.option("--quick", is_flag=True, help="A trial: one architecture, one seed, a tenth of the steps.")
@click.option(
    "--architecture", "architectures", multiple=True, type=Word(("mlp", "conv28", "dcgan")), help="Only these."
)
@click.option("--model", "models", multiple=True, type=Word(get_args(PaperModel)), help="Only these.")
@click.option("--seeds", type=COUNT, default=3, show_default=True, help="Number of seeds.")
@click.option("--epochs", type=COUNT, help="Passes over the pictures.  [default: enough for 1250 steps]")
@click.option("--limit", type=COUNT, default=20_000, show_default=True, help="Maximum number of pictures.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the results.  [default: runs/ava-works]")
@click.option("--jobs", type=COUNT, help="Models to train in parallel.  [default: one for each core]")
def ava_works(folder: Path | None, architectures: tuple[str, ...], models: tuple[str, ...], **options: Any) -> None:
    """Do AVA's discriminators improve a VAE? As printed, and with true gradients; samples and reconstructions measured.

    FOLDER holds pictures, or MNIST's files; without it, the built-in pictures are used, which are too few to compare
    samples with. The results are results.csv, samples and report.html. If stopped, the same command continues.

    \b
    ava experiment ava-works mnist --quick
    ava experiment ava-works mnist --architecture dcgan --model vae --model ava1 --out runs/works
    """
    from ava_np.experiments.paper.ava_works import run

    chosen: dict[str, Any] = {"architectures": architectures, "models": models}
    echo(str(run(folder, **{name: value for name, value in chosen.items() if value}, **options)))
