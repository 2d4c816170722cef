"""The report of a run: one page with its results, its pictures and explanations.

The page does not depend on the time or on the path of the run folder: the same run gives the same bytes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ava_np.data.pictures import Pictures
from ava_np.data.split import Split
from ava_np.data.zoom import zoom_in, zoom_out
from ava_np.errors import RunError
from ava_np.evaluation.evaluate import Evaluation, evaluate_toy
from ava_np.evaluation.verdict import Finding
from ava_np.files import write_atomically
from ava_np.images import to_png
from ava_np.models import Model
from ava_np.report import charts
from ava_np.report.names import BASELINES
from ava_np.report.render import COLUMN, Embedded, embed, render
from ava_np.report.sheets import paired
from ava_np.run.folder import Run
from ava_np.run.names import ANIMATION, IMAGE_BEST, LOSSES, RECONSTRUCTIONS, REPORT, SAMPLES

MAX_ROWS = 100  # of the table of reconstruction errors
THIRD = 260  # CSS pixels of each of three pictures side by side


def write_report(
    run: Run,
    model: Model,
    pictures: Pictures,
    evaluation: Evaluation | None,
    split: Split,
    verdict: Sequence[Finding] = (),
) -> Path:
    """Write report.html: one self-contained page without scripts.

    Parameters
    ----------
    run, model, pictures, evaluation
        As for ``write_pictures``, which must be called first: the page contains the pictures in the folder.
    split : Split
        Of all pictures of the run: the page says how many there are in each part.
    verdict : sequence of Finding
        What the numbers say in words.

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
    specification, animation = run.specification, run.folder / ANIMATION
    evaluated = {} if evaluation is None else _evaluated(run, pictures, evaluation)
    page = render(
        specification,
        run.metrics(),
        model,
        pictures,
        split,
        running=None,
        toy=evaluate_toy(model, specification) if specification.pictures.toy else None,
        evaluation=evaluation,
        verdict=verdict,
        samples=_file(run, SAMPLES),
        losses=_file(run, LOSSES),
        animation=_file(run, ANIMATION) if animation.exists() else None,
        **evaluated,
    )
    write_atomically(run.folder / REPORT, page.encode())
    return run.folder / REPORT


def _evaluated(run: Run, pictures: Pictures, evaluation: Evaluation) -> dict[str, Any]:
    """The values of the page that come from an evaluation."""
    zoom = run.specification.pictures.zoom
    small = zoom_out(pictures.array, zoom)
    mean = small.mean(axis=0, dtype=np.float64).astype(small.dtype)
    order = np.argsort(-evaluation.reconstruction_errors, kind="stable")[:MAX_ROWS]
    return {
        "best_name": pictures.names[evaluation.best],
        "reconstructions": _file(run, RECONSTRUCTIONS),
        "pairs": len(paired(pictures)),
        "image_best": _file(run, IMAGE_BEST, THIRD),
        "decoded": embed(to_png(pictures.array[evaluation.best]), THIRD),
        "mean_image": embed(to_png(zoom_in(mean[None], zoom)[0]), THIRD),
        "baseline_bars": embed(charts.to_png(charts.baseline_bars(evaluation))),
        "reconstruction_error_bars": embed(
            charts.to_png(charts.reconstruction_error_bars(evaluation, pictures.names, evaluation.mean_image_error))
        ),
        "baselines": _baselines(evaluation, zoom),
        "reconstruction_errors": [(pictures.names[index], evaluation.reconstruction_errors[index]) for index in order],
    }


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


def _file(run: Run, name: str, within: int = COLUMN) -> Embedded:
    try:
        return embed((run.folder / name).read_bytes(), within)
    except OSError as error:
        raise RunError(f"{run.folder / name} is needed for the report: {error.strerror}") from error
