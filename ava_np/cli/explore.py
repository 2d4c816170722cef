"""``ava explore``: a page on this machine for one's own model."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from ava_np.cli.options import run_argument
from ava_np.console import echo, say
from ava_np.errors import AvaError, PictureError, RunError

if TYPE_CHECKING:
    from ava_np.explore.explorer import Explorer


@click.command()
@run_argument
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the page.  [default: any free one]")
@click.option("--no-browser", is_flag=True, help="Print the address, and do not open it.")
@click.option(
    "--static",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.html",
    help="Write one page with pictures that are computed now, which needs no server, and stop.",
)
def explore(run_folder: Path, port: int, no_browser: bool, static: Path | None) -> None:
    """Open a page with sliders for the codes of a run's model, and decode what you choose.

    Move one number of the code at a time, walk between two pictures, draw samples and keep the good ones, drop in a
    picture of your own, and look at a map of all codes. The page is on 127.0.0.1, for you alone; Ctrl-C ends it.

    \b
    ava explore runs/mine
    ava explore runs/mine --port 8000 --no-browser
    ava explore runs/mine --static mine.html
    """
    explorer = _explorer(run_folder)
    if static is not None:
        from ava_np.explore.static import static_page
        from ava_np.files import write_atomically

        if static.exists():
            raise AvaError(f"{static} exists: choose another name")
        write_atomically(static, static_page(explorer))
        echo(str(static))
        return
    try:
        from ava_np.explore.server import serve
    except ImportError:
        raise AvaError("ava explore needs starlette and uvicorn: pip install 'ava-np[explore]'") from None

    def ready(address: str) -> None:
        say("the page of the model; Ctrl-C ends it:")
        echo(address)
        if not no_browser:
            import webbrowser
            from threading import Thread

            Thread(target=webbrowser.open, args=(address,), daemon=True).start()  # the server need not wait for it

    with suppress(KeyboardInterrupt):  # it is how the page is meant to end
        serve(explorer, port, ready)


def _explorer(run_folder: Path) -> "Explorer":
    """The model of a run, with its training pictures if they are still there."""
    from ava_np.console import progress_counter, spinner
    from ava_np.data.zoom import zoom_out
    from ava_np.explore.explorer import MAX_KNOWN, Explorer
    from ava_np.indices import evenly_spaced
    from ava_np.run.folder import Run

    run = Run.open(run_folder)
    prepared = run.specification.pictures
    if prepared.toy:
        raise AvaError("ava explore shows pictures, and this model makes points: ava sample draws them")
    model, pictures = run.model(), None
    if model.encoder_name is not None:
        try:
            with progress_counter("reading pictures") as progress:
                data = run.split(run.pictures(progress=progress))
            indices = data.split.train[evenly_spaced(len(data.split.train), MAX_KNOWN)]
            pictures = zoom_out(data.pictures.array[indices], prepared.zoom)
        except (PictureError, RunError) as error:
            say(f"without the training pictures: {error}")
    with spinner("encoding the pictures"):
        return Explorer(model, pictures, run)
