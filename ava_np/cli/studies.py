"""``ava experiment NAME``: the published experiments that are a ``Study``, each with the same options."""

from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import rich_click as click

from ava_np.cli.options import COUNT, engine_options
from ava_np.console import echo


class Published(NamedTuple):
    """A published experiment, without importing it.

    Attributes
    ----------
    help : str
        What it claims and measures.
    folder : str
        What the folder of pictures holds; empty if there is none, as for toys.
    seeds : int
        Trainings of each case, by default.
    """

    help: str
    folder: str = "MNIST"
    seeds: int = 3


STUDIES = {
    "vae-likelihood": Published(
        "Negative log-likelihood of test digits: 784-400-40 (Chadebec et al. 2022) and 2x200-50 (Burda et al. 2016)."
        "\n\nPyTorch is trained beside it as a control, if it is installed."
    ),
}


def study_command(name: str, published: Published) -> click.Command:
    """Return the command of a published experiment; its script has the same name, with underscores."""
    reads = bool(published.folder)

    def callback(
        seeds: int, quick: bool, out: Path | None, jobs: int | None, scheduler: str | None, folder: Path | None = None
    ) -> None:
        from ava_np.experiments.study_run import run_study

        script = import_module(f"ava_np.experiments.paper.{name.replace('-', '_')}")
        source: dict[str, Any] = {"folder": folder} if reads else {}
        study = script.study(**source, seeds=1 if quick else seeds, quick=quick)
        default = Path("runs") / (f"{name}-quick" if quick else name)
        echo(str(run_study(study, out=out or default, jobs=jobs, scheduler=scheduler)))

    command = engine_options(callback)
    for option in (
        click.option("--out", type=click.Path(path_type=Path), help=f"Folder of the results.  [default: runs/{name}]"),
        click.option("--quick", is_flag=True, help="A trial: one seed and little training."),
        click.option("--seeds", type=COUNT, default=published.seeds, show_default=True, help="Trainings of each case."),
    ):
        command = option(command)
    if reads:
        command = click.argument("folder", metavar="[FOLDER]", required=False, type=click.Path(path_type=Path))(command)
    return click.command(name, help=_help(name, published))(command)


def _help(name: str, published: Published) -> str:
    """Return the text of --help."""
    sources = {
        "MNIST": "FOLDER holds the files of MNIST, or other pictures; without it, the ten built-in pictures show that "
        "everything runs, and no more.",
        "": "",
    }
    source = sources.get(published.folder, f"FOLDER holds {published.folder}; without it, the built-in pictures.")
    folder = {"MNIST": " mnist", "": ""}.get(published.folder, " pictures")
    return "\n\n".join(
        [
            published.help,
            *([source] if source else []),
            "The results are results.csv, tables.csv, pictures and report.html. A stopped command continues.",
            f"\b\nava experiment {name} --quick\nava experiment {name}{folder} --seeds {published.seeds}",
        ]
    )
