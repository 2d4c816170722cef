"""A shard that is a tar file of pictures, all of one size: read and decoded one by one, where they are."""

import os
import tarfile
import weakref
from pathlib import Path

import numpy as np

from ava_np.data.decoding import DEEP_MODES, decode, opened
from ava_np.data.stored import read_at
from ava_np.errors import PictureError
from ava_np.specification import MAX_PIXELS

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
GREY = ("1", "L", "LA", "F", *DEEP_MODES)


class TarShard:
    """The pictures (n, H, W, C) of an uncompressed tar file, in its order; other members are left out.

    The first picture says how large all are, and whether they are grey.

    Parameters
    ----------
    path : Path
        The file. It stays open until the shard is no longer used.

    Attributes
    ----------
    shape : (n, H, W, C)

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is not such a file, or holds no pictures.

    Examples
    --------
    >>> import io, tarfile, tempfile
    >>> import numpy as np
    >>> from ava_np.data.tar_shard import TarShard
    >>> from ava_np.images import to_png
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with tarfile.open(f"{folder}/shard.tar", "w") as tar:
    ...         member = tarfile.TarInfo("white.png")
    ...         member.size = len(content := to_png(np.ones((4, 6, 1))))
    ...         tar.addfile(member, io.BytesIO(content))
    ...     shard, picture = TarShard(Path(folder, "shard.tar")), np.empty((4, 6, 1), np.float32)
    ...     shard.read(0, picture)
    ...     shard.shape, float(picture.mean())
    ((1, 4, 6, 1), 1.0)
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        weakref.finalize(self, os.close, self._descriptor)
        try:
            with open(self._descriptor, "rb", closefd=False) as file, tarfile.open(fileobj=file, mode="r:") as tar:
                members = [one for one in tar if one.isfile() and Path(one.name).suffix.lower() in SUFFIXES]
        except tarfile.TarError as error:
            raise ValueError(f"not an uncompressed tar file ({error})") from None
        self._places = np.array([(one.offset_data, one.size) for one in members], np.int64).reshape(-1, 2)
        if not members:
            raise ValueError(f"it holds no pictures ({', '.join(SUFFIXES)})")
        try:
            with opened(self._content(0), MAX_PIXELS) as first:
                self.shape = (len(members), first.height, first.width, 1 if first.mode in GREY else 3)
        except PictureError as error:
            raise ValueError(f"its first picture {error}") from None

    def __len__(self) -> int:
        """Return the number of pictures."""
        return self.shape[0]

    def read(self, number: int, picture: np.ndarray) -> None:
        """Fill an array (H, W, C) of float32 with the values of one picture, in [0, 1].

        Raises
        ------
        PictureError
            If it cannot be decoded, or has another size than the first.
        """
        height, width, channels = picture.shape
        try:
            values, size = decode(
                self._content(number), (width, height), "stretch", grey=channels == 1, max_pixels=MAX_PIXELS
            )
        except (PictureError, OSError) as error:
            raise PictureError(f"{self.path}: picture {number + 1} cannot be used: {error}") from None
        if size != (width, height):
            found = "x".join(map(str, size))
            raise PictureError(f"{self.path}: picture {number + 1} is {found}, and the first is {width}x{height}")
        picture[:] = values

    def sampled(self, count: int) -> bytes:
        """Return the places of all pictures, and at most ``count`` bytes of the first, the middle and the last one."""
        parts = [self._places.tobytes()]
        for number in (0, len(self) // 2, len(self) - 1):
            start, size = self._places[number].tolist()
            parts.append(read_at(self._descriptor, min(size, count), start))
        return b"".join(parts)

    def _content(self, number: int) -> bytes:
        """Return the bytes of a picture's file."""
        start, size = self._places[number].tolist()
        data = b""
        while len(data) < size and (part := read_at(self._descriptor, size - len(data), start + len(data))):
            data += part
        return data
