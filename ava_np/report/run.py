"""Evaluating a trained run and writing its pictures and report."""

from typing import NamedTuple

from ava_np.evaluation.evaluate import Evaluation, evaluate
from ava_np.evaluation.verdict import Finding
from ava_np.models import Model
from ava_np.report.animation import write_animation
from ava_np.report.card import write_model_card
from ava_np.report.page import write_report
from ava_np.report.sheets import write_pictures
from ava_np.run.folder import Run
from ava_np.run.names import MODEL
from ava_np.run.pictures import SplitPictures
from ava_np.run.session import Session
from ava_np.run.verdict import run_verdict


class Report(NamedTuple):
    """What the report of a run says.

    Attributes
    ----------
    evaluation : Evaluation or None
        Of at most 1000 training pictures; None for a model without an encoder and for toy points.
    verdict : list of Finding
        What the numbers say in words; empty for toy points.
    """

    evaluation: Evaluation | None
    verdict: list[Finding]


def report_run(session: Session) -> Report:
    """Write the pictures and the report of a training: of its saved model, as ``report_saved``, which has the details.

    Parameters
    ----------
    session : Session
        From ``ava_np.run.session``, trained to any step.

    Examples
    --------
    >>> import tempfile
    >>> from ava_np.run.session import start
    >>> from ava_np.specification import AE, RunOptions
    >>> options = RunOptions(model=AE(latent=2, hidden=(8,)), size=(18, 25), epochs=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     session = start(options, f"{folder}/run")
    ...     for metrics in session:
    ...         pass
    ...     report_run(session).evaluation.reconstruction_errors.shape
    (10,)
    """
    if (session.run.folder / MODEL).exists():
        return report_saved(session.run, session.data)
    return _report(session.run, session.trainer.average.model, 0, session.data)  # it has not begun


def report_saved(run: Run, data: SplitPictures) -> Report:
    """Evaluate the saved model of a run, and write pictures, animation, card and report into its folder.

    Parameters
    ----------
    run : Run
        The run, finished or not.
    data : SplitPictures
        Its pictures, from ``run.split``.

    Returns
    -------
    Report

    Raises
    ------
    RunError
        If the weights, the metrics or a picture of the progress are missing or damaged, or another training is writing
        the run.
    AvaError
        If a file cannot be written.
    """
    return _report(run, run.model(), run.header().steps, data)


def _report(run: Run, model: Model, steps: int | None, data: SplitPictures) -> Report:
    pictures, evaluation, findings = run.evaluation_pictures(data), None, list[Finding]()
    if not run.specification.pictures.toy:
        if model.encoder_name is not None:
            evaluation = evaluate(model, pictures.array, run.specification.pictures.zoom)
        findings = run_verdict(run, model, pictures, evaluation)
    with run:
        write_pictures(run, model, pictures, evaluation)
        write_animation(run, model, steps, data)
        write_model_card(run, model, pictures, evaluation, data.split, findings)
        write_report(run, model, pictures, evaluation, data.split, findings)
    return Report(evaluation, findings)
