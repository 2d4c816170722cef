"""Write the page of a study: what was claimed, what came out, and pictures, in one self-contained HTML file."""

import csv
import io
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from ava_np.experiments.study import Row, Study, picture_name
from ava_np.files import write_atomically
from ava_np.report.render import data_uri, template


def write_page(out: Path, study: Study, rows: Mapping[str, Row]) -> Path:
    """Write tables.csv and report.html.

    Parameters
    ----------
    out : Path
        Folder of the results, with the pictures.
    study : Study
        What was run.
    rows : mapping of str to Row
        The results by case.

    Returns
    -------
    Path
        The page, report.html.

    Raises
    ------
    AvaError
        If a file cannot be written.
    """
    write_atomically(out / "tables.csv", _tables(study, rows))
    shown = {}
    for key in reversed(study.keys):  # the first of each case stays
        shown[key.case] = out / picture_name(key)
    text = template("ava_np.experiments", "study.html").render(
        study=study,
        rows=rows,
        findings=study.findings(rows),
        arrows={"less": "↓", "more": "↑", None: ""},
        names=[name for field in fields(study.keys[0]) if (name := field.name) != "case"],
        trained=sum(len(row.results) for row in rows.values()),
        pictures={case: data_uri(shown[case].read_bytes()) for case in rows if case in shown and shown[case].exists()},
    )
    write_atomically(out / "report.html", text.encode())
    return out / "report.html"


def _tables(study: Study, rows: Mapping[str, Row]) -> bytes:
    """Return mean, smallest and largest of each measure over the seeds beside the printed figure."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["case", study.over, "measure", "mean", "low", "high", "printed", "printed_deviation"])
    for case, row in rows.items():
        for measure in study.measures:
            spread, printed = row.spread(measure), study.printed.get((case, measure))
            figures = [f"{value:.6g}" for value in (spread.mean, spread.low, spread.high)]
            published = ["", ""] if printed is None else [printed.text, f"{printed.deviation:g}"]
            writer.writerow([case, len(row.results), measure, *figures, *published])
    return text.getvalue().encode()
