"""Reproduce Tables 1 to 3 and Figure 5 of the AVA paper: printed figures beside measured ones.

VAE and AVA1 to AVA5, the paper's 19 learning rates and both propagations make 228 training runs. Each uses SGD as
printed, with all pictures in every step, and γ multiplies the mean over connections (the reduction "fan"). The measure
is RMSE (17) of imageBest.

    ava experiment ava-tables FOLDER

Each finished training run is a line of ``results.csv``. If the experiment is stopped, the next start continues after
the last line.
"""

from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from ava_np.data.sources import read_pictures
from ava_np.data.zoom import zoom_in, zoom_out
from ava_np.evaluation import metrics
from ava_np.experiments.attempt import attempt
from ava_np.experiments.paper.ava_tables_summary import ZOOM, Key, Result, summarise
from ava_np.experiments.trials import Trials
from ava_np.models import build
from ava_np.specification import PaperModel, Propagation

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


def run(
    folder: Path | None,
    *,
    quick: bool = False,
    out: Path | None = None,
    jobs: int | None = None,
    scheduler: str | None = None,
) -> Path:
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
    scheduler : str or None
        Address of a Dask scheduler, whose workers train.

    Returns
    -------
    Path
        The page, report.html.

    Raises
    ------
    AvaError
        If the pictures cannot be read, ``out`` cannot be written or holds results of another plan, or the scheduler
        cannot be reached.
    """
    from ava_np.experiments.paper.ava_tables_page import write_page  # imports matplotlib, which the workers do not need

    read = read_pictures(folder, size=SIZE, fit="stretch", zoom=ZOOM)
    pictures, plan = read.array, replace(QUICK if quick else FULL, pictures=read.sha256)
    out = out or Path("runs") / ("ava-tables-quick" if quick else "ava-tables")
    trials = Trials(out, plan, Key, Result)
    # Rate by rate, so that any few of them take the mean time, and the time that is left can be told.
    keys = [Key(p, m, r) for r in plan.rates for p in get_args(Propagation) for m in get_args(PaperModel)]
    results = trials.run(train, [pictures, plan.steps], keys, jobs=jobs, scheduler=scheduler)
    baselines = metrics.baselines(pictures, ZOOM)
    return write_page(out, pictures, plan.steps, summarise(results, baselines))


def printed_objective(model: str) -> dict[str, Any]:
    """Return the options with which a model descends the printed objective, with either propagation."""
    return {"likelihood": "gaussian"} if model == "vae" else {"likelihood": "gaussian", "saturating": True}


def train(pictures: np.ndarray, steps: int, key: Key) -> tuple[Result, dict[str, bytes]]:
    """Train one model and measure it; if it diverges, measure the parameters before the divergence.

    Parameters
    ----------
    pictures : ndarray, (N, H, W, C) float32
        Pictures at full size, in [0, 1].
    steps : int
        Number of SGD steps, each on all pictures.
    key : Key
        Propagation, model and learning rate γ.

    Returns
    -------
    Result, dict
        The measured figures, and no files.
    """
    propagation, model, rate = astuple(key)
    small = zoom_out(pictures, ZOOM)
    network = build(model, small.shape[1:], propagation=propagation, **printed_objective(model))
    ended = attempt(
        network, small, epochs=steps, batch_size=len(small), optimiser="sgd", learning_rate=rate, reduction="fan"
    )
    decoded = network.reconstruct(small)
    rmses = [metrics.rmse(image, pictures) for image in zoom_in(decoded, ZOOM)]
    result = Result(
        propagation=propagation,
        model=model,
        rate=rate,
        rmse=float(np.min(rmses)),
        rmse_mean=float(np.mean(rmses)),
        reconstruction_error=metrics.reconstruction_error(small, decoded),
        brightness=float(decoded[int(np.argmin(rmses))].mean()),
        ended=ended,
    )
    return result, {}
