"""From a source to pictures: built-in labels, toy points, an idx file, or a folder; and who of them is trained on."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from ava_np.data.builtin import draw_labels
from ava_np.data.cache import cached_pictures
from ava_np.data.decoding import Size, to_pixels
from ava_np.data.folder import (
    MAX_SIDE,
    Colour,
    Pictures,
    Progress,
    Reader,
    check_options,
    crop,
    load_pictures,
    walk,
)
from ava_np.data.idx import choose_idx, idx_files, is_idx, read_idx
from ava_np.data.toys import draw_toy
from ava_np.errors import PictureError
from ava_np.specification import TOY

BUILT_IN_SIZE = (180, 250)
TOY_POINTS, TOY_SEED = 10_000, (0, 6)


class Split(NamedTuple):
    """Places of the pictures of each part, ascending; no picture is in two parts."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def read_pictures(
    source: str | Path | None,
    *,
    size: Size | None = None,
    zoom: int = 1,
    colour: Colour = "auto",
    strict: bool = False,
    limit: int = 0,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Pictures:
    """Read pictures from any source.

    Parameters
    ----------
    source : path, str or None
        None for the built-in labels; "toy:gaussian", "toy:ring" or "toy:grid" for 10,000 points, always the same; an
        idx file, or a folder that holds such and no pictures (``idx.choose_idx`` says which is taken); otherwise a
        folder of pictures, or one.
    size, zoom, colour, strict, progress
        As ``load_pictures`` takes them. By default idx pictures keep their size, and built-in ones are 180 x 250.
        Points have no size to choose: their pictures are d wide and 1 high. `strict` and `progress` are for folders of
        pictures alone.
    limit : int
        Take the first so many; 0 for all.
    cache : path, optional
        Folder of ``cached_pictures``, for a folder of pictures that is larger than memory.

    Raises
    ------
    PictureError
        If there are none, one cannot be read and ``strict`` is set, or an option does not fit.
    """
    folder = source is not None and not str(source).startswith(TOY) and _idx_file(Path(source)) is None
    if cache is not None and not folder:
        raise PictureError(f"{source or 'built-in pictures'}: only folders of pictures are cached; leave the cache out")
    if source is None:
        return _built_in(size, zoom, colour, limit)
    if str(source).startswith(TOY):
        return _toy(str(source), size, zoom, colour, limit)
    path = Path(source)
    idx = _idx_file(path)
    if idx is not None:
        return _idx_pictures(idx, size, zoom, colour, limit)
    if cache is not None:
        return cached_pictures(
            path, cache, size=size, zoom=zoom, colour=colour, strict=strict, limit=limit, progress=progress
        )
    return load_pictures(path, size=size, zoom=zoom, colour=colour, strict=strict, limit=limit, progress=progress)


def common_size(source: str | Path | None, limit: int = 0) -> Size:
    """(width, height) that ``read_pictures`` makes pictures by default; of a folder, headers alone are read.

    Raises
    ------
    PictureError
        As ``read_pictures`` does.
    """
    if source is None:
        return BUILT_IN_SIZE
    idx = _idx_file(Path(source))
    if idx is not None:
        height, width = read_idx(idx).shape[1:]
        return width, height
    reader = Reader(Path(source), size=None, zoom=1, colour="auto", limit=limit)
    reader.survey()
    return reader.size


def split(count: int, validation: float, test: float, seed: int) -> Split:
    """Draw which of ``count`` pictures are held out; the rest is trained on.

    Parameters
    ----------
    count : int
        How many pictures there are.
    validation, test : float
        Shares in [0, 1), rounded to whole pictures.
    seed : int
        The same seed, the same parts; and the test part does not depend on the validation share.

    Raises
    ------
    PictureError
        If a share is less than half a picture and not 0, or nothing is left to train on.
    """
    counts = {name: int(count * share + 0.5) for name, share in (("validation", validation), ("test", test))}
    for name, share in (("validation", validation), ("test", test)):
        if share and not counts[name]:
            raise PictureError(f"a {name} share of {share:g} is less than one of {count} pictures; raise or omit it")
    held = counts["validation"] + counts["test"]
    if held >= count:
        raise PictureError(f"shares of {validation:g} and {test:g} of {count} pictures leave none to train on")
    order = np.random.default_rng((seed, 5)).permutation(count)
    parts = np.split(order, [counts["test"], held])
    return Split(train=np.sort(parts[2]), validation=np.sort(parts[1]), test=np.sort(parts[0]))


def _built_in(size: Size | None, zoom: int, colour: Colour, limit: int) -> Pictures:
    width, height = size = size or BUILT_IN_SIZE
    if max(size) > MAX_SIDE:
        raise PictureError(f"{width}x{height} is too large: no side may exceed {MAX_SIDE} pixels")
    if min(size) < zoom:
        raise PictureError(f"{width}x{height} is smaller than one block of the zoom, {zoom}x{zoom}")
    check_options("built-in pictures", size, zoom, colour, limit)
    array = draw_labels(size=size)[: limit or None, : height - height % zoom, : width - width % zoom]
    if colour == "grey":
        labels = [Image.fromarray(np.rint(label * 255).astype(np.uint8)).convert("L") for label in array]
        array = np.stack([to_pixels(label, label.size) for label in labels])
    names = tuple(f"label-{number}" for number in range(1, len(array) + 1))
    return Pictures(np.ascontiguousarray(array), names, (), (size,) * len(array), size)


def _toy(source: str, size: Size | None, zoom: int, colour: Colour, limit: int) -> Pictures:
    check_options(source, size, zoom, colour, limit)
    points = draw_toy(source.removeprefix(TOY), TOY_POINTS, np.random.default_rng(TOY_SEED))[: limit or None]
    own = (points.shape[2], 1)
    if size not in (None, own) or zoom != 1 or colour == "rgb":
        raise PictureError(f"{source}: points have no other size, zoom or colour; leave those out")
    return Pictures(points, _numbers(len(points)), (), (own,) * len(points), own)


def _idx_file(path: Path) -> Path | None:
    """The idx file that a path leads to, if it leads to one."""
    if is_idx(path):
        return path
    files = idx_files(path)
    return choose_idx(path, files) if files and not walk(path)[0] else None


def _idx_pictures(path: Path, size: Size | None, zoom: int, colour: Colour, limit: int) -> Pictures:
    check_options(path, size, zoom, colour, limit)
    values = read_idx(path)[: limit or None]
    own = (values.shape[2], values.shape[1])
    size = size or own
    left, top, width, height = crop(path, size, zoom)
    shape = (len(values), height, width, 3 if colour == "rgb" else 1)
    try:
        array = np.empty(shape, np.float32)
        if size == own:
            array[:] = values[:, top : top + height, left : left + width, None]
            array /= 255
        else:
            for pixels, picture in zip(array, values, strict=True):
                pixels[:] = to_pixels(Image.fromarray(picture), size)[top : top + height, left : left + width]
    except MemoryError:
        pictures = f"{len(values)} pictures of {width} x {height} pixels"
        raise PictureError(f"{path}: {pictures} do not fit in memory; set a limit or a smaller size") from None
    return Pictures(array, _numbers(len(values)), (), (own,) * len(values), size)


def _numbers(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)))
