"""``ava evaluate --measures``: chosen measures of a run, each beside what needs no model."""

import json
from math import isfinite, isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from ava_np.cli.options import print_json
from ava_np.console import echo
from ava_np.errors import AvaError, PictureError, advice

if TYPE_CHECKING:
    from ava_np.evaluation.features import FeatureFunction
    from ava_np.evaluation.measures import Measured, Subject
    from ava_np.run.folder import Run
    from ava_np.specification import Part

NAMES = ("reconstruction", "image", "likelihood", "parzen", "codes", "sharpness", "samples")
"""Those of ``ava_np.evaluation.measures``, which is imported when it measures."""

MAX_PICTURES, MAX_TRAINING = 2000, 10_000  # pictures to measure on, and training pictures to compare with
MAX_VALUES = 1 << 27  # of the training pictures: 512 MiB, and twice as much for a copy in float64


class MeasuresType(click.ParamType):
    """Names of measures, or all."""

    name = "NAME[,NAME...]|all"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Return the names; "all" stays as it is."""
        if isinstance(value, tuple):
            return value
        words = [word.strip().lower() for word in str(value).split(",")]
        for word in words:
            if word not in (*NAMES, "all"):
                self.fail(f"there is no {word!r}: {advice(word, (*NAMES, 'all'))}", param, ctx)
        return ("all",) if "all" in words else tuple(name for name in NAMES if name in words)


def measure(
    run: "Run",
    folder: Path | None,
    part: "Part | None",
    names: tuple[str, ...],
    importance_samples: int,
    *,
    as_json: bool,
) -> None:
    """Print the chosen measures; with "all" those that fit, and why the others do not."""
    from ava_np.console import progress_counter, say
    from ava_np.evaluation.measures import MEASURES, why_not

    subject = _subject(run, folder, part, importance_samples)
    found: list[Measured] = []
    for name in NAMES if names == ("all",) else names:
        reason = why_not(name, subject)
        if reason is None:
            with progress_counter(f"measuring {name}") as progress:
                found += MEASURES[name](subject, progress)
        elif names == ("all",):
            say(f"{name} is left out: {reason}")
        else:
            raise click.UsageError(f"--measures {name}: {reason}")
    say(f"{len(subject.pictures):,} pictures, {len(subject.training):,} training pictures to compare with")
    if as_json:
        print_json({one.name: _json(one) for one in found})
    else:
        echo(_table(found))


def _json(one: "Measured") -> dict[str, Any]:
    values = {"value": one.value, "better": one.better, "baselines": one.baselines}
    return json.loads(json.dumps(values), parse_constant=lambda text: None)  # JSON has no infinity


def _table(found: "list[Measured]") -> str:
    from ava_np.console import table

    arrows = {"less": "↓", "more": "↑", None: ""}
    columns = list(dict.fromkeys(name for one in found for name in one.baselines))
    rows = [
        [
            f"{one.title} {arrows[one.better]}".rstrip(),
            _text(one.value),
            *(_text(one.baselines[name]) if name in one.baselines else "" for name in columns),
        ]
        for one in found
    ]
    return table(["measure", "model", *columns], rows)


def _text(value: float) -> str:
    return f"{value:.4g}" if isfinite(value) else "not finite" if isnan(value) else "∞" if value > 0 else "-∞"


def _subject(run: "Run", folder: Path | None, part: "Part | None", importance_samples: int) -> "Subject":
    """Read the pictures, their classes, and the model."""
    import numpy as np

    from ava_np.cli.pictures import pictures_of
    from ava_np.console import progress_counter, say
    from ava_np.data.labels import read_labels
    from ava_np.data.zoom import zoom_out
    from ava_np.evaluation.features import feature_function
    from ava_np.evaluation.measures import Subject
    from ava_np.indices import evenly_spaced

    own, zoom, model = folder is None or part is not None, run.specification.pictures.zoom, run.model()
    try:
        every = pictures_of(run, folder if own else None, own=True)
    except PictureError as error:
        if own:
            raise
        raise AvaError(f"{error}; the measures compare with the training pictures, too") from error
    data, source = run.split(every), run.specification.pictures.source
    classes = None if source is None else read_labels(source, every.names)
    training = data.split.train
    if own:
        if part is None:
            part = "test" if len(data.split.test) else "validation" if len(data.split.validation) else "train"
        run.evaluation_pictures(data, part)  # refuses a part that is empty
        rows, measured, labels = getattr(data.split, part), every, classes
        if part == "train":
            say("these are training pictures: hold some out with --test, or give a FOLDER of others")
            rows = rows[evenly_spaced(len(rows), min(MAX_PICTURES, (len(rows) + 1) // 2))]
            training = np.setdiff1d(training, rows) if len(training) > 1 else training
    else:
        measured = pictures_of(run, folder)
        labels, rows = read_labels(str(folder), measured.names), np.arange(len(measured.names))
    most = min(MAX_TRAINING, max(1, MAX_VALUES // model.neurons))
    training = training[evenly_spaced(len(training), most)]
    rows = rows[evenly_spaced(len(rows), min(MAX_PICTURES, len(training)))]  # as many samples as training pictures
    compared, training_labels = zoom_out(every.array[training], zoom), None if classes is None else classes[training]

    def features() -> "FeatureFunction":
        with progress_counter("training a classifier") as progress:
            return feature_function(compared, training_labels, progress=progress)

    return Subject(
        model=model,
        pictures=zoom_out(measured.array[rows], zoom),
        training=compared,
        labels=None if labels is None else labels[rows],
        training_labels=training_labels,
        features=features,
        importance_samples=importance_samples,
        seed=run.specification.training.seed,
    )
