"""The pictures that a training leaves of its progress: ``progress/step-000128.png`` and others, by step."""

import re
from contextlib import suppress
from pathlib import Path

from ava_np.run.names import PROGRESS

NAME = re.compile(r"step-([0-9]{6,18})\.png")


def is_moment(step: int) -> bool:
    """Return whether a picture is drawn after a number of steps: powers of two, three times these, and 0.

    The moments depend on the step alone, so that a resumed training draws the same pictures. There are two for each
    doubling: 20 in 1000 steps, and 40 in a million.

    Examples
    --------
    >>> from ava_np.run.progress_folder import is_moment
    >>> [step for step in range(100) if is_moment(step)]
    [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96]
    """
    return step == 0 or step // (step & -step) in (1, 3)  # without its factors of two


def progress_picture(folder: Path, step: int) -> Path:
    """Return the path of the picture after a number of steps, in a run folder."""
    return folder / PROGRESS / f"step-{step:06}.png"


def progress_pictures(folder: Path) -> dict[int, Path]:
    """Return the pictures in a run folder by their steps, ascending."""
    inside = folder / PROGRESS
    if not inside.is_dir():
        return {}
    matches = {path: NAME.fullmatch(path.name) for path in inside.iterdir()}
    steps = {int(match[1]): path for path, match in matches.items() if match}
    return {step: steps[step] for step in sorted(steps) if is_moment(step)}


def remove_progress_pictures(folder: Path, after: int = -1) -> None:
    """Remove the pictures after a step, by default all of them; and their folder, if nothing else is in it."""
    for step, path in progress_pictures(folder).items():
        if step > after:
            path.unlink(missing_ok=True)
    with suppress(OSError):  # other files in it stay
        (folder / PROGRESS).rmdir()
