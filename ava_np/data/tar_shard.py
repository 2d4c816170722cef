"""A shard that is a tar file of pictures, all of one size: read and decoded one by one, where they are."""

import io
import os
import tarfile
import weakref
from pathlib import Path

import numpy as np
from PIL import Image

from ava_np.data.messages import reason
from ava_np.data.stored import read_at
from ava_np.errors import PictureError

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".bmp": "BMP"}
MODES = {1: "L", 3: "RGB"}


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
                members = [one for one in tar if one.isfile() and Path(one.name).suffix.lower() in FORMATS]
        except tarfile.TarError as error:
            raise ValueError(f"not an uncompressed tar file ({error})") from None
        self._places = np.array([(one.offset_data, one.size) for one in members], np.int64).reshape(-1, 2)
        if not members:
            raise ValueError(f"it holds no pictures ({', '.join(FORMATS)})")
        with self._opened(0) as first:
            channels = 1 if first.mode in ("1", "L", "I;16") else 3
            self.shape = (len(members), first.height, first.width, channels)

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
        try:
            with self._opened(number) as image:
                if (image.height, image.width) != picture.shape[:2]:
                    height, width = picture.shape[:2]
                    raise ValueError(f"{image.width}x{image.height} instead of {width}x{height}")
                values = np.asarray(image.convert(MODES[picture.shape[2]]))
        except (OSError, ValueError, SyntaxError) as error:  # SyntaxError: Pillow's, of a PNG
            raise PictureError(f"{self.path}: picture {number + 1} cannot be used ({reason(error)})") from None
        np.divide(values.reshape(picture.shape), np.float32(255), out=picture)

    def sampled(self, count: int) -> bytes:
        """Return the places of all pictures, and at most ``count`` bytes of the first, the middle and the last one."""
        parts = [self._places.tobytes()]
        for number in (0, len(self) // 2, len(self) - 1):
            start, size = self._places[number].tolist()
            parts.append(read_at(self._descriptor, min(size, count), start))
        return b"".join(parts)

    def _opened(self, number: int) -> Image.Image:
        """Open a picture; it is not decoded yet."""
        start, size = self._places[number].tolist()
        data = b""
        while len(data) < size and (part := read_at(self._descriptor, size - len(data), start + len(data))):
            data += part
        return Image.open(io.BytesIO(data), formats=sorted(set(FORMATS.values())))
