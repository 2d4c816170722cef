"""Write the page about whether AVA works: verdicts, tables and samples in one self-contained HTML file."""

import csv
import io
from pathlib import Path

from ava_np.errors import AvaError
from ava_np.experiments.paper.ava_works_summary import Group, Reference, Result, findings, group
from ava_np.files import write_atomically
from ava_np.report.render import data_uri, template

WAYS = {
    "paper": "as printed",
    "printed": "exact, printed objective",
    "non-saturating": "exact, non-saturating",
    "defaults": "exact, calibrated, non-saturating",
}
VAE_WAYS = {"paper": "as printed", "printed": "exact, gaussian", "defaults": "exact, calibrated"}

MEASURES = {
    "frechet_distance": "Fréchet distance",
    "fitted_frechet_distance": "Fréchet distance, fitted codes",
    "kernel_distance": "kernel distance",
    "precision": "precision",
    "recall": "recall",
    "density": "density",
    "coverage": "coverage",
    "sharpness": "sharpness",
    "grey_share": "grey share",
    "error": "error",
}


def title(one: Group) -> str:
    """Return the name of a group, such as "AVA1, exact, non-saturating, weight 5"."""
    key = one.key
    way = (VAE_WAYS if key.model == "vae" else WAYS)[key.way]
    return f"{key.model.upper()}, {way}" + (f", weight {key.weight:g}" if key.weight != 1 else "")


def write_page(out: Path, steps: int, references: dict[str, Reference], results: list[Result]) -> Path:
    """Write tables.csv and report.html.

    Parameters
    ----------
    out : Path
        Folder of the results, with the pictures of the samples.
    steps : int
        Steps per training.
    references : dict of str to Reference
        What needs no model, by the name of the pictures.
    results : list of Result
        All trainings that are done.

    Returns
    -------
    Path
        The page, report.html.

    Raises
    ------
    AvaError
        If a file cannot be read or written.
    """
    groups = group(results)
    write_atomically(out / "tables.csv", _tables(groups))
    sections: dict[tuple[str, str], list[Group]] = {}
    for one in groups:
        sections.setdefault((one.key.data, one.key.architecture), []).append(one)
    try:
        pictures = {one.key: data_uri((out / "samples" / f"{one.key.name}.png").read_bytes()) for one in groups}
    except OSError as error:
        raise AvaError(f"cannot read {error.filename}: {error.strerror}") from error
    text = template("ava_np.experiments.paper", "ava_works.html").render(
        steps=steps,
        count=len(results),
        sections=sections,
        references=references,
        findings=findings(groups, references),
        pictures=pictures,
        measures=MEASURES,
        title=title,
        diverged=lambda one: sum(result.ended != "trained" for result in one.results),
    )
    write_atomically(out / "report.html", text.encode())
    return out / "report.html"


def _tables(groups: list[Group]) -> bytes:
    """Return mean, smallest and largest of each measure over the seeds, one line per group and measure."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["data", "architecture", "model", "way", "weight", "seeds", "measure", "mean", "low", "high"])
    for one in groups:
        key = one.key
        for measure in MEASURES:
            spread = one.spread(measure)
            figures = [f"{value:.6g}" for value in (spread.mean, spread.low, spread.high)]
            start = [key.data, key.architecture, key.model, key.way, key.weight, len(one.results)]
            writer.writerow([*start, measure, *figures])
    return text.getvalue().encode()
