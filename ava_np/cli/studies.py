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
        Trainings of each case, by default; 0 if they differ by something else.
    """

    help: str
    folder: str = "MNIST"
    seeds: int = 3


STUDIES = {
    "ava-balance": Published(
        "The second version of the paper: the balance metric, with GAN, over 19 learning rates, and held-out pictures.",
        folder="the paper's 36 pictures, or others",
        seeds=0,
    ),
    "bigan-knn": Published(
        "Do the codes of a BiGAN know digits? Nearest neighbours on permutation MNIST (Donahue et al. 2017)."
    ),
    "gaussian-1d": Published(
        "Does a GAN of N(4, 0.5²) collapse, and does minibatch discrimination keep the width? (Glover 2016)",
        folder="",
        seeds=10,
    ),
    "modes": Published(
        "Modes of a ring and a grid that a GAN finds, by the protocol of PacGAN (Lin et al. 2018).", folder="", seeds=10
    ),
    "overview": Published(
        "Samples of VAE, GAN, VAE with GAN costs and BiGAN: are those of a GAN sharper? (Overview of VAE and GAN)"
    ),
    "parzen": Published("Parzen window log-likelihood of GAN and AAE (Goodfellow et al. 2014, Makhzani et al. 2015)."),
    "three-ways": Published("VAE, GAN and VAE-GAN with the same networks: costs, samples and reconstructions."),
    "translation": Published(
        "Do reconstructions of shifted digits suffer? VAE, VAE-GAN and GAN (Combining VAE with GAN, Figures 2 and 3)."
    ),
    "vae-likelihood": Published(
        "Negative log-likelihood of test digits: 784-400-40 (Chadebec et al. 2022) and 2x200-50 (Burda et al. 2016)."
        "\n\nPyTorch is trained beside it as a control, if it is installed."
    ),
    "vaegan-sensitivity": Published(
        "Losses of VAE-GAN at three learning rates, with Adam and RMSprop (Combining VAE with GAN, Table 1)."
    ),
}


def study_command(name: str, published: Published) -> click.Command:
    """Return the command of a published experiment; its script has the same name, with underscores."""

    def callback(quick: bool, out: Path | None, jobs: int | None, scheduler: str | None, **options: Any) -> None:
        from ava_np.experiments.study_run import run_study

        script = import_module(f"ava_np.experiments.paper.{name.replace('-', '_')}")
        if "seeds" in options:
            options["seeds"] = options["seeds"] or (1 if quick else published.seeds)
        study = script.study(**options, quick=quick)
        default = Path("runs") / (f"{name}-quick" if quick else name)
        echo(str(run_study(study, out=out or default, jobs=jobs, scheduler=scheduler)))

    options = [
        click.option(
            "--out", type=click.Path(path_type=Path), help=f"Folder of the results.  [default: runs/{name}, or -quick]"
        ),
        click.option("--quick", is_flag=True, help="A trial, with little training."),
    ]
    if published.seeds:
        count = f"Trainings of each case.  [default: {published.seeds}, or 1 with --quick]"
        options.append(click.option("--seeds", type=COUNT, help=count))
    if published.folder:
        options.append(click.argument("folder", metavar="[FOLDER]", required=False, type=click.Path(path_type=Path)))
    command = engine_options(callback)
    for option in options:
        command = option(command)
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
            f"\b\nava experiment {name} --quick\nava experiment {name}{folder}",
        ]
    )
