"""Filling in the template of a report. Nothing here imports matplotlib, so that a training can begin without it."""

import base64
import io
import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import msgspec
from PIL import Image

from ava_np.data.pictures import Pictures
from ava_np.data.split import Split
from ava_np.errors import printable
from ava_np.models import Model
from ava_np.report.command import command
from ava_np.report.names import (
    FITTED_CODES,
    chance_level,
    layers_text,
    likelihood_text,
    model_title,
    prior_name,
    terms_of,
)
from ava_np.run.names import ARCHITECTURE, REPORT
from ava_np.specification import Reduction, Specification
from ava_np.training.early_stopping import BestValidation
from ava_np.training.reductions import layer_weights
from ava_np.training.trainer import MAX_VALIDATED, Metrics

COLUMN = 880  # CSS pixels of the page's column; style.css has the same number


class Embedded(NamedTuple):
    """A picture inside the page: its data URI and its size in CSS pixels."""

    uri: str
    width: int
    height: int
    enlarged: bool


def render(
    specification: Specification,
    lines: list[Metrics],
    model: Model,
    pictures: Pictures,
    split: Split,
    **values: Any,
) -> str:
    """Return the page of a run.

    Parameters
    ----------
    specification : Specification
        The run's specification.
    lines : list of dict
        Its metrics.
    model : Model
        Its model.
    pictures : Pictures
        The pictures that the page is about, at full size.
    split : Split
        Of all pictures of the run.
    **values
        What the template shows besides: the evaluation, pictures and charts.
    """
    source, toy = specification.pictures.source, specification.pictures.toy
    return template("ava_np.report", REPORT).render(
        specification=specification,
        title=model_title(specification.model),
        folder="built-in pictures" if source is None else source if toy else Path(source).name or source,
        counts={name: len(indices) for name, indices in split._asdict().items()},
        evaluated=len(pictures.names),
        data=pictures.array,
        skipped=pictures.skipped,
        size=pictures.array.shape[2:0:-1],
        shape=model.shape,
        neurons=model.neurons,
        encoder=model.encoder_name is not None,
        networks=_networks(model, specification.training.reduction),
        last=lines[-1] if lines else {"epoch": 0, "step": 0, "nats": {}},
        terms=terms_of(specification.model, lines[-1]["nats"] if lines else ()),
        likelihood=likelihood_text(specification.model),
        chance=_chance(specification),
        prior=prior_name(specification.model) if model.codes is None else FITTED_CODES,
        angles=any("angle" in line for line in lines),
        validated=[line["validation"]["reconstruction_error"] for line in lines if "validation" in line],
        best=BestValidation.of(lines),
        max_validated=MAX_VALIDATED,
        settings=_settings(specification),
        command=command(specification),
        changed_rate=_changed_rate(specification, lines),
        architecture_file=ARCHITECTURE if isinstance(specification.model.architecture, dict) else None,
        **values,
    )


def data_uri(content: bytes, kind: str = "png") -> str:
    """Return a picture file as a data URI, which embeds it in HTML."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def embed(content: bytes, within: int = COLUMN) -> Embedded:
    """Embed a PNG or GIF file in the page; a small one is enlarged by an integer factor, without smoothing."""
    with Image.open(io.BytesIO(content), formats=["PNG", "GIF"]) as picture:
        (width, height), kind = picture.size, str(picture.format).lower()
    factor = max(1, within // max(width, height))
    return Embedded(data_uri(content, kind), factor * width, factor * height, factor > 1)


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


def _settings(specification: Specification) -> list[tuple[str, str]]:
    """The values of a specification with their dotted names, in order."""
    rows: list[tuple[str, Any]] = []
    for name, value in msgspec.to_builtins(specification).items():
        if isinstance(value, dict):
            rows += [(f"{name}.{key}", inner) for key, inner in value.items()]
        else:
            rows.append((name, value))
    return [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in rows]


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
