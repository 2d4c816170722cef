"""Write the page of the experiment ava-works: tables with mean and spread, a verdict for each claim, and samples."""

import math
import statistics
from collections.abc import Sequence
from pathlib import Path

from ava_np.experiments.paper.ava_works import WAYS, Pictures, Result, baselines
from ava_np.files import write_atomically
from ava_np.report.render import data_uri, template

MEASURES = {
    "error": "reconstruction error, held out",
    "sharpness": "sharpness",
    "frechet": "Fréchet distance",
    "frechet_fitted": "the same, fitted codes",
    "kernel": "kernel distance",
    "precision": "precision",
    "recall": "recall",
    "density": "density",
    "coverage": "coverage",
    "kl": "KL",
    "log_d_real": "log d(x)",
    "log_d_fake": "log(1 - d(x′))",
}
BETTER = 0.95  # times the value of the VAE, in every seed, to be called better


def write_page(out: Path, epochs: int, pictures: Pictures, results: Sequence[Result]) -> Path:
    """Write report.html, and return its path."""
    groups: dict[tuple[str, str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.architecture, result.model, result.way), []).append(result)
    rows = [(*key, [spread(group, name) for name in MEASURES], _sheet(out, group[0])) for key, group in groups.items()]
    page = template("ava_np.experiments.paper", "ava_works.html").render(
        ways=WAYS,
        measures=MEASURES,
        rows=rows,
        verdicts=verdicts(groups),
        baselines=baselines(pictures),
        training=len(pictures.training),
        held_out=len(pictures.held_out),
        compared=pictures.real is not None,
        shape=pictures.training.shape[1:],
        seeds=len({result.seed for result in results}),
        epochs=epochs,
    )
    write_atomically(out / "report.html", page.encode())
    return out / "report.html"


def spread(group: Sequence[Result], measure: str) -> str:
    """Return the mean of a measure over the seeds, and its standard deviation, as text; empty if it was not measured.

    Examples
    --------
    >>> from dataclasses import fields
    >>> measured = len(fields(Result)) - 4
    >>> results = [Result("mlp", "vae", "default", seed, *[1.0 + seed] * measured) for seed in range(3)]
    >>> spread(results, "error")
    '2 ± 1'
    """
    values = [getattr(result, measure) for result in group]
    values = [value for value in values if math.isfinite(value)]
    if not values:
        return ""
    mean = f"{statistics.mean(values):.3g}"
    return f"{mean} ± {statistics.stdev(values):.2g}" if len(values) > 1 else mean


def verdicts(groups: dict[tuple[str, str, str], list[Result]]) -> list[str]:
    """Say for each AVA whether it draws and reconstructs better than the VAE that was trained in the same way.

    Better is a Fréchet distance, or a reconstruction error, of at most 0.95 of the VAE's with the same seed, in every
    seed; worse is the reverse.
    """
    lines = []
    for (architecture, model, way), group in groups.items():
        likelihood_twin = "printed" if way == "non-saturating" else way
        vaes = {result.seed: result for result in groups.get((architecture, "vae", likelihood_twin), [])}
        pairs = [(result, vaes[result.seed]) for result in group if result.seed in vaes]
        if model == "vae" or not pairs:
            continue
        parts = []
        for measure, what in (("frechet", "draws"), ("error", "reconstructs")):
            ratios = [getattr(ours, measure) / getattr(vae, measure) for ours, vae in pairs]
            if not all(map(math.isfinite, ratios)):
                continue
            better, worse = all(r <= BETTER for r in ratios), all(r >= 1 / BETTER for r in ratios)
            word = "better" if better else "worse" if worse else "about as well"
            parts.append(
                f"{what} {word} ({statistics.mean(ratios):.2f} of the VAE's {MEASURES[measure].split(',')[0]})"
            )
        lines.append(f"{model.upper()}, {way}, {architecture}: {' and '.join(parts)}.")
    return lines


def _sheet(out: Path, result: Result) -> str:
    name = f"{result.architecture}-{result.model}-{result.way}-{result.seed}.png"
    return data_uri((out / name).read_bytes())
