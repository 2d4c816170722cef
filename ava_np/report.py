"""What a run shows of itself: four pictures in its folder, and a page that explains them.

Nothing here depends on the clock or on where the run's folder is: the same run gives the same bytes.
"""

import base64
import io
import json
import shlex
import struct
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import msgspec
import numpy as np

from ava_np import metrics, plots
from ava_np.errors import RunError
from ava_np.evaluation import Evaluation, zoom_in, zoom_out
from ava_np.files import write_whole
from ava_np.models import Model
from ava_np.pictures import Pictures
from ava_np.reductions import layer_weights
from ava_np.run import IMAGE_BEST, LOSSES, RECONSTRUCTIONS, REPORT, SAMPLES, Run
from ava_np.sheets import grid, save_png, to_image
from ava_np.specification import Reduction, Specification

LONGEST = 2100  # pixels along a contact sheet: room for eight pictures of the default 256
PADDING = 2
MOST_SAMPLES = 8  # along each side
MOST_PAIRS = 10
MOST_ROWS = 100  # of the table of own errors
COLUMN = 880  # CSS pixels that the page gives a picture; style and this must agree
THIRD = 260  # and when three stand side by side

RIVALS = (
    ("grey", "mid-grey", "0.5 everywhere, what an untrained decoder shows"),
    ("copy_mean", "copy of a picture, mean", "one of the pictures itself, mean over which"),
    ("copy_best", "copy of a picture, best", "the one of them that is nearest to all"),
    ("single_colour", "best single colour", "the geometric median of all pixels"),
    ("mean_image", "mean image", "the mean of all pictures, at this zoom"),
    ("floor", "floor at this zoom", "no image at this zoom can be less: the geometric median of each block"),
    ("mean_image_full_size", "mean image, full size", "the mean of all pictures"),
    ("floor_full_size", "floor at full size", "no image can be less"),
)


class Embedded(NamedTuple):
    """A picture inside the page: its data URI, and the size in CSS pixels at which it is shown."""

    uri: str
    width: int
    height: int
    enlarged: bool


def write_pictures(run: Run, model: Model, pictures: Pictures, evaluation: Evaluation) -> None:
    """Write samples.png, reconstructions.png, image_best.png and losses.png into a run's folder.

    Parameters
    ----------
    run : Run
        Its folder is written to; its metrics are drawn.
    model : Model
        The run's trained model.
    pictures : Pictures
        What it was trained on, at full size.
    evaluation : Evaluation
        Of ``model`` on ``pictures``.

    Raises
    ------
    AvaError
        If a file cannot be written; each is there whole or not at all.
    """
    zoom, seed = run.specification.pictures.zoom, run.specification.training.seed
    _, height, width, _ = pictures.array.shape

    columns = _fitting(width, MOST_SAMPLES)
    samples = model.sample(columns * _fitting(height, MOST_SAMPLES), np.random.default_rng((seed, 3)))
    save_png(run.folder / SAMPLES, grid(zoom_in(samples, zoom), columns, PADDING))

    shown = _paired(pictures)
    originals = zoom_out(pictures.array[shown], zoom)
    pairs = np.concatenate([originals, model.reconstruct(originals)])
    save_png(run.folder / RECONSTRUCTIONS, grid(zoom_in(pairs, zoom), len(shown), PADDING))

    best = model.reconstruct(zoom_out(pictures.array[[evaluation.best]], zoom))
    save_png(run.folder / IMAGE_BEST, zoom_in(best, zoom)[0])
    write_whole(run.folder / LOSSES, plots.to_png(plots.loss_curves(run.metrics())))


def write_report(run: Run, model: Model, pictures: Pictures, evaluation: Evaluation) -> Path:
    """Write report.html: one page with everything in it, no script, and nothing to load from elsewhere.

    Parameters
    ----------
    run, model, pictures, evaluation
        As for ``write_pictures``, which has been called: the page shows the pictures in the folder.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    RunError
        If one of the pictures is missing from the folder.
    AvaError
        If the file cannot be written.
    """
    specification, lines = run.specification, run.metrics()
    zoom, training = specification.pictures.zoom, specification.training
    small = zoom_out(pictures.array, zoom)
    mean = small.mean(axis=0, dtype=np.float64).astype(small.dtype)
    mean_own_error = metrics.own_error(small, np.broadcast_to(mean, small.shape))
    order = np.argsort(-evaluation.own_errors, kind="stable")[:MOST_ROWS]
    folder = specification.pictures.folder

    page = template("ava_np", REPORT).render(
        specification=specification,
        folder="built-in pictures" if folder is None else Path(folder).name or folder,
        evaluation=evaluation,
        mean_own_error=mean_own_error,
        best_name=pictures.names[evaluation.best],
        count=len(pictures.names),
        skipped=pictures.skipped,
        size=pictures.array.shape[2:0:-1],
        shape=model.shape,
        neurons=model.neurons,
        networks=_networks(model, training.reduction),
        last=lines[-1] if lines else {"epoch": 0, "step": 0, "nats": {}},
        angles=any("angle" in line for line in lines),
        samples=_file(run, SAMPLES),
        reconstructions=_file(run, RECONSTRUCTIONS),
        pairs=len(_paired(pictures)),
        image_best=_file(run, IMAGE_BEST, THIRD),
        decoded=_embed(_png(pictures.array[evaluation.best]), THIRD),
        mean_image=_embed(_png(zoom_in(mean[None], zoom)[0]), THIRD),
        losses=_file(run, LOSSES),
        rival_bars=_embed(plots.to_png(plots.rival_bars(evaluation))),
        own_error_bars=_embed(plots.to_png(plots.own_error_bars(evaluation, pictures.names, mean_own_error))),
        rivals=_rivals(evaluation, zoom),
        own_errors=[(pictures.names[index], evaluation.own_errors[index]) for index in order],
        settings=_settings(specification),
        command=command(specification),
    )
    write_whole(run.folder / REPORT, page.encode())
    return run.folder / REPORT


def command(specification: Specification) -> list[str]:
    """The command line that makes this run again, quoted for a POSIX shell, in parts: each option is one."""
    model, pictures, training = specification.model, specification.pictures, specification.training
    options = {
        "model": model.name,
        "propagation": model.propagation,
        "latent": model.latent,
        "hidden": ",".join(map(str, model.hidden)),
        "size": "{}x{}".format(*pictures.size),
        "zoom": pictures.zoom,
        "epochs": training.epochs,
        "batch-size": training.batch_size,
        "optimiser": training.optimiser,
        "lr": training.learning_rate,
        "reduction": training.reduction,
        "seed": training.seed,
    }
    folder = [] if pictures.folder is None else [pictures.folder]
    return [shlex.join(["ava", "train", *folder]), *(f"--{name} {value}" for name, value in options.items())]


def data_uri(png: bytes) -> str:
    """A PNG file as the address of a picture in HTML, which then needs no file."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _fitting(side: int, most: int) -> int:
    """How many pictures of ``side`` pixels stand beside each other on a contact sheet."""
    return min(most, max(1, (LONGEST - PADDING) // (side + PADDING)))


def _paired(pictures: Pictures) -> np.ndarray:
    """Indices of the pictures that are shown beside their reconstructions, evenly spaced."""
    count, _, width, _ = pictures.array.shape
    return np.linspace(0, count - 1, min(count, _fitting(width, MOST_PAIRS))).round().astype(int)


def _networks(model: Model, reduction: Reduction) -> list[tuple[str, int, list[float]]]:
    """Each network's name, number of parameters, and the weights that the reduction gives its layers."""
    weights = layer_weights(model, reduction)
    return [(name.replace("_", " "), network.theta.size, weights[name]) for name, network in model.networks.items()]


def _rivals(evaluation: Evaluation, zoom: int) -> list[tuple[str, str, float, bool]]:
    """Rows of the rivals' table, the worst first: name, meaning, AVA (17), and whether it is the model's."""
    kept = [rival for rival in RIVALS if zoom > 1 or not rival[0].endswith("full_size")]  # equal at zoom 1
    rows = [(name, meaning, evaluation.rivals[key], False) for key, name, meaning in kept]
    rows.append(("imageBest of this model", "the reconstruction with the least", evaluation.rmse, True))
    rows.append(("this model, mean", "mean over which picture is decoded", evaluation.rmse_mean, True))
    return sorted(rows, key=lambda row: -row[2])


def _settings(specification: Specification) -> list[tuple[str, str]]:
    """Every value of a specification with its dotted name, in order."""
    rows: list[tuple[str, Any]] = []
    for name, value in msgspec.to_builtins(specification).items():
        if isinstance(value, dict):
            rows += [(f"{name}.{key}", inner) for key, inner in value.items()]
        else:
            rows.append((name, value))
    return [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in rows]


def _file(run: Run, name: str, within: int = COLUMN) -> Embedded:
    try:
        return _embed((run.folder / name).read_bytes(), within)
    except OSError as error:
        raise RunError(f"{run.folder / name} is needed for the report: {error.strerror}") from error


def _png(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    to_image(array).save(file, format="PNG")
    return file.getvalue()


def _embed(png: bytes, within: int = COLUMN) -> Embedded:
    """Make a PNG file part of the page; a small one is enlarged by a whole factor, its pixels sharp."""
    width, height = struct.unpack(">II", png[16:24])
    factor = max(1, within // max(width, height))
    return Embedded(data_uri(png), factor * width, factor * height, factor > 1)


def template(package: str, name: str) -> jinja2.Template:
    """The page ``name`` of a package, which may include ava_np's style.css; everything put into it is escaped."""
    loader = jinja2.ChoiceLoader([jinja2.PackageLoader(package, "."), jinja2.PackageLoader("ava_np", ".")])
    environment = jinja2.Environment(
        autoescape=True, loader=loader, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name)
