"""The report of a training while it runs: it reloads itself, and shows the last picture of the progress.

This page is written at moments that depend on the time. The report that replaces it at the end does not.
"""

from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

from ava_np.errors import AvaError
from ava_np.evaluation.evaluate import evaluate_toy
from ava_np.files import write_atomically
from ava_np.run.names import REPORT
from ava_np.run.progress_folder import progress_pictures
from ava_np.run.session import Session

if TYPE_CHECKING:
    from ava_np.report.render import Embedded

RELOAD = 5  # seconds between two pages at least, and after which a browser loads the page again
SHARE = 0.01  # of the time of a training that its pages may take
CURVES_AFTER = 120.0  # seconds; the first curves load matplotlib, which takes one


class LivePage:
    """Writes report.html from time to time.

    Parameters
    ----------
    session : Session
        The training. The first page is written by the first ``refresh``.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._start = self._due = monotonic()

    def refresh(self) -> None:
        """Write the page, if it is time. A page that cannot be written does not end the training."""
        begin = monotonic()
        if begin < self._due:
            return
        with suppress(AvaError, OSError):
            page = self._page(curves=begin - self._start >= CURVES_AFTER)
            write_atomically(self._session.run.folder / REPORT, page.encode())
        end = monotonic()
        self._due = end + max(RELOAD, (end - begin) / SHARE)

    def _page(self, curves: bool) -> str:
        from ava_np.report.render import embed, render  # not before: the first step need not wait for jinja2

        run, trainer, data = self._session.run, self._session.trainer, self._session.data
        specification, lines = run.specification, run.metrics()
        drawn = progress_pictures(run.folder)
        toy = specification.pictures.toy
        return render(
            specification,
            lines,
            trainer.average.model,
            run.evaluation_pictures(data) if toy else data.pictures,
            data.split,
            running={"step": trainer.steps, "total": self._session.total_steps, "reload": RELOAD},
            toy=evaluate_toy(trainer.average.model, specification) if toy else None,
            evaluation=None,
            verdict=[],
            drawn=max(drawn, default=0),
            progress=embed(drawn[max(drawn)].read_bytes()) if drawn else None,
            losses=self._curves() if curves else None,
        )

    def _curves(self) -> "Embedded":
        from ava_np.report.charts import to_png  # not before: a short training need not wait for matplotlib
        from ava_np.report.curves import loss_curves
        from ava_np.report.render import embed

        run = self._session.run
        return embed(to_png(loss_curves(run.metrics(), run.specification)))
