"""Working folders for the tests of the command line: with valid runs, and with every kind of bad input."""

import shutil
from pathlib import Path

import pytest

from tests.cli.refusals import make_workspace
from tests.results import train_runs


@pytest.fixture(scope="package")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures in photos/, and the runs run/ (ava5), gan/, toy/ and line/."""
    return train_runs(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def place(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: a copy of the runs, with the pictures in another folder."""
    for name in ("run", "gan", "toy", "line"):
        shutil.copytree(runs / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def photos(runs: Path) -> Path:
    return runs / "photos"


@pytest.fixture(scope="package")
def made_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_workspace(tmp_path_factory.mktemp("workspace"))


@pytest.fixture
def workspace(made_workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: a copy of every kind of bad input and of one valid run."""
    shutil.copytree(made_workspace, tmp_path / "workspace")
    monkeypatch.chdir(tmp_path / "workspace")
    return tmp_path / "workspace"


@pytest.fixture
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the slowest part, where only the training matters."""
    monkeypatch.setattr("ava_np.report.run.report_run", lambda session: (None, []))
    monkeypatch.setattr("ava_np.report.live.LivePage.refresh", lambda page: None)
