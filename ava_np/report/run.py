"""Evaluating a trained run and writing its pictures and report."""

from ava_np.evaluation.evaluate import Evaluation, evaluate
from ava_np.report.page import write_report
from ava_np.report.sheets import write_pictures
from ava_np.run.session import Session


def report_run(session: Session) -> Evaluation | None:
    """Evaluate the model of a training and write the pictures and report.html into its run folder.

    Parameters
    ----------
    session : Session
        From ``ava_np.run.session``, trained to any step.

    Returns
    -------
    Evaluation or None
        Of at most 1000 training pictures; None for a model without an encoder and for toy points.

    Raises
    ------
    RunError
        If another training is writing the run.
    AvaError
        If a file cannot be written.

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
    ...     report_run(session).reconstruction_errors.shape
    (10,)
    """
    run, model = session.run, session.trainer.average.model
    pictures, evaluation = run.evaluation_pictures(session.data), None
    if model.encoder_name is not None and not run.specification.pictures.toy:
        evaluation = evaluate(model, pictures.array, run.specification.pictures.zoom)
    with run:
        write_pictures(run, model, pictures, evaluation)
        write_report(run, model, pictures, evaluation, session.data.split)
    return evaluation
