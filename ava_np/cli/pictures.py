"""The pictures that commands read: those of a run, of a folder or of a file; and those that they write."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from ava_np.console import echo
from ava_np.errors import RunError

if TYPE_CHECKING:
    import numpy as np

    from ava_np.data.pictures import Pictures
    from ava_np.run.folder import Run


def pictures_of(run: "Run", folder: Path | None, *, own: bool = False) -> "Pictures":
    """Read the run's pictures, or those in ``folder``; report files that were left out.

    With ``own``, ``folder`` is where the run's pictures are now.
    """
    from ava_np.console import progress_counter

    with progress_counter("reading pictures") as progress:
        moved = own or folder is None
        pictures = run.pictures(folder, progress) if moved else run.other_pictures(str(folder), progress)
    say_left_out(pictures)
    return pictures


def say_left_out(pictures: "Pictures") -> None:
    """Report files that are no pictures, by kind, and pictures that could not be read."""
    from ava_np.console import say
    from ava_np.data.formats import left_out_line

    if pictures.left_out:
        say(left_out_line(pictures.left_out))
    if pictures.skipped:
        count = len(pictures.skipped)
        say(f"{count} {'picture' if count == 1 else 'pictures'} could not be read, the first: {pictures.skipped[0]}")


def two_pictures(run: "Run", folder: Path | None, first: str | None, last: str | None) -> "np.ndarray":
    """The pictures of two names or files; those of the run are not read if both are files and there is no FOLDER."""
    import numpy as np

    given = {"--from": first, "--to": last}
    if folder is None and all(name is not None and os.sep in name and _is_file(run, name) for name in given.values()):
        return np.stack([_one_picture(run, str(name), option) for option, name in given.items()])
    pictures, found = pictures_of(run, folder), []
    for index, (option, name) in zip((0, -1), given.items(), strict=True):
        if name is None:
            found.append(pictures.array[index])
        elif name in pictures.names:
            found.append(pictures.array[pictures.names.index(name)])
        elif _is_file(run, name):
            found.append(_one_picture(run, name, option))
        else:
            raise click.BadParameter(
                f"there is no picture and no file {name!r}; the first picture is {pictures.names[0]!r}",
                param_hint=option,
            )
    return np.stack(found)


def save(run: "Run", made: "np.ndarray", columns: int | None, label: str, path: Path) -> None:
    """Write the output of a model as a grid, or toy points as a chart over the data; print the path."""
    from ava_np.data.zoom import zoom_in
    from ava_np.images import grid, save_png

    if run.specification.pictures.toy:
        from ava_np.files import write_atomically
        from ava_np.report.charts import to_png, toy_points
        from ava_np.run.pictures import subsample

        write_atomically(path, to_png(toy_points(subsample(run.pictures()).array, made, label)))
    else:
        save_png(path, grid(zoom_in(made, run.specification.pictures.zoom), columns))
    echo(str(path))


def save_each(run: "Run", made: "np.ndarray", folder: Path) -> None:
    """Write each picture to a file of its own; print the folder."""
    from ava_np.data.zoom import zoom_in
    from ava_np.images import save_png

    folder.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(made, start=1):
        save_png(folder / f"{number}.png", zoom_in(picture[None], run.specification.pictures.zoom)[0])
    echo(str(folder))


def require_unused(folder: Path) -> None:
    """Refuse a folder that holds anything: pictures of another call would stay among the new ones."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"{folder} is already in use: choose another --separate, or empty it")


def _is_file(run: "Run", name: str) -> bool:
    """Whether a name is the path of a file from which the run could read a picture."""
    return not run.specification.pictures.toy and Path(name).is_file()


def _one_picture(run: "Run", path: str, option: str) -> "np.ndarray":
    """The picture in a file, at the run's size and in its colours."""
    array = run.other_pictures(path).array
    if len(array) != 1:
        raise click.BadParameter(f"{path} holds {len(array):,} pictures: give the file of one", param_hint=option)
    picture: np.ndarray = array[0]
    return picture
