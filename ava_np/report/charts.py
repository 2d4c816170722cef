"""The charts of a report: reconstruction errors, baselines and toy points; and the style of all charts.

Each function returns a new figure and uses neither a display nor the state of pyplot. ``to_png`` draws the same figure
as the same bytes.
"""

import io
import warnings
from collections.abc import Sequence

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ava_np.evaluation.evaluate import Evaluation
from ava_np.report.names import BASELINES

WIDTH = 9.0  # inches of every chart
DOTS_PER_INCH = 200
MAX_BARS = 24  # with more bars there is no room for names
MAX_LETTERS = 28  # of a name
MARGIN = 0.25  # around toy points, as a share of the extent of the data
BINS = 60  # of a histogram

# After Okabe & Ito, which colour-blind readers can tell apart, but dark enough for text.
BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#00805D", "#AA3377"
INK, FAINT, PALE = "#333333", "#767676", "#bdbdbd"

STYLE = {
    "font.size": 9.5,
    "text.color": INK,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlepad": 8,
    "axes.labelcolor": FAINT,
    "axes.edgecolor": PALE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.xmargin": 0.01,
    "grid.color": "#e8e8e8",
    "grid.linewidth": 0.7,
    "xtick.color": PALE,
    "ytick.color": PALE,
    "xtick.labelcolor": FAINT,
    "ytick.labelcolor": FAINT,
    "ytick.minor.size": 0,
    "lines.linewidth": 1.5,
}

CHARTED_BASELINES = ("grey", "copy_mean", "single_colour", "mean_image", "floor")


@style.context(STYLE, after_reset=True)
def reconstruction_error_bars(evaluation: Evaluation, names: Sequence[str], mean_picture: float) -> Figure:
    """Draw the reconstruction error of each picture, the largest first.

    Parameters
    ----------
    evaluation : Evaluation
        Its ``reconstruction_errors`` are drawn, ½‖difference‖₂ per pixel.
    names : sequence of str
        Names of the pictures; shown if there are at most 24.
    mean_picture : float
        Reconstruction error of the mean picture in place of every reconstruction, drawn as a reference.
    """
    label = r"reconstruction error, $½\,\Vert x-x'\Vert_2$ per pixel"
    if len(names) <= MAX_BARS:
        bars = [(error, name, BLUE) for error, name in zip(evaluation.reconstruction_errors, names, strict=True)]
        return _bars([*bars, (mean_picture, "mean picture for all", PALE)], label)
    figure = Figure((WIDTH, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.stairs(np.sort(evaluation.reconstruction_errors)[::-1], fill=True, color=BLUE)
    axes.grid(axis="y")
    axes.axhline(mean_picture, color=INK, linewidth=0.9, linestyle=":")
    note(axes, f"··· {mean_picture:.4f}: the mean picture for all")
    axes.set_ylim(0, 1.05 * max(float(evaluation.reconstruction_errors.max()), mean_picture) or 1.0)
    axes.set_ylabel(label)
    axes.set_xlabel("pictures, the largest error first")
    return figure


@style.context(STYLE, after_reset=True)
def baseline_bars(evaluation: Evaluation) -> Figure:
    """Draw AVA (17) of imageBest and of the baselines, the largest first."""
    bars = [(evaluation.baselines[name], BASELINES[name].label, PALE) for name in CHARTED_BASELINES]
    model = (evaluation.rmse, "imageBest of this model", BLUE)
    return _bars(
        [model, *bars],
        r"AVA (17), $½\,\Vert\mathrm{imageBest}-\mathrm{picture}\Vert_2$ per pixel, mean over all pictures",
    )


@style.context(STYLE, after_reset=True)
def toy_points(data: np.ndarray, points: np.ndarray, label: str) -> Figure:
    """Draw points of a model over points of a toy distribution: a histogram for d = 1, a scatter plot for d = 2.

    Points far outside the data are not drawn; their number is given above the axes.

    Parameters
    ----------
    data, points : ndarray, (n, d) or (n, 1, d, 1)
        Points of the distribution and of the model, d of 1 or 2.
    label : str
        Name of the model's points, such as "samples".
    """
    data, points = (rows.reshape(len(rows), -1).astype(np.float64) for rows in (data, points))
    low, high = data.min(axis=0), data.max(axis=0)
    low, high = low - MARGIN * (high - low), high + MARGIN * (high - low)
    inside = ((points >= low) & (points <= high)).all(axis=1)
    figure = Figure((WIDTH, 3.2 if data.shape[1] == 1 else 6.2), layout="constrained")
    axes = figure.subplots()
    if data.shape[1] == 1:
        edges = np.linspace(low[0], high[0], BINS + 1).tolist()
        axes.hist(data[:, 0], edges, density=True, color=PALE, label="data")
        weights = np.full(inside.sum(), 1 / (len(points) * (edges[1] - edges[0])))
        axes.hist(points[inside, 0], edges, weights=weights, color=BLUE, histtype="step", linewidth=1.8, label=label)
        axes.set_ylabel("density")
    else:
        axes.scatter(data[:, 0], data[:, 1], s=14, color=PALE, linewidths=0, label="data")
        axes.scatter(points[inside, 0], points[inside, 1], s=9, color=BLUE, linewidths=0, label=label)
        axes.set_aspect("equal")
        axes.set_ylim(low[1], high[1])
    axes.set_xlim(low[0], high[0])
    axes.legend(loc="upper left", frameon=False)
    if not inside.all():
        note(axes, f"{np.count_nonzero(~inside):,} of {len(points):,} {label} lie outside")
    return figure


def to_png(figure: Figure) -> bytes:
    """Draw a figure as a PNG file; the same figure gives the same bytes."""
    file = io.BytesIO()
    with style.context(STYLE, after_reset=True), warnings.catch_warnings():
        # A name may use a script that the font lacks. It is drawn as boxes; the table has it in full.
        warnings.filterwarnings("ignore", "Glyph .* missing")
        figure.savefig(file, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return file.getvalue()


def note(axes: Axes, text: str) -> None:
    """Write a remark above the axes, on the right, where there are no curves."""
    axes.set_title(text, loc="right", color=FAINT, fontweight="normal")


def _bars(bars: Sequence[tuple[float, str, str]], label: str) -> Figure:
    """Horizontal bars (value, name, colour), the longest on top, with names and values as tick labels."""
    bars = sorted(bars, key=lambda bar: -bar[0])
    values, names, colours = zip(*bars, strict=True)
    figure = Figure((WIDTH, 0.7 + 0.27 * len(bars)), layout="constrained")
    axes = figure.subplots()
    axes.barh(range(len(bars)), values, height=0.72, color=colours)
    # A name with dollar signs is text, not a formula.
    ticks = [f"{_short(name)}   {value:.4f}" for name, value in zip(names, values, strict=True)]
    axes.set_yticks(range(len(bars)), ticks, parse_math=False, color=INK)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_xlabel(label)
    axes.grid(axis="x")
    return figure


def _short(name: str) -> str:
    """A name; the middle of a long one is replaced by an ellipsis."""
    half = MAX_LETTERS // 2
    return name if len(name) <= MAX_LETTERS else f"{name[: half - 1]}…{name[-half:]}"
