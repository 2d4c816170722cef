"""The animation of a training: its pictures one after another, with the number of the step below each."""

import io

from PIL import Image, ImageDraw, UnidentifiedImageError

from ava_np.errors import RunError
from ava_np.files import write_atomically
from ava_np.images import to_image
from ava_np.models import Model
from ava_np.run.folder import Run
from ava_np.run.names import ANIMATION
from ava_np.run.pictures import SplitPictures
from ava_np.run.progress_folder import progress_pictures
from ava_np.run.progress_sheet import progress_sheet

MILLISECONDS, LAST_MILLISECONDS = 300, 3000  # that a picture is shown
CAPTION = 16  # pixels below each
COLOURS = 256  # of all pictures together: a GIF has a palette


def write_animation(run: Run, model: Model, steps: int | None, data: SplitPictures) -> None:
    """Write training.gif from the pictures in ``progress/``, and end it with the model itself.

    Parameters
    ----------
    run : Run
        The run. If it has no pictures of its progress, as a run of an older version, it gets no animation.
    model : Model
        The run's trained model.
    steps : int or None
        Number of its steps, if that is known.
    data : SplitPictures
        The run's pictures.

    Raises
    ------
    RunError
        If a picture is damaged.
    AvaError
        If the file cannot be written.
    """
    last = to_image(progress_sheet(model, run.specification, data))
    frames = []
    for step, path in progress_pictures(run.folder).items():
        try:
            with Image.open(path, formats=["PNG"]) as picture:
                if picture.size == last.size:  # of another size if an older version drew it
                    frames.append(_captioned(picture, f"step {step:,}"))
        except (OSError, SyntaxError, ValueError, UnidentifiedImageError) as error:  # SyntaxError: Pillow's, of a PNG
            raise RunError(f"{path} is damaged: {error}; the report can be written without it: delete it") from error
    if not frames:
        (run.folder / ANIMATION).unlink(missing_ok=True)
        return
    frames.append(_captioned(last, "" if steps is None else f"step {steps:,}"))
    if last.mode != "L":
        palette = frames[-1].reduce(2).quantize(COLOURS)
        frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    file = io.BytesIO()
    durations = [MILLISECONDS] * (len(frames) - 1) + [LAST_MILLISECONDS]
    frames[0].save(file, format="GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)
    write_atomically(run.folder / ANIMATION, file.getvalue())


def _captioned(picture: Image.Image, text: str) -> Image.Image:
    """A picture on white, above a text."""
    width, height = picture.size
    page = Image.new(picture.mode, (width, height + CAPTION), "white")
    page.paste(picture, (0, 0))
    ImageDraw.Draw(page).text((4, height + 1), text, "black")
    return page
