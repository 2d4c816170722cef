"""``ava sample``, ``reconstruct``, ``encode`` and ``interpolate``: the output of a trained model."""

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from ava_np.cli.options import COUNT, SEED, PngType, folder_argument, run_argument
from ava_np.cli.pictures import pictures_of, require_unused, save, save_each, two_pictures
from ava_np.console import echo
from ava_np.specification import MAX_COUNT

if TYPE_CHECKING:
    from ava_np.models import Model
    from ava_np.run.folder import Run

PICTURES, POINTS, PAIRS = 64, 1000, 10  # defaults of --count
CHUNK = 1000  # pictures that are zoomed out and encoded at once
NEW_SEEDS = 1_000_000  # short enough to be typed again


@click.command()
@run_argument
@click.option(
    "--count",
    type=COUNT,
    help=f"Number of samples.  [default: {PICTURES} pictures, or {POINTS} points of a toy distribution]",
)
@click.option("--seed", type=SEED, help="Seed of the codes.  [default: a new one, which is printed]")
@click.option("--from-prior", is_flag=True, help="Draw the codes from the prior, as an equation would.")
@click.option("--out", type=PngType(), help="Output file.  [default: RUN/samples-COUNT.png]")
@click.option(
    "--separate",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write each picture to a file of its own, DIR/1.png and so on, instead of the grid.",
)
def sample(
    run_folder: Path, count: int | None, seed: int | None, from_prior: bool, out: Path | None, separate: Path | None
) -> None:
    """Draw codes, decode them, and arrange the pictures in a grid.

    The codes of models that reconstruct are drawn from a Gaussian that was fitted to those of the training pictures at
    the end of the training; those of a GAN or a BiGAN, or with --from-prior or a chosen --prior, from the prior.

    The samples differ at each call, unless --seed repeats those of another one. For a toy distribution, draw a chart of
    the samples over points of the data.

    \b
    ava sample runs/mine --count 64 --out grid.png
    ava sample runs/mine --count 1000 --seed 3 --separate samples
    """
    import secrets

    import numpy as np

    from ava_np.console import say
    from ava_np.run.folder import Run

    run = Run.open(run_folder)
    toy = run.specification.pictures.toy
    if separate is not None:
        if toy or out is not None:
            raise click.UsageError(
                "--separate writes pictures, not points: leave it out" if toy else "give --out or --separate, not both"
            )
        require_unused(separate)
    count = count or (POINTS if toy else PICTURES)
    model = run.model()
    if seed is None:
        seed = secrets.randbelow(NEW_SEEDS)
        say(f"drawn with --seed {seed}")
    made = model.sample(count, np.random.default_rng((seed, 4)), from_prior=from_prior)
    if separate is None:
        save(run, made, None, "samples", out or run.folder / f"samples-{count}.png")
    else:
        save_each(run, made, separate)


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
        save(run, decoded, None, "reconstructions", path)
    else:
        save(run, np.concatenate([originals, decoded]), len(originals), "", path)


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
@click.option(
    "--from",
    "first",
    metavar="NAME|FILE",
    help="Name of the first picture, or any picture file.  [default: the first of the run]",
)
@click.option(
    "--to", "last", metavar="NAME|FILE", help="Name of the last picture, or any picture file.  [default: the last]"
)
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

    --from and --to take the name of a picture of the run, or of FOLDER, or the path of any picture file. A model
    without an encoder (gan, dcgan) interpolates between two codes drawn from its prior, with --seed.

    \b
    ava interpolate runs/mine --from 01.BMP --to 07.BMP --steps 9 --out strip.png
    ava interpolate runs/mine --from me.jpg --to you.jpg
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
        ends = model.encode(zoom_out(two_pictures(run, folder, first, last), run.specification.pictures.zoom))
    share = np.linspace(0, 1, steps, dtype=ends.dtype)[:, None]
    strip = model.decode((1 - share) * ends[0] + share * ends[1])
    save(run, strip, steps, "interpolated points", out or run.folder / "interpolation.png")


def _with_encoder(run: "Run") -> "Model":
    """Load the run's model; raise before any picture is read if it has no encoder."""
    import numpy as np

    model = run.model()
    model.encode(np.zeros((1, *model.shape), model.dtype))
    return model
