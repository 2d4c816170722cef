"""Reproduce Tables 1 to 3 and Figure 5 of the AVA paper: printed figures beside measured ones.

VAE and AVA1 to AVA5, the paper's 19 learning rates and both propagations make 228 training runs. Each uses SGD as
printed, with all pictures in every step, and γ multiplies the mean over connections (the reduction "fan"). The measure
is RMSE (17) of imageBest.

    ava experiment ava-tables FOLDER

Each finished training run is a line of ``results.csv``. If the experiment is stopped, the next start continues after
the last line.
"""

import csv
import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, get_args

import joblib
import msgspec
import numpy as np
from joblib.externals.loky.process_executor import TerminatedWorkerError

from ava_np.console import progress_counter, say
from ava_np.data.sources import read_pictures
from ava_np.data.zoom import zoom_in, zoom_out
from ava_np.errors import AvaError, NotFiniteError
from ava_np.evaluation import metrics
from ava_np.experiments.paper.ava_tables_summary import ZOOM, Result, summarise
from ava_np.files import write_atomically
from ava_np.models import build
from ava_np.specification import PaperModel, Propagation
from ava_np.training.fit import fit

TENTHS, HUNDREDTHS = [k / 10 for k in range(10, 0, -1)], [k / 100 for k in range(9, 0, -1)]
SIZE = (180, 250)


@dataclass(frozen=True)
class Plan:
    """Settings that the results depend on, apart from the code.

    Attributes
    ----------
    rates : tuple of float
        Learning rates γ.
    steps : int
        Steps per training run.
    pictures : str
        SHA-256 of the pictures.
    """

    rates: tuple[float, ...]
    steps: int
    pictures: str


FULL = Plan((*TENTHS, *HUNDREDTHS), 500, "")
QUICK = Plan((1.0, 0.1, 0.01), 30, "")


def run(folder: Path | None, *, quick: bool = False, out: Path | None = None, jobs: int | None = None) -> Path:
    """Do the training runs that are still missing, in parallel, and write tables, figures and the page.

    Parameters
    ----------
    folder : Path or None
        Folder of pictures; None uses the built-in ones.
    quick : bool
        Use only three learning rates and 30 steps.
    out : Path or None
        Folder for the results; None uses runs/ava-tables or runs/ava-tables-quick.
    jobs : int or None
        Number of training runs in parallel; None uses one per core.

    Returns
    -------
    Path
        The page, report.html.

    Raises
    ------
    AvaError
        If the pictures cannot be read, ``out`` cannot be written or holds results of another plan, or a training run
        is killed.
    """
    from ava_np.experiments.paper.ava_tables_page import write_page  # imports matplotlib, which the workers do not need

    read = read_pictures(folder, size=SIZE, fit="stretch", zoom=ZOOM)
    pictures, plan = read.array, replace(QUICK if quick else FULL, pictures=read.sha256)
    out = out or Path("runs") / ("ava-tables-quick" if quick else "ava-tables")
    results = _open(out, plan)
    order = [(p, m, r) for p in get_args(Propagation) for m in get_args(PaperModel) for r in plan.rates]
    say(f"{len(results)} of {len(order)} training runs of {plan.steps} steps are done; results in {out}")
    # Rate by rate, so that any few of them take the mean time, and the time that is left can be told.
    missing = sorted((key for key in order if key not in results), key=lambda key: -key[2])
    jobs = min(jobs or os.cpu_count() or 1, max(1, len(missing)))
    trainings = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")(
        joblib.delayed(train)(pictures, plan.steps, *key) for key in missing
    )
    with progress_counter("training", len(results), jobs) as show, (out / "results.csv").open("a") as file:
        try:
            for result in trainings:
                results[result.propagation, result.model, result.rate] = result
                csv.writer(file, lineterminator="\n").writerow(asdict(result).values())
                file.flush()
                show(len(results), len(order))
        except TerminatedWorkerError:
            raise AvaError(
                f"a training run was killed, perhaps for lack of memory: start again to continue in {out}"
            ) from None
    baselines = metrics.baselines(pictures, ZOOM)
    return write_page(out, pictures, plan.steps, summarise([results[key] for key in order], baselines))


def printed_objective(model: str) -> dict[str, Any]:
    """Return the options with which a model descends the printed objective, with either propagation."""
    return {"likelihood": "gaussian"} if model == "vae" else {"likelihood": "gaussian", "saturating": True}


def train(pictures: np.ndarray, steps: int, propagation: str, model: str, rate: float) -> Result:
    """Train one model and measure it; if it diverges, measure the parameters before the divergence.

    Parameters
    ----------
    pictures : ndarray, (N, H, W, C) float32
        Pictures at full size, in [0, 1].
    steps : int
        Number of SGD steps, each on all pictures.
    propagation, model : str
        For example "paper", "ava1".
    rate : float
        Learning rate γ.

    Returns
    -------
    Result
        The measured figures.
    """
    small = zoom_out(pictures, ZOOM)
    network = build(model, small.shape[1:], propagation=propagation, **printed_objective(model))
    ended = "trained"
    try:
        fit(network, small, epochs=steps, batch_size=len(small), optimiser="sgd", learning_rate=rate, reduction="fan")
    except NotFiniteError as error:
        ended = f"diverged: {error}"
    decoded = network.reconstruct(small)
    rmses = [metrics.rmse(image, pictures) for image in zoom_in(decoded, ZOOM)]
    return Result(
        propagation=propagation,
        model=model,
        rate=rate,
        rmse=float(np.min(rmses)),
        rmse_mean=float(np.mean(rmses)),
        reconstruction_error=metrics.reconstruction_error(small, decoded),
        brightness=float(decoded[int(np.argmin(rmses))].mean()),
        ended=ended,
    )


def _open(out: Path, plan: Plan) -> dict[tuple[str, str, float], Result]:
    """Create ``out`` if necessary, and return the results that it already holds, by propagation, model and rate."""
    plan_json = msgspec.json.format(msgspec.json.encode(plan), indent=2)
    heading = [field.name for field in fields(Result)]
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not (out / "plan.json").exists():
            if any(out.iterdir()):
                raise AvaError(f"{out} is already used: choose another --out")
            write_atomically(out / "results.csv", (",".join(heading) + "\n").encode())
            write_atomically(out / "plan.json", plan_json)
        if (out / "plan.json").read_bytes() != plan_json:
            raise AvaError(f"{out} holds results of other pictures or settings: choose another --out")
        text = (out / "results.csv").read_text()
    except OSError as error:
        raise AvaError(f"cannot write {out}: {error.strerror}") from error
    whole = text[: text.rfind("\n") + 1]  # the run of an incomplete line is done again
    write_atomically(out / "results.csv", whole.encode())
    try:
        rows = [msgspec.convert(row, Result, strict=False) for row in csv.DictReader(whole.splitlines())]
    except msgspec.ValidationError as error:
        raise AvaError(f"{out / 'results.csv'} is damaged ({error}): repair it, or choose another --out") from error
    return {(row.propagation, row.model, row.rate): row for row in rows}
