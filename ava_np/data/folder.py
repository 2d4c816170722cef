"""Read a folder of picture files into one float32 array (N, H, W, C).

Reading takes two passes. The first reads only headers, because the default size is the median over all pictures. The
second decodes one picture at a time and fits it to the common size, for an array here or a file in
``ava_np.data.cache``. A file that cannot be read is listed in ``Pictures.skipped`` with the reason.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ava_np.data.decoding import decode, header_size
from ava_np.data.fitting import median_size
from ava_np.data.formats import HEIC, HEIC_HINT, formats, left_out_line, other_kind
from ava_np.data.messages import reason
from ava_np.data.picture_files import find_files, folders_in_turn, natural_order
from ava_np.data.pictures import AnySize, Colour, Pictures, Progress, Size, central_crop, check_options
from ava_np.errors import PictureError, printable
from ava_np.specification import MAX_PIXELS, Fit


def load_pictures(
    folder: str | Path,
    *,
    size: AnySize | None = None,
    fit: Fit = "crop",
    zoom: int = 1,
    colour: Colour = "auto",
    strict: bool = False,
    limit: int = 0,
    by_folder: bool = True,
    max_pixels: int = MAX_PIXELS,
    progress: Progress | None = None,
) -> Pictures:
    """Read every picture in a folder and its subfolders, in natural order (2 before 10), into one array.

    Pictures are told by their content. Hidden files and folders, and run folders, are left out. Transparent pixels are
    laid over white, EXIF orientation is applied, and only the first frame of an animation is read. 16-bit grey pictures
    keep their precision; of 16-bit colour pictures, Pillow reads the upper 8 bits of each channel.

    Parameters
    ----------
    folder : path
        A folder, or one picture file.
    size : (width, height), str or int, optional
        Common size in pixels, before the crop to multiples of ``zoom``, each side 1 to 8192; or "180x250", or 64 for
        64x64. Pictures of another size are resized with bicubic interpolation. The default is the median
        width and the median height, scaled down so that the longer side is at most 256; a square if more than a quarter
        of the pictures are portraits and more than a quarter landscapes.
    fit : {"crop", "pad", "stretch"}
        How pictures of another ratio of width to height are brought to the size: "crop" cuts off what is outside the
        largest central part of the ratio, "pad" surrounds the whole picture with the median colour of its edge, and
        "stretch" distorts it.
    zoom : int
        H and W are cropped to multiples of ``zoom``, at least 1, about the centre. If the surplus is odd, the extra
        pixel is cut at the right or at the bottom.
    colour : {"auto", "grey", "rgb"}
        "auto" reads grey pictures if every picture is grey (one channel, or three equal ones), and RGB otherwise.
    strict : bool
        Raise at the first picture that cannot be read, instead of skipping it.
    limit : int
        Read only this many pictures, evenly from all subfolders: the first ones of each. 0 reads all.
    by_folder : bool
        If not, a limit reads the first pictures of the whole, as it did in older runs.
    max_pixels : int
        Refuse a picture with more pixels. Decoding one takes up to 9 bytes for each pixel, and 18 for a WebP.
    progress : callable, optional
        Called as ``progress(done, total)`` after each file of the second pass.

    Returns
    -------
    Pictures
        At least one picture, with values in [0, 1].

    Raises
    ------
    PictureError
        If the folder is missing, unreadable, neither a folder nor a picture, or holds no picture that can be read; if
        an option is out of range; if ``size`` is less than one block of ``zoom`` pixels; if the pictures do not fit in
        memory; or if a picture cannot be read and ``strict`` is set.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from ava_np.data.folder import load_pictures
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name, grey in (("10.png", 255), ("2.png", 0)):
    ...         Image.new("L", (8, 6), grey).save(Path(folder) / name)
    ...     pictures = load_pictures(folder, zoom=4)
    >>> pictures.names, pictures.array.shape
    (('2.png', '10.png'), (2, 4, 8, 1))
    >>> pictures.array.mean(axis=(1, 2, 3))
    array([0., 1.], dtype=float32)
    """
    reader = Reader(
        Path(folder),
        size=size,
        fit=fit,
        zoom=zoom,
        colour=colour,
        strict=strict,
        limit=limit,
        by_folder=by_folder,
        max_pixels=max_pixels,
    )
    return decode_all(reader, progress)


def decode_all(reader: "Reader", progress: Progress | None) -> Pictures:
    """Run both passes of a reader, with all pictures in memory."""
    height, width = reader.survey()
    count = len(reader.headers)
    try:
        array = np.empty((count, height, width, reader.channels), np.float32)
        for index, pixels in enumerate(reader.decoded(progress)):
            if pixels.shape[-1] > array.shape[-1]:  # the first picture in colour
                array = np.repeat(array, 3, axis=-1)
            array[index] = pixels  # a grey picture is broadcast to all channels
    except MemoryError:
        pictures = f"{count} pictures of {width} x {height} pixels"
        raise PictureError(f"{reader.root}: {pictures} do not fit in memory; give a smaller size") from None
    return reader.result(array[: len(reader.names)])


class Reader:
    """The two passes over a folder: call ``survey``, exhaust ``decoded``, then call ``result``.

    Parameters and errors are those of ``load_pictures``.

    Attributes
    ----------
    paths : list of Path
        Every file that is a picture, or has the suffix of one, in natural order.
    headers : dict of Path to (width, height)
        Files whose header can be read, with their size after EXIF orientation. Filled by ``survey``.
    size : (width, height)
        The common size in pixels, before the crop. Set by ``survey`` if it was not given.
    channels : int
        Channels to allocate at first: 3 for "rgb", otherwise 1, since a colour picture may still follow.
    names : list of str
        Names of the pictures decoded so far.
    """

    def __init__(
        self,
        root: Path,
        *,
        size: AnySize | None,
        fit: Fit,
        zoom: int,
        colour: Colour,
        strict: bool = False,
        limit: int = 0,
        by_folder: bool = True,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        size = check_options(root, size, fit, zoom, colour, limit)
        if max_pixels < 1:
            raise PictureError(f"{root}: max_pixels must be at least 1, not {max_pixels}")
        self.max_pixels = max_pixels
        self.root, self.fit, self.zoom, self.colour, self.strict = root, fit, zoom, colour, strict
        self.limit, self.by_folder = limit, by_folder
        self.size = size or (0, 0)
        self.channels = 3 if colour == "rgb" else 1
        self.headers: dict[Path, Size] = {}
        self.names: list[str] = []
        self._sizes: list[Size] = []
        self._skipped: dict[Path, str] = {}
        self._left_out: dict[str, list[Path]] = {}
        self.paths = self._find()

    def survey(self) -> tuple[int, int]:
        """Run the first pass: read headers, choose the size, and return (height, width) after the crop."""
        headers: dict[Path, Size] = {}
        for path in folders_in_turn(self.paths) if self.limit and self.by_folder else self.paths:
            try:
                headers[path] = header_size(path, self.max_pixels)
            except PictureError as error:
                self._skip(path, str(error))
            if self.limit and len(headers) == self.limit:
                break
        self.headers = {path: headers[path] for path in self.paths if path in headers}
        if not self.headers:
            raise self._no_usable_picture()
        if self.size == (0, 0):
            self.size = median_size(list(self.headers.values()))
        _, _, width, height = central_crop(self.root, self.size, self.zoom)
        return height, width

    def decoded(self, progress: Progress | None) -> Iterator[np.ndarray]:
        """Run the second pass: yield each picture that can be read, (height, width, 1 or 3) float32 in [0, 1]."""
        left, top, width, height = central_crop(self.root, self.size, self.zoom)
        for done, path in enumerate(self.headers, start=1):
            try:
                pixels, original = decode(
                    path, self.size, self.fit, grey=self.colour == "grey", max_pixels=self.max_pixels
                )
            except PictureError as error:
                self._skip(path, str(error))
            else:
                self.names.append(_relative_name(path, self.root))
                self._sizes.append(original)
                yield pixels[top : top + height, left : left + width]
            if progress is not None:
                progress(done, len(self.headers))
        if not self.names:
            raise self._no_usable_picture()

    def result(self, array: np.ndarray, sha256: str | None = None) -> Pictures:
        """Return the pictures, given the array of everything that ``decoded`` has yielded."""
        paths = sorted(self._skipped, key=natural_order)
        skipped = tuple(printable(f"{_relative_name(path, self.root)}: {self._skipped[path]}") for path in paths)
        left_out = self._names_left_out()
        return Pictures(array, tuple(self.names), skipped, tuple(self._sizes), self.size, left_out, sha256)

    def _find(self) -> list[Path]:
        """Return the files to read: those of the folder, or the single file that was given."""
        root = self.root
        try:
            root.stat()
        except FileNotFoundError:
            raise PictureError(f"{root}: no such folder; check the path") from None
        except (OSError, ValueError) as error:
            raise PictureError(f"{root}: cannot be read ({reason(error)}); check its permissions") from None
        if not root.is_dir():
            kind = other_kind(root)
            if kind is not None:
                hint = f"{HEIC}: {HEIC_HINT}" if kind == HEIC else f"formats: {', '.join(formats())}"
                raise PictureError(f"{root}: neither a folder nor a picture that can be read ({hint})")
            return [root]
        files, unreadable = find_files(root)
        paths = []
        for path in files:
            kind = other_kind(path)
            if kind is None:
                paths.append(path)
            else:
                self._left_out.setdefault(kind, []).append(path)
        if not paths and not unreadable:
            why = f"; {left_out_line(self._names_left_out())}" if files else ""
            raise PictureError(f"{root}: no pictures in this folder or below{why}")
        if self.strict and HEIC in self._left_out:
            raise PictureError(f"{self._left_out[HEIC][0]}: is {HEIC}; {HEIC_HINT}")
        for fault in unreadable:
            self._skip(Path(fault.filename), f"cannot be read ({reason(fault)})")
        return paths

    def _names_left_out(self) -> dict[str, tuple[str, ...]]:
        """Return the names of the files that are no pictures, by kind."""
        return {
            kind: tuple(_relative_name(path, self.root) for path in paths) for kind, paths in self._left_out.items()
        }

    def _skip(self, path: Path, why: str) -> None:
        """Record a file that cannot be read, or raise if ``strict`` is set."""
        if self.strict:
            raise PictureError(f"{path}: {why}; repair or remove it")
        self._skipped[path] = why

    def _no_usable_picture(self) -> PictureError:
        """Return the error for a folder in which every file was skipped."""
        first = min(self._skipped, key=natural_order)
        why = f"{_relative_name(first, self.root)}: {self._skipped[first]}"
        others = f"; {left_out_line(self._names_left_out())}" if self._left_out else ""
        return PictureError(f"{self.root}: no usable picture; the first is {why}{others}")


def _relative_name(path: Path, root: Path) -> str:
    """Return the path relative to the folder, with forward slashes; the file's name if the file itself was given."""
    return printable(path.name if path == root else path.relative_to(root).as_posix())
