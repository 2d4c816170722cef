"""The chart of a training: terms of the objectives, validation errors and angles between gradients over the epochs."""

import math
from collections.abc import Iterable, Sequence

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ava_np.report.charts import BLUE, GREEN, INK, PURPLE, STYLE, VERMILION, WIDTH, note
from ava_np.report.names import chance_level, terms_of
from ava_np.specification import LearningNetwork, ModelSpecification, Specification, TermName
from ava_np.training.trainer import Metrics

LOG_TICKS = (0, -0.5, -1, -2, -5, -10, -20, -50, -100, -1000, -10000)
DECADES = 9  # of a logarithmic panel, below its largest value: a divergence may begin at 1e-30, or at 0

Look = tuple[str, str]  # colour and line

TERMS: dict[TermName, Look] = {
    "reconstruction": (BLUE, "-"),
    "features": (BLUE, "-"),
    "kl": (VERMILION, "-"),
    "log_d_real": (BLUE, "-"),
    "log_d_fake": (BLUE, "--"),
    "log_d_reconstructed": (GREEN, "--"),
    "log_D_real": (VERMILION, "-"),
    "log_D_fake": (VERMILION, "--"),
    "log_D_prior": (VERMILION, "-"),
    "log_D_code": (VERMILION, "--"),
}
NETWORKS: dict[LearningNetwork, tuple[str, Look]] = {  # of the models with two propagations
    "encoder": ("encoder Θ", (BLUE, "-")),
    "decoder": ("decoder Φ", (VERMILION, "-")),
    "discriminator": ("discriminator Ψ", (GREEN, "-")),
    "encoding_discriminator": ("discriminator Λ", (PURPLE, "--")),
}

Curve = tuple[Sequence[int], Sequence[float], str, Look]  # epochs, values, label


@style.context(STYLE, after_reset=True)
def loss_curves(metrics: Sequence[Metrics], specification: Specification) -> Figure:
    """Draw the metrics of a training.

    Parameters
    ----------
    metrics : sequence of dict
        The lines of ``metrics.jsonl``: terms in nats per picture; on some epochs angles in degrees, and the
        reconstruction error of the validation pictures.
    specification : Specification
        The run's specification.

    Returns
    -------
    Figure
        Panels for reconstruction and divergence, discriminators, validation and angles; only those with data.

    Raises
    ------
    RunError
        If the model has no such term.
    """
    model, unit = specification.model, f"nats per {'point' if specification.pictures.toy else 'picture'}"
    names = list(metrics[0]["nats"]) if metrics else []
    adversarial = [name for name in names if name.startswith("log_")]
    others = [name for name in names if name not in adversarial]
    validated = [line for line in metrics if "validation" in line]
    measured = [line for line in metrics if "angle" in line]

    panels = max(1, sum(map(bool, (others, adversarial, validated, measured))))
    figure = Figure((WIDTH, 0.5 + 2.4 * panels), layout="constrained")
    column = iter(figure.subplots(panels, sharex=True, squeeze=False)[:, 0])
    axes = figure.axes[-1]
    if others:
        _reconstruction(next(column), _terms(metrics, others, model), unit)
    if adversarial:
        _discriminators(next(column), _terms(metrics, adversarial, model), unit, chance_level(model) == 0.5)
    if validated:
        _validation(next(column), validated)
    if measured:
        _angles(next(column), measured)
    axes.set_xlabel("epoch")
    axes.set_xlim(0, 1.01 * max((line["epoch"] for line in metrics), default=1))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return figure


def _reconstruction(axes: Axes, curves: Sequence[Curve], unit: str) -> None:
    axes.set_title("Reconstruction and divergence" if len(curves) > 1 else "Reconstruction")
    axes.set_ylabel(unit)
    every = [value for _, values, *_ in curves for value in values]
    positive = [value for value in every if value > 0]
    if min(every) < 0:  # the log of a calibrated variance
        axes.set_yscale("symlog", linthresh=10)
        axes.yaxis.set_major_formatter("{x:g}")
    elif positive:
        axes.set_yscale("log", nonpositive="clip")
        top = max(positive)
        low = max(min(positive), top / 10**DECADES)
        room = (top / low) ** 0.05 if top > low else 2.0
        axes.set_ylim(low / room, top * room)
    _draw(axes, curves)


def _discriminators(axes: Axes, curves: Sequence[Curve], unit: str, even: bool) -> None:
    axes.set_title("Discriminators: log-probability of the correct answer")
    if even:
        _reference(axes, -math.log(2), r"$-\log 2$: cannot tell real from fake")
    axes.set_ylabel(unit)
    # A wrong answer that is confident reaches -30 and below; a discriminator that cannot tell stays near -0.7.
    axes.set_yscale("symlog", linthresh=2)
    lowest = min(-2.0, *(min(values) for _, values, *_ in curves))
    axes.set_ylim(1.1 * lowest, 0.1)
    axes.set_yticks([tick for tick in LOG_TICKS if tick >= lowest])
    axes.yaxis.set_major_formatter("{x:g}")
    _draw(axes, curves)


def _validation(axes: Axes, lines: Sequence[Metrics]) -> None:
    axes.set_title("Reconstruction error of validation pictures")
    axes.set_ylabel(r"$½\,\Vert x-x'\Vert_2$ per pixel")
    errors = [line["validation"]["reconstruction_error"] for line in lines]
    axes.set_ylim(0, 1.05 * max(errors) or 1.0)
    _draw(axes, [([line["epoch"] for line in lines], errors, "validation", (BLUE, "-"))])


def _angles(axes: Axes, lines: Sequence[Metrics]) -> None:
    axes.set_title("Angle between the gradients of the two propagations")
    _reference(axes, 90, "90°: orthogonal")
    axes.set_ylabel("degrees")
    top = 180 if max(max(line["angle"].values()) for line in lines) > 110 else 110
    axes.set_ylim(-3, top + 3)
    axes.set_yticks(range(0, top, 45) if top < 180 else range(0, 181, 45))
    epochs = [line["epoch"] for line in lines]
    networks = lines[0]["angle"]
    _draw(axes, [(epochs, [line["angle"][name] for line in lines], *NETWORKS[name]) for name in networks])


def _terms(metrics: Sequence[Metrics], names: Iterable[TermName], model: ModelSpecification) -> list[Curve]:
    epochs, terms = [line["epoch"] for line in metrics], terms_of(model, names)
    return [(epochs, [line["nats"][name] for line in metrics], term.label, TERMS[name]) for name, term in terms.items()]


def _draw(axes: Axes, curves: Sequence[Curve]) -> None:
    """Draw curves, each labelled at its end."""
    ends = []
    for epochs, values, label, (colour, line) in curves:
        axes.plot(epochs, values, line, color=colour, marker="o" if len(values) == 1 else None)
        ends.append((values[-1], label, colour))
    axes.grid(axis="y")

    # The height of each label in axes coordinates: the end of its curve, moved where two labels would overlap.
    axes.get_ylim()  # fixes the limits, which transData does not
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
    """Draw a dotted horizontal line, explained above the axes."""
    axes.axhline(value, color=INK, linewidth=0.9, linestyle=":")
    note(axes, f"··· {meaning}")
