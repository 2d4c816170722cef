"""Run a study: train what is missing, and write its page.

The folder has ``plan.json``, ``results.csv`` with a line for each training, the pictures of each, ``tables.csv`` and
``report.html``. A stopped study continues after the last line.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ava_np.experiments.study import Study, group
from ava_np.experiments.study_page import write_page
from ava_np.experiments.trials import Trials


def run_study(study: Study, *, out: Path | None = None, jobs: int | None = None, scheduler: str | None = None) -> Path:
    """Do the trainings that are still missing, in parallel, and write the page about all that are done.

    Parameters
    ----------
    study : Study
        What to train.
    out : Path or None
        Folder for the results; None uses one in ``runs`` with the study's name.
    jobs : int or None
        Number of trainings in parallel; None uses one per core.
    scheduler : str or None
        Address of a Dask scheduler, whose workers train.

    Returns
    -------
    Path
        The page, report.html.

    Raises
    ------
    AvaError
        If ``out`` cannot be written or holds results of another plan, or the scheduler cannot be reached.
    """
    out = out or Path("runs") / study.name
    plan = {"study": study.name} | asdict(study.plan)
    trials: Trials[Any, Any] = Trials(out, plan, type(study.keys[0]), study.result)
    trials.run(study.trial, study.shared, study.keys, jobs=jobs, scheduler=scheduler)
    return write_page(out, study, group(study, list(trials.results.values())))
