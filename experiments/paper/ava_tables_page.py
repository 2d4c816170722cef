"""Write the page of the AVA tables: figures, tables and verdicts in one self-contained HTML file."""

import csv
import io
from pathlib import Path

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure

from ava_np.data.zoom import zoom_out
from ava_np.evaluation import metrics
from ava_np.experiments.paper.ava_tables_summary import PRINTED, ZOOM, Figures, Summary, runs_of
from ava_np.files import write_atomically
from ava_np.report.charts import BLUE, FAINT, GREEN, INK, PALE, PURPLE, STYLE, VERMILION, to_png
from ava_np.report.render import data_uri, template

TITLES = {"paper": "paper propagation", "exact": "exact propagation"}
COLOURS = dict(zip(PRINTED, (FAINT, BLUE, "#56B4E9", VERMILION, PURPLE, GREEN), strict=True))


def write_page(out: Path, pictures: np.ndarray, steps: int, summary: Summary) -> Path:
    """Write tables.csv, figure5.png, rates.png, brightness.png and report.html.

    Parameters
    ----------
    out : Path
        Folder to write into.
    pictures : ndarray, (N, H, W, C) float32
        Pictures at full size, in [0, 1].
    steps : int
        Steps per training run.
    summary : Summary
        All results and their comparison with the paper.

    Returns
    -------
    Path
        The page, report.html.

    Raises
    ------
    AvaError
        If a file cannot be written.
    """
    charts = {
        "figure5": to_png(_figure5(summary)),
        "rates": to_png(_rates(summary)),
        "brightness": to_png(_brightness(summary, pictures)),
    }
    for name, png in charts.items():
        write_atomically(out / f"{name}.png", png)
    write_atomically(out / "tables.csv", _table3(summary))
    text = template("ava_np.experiments.paper", "ava_tables.html").render(
        summary=summary,
        printed=PRINTED,
        titles=TITLES,
        steps=steps,
        count=len(pictures),
        size=pictures.shape[2:0:-1],
        rates=sorted({one.rate for one in summary.results}, reverse=True),
        by_key={(one.propagation, one.model, one.rate): one for one in summary.results},
        mean_image_error=_mean_image_error(pictures),
        charts={name: data_uri(png) for name, png in charts.items()},
    )
    write_atomically(out / "report.html", text.encode())
    return out / "report.html"


def _mean_image_error(pictures: np.ndarray) -> float:
    """Return the reconstruction error, at the zoomed size, of a model whose output is always the mean picture."""
    small = zoom_out(pictures, ZOOM)
    return metrics.reconstruction_error(small, np.broadcast_to(small.mean(axis=0), small.shape))


def _table3(summary: Summary) -> bytes:
    """Return printed and measured mean, minimum and standard deviation as CSV, one line per source and model."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["source", "model", "mean", "minimum", "standard_deviation", "diverged", "verdict"])
    for model, figures in PRINTED.items():
        writer.writerow(["printed", model, *_cells(figures), "", ""])
    for (propagation, model), figures in summary.measured.items():
        diverged, verdict = summary.diverged[propagation, model], summary.verdict(propagation, model)
        writer.writerow([propagation, model, *_cells(figures), diverged, verdict])
    for name, value in summary.baselines.items():
        writer.writerow(["baseline", name, f"{value:.4f}", "", "", "", ""])
    return text.getvalue().encode()


def _cells(figures: Figures) -> list[str]:
    """Format mean, minimum and standard deviation."""
    return [f"{value:.4f}" for value in (figures.mean, figures.minimum, figures.deviation)]


@style.context(STYLE)
def _figure5(summary: Summary) -> Figure:
    """Plot Figure 5: mean with standard deviation, and minimum, of each model, printed and measured."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    axes = figure.add_subplot()
    sources = {"printed": PRINTED} | {
        propagation: {model: summary.measured[propagation, model] for model in PRINTED} for propagation in TITLES
    }
    for i, ((source, table), colour) in enumerate(zip(sources.items(), (PALE, BLUE, VERMILION), strict=True)):
        at = np.arange(len(PRINTED)) + (i - 1) * 0.27
        figures = [table[model] for model in PRINTED]
        label = TITLES.get(source, "printed in the paper")
        axes.bar(at, [one.mean for one in figures], 0.25, color=colour, label=label)
        axes.errorbar(
            *(at, [one.mean for one in figures], [one.deviation for one in figures]),
            fmt="none", ecolor=INK, elinewidth=0.9, capsize=2.5,
        )  # fmt: skip
        axes.plot(at, [one.minimum for one in figures], "_", color=INK, markersize=9)
    for name, text in (("grey", "mid-grey"), ("single_colour", "one colour"), ("mean_image", "mean image")):
        axes.axhline(summary.baselines[name], color=FAINT, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
        axes.text(5.5, summary.baselines[name], f" {text}", va="center", fontsize=8.5, color=FAINT)
    axes.axhline(summary.baselines["floor"], color=INK, linewidth=0.9, zorder=0)
    axes.text(5.5, summary.baselines["floor"], " floor", va="top", fontsize=8.5, color=INK)
    axes.set_xticks(range(len(PRINTED)), [model.upper() for model in PRINTED], color=INK)
    axes.set_ylim(0.12, None)
    axes.set_xlim(-0.5, 5.5)
    axes.set_ylabel("RMSE (17)")
    axes.set_title("Mean over the learning rates; bars: standard deviation; dashes: minimum")
    axes.legend(frameon=False, ncols=3, loc="upper right")
    return figure


@style.context(STYLE)
def _rates(summary: Summary) -> Figure:
    """Plot RMSE (17) over the learning rate, as in Tables 1 and 2."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    for i, propagation in enumerate(TITLES):
        axes = figure.add_subplot(1, 2, i + 1)
        for model, colour in COLOURS.items():
            results = sorted(runs_of(summary.results, propagation, model), key=lambda one: one.rate)
            rates, rmses = [one.rate for one in results], [one.rmse for one in results]
            axes.plot(rates, rmses, "o-", color=colour, markersize=3, label=model)
            diverged = [one for one in results if one.ended != "trained"]
            axes.plot([one.rate for one in diverged], [one.rmse for one in diverged], "x", color=INK, markersize=6)
        for name in ("grey", "single_colour", "mean_image"):
            axes.axhline(summary.baselines[name], color=FAINT, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
        axes.axhline(summary.baselines["floor"], color=INK, linewidth=0.9, zorder=0)
        axes.set_xscale("log")
        axes.set_xlabel("learning rate γ")
        axes.set_title(TITLES[propagation])
        axes.set_ylim(0.15, min(0.4, max(one.rmse for one in summary.results) + 0.01))
        if i == 0:
            axes.set_ylabel("RMSE (17)")
            axes.legend(frameon=False, ncols=2)
    return figure


@style.context(STYLE)
def _brightness(summary: Summary, pictures: np.ndarray) -> Figure:
    """Plot RMSE (17) over the mean brightness of imageBest, with the curve of uniform greys."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    axes = figure.add_subplot()
    for model, colour in COLOURS.items():
        for propagation, marker in (("paper", "o"), ("exact", "^")):
            results = runs_of(summary.results, propagation, model)
            axes.plot(
                [one.brightness for one in results], [one.rmse for one in results], marker, color=colour, markersize=4,
                label=f"{model}, {propagation}", alpha=0.8,
            )  # fmt: skip
    low, high = axes.get_xlim()
    greys = np.linspace(low, high, 25)
    uniform = [metrics.rmse(np.full_like(pictures[0], grey), pictures) for grey in greys]
    axes.plot(greys, uniform, "-", color=INK, linewidth=1, label="uniform grey", zorder=0)
    axes.axvline(float(pictures.mean()), color=FAINT, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    axes.text(float(pictures.mean()), axes.get_ylim()[1], " mean of the pictures", va="top", fontsize=8.5, color=FAINT)
    axes.set_xlabel("mean brightness of imageBest")
    axes.set_ylabel("RMSE (17)")
    axes.set_title("Each training run beside a uniform grey of the same brightness")
    axes.legend(frameon=False, ncols=2, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
