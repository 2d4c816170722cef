"""Picture files for the tests of ``ava_np.data``: random, truncated, or with a false size."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ava_np.data.folder import load_pictures
from ava_np.errors import PictureError


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Random bytes, (height, width) for one channel, else (height, width, channels)."""
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def write_picture(path: Path, pixels: np.ndarray, **options: Any) -> None:
    """Write one picture in the format of its suffix, and create its folder; options are those of Pillow."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def write_folder(folder: Path, values: np.ndarray) -> Path:
    """Write pictures (N, H, W) as 0.png, 1.png, ...; return the folder."""
    for number, pixels in enumerate(values):
        write_picture(folder / f"{number}.png", pixels)
    return folder


def write_truncated_jpeg(path: Path) -> None:
    """Write a JPEG whose end is missing."""
    write_picture(path, noise(40, 40))
    path.write_bytes(path.read_bytes()[:-400])


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG."""
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def write_oversized_png(path: Path, side: int) -> None:
    """Write a PNG of a few bytes whose header claims side x side pixels."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    data = png_chunk(b"IDAT", zlib.compress(b"\0" * 100))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + data + png_chunk(b"IEND", b""))


def error_message(folder: Path, **options: Any) -> str:
    """Assert that loading raises a ``PictureError`` of one line that names the folder; return the line."""
    with pytest.raises(PictureError) as caught:
        load_pictures(folder, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert str(folder) in text
    return text
