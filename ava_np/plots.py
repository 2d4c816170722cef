"""The charts of a report: what a training did, epoch by epoch, and how far its pictures are from real ones.

Every function returns a figure that belongs to nobody else: no display and no state of pyplot. `to_png` draws
it in the same bytes each time.
"""

import io
import math
import warnings
from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ava_np.evaluation import Evaluation
from ava_np.training import Metrics

WIDTH = 9.0  # inches of every chart
DOTS = 200  # per inch
MOST_BARS = 24  # bars that still have room for a name
MOST_LETTERS = 28  # of a name

# After Okabe & Ito, dark enough for text: colour-blind readers tell them apart too.
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

LOG_TICKS = (0, -0.5, -1, -2, -5, -10, -20, -50, -100, -1000, -10000)

TERMS = {  # label, colour and line of each term of a model; a pair is real and decoded
    "reconstruction": (r"$½\,\Vert x-x'\Vert^2$", BLUE, "-"),
    "kl": (r"$\mathrm{KL}$", VERMILION, "-"),
    "log_d_real": (r"$\log\,d(x)$", BLUE, "-"),
    "log_d_fake": (r"$\log(1-d(x'))$", BLUE, "--"),
    "log_D_real": (r"$\log\,D(\mu(x))$", VERMILION, "-"),
    "log_D_fake": (r"$\log(1-D(\mu(x')))$", VERMILION, "--"),
}
NETWORKS = {
    "encoder": ("encoder Θ", BLUE, "-"),
    "decoder": ("decoder Φ", VERMILION, "-"),
    "discriminator": ("discriminator Ψ", GREEN, "-"),
    "encoding_discriminator": ("discriminator Λ", PURPLE, "--"),
}
RIVALS = {
    "grey": "mid-grey",
    "copy_mean": "copy of a picture, mean",
    "single_colour": "best single colour",
    "mean_image": "mean image",
    "floor": "floor at this zoom",
}


@style.context(STYLE, after_reset=True)
def loss_curves(metrics: Sequence[Metrics]) -> Figure:
    """Draw the terms of the objectives, and the angle between the two propagations, over the epochs.

    Parameters
    ----------
    metrics : sequence of dict
        The lines of ``metrics.jsonl``: terms in nats per picture, angles in degrees on some epochs.

    Returns
    -------
    Figure
        A panel for AVA (1), one for (2) and (11) if they were trained, one for the angles if there are any.
    """
    epochs = [line["epoch"] for line in metrics]
    names = list(metrics[0]["nats"]) if metrics else []
    adversarial = [name for name in names if name.startswith("log_")]
    measured = [line for line in metrics if "angle" in line]

    panels = 1 + bool(adversarial) + bool(measured)
    figure = Figure((WIDTH, 0.5 + 2.4 * panels), layout="constrained")
    column = iter(figure.subplots(panels, sharex=True, squeeze=False)[:, 0])

    axes = next(column)
    axes.set_title("Reconstruction and divergence")
    axes.set_ylabel("nats per picture")
    axes.set_yscale("log")
    _curves(axes, ((epochs, _terms(metrics, name), TERMS[name]) for name in names if name not in adversarial))
    if adversarial:
        axes = next(column)
        axes.set_title("Discriminators on real and decoded pictures")
        _reference(axes, -math.log(2), r"$-\log 2$, cannot tell")
        axes.set_ylabel("nats per picture")
        # A discriminator that is sure reaches -30 and more, and one that cannot tell wavers about -0.7.
        axes.set_yscale("symlog", linthresh=2)
        lowest = min(min(_terms(metrics, name)) for name in adversarial)
        axes.set_ylim(1.1 * min(-2.0, lowest), 0.1)
        axes.set_yticks([tick for tick in LOG_TICKS if tick >= min(-2.0, lowest)])
        axes.yaxis.set_major_formatter("{x:g}")
        _curves(axes, ((epochs, _terms(metrics, name), TERMS[name]) for name in adversarial))
    if measured:
        axes = next(column)
        axes.set_title("Angle between the gradients of the two propagations")
        _reference(axes, 90, "90°, nothing in common")
        axes.set_ylabel("degrees")
        top = 180 if max(max(line["angle"].values()) for line in measured) > 110 else 110
        axes.set_ylim(-3, top + 3)
        axes.set_yticks(range(0, top, 45) if top < 180 else range(0, 181, 45))
        at = [line["epoch"] for line in measured]
        networks = measured[0]["angle"]
        _curves(axes, ((at, [line["angle"][name] for line in measured], NETWORKS[name]) for name in networks))
    axes.set_xlabel("epoch")
    axes.set_xlim(0, 1.01 * max(epochs, default=1))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return figure


@style.context(STYLE, after_reset=True)
def own_error_bars(evaluation: Evaluation, names: Sequence[str], mean_picture: float) -> Figure:
    """Draw each picture's error against its own reconstruction, the worst first.

    Parameters
    ----------
    evaluation : Evaluation
        Its ``own_errors`` are drawn, ½‖difference‖₂ per pixel.
    names : sequence of str
        The pictures' names; shown when there are few.
    mean_picture : float
        Mean own error of a model that shows the mean picture, whatever it is given: a mark to be under.
    """
    label = r"own error, $½\,\Vert x-x'\Vert_2$ per pixel"
    if len(names) <= MOST_BARS:
        bars = [(error, name, BLUE) for error, name in zip(evaluation.own_errors, names, strict=True)]
        return _bars([*bars, (mean_picture, "the mean picture for all", PALE)], label)
    figure = Figure((WIDTH, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.stairs(np.sort(evaluation.own_errors)[::-1], fill=True, color=BLUE)
    axes.grid(axis="y")
    axes.axhline(mean_picture, color=INK, linewidth=0.9, linestyle=":")
    _note(axes, f"··· {mean_picture:.4f}, the mean picture for all")
    axes.set_ylim(0, 1.05 * max(float(evaluation.own_errors.max()), mean_picture) or 1.0)
    axes.set_ylabel(label)
    axes.set_xlabel("pictures, the worst first")
    return figure


@style.context(STYLE, after_reset=True)
def rival_bars(evaluation: Evaluation) -> Figure:
    """Draw AVA (17) of imageBest among fixed images that no model has made, the worst first."""
    bars = [(evaluation.rivals[name], label, PALE) for name, label in RIVALS.items()]
    own = (evaluation.rmse, "imageBest of this model", BLUE)
    return _bars(
        [own, *bars],
        r"AVA (17), $½\,\Vert\mathrm{imageBest}-\mathrm{picture}\Vert_2$ per pixel, mean over all pictures",
    )


def to_png(figure: Figure) -> bytes:
    """Draw a figure as a PNG file, in the same bytes each time."""
    file = io.BytesIO()
    with style.context(STYLE, after_reset=True), warnings.catch_warnings():
        # A name may be in a script that the font lacks; it is drawn as boxes, and in full in the table.
        warnings.filterwarnings("ignore", "Glyph .* missing")
        figure.savefig(file, format="png", dpi=DOTS, metadata={"Software": None})
    return file.getvalue()


def _terms(metrics: Sequence[Metrics], name: str) -> list[float]:
    return [line["nats"][name] for line in metrics]


def _curves(axes: Axes, curves: Iterable[tuple[Sequence[int], Sequence[float], tuple[str, str, str]]]) -> None:
    """Draw curves (epochs, values, look), each with its label at its end."""
    ends = []
    for epochs, values, (label, colour, line) in curves:
        axes.plot(epochs, values, line, color=colour, marker="o" if len(values) == 1 else None)
        ends.append((values[-1], label, colour))
    axes.grid(axis="y")
    if not ends:
        return

    # The height of each label in parts of the axes: its curve's, unless two would overlap.
    axes.get_ylim()  # settles the limits, which transData does not
    to_axes = axes.transData + axes.transAxes.inverted()
    ends.sort(key=lambda end: end[0])
    heights = [min(1.0, max(0.0, to_axes.transform((0, value))[1])) for value, _, _ in ends]
    room = 0.1
    for index in range(1, len(ends)):
        heights[index] = max(heights[index], heights[index - 1] + room)
    top = 1.0
    for index in reversed(range(len(ends))):
        heights[index] = min(heights[index], top)
        top = heights[index] - room
    for height, (_, label, colour) in zip(heights, ends, strict=True):
        axes.text(1.015, height, label, transform=axes.transAxes, color=colour, va="center")


def _reference(axes: Axes, value: float, meaning: str) -> None:
    """A thin level line, explained above the axes, where no curve is."""
    axes.axhline(value, color=INK, linewidth=0.9, linestyle=":")
    _note(axes, f"··· {meaning}")


def _note(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="right", color=FAINT, fontweight="normal")


def _bars(bars: Sequence[tuple[float, str, str]], label: str) -> Figure:
    """Horizontal bars (value, name, colour), the longest on top, each with its name and value in front."""
    bars = sorted(bars, key=lambda bar: -bar[0])
    values, names, colours = zip(*bars, strict=True)
    figure = Figure((WIDTH, 0.7 + 0.27 * len(bars)), layout="constrained")
    axes = figure.subplots()
    axes.barh(range(len(bars)), values, height=0.72, color=colours)
    # A name is text and never a formula, whatever dollars it has.
    ticks = [f"{_short(name)}   {value:.4f}" for name, value in zip(names, values, strict=True)]
    axes.set_yticks(range(len(bars)), ticks, parse_math=False, color=INK)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_xlabel(label)
    axes.grid(axis="x")
    return figure


def _short(name: str) -> str:
    """A name with its middle left out where it is long."""
    half = MOST_LETTERS // 2
    return name if len(name) <= MOST_LETTERS else f"{name[: half - 1]}…{name[-half:]}"
