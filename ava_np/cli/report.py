"""``ava report``: the pictures and the report of a run, once more."""

from pathlib import Path

import rich_click as click

from ava_np.cli.options import folder_argument, run_argument
from ava_np.console import echo


@click.command()
@run_argument
@folder_argument
def report(run_folder: Path, folder: Path | None) -> None:
    """Write the pictures, the animation and report.html of a run again, from what is saved.

    The run may be finished or not, but no training may be writing it. FOLDER is where the run's own pictures are now,
    if they have moved.

    \b
    ava report runs/mine
    ava report runs/mine moved-photos
    """
    from ava_np.cli.pictures import pictures_of
    from ava_np.console import spinner
    from ava_np.run.folder import Run
    from ava_np.run.names import REPORT

    run = Run.open(run_folder)
    with run:  # before a long read
        run.header()
        data = run.split(pictures_of(run, folder, own=True))
        with spinner("writing the report"):
            from ava_np.report.run import report_saved

            report_saved(run, data)
    echo(str(run.folder / REPORT))
