"""``ava sample``, ``reconstruct``, ``encode`` and ``interpolate``: the output of a trained model."""

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from ava_np.cli.options import COUNT, SEED, PngType, folder_argument, run_argument
from ava_np.console import echo
from ava_np.specification import MAX_COUNT

if TYPE_CHECKING:
    import numpy as np

    from ava_np.data.pictures import Pictures
    from ava_np.models import Model
    from ava_np.run.folder import Run

PICTURES, POINTS, PAIRS = 64, 1000, 10  # defaults of --count
CHUNK = 1000  # pictures that are zoomed out and encoded at once


@click.command()
@run_argument
@click.option(
    "--count",
    type=COUNT,
    help=f"Number of samples.  [default: {PICTURES} pictures, or {POINTS} points of a toy distribution]",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seed of the codes.")
@click.option("--out", type=PngType(), help="Output file.  [default: RUN/samples-COUNT.png]")
def sample(run_folder: Path, count: int | None, seed: int, out: Path | None) -> None:
    """Draw codes from the model's prior, decode them, and arrange the pictures in a grid.

    For a toy distribution, draw a chart of the samples over points of the data.

    \b
    ava sample runs/mine --count 64 --out grid.png
    """
    import numpy as np

    from ava_np.run.folder import Run

    run = Run.open(run_folder)
    count = count or (POINTS if run.specification.pictures.toy else PICTURES)
    made = run.model().sample(count, np.random.default_rng((seed, 4)))
    _save(run, made, None, "samples", out or run.folder / f"samples-{count}.png")


@click.command()
@run_argument
@folder_argument
@click.option(
    "--count",
    type=COUNT,
    help=f"Maximum number of pictures or points.  [default: {PAIRS} pictures, or {POINTS} points]",
)
@click.option("--out", type=PngType(), help="Output file.  [default: RUN/reconstructions-COUNT.png]")
def reconstruct(run_folder: Path, folder: Path | None, count: int | None, out: Path | None) -> None:
    """Draw pictures of the run, or those in FOLDER, above their reconstructions g(μ(x)).

    \b
    ava reconstruct runs/mine
    ava reconstruct runs/mine other-photos --count 20 --out pairs.png
    """
    import numpy as np

    from ava_np.data.zoom import zoom_out
    from ava_np.run.folder import Run

    run = Run.open(run_folder)
    model, toy = _with_encoder(run), run.specification.pictures.toy
    pictures = pictures_of(run, folder)
    originals = zoom_out(pictures.array[: count or (POINTS if toy else PAIRS)], run.specification.pictures.zoom)
    decoded = model.reconstruct(originals)
    path = out or run.folder / f"reconstructions-{len(originals)}.png"
    if toy:
        _save(run, decoded, None, "reconstructions", path)
    else:
        _save(run, np.concatenate([originals, decoded]), len(originals), "", path)


@click.command()
@run_argument
@folder_argument
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="-",
    show_default=True,
    help="Output file, .csv or .npy; - for CSV on standard output.",
)
def encode(run_folder: Path, folder: Path | None, out: Path) -> None:
    """Write the mean code μ(x) of every picture: one line of CSV each, or an array (pictures, latent) as .npy.

    \b
    ava encode runs/mine --out codes.csv
    ava encode runs/mine other-photos --out codes.npy
    """
    import csv
    import io

    import numpy as np

    from ava_np.data.zoom import zoom_out
    from ava_np.files import write_atomically
    from ava_np.run.folder import Run

    if str(out) != "-" and out.suffix not in (".csv", ".npy"):
        raise click.BadParameter(f"{str(out)!r} must end in .csv or .npy", param_hint="--out")
    run = Run.open(run_folder)
    model, zoom = _with_encoder(run), run.specification.pictures.zoom
    pictures = pictures_of(run, folder)
    starts = range(0, len(pictures.names), CHUNK)  # all of them may not fit in memory
    codes = np.concatenate([model.encode(zoom_out(pictures.array[i : i + CHUNK], zoom)) for i in starts])
    if out.suffix == ".npy":
        binary = io.BytesIO()
        np.save(binary, codes)
        write_atomically(out, binary.getvalue())
    else:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["picture", *(f"z{k + 1}" for k in range(model.latent))])
        writer.writerows([name, *map(str, code)] for name, code in zip(pictures.names, codes.tolist(), strict=True))
        if str(out) == "-":
            echo(text.getvalue().removesuffix("\n"))
            return
        write_atomically(out, text.getvalue().encode())
    echo(str(out))


@click.command()
@run_argument
@folder_argument
@click.option("--from", "first", metavar="NAME", help="Name of the first picture.  [default: the first]")
@click.option("--to", "last", metavar="NAME", help="Name of the last picture.  [default: the last]")
@click.option("--seed", type=SEED, help="Seed of the two codes, for a model without an encoder.  [default: 0]")
@click.option(
    "--steps", type=click.IntRange(2, MAX_COUNT), default=9, show_default=True, help="Number of pictures in the strip."
)
@click.option("--out", type=PngType(), help="Output file.  [default: RUN/interpolation.png]")
def interpolate(
    run_folder: Path,
    folder: Path | None,
    first: str | None,
    last: str | None,
    seed: int | None,
    steps: int,
    out: Path | None,
) -> None:
    """Interpolate linearly between the codes of two pictures and decode each step.

    A model without an encoder (gan, dcgan) interpolates between two codes drawn from its prior, with --seed.

    \b
    ava interpolate runs/mine --from 01.BMP --to 07.BMP --steps 9 --out strip.png
    ava interpolate runs/gan --seed 3
    """
    import numpy as np

    from ava_np.data.zoom import zoom_out
    from ava_np.run.folder import Run

    run = Run.open(run_folder)
    model = run.model()
    if model.encoder_name is None:
        given = next((name for name, value in (("FOLDER", folder), ("--from", first), ("--to", last)) if value), None)
        if given:
            raise click.UsageError(f"{model.specification.name} has no encoder for pictures: leave out {given}")
        ends = model.prior(np.random.default_rng((seed or 0, 4)), 2)
    else:
        if seed is not None:
            raise click.UsageError(
                f"{model.specification.name} interpolates between pictures: use --from and --to, not --seed"
            )
        pictures = pictures_of(run, folder)
        chosen = [_index(pictures, first, 0, "--from"), _index(pictures, last, len(pictures.names) - 1, "--to")]
        ends = model.encode(zoom_out(pictures.array[chosen], run.specification.pictures.zoom))
    share = np.linspace(0, 1, steps, dtype=ends.dtype)[:, None]
    strip = model.decode((1 - share) * ends[0] + share * ends[1])
    _save(run, strip, steps, "interpolated points", out or run.folder / "interpolation.png")


def pictures_of(run: "Run", folder: Path | None) -> "Pictures":
    """Read the run's pictures, or those in ``folder``; report files that were left out."""
    from ava_np.console import progress_counter, say

    with progress_counter("reading pictures") as progress:
        pictures = run.pictures(folder, progress)
    if pictures.skipped:
        say(f"{len(pictures.skipped)} left out, the first: {pictures.skipped[0]}")
    return pictures


def _index(pictures: "Pictures", name: str | None, default: int, option: str) -> int:
    if name is None:
        return default
    if name not in pictures.names:
        raise click.BadParameter(
            f"there is no picture {name!r}; the first one is {pictures.names[0]!r}", param_hint=option
        )
    return pictures.names.index(name)


def _with_encoder(run: "Run") -> "Model":
    """Load the run's model; raise before any picture is read if it has no encoder."""
    import numpy as np

    model = run.model()
    model.encode(np.zeros((1, *model.shape), model.dtype))
    return model


def _save(run: "Run", made: "np.ndarray", columns: int | None, label: str, path: Path) -> None:
    """Write the output of a model as a grid, or toy points as a chart over the data; print the path."""
    from ava_np.data.zoom import zoom_in
    from ava_np.report.images import grid, save_png

    if run.specification.pictures.toy:
        from ava_np.files import write_atomically
        from ava_np.report.charts import to_png, toy_points
        from ava_np.run.pictures import subsample

        write_atomically(path, to_png(toy_points(subsample(run.pictures()).array, made, label)))
    else:
        save_png(path, grid(zoom_in(made, run.specification.pictures.zoom), columns))
    echo(str(path))
