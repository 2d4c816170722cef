"""Read pictures from any source: the built-in labels, toy points, an idx file, or a folder of picture files."""

from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
from PIL import Image

from ava_np.data.cache import cached_pictures
from ava_np.data.fitting import to_pixels
from ava_np.data.folder import Reader, load_pictures
from ava_np.data.formats import other_kind
from ava_np.data.idx import choose_idx, idx_files, idx_size, is_idx, read_idx
from ava_np.data.medicine_labels import draw_medicine_labels
from ava_np.data.picture_files import find_files
from ava_np.data.pictures import AnySize, Colour, Pictures, Progress, Size, central_crop, check_options
from ava_np.data.shards import Shards, shard_files
from ava_np.data.toys import draw_toy
from ava_np.errors import PictureError
from ava_np.specification import MAX_PIXELS, TOY, Fit

BUILT_IN, BUILT_IN_SIZE = "built-in pictures", (180, 250)
TOY_POINTS, TOY_SEED = 10_000, (0, 6)


def read_pictures(
    source: str | Path | None,
    *,
    size: AnySize | None = None,
    fit: Fit = "crop",
    zoom: int = 1,
    colour: Colour = "auto",
    strict: bool = False,
    limit: int = 0,
    by_folder: bool = True,
    cache: Path | None = None,
    build_cache: bool = True,
    max_pixels: int = MAX_PIXELS,
    progress: Progress | None = None,
) -> Pictures:
    """Read pictures from any source.

    Parameters
    ----------
    source : path, str or None
        One of:

        - a folder of picture files, searched with its subfolders, or one picture file;
        - an idx file (the format of MNIST), or a folder that holds idx files and no pictures: the file whose name
          begins with "train-images" is read, or else the only one that does not hold labels;
        - a folder of shards (``ava_np.data.shards``): .npy files (n, H, W, C) or tar files of pictures of one size,
          and no other pictures. Only what is indexed is read;
        - "toy:gaussian", "toy:ring" or "toy:grid": 10,000 points, always the same, each a picture of 1 x d values;
        - None: ten built-in pictures of medicine labels.
    size : (width, height), str or int, optional
        Common size in pixels, before the crop to multiples of ``zoom``, each side 1 to 8192; or "180x250", or 64 for
        64x64. Pictures of another size are resized with bicubic interpolation. The default is the median size of a
        folder's pictures, with the longer side at most 256, and a square if more than a quarter are portraits and more
        than a quarter landscapes; the size of idx pictures; and 180 x 250 for the built-in ones. Toy points have no
        other size.
    fit : {"crop", "pad", "stretch"}
        How pictures of another ratio of width to height are brought to the size: "crop" cuts off what is outside the
        largest central part of the ratio, "pad" surrounds the whole picture with the median colour of its edge, and
        "stretch" distorts it. The built-in pictures are drawn at the size, and toy points have no other one.
    zoom : int
        H and W are cropped to multiples of ``zoom``, at least 1: about the centre, but the built-in pictures at the
        right and the bottom. Toy points take only 1.
    colour : {"auto", "grey", "rgb"}
        "auto" reads grey pictures if every picture is grey, and RGB otherwise. Toy points have one channel.
    strict : bool
        Raise at the first file that cannot be read, instead of skipping it. Only for folders of pictures.
    limit : int
        Read only this many pictures: of a folder evenly from its subfolders, the first ones of each; of other sources
        the first ones. 0 reads all.
    by_folder : bool
        If not, a limit reads the first pictures of a folder, as it did in older runs.
    cache : path, optional
        Folder for a decoded copy of the pictures, for a folder of pictures that is larger than memory.
    build_cache : bool
        Write the copy if there is no valid one. If not, nothing is written, and the pictures are then in memory.
    max_pixels : int
        Refuse a picture with more pixels. Only for folders of pictures.
    progress : callable, optional
        Called as ``progress(done, total)`` after each picture. Only for folders of pictures.

    Returns
    -------
    Pictures
        At least one picture.

    Raises
    ------
    PictureError
        If there are no pictures, a file cannot be read and ``strict`` is set, or an option does not fit the source.

    Examples
    --------
    >>> import ava_np
    >>> pictures = ava_np.read_pictures(None, zoom=3)
    >>> pictures.array.shape, pictures.array.dtype
    ((10, 249, 180, 3), dtype('float32'))
    >>> ava_np.read_pictures("toy:ring", limit=100).array.shape
    (100, 1, 2, 1)
    >>> ava_np.read_pictures("no-such-folder")
    Traceback (most recent call last):
        ...
    ava_np.errors.PictureError: no-such-folder: no such folder; check the path
    """
    if source == "":
        raise PictureError("the name of the source is empty; the current folder is '.'")
    toy = str(source).startswith(TOY)
    idx_file = None if source is None or toy else _idx_file(Path(source))
    if cache is not None and (source is None or toy or idx_file is not None):
        raise PictureError(f"{source or BUILT_IN}: only folders of pictures are cached; leave the cache out")
    if source is None:
        return _built_in_pictures(size, fit, zoom, colour, limit)
    if toy:
        return _toy_points(str(source), size, fit, zoom, colour, limit)
    if idx_file is not None:
        return _idx_pictures(idx_file, size, fit, zoom, colour, limit)
    if shards := _shards(Path(str(source))):
        if cache is not None:
            raise PictureError(f"{source}: shards are read from where they are; leave the cache out")
        return _sharded_pictures(source, shards, size, fit, zoom, colour, limit)
    read = load_pictures if cache is None else partial(cached_pictures, cache=cache, build=build_cache)
    return read(
        source,
        size=size,
        fit=fit,
        zoom=zoom,
        colour=colour,
        strict=strict,
        limit=limit,
        by_folder=by_folder,
        max_pixels=max_pixels,
        progress=progress,
    )


def common_size(
    source: str | Path | None, limit: int = 0, max_pixels: int = MAX_PIXELS, *, by_folder: bool = True
) -> Size:
    """Return the (width, height) that ``read_pictures`` gives pictures by default, without decoding a folder.

    Parameters
    ----------
    source : path, str or None
        Source of pictures, as for ``read_pictures``, but not toy points.
    limit, by_folder
        Consider only these pictures of a folder, as ``read_pictures`` does.
    max_pixels : int
        Consider only pictures of a folder with at most this many pixels.

    Returns
    -------
    (width, height)
        In pixels, before the crop.

    Raises
    ------
    PictureError
        If the source cannot be read.

    Examples
    --------
    >>> from ava_np.data.sources import common_size
    >>> common_size(None)
    (180, 250)
    """
    if source is None:
        return BUILT_IN_SIZE
    idx_file = _idx_file(Path(source))
    if idx_file is not None:
        return idx_size(idx_file)
    if shards := _shards(Path(source)):
        _, height, width, _ = Shards(shards[:1]).shape
        return width, height
    reader = _survey(Path(source), limit, max_pixels, by_folder)
    return reader.size


def largest_file(
    source: str | Path | None, limit: int = 0, max_pixels: int = MAX_PIXELS, *, by_folder: bool = True
) -> int:
    """Return the pixels of the largest picture file in a folder, from the headers; 0 for other sources.

    Parameters and errors are those of ``common_size``.
    """
    if source is None or str(source).startswith(TOY) or _idx_file(Path(source)) or _shards(Path(source)):
        return 0
    reader = _survey(Path(source), limit, max_pixels, by_folder)
    return max(width * height for width, height in reader.headers.values())


def _survey(folder: Path, limit: int, max_pixels: int, by_folder: bool) -> Reader:
    """Return a reader that has read the headers of a folder."""
    reader = Reader(
        folder, size=None, fit="crop", zoom=1, colour="auto", limit=limit, by_folder=by_folder, max_pixels=max_pixels
    )
    reader.survey()
    return reader


def _built_in_pictures(size: AnySize | None, fit: Fit, zoom: int, colour: Colour, limit: int) -> Pictures:
    """Draw the medicine labels, and convert them to grey if that is asked for."""
    size = check_options(BUILT_IN, size, fit, zoom, colour, limit)
    size = size or BUILT_IN_SIZE
    _, _, width, height = central_crop(BUILT_IN, size, zoom)
    array = draw_medicine_labels(size=size)[: limit or None, :height, :width]
    if colour == "grey":
        labels = [Image.fromarray(np.rint(label * 255).astype(np.uint8)).convert("L") for label in array]
        array = np.stack([to_pixels(label, label.size, fit, label.size) for label in labels])
    names = tuple(f"label-{number}" for number in range(1, len(array) + 1))
    return Pictures(np.ascontiguousarray(array), names, (), (size,) * len(array), size)


def _toy_points(source: str, size: AnySize | None, fit: Fit, zoom: int, colour: Colour, limit: int) -> Pictures:
    """Draw the points of a toy distribution."""
    size = check_options(source, size, fit, zoom, colour, limit)
    points = draw_toy(source.removeprefix(TOY), TOY_POINTS, np.random.default_rng(TOY_SEED))[: limit or None]
    natural_size = (points.shape[2], 1)
    if size not in (None, natural_size) or zoom != 1 or colour == "rgb":
        raise PictureError(f"{source}: points have no other size, zoom or colour; leave those out")
    return Pictures(points, _numbers(len(points)), (), (natural_size,) * len(points), natural_size)


def _idx_file(path: Path) -> Path | None:
    """Return the idx file that a path leads to, or None."""
    if is_idx(path):
        return path
    files = idx_files(path)
    if files and all(other_kind(file) is not None for file in find_files(path)[0]):  # and no pictures
        return choose_idx(path, files)
    return None


def _shards(path: Path) -> list[Path]:
    """Return the shards in a folder without pictures."""
    files = shard_files(path)
    return files if files and all(other_kind(file) is not None for file in find_files(path)[0]) else []


def _sharded_pictures(
    source: object, files: list[Path], size: AnySize | None, fit: Fit, zoom: int, colour: Colour, limit: int
) -> Pictures:
    """Open shards, whose pictures stay as they are."""
    size = check_options(source, size, fit, zoom, colour, limit)
    if limit:
        raise PictureError(f"{source}: shards have no limit; name a folder with fewer of them")
    array = Shards(files)
    count, height, width, channels = array.shape
    if not count or channels not in (1, 3):
        raise PictureError(f"{source}: shards hold pictures (n, height, width, 1 or 3), not {array.shape}")
    if size not in (None, (width, height)) or width % zoom or height % zoom:
        raise PictureError(f"{source}: pictures in shards stay {width}x{height}: leave the size and the zoom out")
    if colour != "auto" and (colour == "grey") != (channels == 1):
        raise PictureError(f"{source}: pictures in shards keep their colours: leave the colour out")
    sizes = ((width, height),) * count
    values = cast(np.ndarray, array)
    return Pictures(values, _numbers(count), (), sizes, (width, height), stored_sha256=array.sha256())


def _idx_pictures(path: Path, size: AnySize | None, fit: Fit, zoom: int, colour: Colour, limit: int) -> Pictures:
    """Read the pictures of an idx file at the size and in the colours that are asked for."""
    size = check_options(path, size, fit, zoom, colour, limit)
    values = read_idx(path, limit)
    natural_size = (values.shape[2], values.shape[1])
    size = size or natural_size
    left, top, width, height = central_crop(path, size, zoom)
    shape = (len(values), height, width, 3 if colour == "rgb" else 1)
    try:
        array = np.empty(shape, np.float32)
        if size == natural_size:
            array[:] = values[:, top : top + height, left : left + width, None]
            array /= 255
        else:
            for pixels, picture in zip(array, values, strict=True):
                fitted = to_pixels(Image.fromarray(picture), size, fit, natural_size)
                pixels[:] = fitted[top : top + height, left : left + width]
    except MemoryError:
        pictures = f"{len(values)} pictures of {width} x {height} pixels"
        raise PictureError(f"{path}: {pictures} do not fit in memory; set a limit or a smaller size") from None
    return Pictures(array, _numbers(len(values)), (), (natural_size,) * len(values), size)


def _numbers(count: int) -> tuple[str, ...]:
    """Return names for pictures that have none: "0", "1", ..."""
    return tuple(map(str, range(count)))
