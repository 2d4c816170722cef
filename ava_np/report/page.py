"""The report of a run: one page with its results, its pictures and explanations.

The page does not depend on the time or on the path of the run folder: the same run gives the same bytes.
"""

import base64
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
from ava_np.errors import RunError, printable
from ava_np.evaluation import metrics
from ava_np.evaluation.evaluate import Evaluation, evaluate_toy
from ava_np.files import write_atomically
from ava_np.models import Model
from ava_np.report import charts
from ava_np.report.command import command
from ava_np.report.images import to_png
from ava_np.report.names import (
    BASELINES,
    PRIOR_NAMES,
    chance_level,
    layers_text,
    likelihood_text,
    model_title,
    terms_of,
)
from ava_np.report.sheets import paired
from ava_np.run.folder import Run
from ava_np.run.names import ARCHITECTURE, IMAGE_BEST, LOSSES, RECONSTRUCTIONS, REPORT, SAMPLES
from ava_np.specification import Reduction, Specification
from ava_np.training.reductions import layer_weights
from ava_np.training.trainer import MAX_VALIDATED

MAX_ROWS = 100  # of the table of reconstruction errors
COLUMN = 880  # CSS pixels of the page's column; style.css has the same number
THIRD = 260  # and of each of three pictures side by side


class Embedded(NamedTuple):
    """A picture inside the page: its data URI and its size in CSS pixels."""

    uri: str
    width: int
    height: int
    enlarged: bool


def write_report(run: Run, model: Model, pictures: Pictures, evaluation: Evaluation | None, split: Split) -> Path:
    """Write report.html: one self-contained page without scripts.

    Parameters
    ----------
    run, model, pictures, evaluation
        As for ``write_pictures``, which must be called first: the page contains the pictures in the folder.
    split : Split
        Of all pictures of the run: the page says how many there are in each part.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    RunError
        If one of the pictures is missing from the folder, or the metrics are of another model.
    AvaError
        If the file cannot be written.
    """
    specification, lines = run.specification, run.metrics()
    source, toy = specification.pictures.source, specification.pictures.toy

    page = template("ava_np.report", REPORT).render(
        specification=specification,
        title=model_title(specification.model),
        folder="built-in pictures" if source is None else source if toy else Path(source).name or source,
        toy=evaluate_toy(model, specification) if toy else None,
        evaluation=evaluation,
        **({} if evaluation is None else _evaluated(run, pictures, evaluation)),
        counts={name: len(indices) for name, indices in split._asdict().items()},
        evaluated=len(pictures.names),
        data=pictures.array,
        skipped=pictures.skipped,
        size=pictures.array.shape[2:0:-1],
        shape=model.shape,
        neurons=model.neurons,
        networks=_networks(model, specification.training.reduction),
        last=lines[-1] if lines else {"epoch": 0, "step": 0, "nats": {}},
        terms=terms_of(specification.model, lines[-1]["nats"] if lines else ()),
        likelihood=likelihood_text(specification.model),
        chance=_chance(specification),
        prior=PRIOR_NAMES[getattr(specification.model, "prior", "normal")],
        angles=any("angle" in line for line in lines),
        validated=[line["validation"]["reconstruction_error"] for line in lines if "validation" in line],
        max_validated=MAX_VALIDATED,
        samples=_file(run, SAMPLES),
        losses=_file(run, LOSSES),
        settings=_settings(specification),
        command=command(specification),
        changed_rate=_changed_rate(specification, lines),
        architecture_file=ARCHITECTURE if isinstance(specification.model.architecture, dict) else None,
    )
    write_atomically(run.folder / REPORT, page.encode())
    return run.folder / REPORT


def data_uri(png: bytes) -> str:
    """Return a PNG file as a data URI, which embeds it in HTML."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _evaluated(run: Run, pictures: Pictures, evaluation: Evaluation) -> dict[str, Any]:
    """The values of the page that come from an evaluation."""
    zoom = run.specification.pictures.zoom
    small = zoom_out(pictures.array, zoom)
    mean = small.mean(axis=0, dtype=np.float64).astype(small.dtype)
    mean_image_error = metrics.reconstruction_error(small, np.broadcast_to(mean, small.shape))
    order = np.argsort(-evaluation.reconstruction_errors, kind="stable")[:MAX_ROWS]
    return {
        "mean_image_error": mean_image_error,
        "best_name": pictures.names[evaluation.best],
        "reconstructions": _file(run, RECONSTRUCTIONS),
        "pairs": len(paired(pictures)),
        "image_best": _file(run, IMAGE_BEST, THIRD),
        "decoded": _embed(to_png(pictures.array[evaluation.best]), THIRD),
        "mean_image": _embed(to_png(zoom_in(mean[None], zoom)[0]), THIRD),
        "baseline_bars": _embed(charts.to_png(charts.baseline_bars(evaluation))),
        "reconstruction_error_bars": _embed(
            charts.to_png(charts.reconstruction_error_bars(evaluation, pictures.names, mean_image_error))
        ),
        "baselines": _baselines(evaluation, zoom),
        "reconstruction_errors": [(pictures.names[index], evaluation.reconstruction_errors[index]) for index in order],
    }


def _changed_rate(specification: Specification, lines: list[dict[str, Any]]) -> float | None:
    """The learning rate at first, if --resume or a rollback changed it. A schedule changes it in any case."""
    training = specification.training
    first = lines[0].get("learning_rate", training.learning_rate) if lines else training.learning_rate
    return first if training.schedule == "constant" and first != training.learning_rate else None


def _chance(specification: Specification) -> tuple[str, str]:
    """The terms of a discriminator that cannot tell real from fake: on real and on fake pictures."""
    d = chance_level(specification.model)
    if d == 0.5:
        return "-log 2", "-log 2"
    return f"{math.log(d):.2f}", f"{math.log(1 - d):.2f}"


def _networks(model: Model, reduction: Reduction) -> list[tuple[str, str, int, str]]:
    """Name, layers, number of parameters and layer weights of each network."""
    rows = []
    for name, weights in layer_weights(model, reduction).items():
        network = model.networks[name]
        shown = weights[:1] if len(set(weights)) == 1 else weights
        text = ", ".join(f"{weight:.3g}" for weight in shown)
        rows.append((name.replace("_", " "), layers_text(network), network.theta.size, text))
    return rows


def _baselines(evaluation: Evaluation, zoom: int) -> list[tuple[str, str, float, bool]]:
    """Rows of the table of baselines, the largest first: name, meaning, AVA (17), and whether the model made it."""
    rows = [
        (baseline.label, baseline.meaning, evaluation.baselines[key], False)
        for key, baseline in BASELINES.items()
        if zoom > 1 or not key.endswith("full_size")  # at zoom 1 these equal the others
    ]
    rows.append(("imageBest of this model", "the reconstruction with the lowest (17)", evaluation.rmse, True))
    rows.append(
        ("reconstructions, mean", "a reconstruction of this model; mean over all of them", evaluation.rmse_mean, True)
    )
    return sorted(rows, key=lambda row: -row[2])


def _settings(specification: Specification) -> list[tuple[str, str]]:
    """The values of a specification with their dotted names, in order."""
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


def _embed(png: bytes, within: int = COLUMN) -> Embedded:
    """Embed a PNG file in the page; a small one is enlarged by an integer factor, without smoothing."""
    width, height = struct.unpack(">II", png[16:24])
    factor = max(1, within // max(width, height))
    return Embedded(data_uri(png), factor * width, factor * height, factor > 1)


def _printable(value: Any) -> Any:
    """A value of a template without control characters; the output of a macro is made of such values already."""
    return printable(value) if type(value) is str else value


def template(package: str, name: str) -> jinja2.Template:
    """Return the template ``name`` of a package. It may include the report's style.css.

    All values are made printable and escaped.
    """
    loader = jinja2.ChoiceLoader([jinja2.PackageLoader(package, "."), jinja2.PackageLoader("ava_np.report", ".")])
    environment = jinja2.Environment(
        autoescape=True,
        finalize=_printable,
        loader=loader,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
