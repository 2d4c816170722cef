"""The pictures of a run folder: samples, reconstructions, imageBest and the loss curves."""

import numpy as np

from ava_np.data.pictures import Pictures
from ava_np.data.zoom import zoom_in, zoom_out
from ava_np.evaluation.evaluate import Evaluation, evaluate_toy, sample_generator
from ava_np.files import write_atomically
from ava_np.images import grid, save_png
from ava_np.indices import evenly_spaced
from ava_np.models import Model
from ava_np.report import charts
from ava_np.report.curves import loss_curves
from ava_np.run.folder import Run
from ava_np.run.names import IMAGE_BEST, LOSSES, RECONSTRUCTIONS, SAMPLES

MAX_SHEET = 2100  # pixels along a contact sheet: room for eight pictures of the default 256
PADDING = 2
MAX_SAMPLES = 8  # along each side
MAX_PAIRS = 10


def write_pictures(run: Run, model: Model, pictures: Pictures, evaluation: Evaluation | None) -> None:
    """Write samples.png and losses.png, and with an evaluation reconstructions.png and image_best.png.

    Parameters
    ----------
    run : Run
        Its folder is written to; its metrics are drawn.
    model : Model
        The run's trained model.
    pictures : Pictures
        Pictures that it was trained on, at full size: ``Run.evaluation_pictures``.
    evaluation : Evaluation or None
        Of ``model`` on ``pictures``. None for a model without an encoder and for toy points: reconstructions.png and
        image_best.png are then removed from the folder.

    Raises
    ------
    AvaError
        If a file cannot be written.
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
        shown = paired(pictures)
        originals = zoom_out(pictures.array[shown], zoom)
        pairs = np.concatenate([originals, model.reconstruct(originals)])
        save_png(run.folder / RECONSTRUCTIONS, grid(zoom_in(pairs, zoom), len(shown), PADDING))

        best = model.reconstruct(zoom_out(pictures.array[[evaluation.best]], zoom))
        save_png(run.folder / IMAGE_BEST, zoom_in(best, zoom)[0])
    write_atomically(run.folder / LOSSES, charts.to_png(loss_curves(run.metrics(), run.specification)))


def paired(pictures: Pictures) -> np.ndarray:
    """Return the indices of the pictures that reconstructions.png shows, evenly spaced."""
    count, _, width, _ = pictures.array.shape
    return evenly_spaced(count, _fitting(width, MAX_PAIRS))


def _fitting(side: int, at_most: int) -> int:
    """Number of pictures of ``side`` pixels that fit next to each other on a contact sheet."""
    return min(at_most, max(1, (MAX_SHEET - PADDING) // (side + PADDING)))
