"""A grid of options: every combination is trained and measured like a run of ``ava train``, and the runs are ranked.

    ava sweep photos --grid lr=0.001,0.0003 --grid latent=8,16

The folder has a run folder for each combination and seed in ``runs``, a line for each in ``results.csv``, and one page,
``report.html``. The measures are of pictures that are held out, so that the order is not that of learning by heart.
"""

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import inf, isnan, nan
from pathlib import Path
from typing import Any

from ava_np.data.labels import read_labels
from ava_np.data.zoom import zoom_out
from ava_np.errors import AvaError, NotFiniteError
from ava_np.evaluation.distances import frechet_distance
from ava_np.evaluation.features import feature_function
from ava_np.evaluation.metrics import reconstruction_error
from ava_np.evaluation.sharpness import sharpness
from ava_np.experiments.spread import Spread
from ava_np.experiments.trials import Trials
from ava_np.files import write_atomically
from ava_np.report.render import data_uri, template
from ava_np.report.run import report_run
from ava_np.run.names import TRAINING
from ava_np.run.session import Session, start
from ava_np.specification import RunOptions

FEWEST, MOST = 100, 2000  # held-out pictures to compare samples with

MEASURES = {
    "error": "error of held-out pictures",
    "frechet_distance": "Fréchet distance",
    "sharpness": "sharpness",
    "training_error": "error of training pictures",
}
RANKING = ("error", "frechet_distance")  # the first that was measured ranks the runs; less is better


@dataclass(frozen=True)
class Key:
    """What tells one training from another.

    Attributes
    ----------
    options : str
        The options of the grid, as ``ava train`` takes them.
    seed : int
        The training's.
    """

    options: str
    seed: int

    @property
    def name(self) -> str:
        """The name of its run folder."""
        return re.sub(r"[^A-Za-z0-9.]+", "-", f"{self.options} seed {self.seed}").strip("-")


@dataclass(frozen=True, kw_only=True)
class Result:
    """The measures of one training; the first fields are those of its ``Key``.

    Attributes
    ----------
    error, training_error : float
        Reconstruction errors of held-out and of training pictures; NaN without an encoder.
    frechet_distance : float
        Of as many samples from the held-out pictures; NaN for fewer than 100.
    sharpness : float
        Of the samples.
    steps : int
        Steps that were trained.
    ended : str
        "trained", or why there are no measures.
    """

    options: str
    seed: int
    error: float = nan
    training_error: float = nan
    frechet_distance: float = nan
    sharpness: float = nan
    steps: int = 0
    ended: str


@dataclass(frozen=True)
class Plan:
    """The arguments that all trainings share."""

    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """A combination of options, over its seeds."""

    results: list[Result]

    def spread(self, measure: str) -> Spread:
        """Return a measure over the seeds."""
        return Spread.of(getattr(one, measure) for one in self.results)


def run(
    arguments: Sequence[str],
    options: Mapping[Key, RunOptions],
    *,
    out: Path | None = None,
    jobs: int | None = None,
    scheduler: str | None = None,
) -> Path:
    """Do the trainings that are missing, and write the page.

    Parameters
    ----------
    arguments : sequence of str
        Those of ``ava train`` that all trainings share.
    options : mapping of Key to RunOptions
        The trainings.
    out : Path or None
        Folder for the results; None uses runs/sweep.
    jobs, scheduler
        As for ``run_trials``. Workers on other machines need the pictures at the same path.

    Returns
    -------
    Path
        The page, report.html.

    Raises
    ------
    AvaError
        If ``out`` cannot be written or holds another sweep, the scheduler cannot be reached, or all trainings failed.
    """
    out = out or Path("runs/sweep")
    trials = Trials(out, Plan(tuple(arguments)), Key, Result)
    results = trials.run(train, [dict(options)], list(options), jobs=jobs, scheduler=scheduler)
    if all(one.ended != "trained" for one in results):
        raise AvaError(f"no training came to its end, the first one because it {results[0].ended}")
    return write_page(out, arguments, list(trials.results.values()))


def train(options: Mapping[Key, RunOptions], key: Key) -> tuple[Result, dict[str, bytes]]:
    """Train one combination in a folder of its own, and measure it.

    Parameters
    ----------
    options : mapping of Key to RunOptions
        All trainings.
    key : Key
        This one.

    Returns
    -------
    Result, dict of str to bytes
        The measures, and the files of the run folder by name.
    """
    with tempfile.TemporaryDirectory() as place:
        session = start(options[key], Path(place) / "run")
        with session.run:
            try:
                for _ in session:
                    pass
                report_run(session)
                result = replace(_measures(session, key), steps=session.trainer.steps)
            except NotFiniteError as error:
                reason, _, _ = str(error).partition(";")  # without the advice to continue: its folder is gone
                result = Result(**asdict(key), steps=session.trainer.steps, ended=f"diverged: {reason}")
        kept = [path for path in session.run.folder.rglob("*") if path.is_file() and path.name != TRAINING]
        names = {path: path.relative_to(session.run.folder).as_posix() for path in kept}
        return result, {f"runs/{key.name}/{name}": path.read_bytes() for path, name in names.items() if name[0] != "."}


def _measures(session: Session, key: Key) -> Result:
    """Return the measures of the saved model, on held-out pictures."""
    model, specification, data = session.run.model(), session.run.specification, session.data
    held = session.run.evaluation_pictures(data, "test" if len(data.split.test) else "validation")
    zoom = specification.pictures.zoom
    found: dict[str, Any] = dict.fromkeys(MEASURES, nan)
    pictures = zoom_out(held.array[:MOST], zoom)
    if model.encoder_name is not None:
        trained = zoom_out(session.run.evaluation_pictures(data).array, zoom)
        found["error"] = reconstruction_error(pictures, model.reconstruct(pictures))
        found["training_error"] = reconstruction_error(trained, model.reconstruct(trained))
    samples = model.sample(max(len(pictures), FEWEST), specification.training.seed)
    if not specification.pictures.toy:
        found["sharpness"] = sharpness(samples)
    if len(pictures) >= FEWEST:
        rows, source = data.split.train, specification.pictures.source
        labels = None if source is None or specification.pictures.toy else read_labels(source, data.pictures.names)
        training = zoom_out(data.pictures.array[rows], zoom)
        features = feature_function(training, None if labels is None else labels[rows])
        found["frechet_distance"] = frechet_distance(features(pictures), features(samples[: len(pictures)]))
    return Result(**asdict(key), **found, ended="trained")


def write_page(out: Path, arguments: Sequence[str], results: Sequence[Result]) -> Path:
    """Write report.html, with the best combination first.

    Parameters
    ----------
    out : Path
        Folder of the sweep.
    arguments : sequence of str
        Those of ``ava train`` that all trainings share.
    results : sequence of Result
        One or more of them trained.

    Returns
    -------
    Path
        The page.
    """
    groups: dict[str, Row] = {}
    for one in results:
        groups.setdefault(one.options, Row([])).results.append(one)
    measured = [name for name in MEASURES if any(not isnan(getattr(one, name)) for one in results)]
    by = next((name for name in RANKING if name in measured), None)

    def place(row: Row) -> float:
        mean = nan if by is None else row.spread(by).mean
        return inf if isnan(mean) else mean  # in the order of the grid, if there is nothing to rank by

    pictures = {}
    for options, row in groups.items():
        sheet = out / "runs" / Key(options, row.results[0].seed).name / "samples.png"
        if sheet.exists():
            pictures[options] = data_uri(sheet.read_bytes())
    text = template("ava_np.experiments", "sweep.html").render(
        arguments=" ".join(arguments),
        rows=sorted(groups.values(), key=place),
        measures={name: MEASURES[name] for name in measured},
        by=None if by is None else MEASURES[by],
        pictures=pictures,
        name=lambda one: Key(one.options, one.seed).name,
    )
    write_atomically(out / "report.html", text.encode())
    return out / "report.html"
