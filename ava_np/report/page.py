"""What a run shows of itself: four pictures in its folder, and a page that explains them.

Nothing here depends on the clock or on where the run's folder is: the same run gives the same bytes.
"""

import base64
import io
import json
import math
import struct
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import msgspec
import numpy as np

from ava_np.data.pictures import Pictures
from ava_np.data.split import Split
from ava_np.data.zoom import zoom_in, zoom_out
from ava_np.errors import RunError
from ava_np.evaluation import metrics
from ava_np.evaluation.evaluate import Evaluation, evaluate_toy, sample_generator
from ava_np.files import write_atomically
from ava_np.models import Model
from ava_np.report import charts
from ava_np.report.command import OWN_ARCHITECTURE, command
from ava_np.report.curves import loss_curves
from ava_np.report.images import grid, save_png, to_image
from ava_np.report.names import PRIOR_NAMES, chance_level, layers_text, model_title, objective_terms
from ava_np.run.folder import IMAGE_BEST, LOSSES, RECONSTRUCTIONS, REPORT, SAMPLES, Run
from ava_np.specification import Reduction, Specification
from ava_np.training.reductions import layer_weights
from ava_np.training.trainer import MAX_VALIDATED

LONGEST = 2100  # pixels along a contact sheet: room for eight pictures of the default 256
PADDING = 2
MAX_SAMPLES = 8  # along each side
MAX_PAIRS = 10
MAX_ROWS = 100  # of the table of own errors
COLUMN = 880  # CSS pixels that the page gives a picture; style and this must agree
THIRD = 260  # and when three stand side by side

BASELINES = (
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


def write_pictures(run: Run, model: Model, pictures: Pictures, evaluation: Evaluation | None) -> None:
    """Write samples.png, losses.png, and with an evaluation reconstructions.png and image_best.png into a run's folder.

    Parameters
    ----------
    run : Run
        Its folder is written to; its metrics are drawn.
    model : Model
        The run's trained model.
    pictures : Pictures
        Some that it was trained on, at full size: ``Run.evaluation_pictures``.
    evaluation : Evaluation or None
        Of ``model`` on ``pictures``. None for a model without an encoder, and for toy points: the pictures that only
        an evaluation has are then removed from the folder.

    Raises
    ------
    AvaError
        If a file cannot be written; each is there whole or not at all.
    """
    zoom = run.specification.pictures.zoom
    _, height, width, _ = pictures.array.shape

    if run.specification.pictures.toy:
        points = evaluate_toy(model, run.specification).points
        write_atomically(run.folder / SAMPLES, charts.to_png(charts.toy_points(pictures.array, points, "samples")))
    else:
        columns = _fitting(width, MAX_SAMPLES)
        samples = model.sample(columns * _fitting(height, MAX_SAMPLES), sample_generator(run.specification))
        save_png(run.folder / SAMPLES, grid(zoom_in(samples, zoom), columns, PADDING))

    if evaluation is None:
        for name in (RECONSTRUCTIONS, IMAGE_BEST):
            (run.folder / name).unlink(missing_ok=True)
    else:
        shown = _paired(pictures)
        originals = zoom_out(pictures.array[shown], zoom)
        pairs = np.concatenate([originals, model.reconstruct(originals)])
        save_png(run.folder / RECONSTRUCTIONS, grid(zoom_in(pairs, zoom), len(shown), PADDING))

        best = model.reconstruct(zoom_out(pictures.array[[evaluation.best]], zoom))
        save_png(run.folder / IMAGE_BEST, zoom_in(best, zoom)[0])
    write_atomically(run.folder / LOSSES, charts.to_png(loss_curves(run.metrics(), run.specification)))


def write_report(
    run: Run, model: Model, pictures: Pictures, evaluation: Evaluation | None, *, parts: Split | None = None
) -> Path:
    """Write report.html: one page with everything in it, no script, and nothing to load from elsewhere.

    Parameters
    ----------
    run, model, pictures, evaluation
        As for ``write_pictures``, which has been called: the page shows the pictures in the folder.
    parts : Split, optional
        Of all the run's pictures, ``Run.split``: how many there are, which the page says if it is told.

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
    source, toy = specification.pictures.source, specification.pictures.toy
    counts = None if parts is None else {name: len(places) for name, places in parts._asdict().items()}

    page = template("ava_np.report", REPORT).render(
        specification=specification,
        title=model_title(specification.model),
        folder="built-in pictures" if source is None else source if toy else Path(source).name or source,
        toy=evaluate_toy(model, specification) if toy else None,
        evaluation=evaluation,
        **({} if evaluation is None else _evaluated(run, pictures, evaluation)),
        counts=counts,
        judged=len(pictures.names),
        data=pictures.array,
        skipped=pictures.skipped,
        size=pictures.array.shape[2:0:-1],
        shape=model.shape,
        neurons=model.neurons,
        networks=_networks(model, specification.training.reduction),
        last=lines[-1] if lines else {"epoch": 0, "step": 0, "nats": {}},
        terms=objective_terms(specification.model),
        undecided=_undecided(specification),
        prior=PRIOR_NAMES[getattr(specification.model, "prior", "normal")],
        angles=any("angle" in line for line in lines),
        validated=[line["validation"]["reconstruction_error"] for line in lines if "validation" in line],
        most_validated=MAX_VALIDATED,
        samples=_file(run, SAMPLES),
        losses=_file(run, LOSSES),
        settings=_settings(specification),
        command=command(specification),
        own_architecture=OWN_ARCHITECTURE if isinstance(specification.model.architecture, dict) else None,
    )
    write_atomically(run.folder / REPORT, page.encode())
    return run.folder / REPORT


def data_uri(png: bytes) -> str:
    """A PNG file as the address of a picture in HTML, which then needs no file."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _evaluated(run: Run, pictures: Pictures, evaluation: Evaluation) -> dict[str, Any]:
    """What the page shows of an evaluation."""
    zoom = run.specification.pictures.zoom
    small = zoom_out(pictures.array, zoom)
    mean = small.mean(axis=0, dtype=np.float64).astype(small.dtype)
    mean_image_error = metrics.reconstruction_error(small, np.broadcast_to(mean, small.shape))
    order = np.argsort(-evaluation.reconstruction_errors, kind="stable")[:MAX_ROWS]
    return {
        "mean_image_error": mean_image_error,
        "best_name": pictures.names[evaluation.best],
        "reconstructions": _file(run, RECONSTRUCTIONS),
        "pairs": len(_paired(pictures)),
        "image_best": _file(run, IMAGE_BEST, THIRD),
        "decoded": _embed(_png(pictures.array[evaluation.best]), THIRD),
        "mean_image": _embed(_png(zoom_in(mean[None], zoom)[0]), THIRD),
        "baseline_bars": _embed(charts.to_png(charts.baseline_bars(evaluation))),
        "reconstruction_error_bars": _embed(
            charts.to_png(charts.reconstruction_error_bars(evaluation, pictures.names, mean_image_error))
        ),
        "baselines": _baselines(evaluation, zoom),
        "reconstruction_errors": [(pictures.names[index], evaluation.reconstruction_errors[index]) for index in order],
    }


def _fitting(side: int, most: int) -> int:
    """How many pictures of ``side`` pixels stand beside each other on a contact sheet."""
    return min(most, max(1, (LONGEST - PADDING) // (side + PADDING)))


def _paired(pictures: Pictures) -> np.ndarray:
    """Indices of the pictures that are shown beside their reconstructions, evenly spaced."""
    count, _, width, _ = pictures.array.shape
    return np.linspace(0, count - 1, min(count, _fitting(width, MAX_PAIRS))).round().astype(int)


def _undecided(specification: Specification) -> tuple[str, str]:
    """Where a discriminator's terms end when it cannot tell: on what is real, and on what is not."""
    d = chance_level(specification.model)
    if d == 0.5:
        return "-log 2", "-log 2"
    return f"{math.log(d):.2f}", f"{math.log(1 - d):.2f}"


def _networks(model: Model, reduction: Reduction) -> list[tuple[str, str, int, str]]:
    """Each network's name, layers, number of parameters, and the weights that the reduction gives its layers."""
    rows = []
    for name, weights in layer_weights(model, reduction).items():
        network = model.networks[name]
        shown = weights[:1] if len(set(weights)) == 1 else weights
        text = ", ".join(f"{weight:.3g}" for weight in shown)
        rows.append((name.replace("_", " "), layers_text(network), network.theta.size, text))
    return rows


def _baselines(evaluation: Evaluation, zoom: int) -> list[tuple[str, str, float, bool]]:
    """Rows of the baselines' table, the worst first: name, meaning, AVA (17), and whether it is the model's."""
    kept = [baseline for baseline in BASELINES if zoom > 1 or not baseline[0].endswith("full_size")]  # equal at zoom 1
    rows = [(name, meaning, evaluation.baselines[key], False) for key, name, meaning in kept]
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
    """The page ``name`` of a package, which may include the report's style.css; everything put into it is escaped."""
    loader = jinja2.ChoiceLoader([jinja2.PackageLoader(package, "."), jinja2.PackageLoader("ava_np.report", ".")])
    environment = jinja2.Environment(
        autoescape=True, loader=loader, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name)
