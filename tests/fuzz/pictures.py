"""The entrance of pictures: a file of any name and content in a folder, read by ``read_pictures``.

An input is a line with the file's name, then its content.
"""

import gzip
import zlib
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

import ava_np
from ava_np.data.pictures import Pictures
from ava_np.errors import PictureError
from tests.command import tree
from tests.data.picture_files import png_chunk
from tests.fuzz.bounds import bounded, one_line, sandbox
from tests.fuzz.mutations import mutated_bytes

PNG = b"\x89PNG\r\n\x1a\n"
NAMES = (b"1.png", b"1.jpg", b"x", b".png", b"a\xffb.PNG", b"\x1b[31m.gif", b"a.idx", b"train-images-idx3-ubyte.gz")
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"size": (8, 6), "zoom": 2, "colour": "grey", "limit": 1, "strict": True},
    {"size": "5x7", "fit": "pad", "colour": "rgb", "max_pixels": 4096},
)


def check(data: bytes) -> None:
    """Assert that a file is read, or refused in one line, in its folder and by itself, with and without a cache."""
    name, _, content = data.partition(b"\n")
    with sandbox() as place:
        folder = place / "photos"
        folder.mkdir()
        path = _write(folder, name, content)
        before = tree(folder)
        with bounded(place / "cache"):
            for options in OPTIONS:
                for source in (folder, path):
                    read = _read(source, **options)
                    assert tree(folder) == before
                    if source == folder and options:
                        _compare_with_cache(read, source, place / "cache", options)


def mutated(data: bytes, random: Random) -> bytes:
    """Return an input with another content or name; half of the PNGs and gzips are valid around their content."""
    name, _, content = data.partition(b"\n")
    if random.random() < 0.1:
        name = mutated_bytes(name, random) if random.random() < 0.5 else random.choice(NAMES)
    if content.startswith(b"\x1f\x8b") and random.random() < 0.5:
        content = _zipped(content, random)
    else:
        content = mutated_bytes(content, random)
    if content.startswith(PNG) and random.random() < 0.5:
        content = _repaired(content)
    return name.replace(b"\n", b"") + b"\n" + content


def _write(folder: Path, name: bytes, content: bytes) -> Path:
    """Write the file, with a plain name if the system has no such name; return its path."""
    try:
        path = folder / (name.replace(b"/", b"_").decode("utf-8", "surrogateescape") or "1.png")
        path.write_bytes(content)
    except (OSError, ValueError):
        path = folder / "1.png"
        path.write_bytes(content)
    return path


def _read(source: Path, **options: Any) -> Pictures | str:
    """Return pictures as they should be, or the line of the error."""
    try:
        pictures = ava_np.read_pictures(source, **options)
    except PictureError as error:
        one_line(str(error))
        return str(error)
    array, count = np.asarray(pictures.array), len(pictures.names)
    assert array.dtype == np.float32
    assert array.shape[0] == count == len(pictures.sizes) > 0
    assert array.shape[3] in {"grey": (1,), "rgb": (3,)}.get(options.get("colour", ""), (1, 3))
    assert array.min() >= 0
    assert array.max() <= 1
    for text in (*pictures.names, *pictures.skipped, *sum(pictures.left_out.values(), ())):
        one_line(text)
    return pictures


def _compare_with_cache(read: Pictures | str, source: Path, cache: Path, options: dict[str, Any]) -> None:
    """Assert that a cache gives the same, when it is built and when it is used."""
    for _ in range(2):
        cached = _read(source, cache=cache, **options)
        if isinstance(read, str) or isinstance(cached, str):
            refused = "only folders of pictures are cached"  # of idx
            assert cached == read or refused in str(cached), (read, cached)
        else:
            np.testing.assert_array_equal(cached.array, read.array)
            assert (cached.names, cached.sizes, cached.skipped) == (read.names, read.sizes, read.skipped)


def _repaired(content: bytes) -> bytes:
    """Give each whole chunk of a PNG its checksum, so that the decoder looks at it."""
    parts, start = [PNG], len(PNG)
    while start + 12 <= len(content):
        end = start + 8 + int.from_bytes(content[start : start + 4], "big")
        if end + 4 > len(content):
            break
        parts.append(png_chunk(content[start + 4 : start + 8], content[start + 8 : end]))
        start = end + 4
    return b"".join([*parts, content[start:]])


def _zipped(content: bytes, random: Random) -> bytes:
    """Change what a gzip holds."""
    try:
        inner = gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        return mutated_bytes(content, random)
    return gzip.compress(mutated_bytes(inner, random), mtime=0)
