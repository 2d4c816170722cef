"""The report of a training: evaluated, drawn and written in one call."""

from pathlib import Path

import pytest

from ava_np.report.run import report_run
from ava_np.run.session import start
from ava_np.specification import AE, GAN, RunOptions
from tests.report.finished_runs import PAGE, text


def test_report_of_a_training_is_written_and_its_evaluation_returned(folder: Path, tmp_path: Path) -> None:
    session = start(RunOptions(folder, model=AE(latent=2, hidden=(8,)), epochs=1), tmp_path / "run")
    for _ in session:
        pass
    evaluation, verdict = report_run(session)
    assert evaluation is not None
    assert set(PAGE) < {path.name for path in session.run.folder.iterdir()}
    assert f"{evaluation.reconstruction_error:.4f}" in text(session.run)
    assert verdict
    assert all(finding.text in text(session.run) for finding in verdict)


@pytest.mark.parametrize(("source", "model"), [(None, GAN(latent=2, hidden=(8,))), ("toy:ring", AE(hidden=(8,)))])
def test_models_without_reconstructions_are_not_evaluated(source: str | None, model: AE | GAN, tmp_path: Path) -> None:
    size = (18, 25) if source is None else None
    session = start(RunOptions(source, model=model, size=size, epochs=1, limit=10), tmp_path / "run")
    assert report_run(session).evaluation is None
    assert (session.run.folder / "report.html").exists()
