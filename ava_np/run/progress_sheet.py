"""One picture of what a model can do after a step: reconstructions and samples, or points of a toy distribution.

The pictures and the codes are the same for every step of a run, so that one sees them develop. They have the size of
the networks' input, and points are drawn without matplotlib: a training must not wait for its pictures.
"""

import numpy as np

from ava_np.data.zoom import zoom_out
from ava_np.evaluation.evaluate import TOY_SAMPLES, sample_generator
from ava_np.images import grid
from ava_np.indices import evenly_spaced
from ava_np.models import Model
from ava_np.run.pictures import SplitPictures, subsample
from ava_np.specification import Specification

MAX_SIDE = 420  # pixels along a sheet of small pictures
COLUMNS, ROWS = 8, 4  # of samples, if they fit
MAX_ENCODED = 256  # pictures, to whose codes a distribution is fitted
PADDING, GAP = 2, 8

POINTS_SIDE, BINS = 300, 60  # pixels of a sheet of points; bins of a histogram
MARGIN = 0.25  # around the points of the data, as a share of their extent
PALE, BLUE = (0.74, 0.74, 0.74), (0.0, 0.45, 0.7)


def progress_sheet(model: Model, specification: Specification, data: SplitPictures) -> np.ndarray:
    """Draw a model: pictures above their reconstructions, if it has an encoder, above samples.

    Parameters
    ----------
    model : Model
        After any number of steps.
    specification : Specification
        Of its run.
    data : SplitPictures
        The run's pictures; training pictures are reconstructed.

    Returns
    -------
    ndarray, (height, width, 1 or 3)
        Values in [0, 1], or nearly.

    Raises
    ------
    NotFiniteError
        If an output of the model is not finite.
    """
    train, generator = data.split.train, sample_generator(specification)
    some = data.pictures.array[train[evenly_spaced(len(train), MAX_ENCODED)]]
    codes = model.fitted_codes(zoom_out(some, specification.pictures.zoom))
    draw = model.prior if codes is None else codes.draw
    if specification.pictures.toy:
        points = model.decode(draw(generator, TOY_SAMPLES))
        return _points(subsample(data.pictures, train).array, points)
    height, width, _ = model.shape
    columns, rows = _fitting(width, COLUMNS), _fitting(height, ROWS)
    samples = grid(model.decode(draw(generator, columns * rows)), columns, PADDING)
    if model.encoder_name is None:
        return samples
    shown = train[evenly_spaced(len(train), columns)]
    originals = zoom_out(data.pictures.array[shown], specification.pictures.zoom)
    pairs = grid(np.concatenate([originals, model.reconstruct(originals)]), len(shown), PADDING)
    missing = samples.shape[1] - pairs.shape[1]
    pairs = np.pad(pairs, ((0, GAP), (0, missing), (0, 0)), constant_values=1)
    return np.concatenate([pairs, samples])


def _fitting(side: int, at_most: int) -> int:
    return min(at_most, max(1, (MAX_SIDE - PADDING) // (side + PADDING)))


def _points(data: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Draw samples in blue over the data in grey: dots in the plane, or histograms on the line."""
    data, points = (rows.reshape(len(rows), -1).astype(np.float64) for rows in (data, points))
    low, high = data.min(axis=0), data.max(axis=0)
    extent = np.where(high > low, high - low, 1.0)
    low, extent = low - MARGIN * extent, (1 + 2 * MARGIN) * extent
    places = [(rows - low) / extent for rows in (data, points)]
    places = [rows[((rows >= 0) & (rows < 1)).all(axis=1)] for rows in places]
    if data.shape[1] == 1:
        return _histograms(places[0][:, 0], places[1][:, 0], len(data), len(points))
    sheet = np.ones((POINTS_SIDE, POINTS_SIDE, 3), np.float32)
    for rows, colour in zip(places, (PALE, BLUE), strict=True):
        across, up = (3 + rows * (POINTS_SIDE - 6)).astype(int).T
        for right in (-1, 0, 1):
            for down in (-1, 0, 1):
                sheet[POINTS_SIDE - 1 - up + down, across + right] = colour
    return sheet


def _histograms(data: np.ndarray, points: np.ndarray, data_count: int, point_count: int) -> np.ndarray:
    """Draw bars of the data, and a line of the samples at the top of each bin; both by their share of all points."""
    bars = np.histogram(data, BINS, (0, 1))[0] / data_count
    lines = np.histogram(points, BINS, (0, 1))[0] / point_count
    height, width = POINTS_SIDE // 2, POINTS_SIDE // BINS
    scale = (height - 3) / (1.5 * bars.max())
    sheet = np.ones((height, POINTS_SIDE, 3), np.float32)
    for index, (bar, line) in enumerate(zip(bars, lines, strict=True)):
        columns = slice(index * width, (index + 1) * width)
        sheet[height - int(bar * scale) :, columns] = PALE
        top = max(0, height - 3 - int(line * scale))
        sheet[top : top + 3, columns] = BLUE
    return sheet
