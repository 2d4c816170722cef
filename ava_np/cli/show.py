"""``ava sample``, ``reconstruct``, ``encode`` and ``interpolate``: what a trained model makes."""

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from ava_np.cli.options import COUNT, MOST, PngType, folder_argument, run_argument

if TYPE_CHECKING:
    import numpy as np

    from ava_np.pictures import Pictures
    from ava_np.run import Run


@click.command()
@run_argument
@click.option("--count", type=COUNT, default=64, show_default=True, help="How many pictures.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the codes.")
@click.option("--out", type=PngType(), help="The grid.  [default: RUN/samples-COUNT.png]")
def sample(run_folder: Path, count: int, seed: int, out: Path | None) -> None:
    """Draw codes from the prior N(0, I), decode them, and lay the pictures out in one grid.

    \b
    ava sample runs/mine --count 64 --out grid.png
    """
    import numpy as np

    from ava_np.run import Run
    from ava_np.sheets import grid

    run = Run.open(run_folder)
    pictures = run.model().sample(count, np.random.default_rng(seed))
    _save(grid(_zoomed(run, pictures)), out or run.folder / f"samples-{count}.png")


@click.command()
@run_argument
@folder_argument
@click.option("--count", type=COUNT, default=10, show_default=True, help="How many pictures at most.")
@click.option("--out", type=PngType(), help="The picture.  [default: RUN/reconstructions-COUNT.png]")
def reconstruct(run_folder: Path, folder: Path | None, count: int, out: Path | None) -> None:
    """Lay originals over their reconstructions g(μ(x)), for the run's own pictures or those in FOLDER.

    \b
    ava reconstruct runs/mine
    ava reconstruct runs/mine other-photos --count 20 --out pairs.png
    """
    import numpy as np

    from ava_np.evaluation import zoom_out
    from ava_np.run import Run
    from ava_np.sheets import grid

    run = Run.open(run_folder)
    model, pictures = run.model(), pictures_of(run, folder)
    originals = zoom_out(pictures.array[:count], run.specification.pictures.zoom)
    pairs = np.concatenate([originals, model.reconstruct(originals)])
    path = out or run.folder / f"reconstructions-{len(originals)}.png"
    _save(grid(_zoomed(run, pairs), columns=len(originals)), path)


@click.command()
@run_argument
@folder_argument
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="-",
    show_default=True,
    help="A .csv or .npy file, or - for CSV on standard output.",
)
def encode(run_folder: Path, folder: Path | None, out: Path) -> None:
    """Write the mean code μ(x) of every picture: a line of CSV each, or an array (pictures, latent) as .npy.

    \b
    ava encode runs/mine --out codes.csv
    ava encode runs/mine other-photos --out codes.npy
    """
    import csv
    import io

    import numpy as np

    from ava_np.evaluation import zoom_out
    from ava_np.files import write_whole
    from ava_np.run import Run

    if str(out) != "-" and out.suffix not in (".csv", ".npy"):
        raise click.BadParameter(f"{str(out)!r} must end in .csv or .npy", param_hint="--out")
    run = Run.open(run_folder)
    model, pictures = run.model(), pictures_of(run, folder)
    codes = model.encode(zoom_out(pictures.array, run.specification.pictures.zoom))
    if out.suffix == ".npy":
        binary = io.BytesIO()
        np.save(binary, codes)
        write_whole(out, binary.getvalue())
    else:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["picture", *(f"z{k + 1}" for k in range(model.latent))])
        writer.writerows([name, *map(str, code)] for name, code in zip(pictures.names, codes.tolist(), strict=True))
        if str(out) == "-":
            click.echo(text.getvalue(), nl=False)
            return
        write_whole(out, text.getvalue().encode())
    click.echo(str(out))


@click.command()
@run_argument
@folder_argument
@click.option("--from", "first", metavar="NAME", help="The first picture, by name.  [default: the first]")
@click.option("--to", "last", metavar="NAME", help="The last picture, by name.  [default: the last]")
@click.option("--steps", type=click.IntRange(2, MOST), default=9, show_default=True, help="Pictures in the strip.")
@click.option("--out", type=PngType(), help="The strip.  [default: RUN/interpolation.png]")
def interpolate(
    run_folder: Path, folder: Path | None, first: str | None, last: str | None, steps: int, out: Path | None
) -> None:
    """Walk in a straight line from one picture's code to another's, and show what is decoded on the way.

    \b
    ava interpolate runs/mine --from 01.BMP --to 07.BMP --steps 9 --out strip.png
    """
    import numpy as np

    from ava_np.evaluation import zoom_out
    from ava_np.run import Run
    from ava_np.sheets import grid

    run = Run.open(run_folder)
    model, pictures = run.model(), pictures_of(run, folder)
    ends = [_index(pictures, first, 0, "--from"), _index(pictures, last, len(pictures.names) - 1, "--to")]
    start, end = model.encode(zoom_out(pictures.array[ends], run.specification.pictures.zoom))
    share = np.linspace(0, 1, steps, dtype=start.dtype)[:, None]
    strip = model.decode((1 - share) * start + share * end)
    _save(grid(_zoomed(run, strip), columns=steps), out or run.folder / "interpolation.png")


def pictures_of(run: "Run", folder: Path | None) -> "Pictures":
    """The run's own pictures, or those in ``folder`` made alike; what is left out is said."""
    from ava_np.console import reading_progress, say

    with reading_progress("reading pictures"):
        pictures = run.pictures(folder)
    if pictures.skipped:
        say(f"{len(pictures.skipped)} left out, the first: {pictures.skipped[0]}")
    return pictures


def _index(pictures: "Pictures", name: str | None, default: int, option: str) -> int:
    if name is None:
        return default
    if name not in pictures.names:
        raise click.BadParameter(f"there is no picture {name!r}; the first is {pictures.names[0]!r}", param_hint=option)
    return pictures.names.index(name)


def _zoomed(run: "Run", pictures: "np.ndarray") -> "np.ndarray":
    """Pictures at full size."""
    from ava_np.evaluation import zoom_in

    return zoom_in(pictures, run.specification.pictures.zoom)


def _save(picture: "np.ndarray", path: Path) -> None:
    """Write a picture and say where."""
    from ava_np.sheets import save_png

    save_png(path, picture)
    click.echo(str(path))
