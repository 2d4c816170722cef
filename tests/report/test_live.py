"""The page of a training while it runs: it can be read at any time, reloads itself, and costs little."""

import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from ava_np.errors import AvaError
from ava_np.report import live
from ava_np.report.live import CURVES_AFTER, RELOAD, SHARE, LivePage
from ava_np.report.run import report_run
from ava_np.run.session import Session, start
from ava_np.specification import AE, GAN, RunOptions
from tests.report.finished_runs import page, text


class Time:
    """A clock that stands still; ``now`` sets it."""

    now = 0.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(live, "monotonic", lambda: time.now)
    return time


def begin(folder: Path, tmp_path: Path, **options: object) -> Session:
    model = AE(latent=2, hidden=(8,))
    return start(RunOptions(folder, **{"model": model, "epochs": 9, **options}), tmp_path / "run")  # type: ignore[arg-type]


def reloads(session: Session) -> bool:
    return any(attributes.get("http-equiv") == "refresh" for tag, attributes in page(session.run).tags if tag == "meta")


def test_page_follows_the_training_and_the_report_replaces_it(folder: Path, tmp_path: Path, clock: Time) -> None:
    session = begin(folder, tmp_path, validation=0.4)
    shown = LivePage(session)
    shown.refresh()
    assert reloads(session)
    assert "In training: step 0 of 9." in text(session.run)
    assert "The first picture" in text(session.run)

    list(islice(session, 5))
    clock.now = 200
    shown.refresh()
    assert "In training: step 5 of 9." in text(session.run)
    assert "After step 4" in text(session.run)
    pictures = [attributes for tag, attributes in page(session.run).tags if tag == "img"]
    assert len(pictures) == 2  # of the progress, and the curves
    error = session.run.metrics()[-1]["validation"]["reconstruction_error"]
    assert f"validation{error:.4f}" in text(session.run)

    report_run(session)
    assert not reloads(session)
    assert "In training" not in text(session.run)


def test_page_is_written_seldom_and_curves_are_drawn_late(
    folder: Path, tmp_path: Path, clock: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_curves: list[bool] = []

    def drawn(self: LivePage, curves: bool) -> str:
        with_curves.append(curves)
        clock.now += cost
        return ""

    monkeypatch.setattr(LivePage, "_page", drawn)
    shown, cost = LivePage(begin(folder, tmp_path)), 0.0
    for second in range(30):
        clock.now = second
        shown.refresh()
    assert 30 / RELOAD - 1 <= len(with_curves) <= 30 / RELOAD
    assert not any(with_curves)
    with_curves.clear()
    cost = 1.0
    for second in range(int(CURVES_AFTER) + 1, 1000):
        clock.now = second
        shown.refresh()
    assert all(with_curves)
    assert len(with_curves) <= 1 + SHARE * 1000


def test_page_that_cannot_be_written_does_not_end_the_training(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise AvaError("No space left on device")

    monkeypatch.setattr(live, "write_atomically", full)
    session = begin(folder, tmp_path)
    LivePage(session).refresh()
    assert not (session.run.folder / "report.html").exists()


@pytest.mark.parametrize("source", ["toy:ring", "toy:gaussian"])
def test_points_have_a_page(tmp_path: Path, source: str) -> None:
    session = start(RunOptions(source, model=GAN(latent=2, hidden=(8,)), limit=50, epochs=1), tmp_path / "run")
    for _ in session:
        pass
    LivePage(session).refresh()
    assert "Modes found" in text(session.run)
    assert "Blue: samples" in text(session.run)


def test_first_page_does_not_wait_for_matplotlib() -> None:
    code = "import sys, ava_np.report.live, ava_np.report.render; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
