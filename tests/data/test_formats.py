"""Pictures are told by their content, whatever their names; everything else is counted by kind."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from ava_np.data import formats
from ava_np.data.folder import load_pictures
from ava_np.data.formats import left_out_line, other_kind
from ava_np.data.sources import read_pictures
from tests.data.picture_files import error_message, noise, write_picture
from tests.idx_files import digits, write_idx

SAVED = ("png", "jpg", "gif", "webp", "bmp", "tif", "ppm", "pgm", "jp2", "sgi")
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)
TEXTS = {
    "notes.txt": b"dear diary",
    "Thumbs.db": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "film.mp4": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41",
    "P1": b"P1 is the first of my notes",
    "BMW": b"BM is the beginning of this text as well",
    "page.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "program.c": b"#define width 5\n",
    "targa.tga": b"\0\0\2\0" + bytes(50),
    "README": b"read me",
    "empty": b"",
}


@pytest.fixture(autouse=True)
def _without_pillow_heif(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give these tests one environment, whether pillow-heif is installed or not."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    forget()
    yield
    forget()


def forget() -> None:
    formats.formats.cache_clear()
    formats.suffixes.cache_clear()


# Pictures


@pytest.mark.parametrize(
    "suffix",
    [
        *SAVED,
        pytest.param(
            "avif", marks=pytest.mark.skipif(not features.check("avif"), reason="this Pillow is built without AVIF")
        ),
    ],
)
@pytest.mark.parametrize("name", ["picture", "picture.dat", "picture.png", "picture.42"])
def test_a_picture_is_read_whatever_its_name(tmp_path: Path, suffix: str, name: str) -> None:
    pixels = np.full((8, 12) if suffix == "pgm" else (8, 12, 3), 200, np.uint8)
    write_picture(tmp_path / f"a.{suffix}", pixels)
    (tmp_path / f"a.{suffix}").rename(tmp_path / name)
    if suffix == "tif" and name in ("picture.dat", "picture.42"):  # raw files of cameras are TIFF with other suffixes
        assert other_kind(tmp_path / name) == Path(name).suffix
        return
    pictures = load_pictures(tmp_path, strict=True)
    assert pictures.names == (name,)
    assert pictures.sizes == ((12, 8),)
    np.testing.assert_allclose(pictures.array, 200 / 255, atol=0.02)
    assert pictures.left_out == {}


def test_a_psd_is_read(tmp_path: Path) -> None:
    header = b"8BPS\0\1" + bytes(6) + b"\0\1" + b"\0\0\0\2" + b"\0\0\0\3" + b"\0\x08\0\1"  # grey, 3 x 2, 8 bits
    (tmp_path / "a").write_bytes(header + bytes(12) + b"\0\0" + bytes([0, 51, 102, 153, 204, 255]))
    array = load_pictures(tmp_path).array
    np.testing.assert_allclose(array[0, ..., 0], [[0, 0.2, 0.4], [0.6, 0.8, 1]], atol=1e-6)


def test_comments_in_a_header_are_allowed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"P5\n# CREATOR: GIMP\n# and more\n2 1\n255\n\0\xff")
    assert load_pictures(tmp_path).array.ravel().tolist() == [0, 1]


def test_a_mixed_folder_is_read_whole(tmp_path: Path) -> None:
    names = ["1.jpg", "2.jfif", "3.webp", "4", "5.jpeg_original"]
    for name, suffix in zip(names, ["jpg", "jpg", "webp", "gif", "jpg"], strict=True):
        write_picture(tmp_path / f"x.{suffix}", noise(4, 4))
        (tmp_path / f"x.{suffix}").rename(tmp_path / name)
    assert load_pictures(tmp_path).names == tuple(names)


def test_a_damaged_picture_without_a_suffix_is_skipped_with_a_reason(tmp_path: Path) -> None:
    write_picture(tmp_path / "good.png", noise(4, 4))
    (tmp_path / "bad").write_bytes((tmp_path / "good.png").read_bytes()[:50])
    assert load_pictures(tmp_path).skipped[0].startswith("bad: ")
    assert "bad: " in error_message(tmp_path, strict=True)


def test_pictures_without_suffixes_take_precedence_over_idx_files(tmp_path: Path) -> None:
    write_idx(tmp_path / "digits", digits(3))
    write_picture(tmp_path / "a.gif", noise(4, 4))
    (tmp_path / "a.gif").rename(tmp_path / "a")
    assert read_pictures(tmp_path).names == ("a",)


# Other files


@pytest.mark.parametrize("name", TEXTS)
def test_another_file_is_no_picture(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(TEXTS[name])
    assert other_kind(tmp_path / name) == (Path(name).suffix or "without a suffix")


def test_other_files_are_counted_and_never_an_error(tmp_path: Path) -> None:
    write_picture(tmp_path / "good.png", noise(4, 4))
    for number, (name, content) in enumerate(TEXTS.items()):
        (tmp_path / f"{number}-{name}").write_bytes(content)
        (tmp_path / f".hidden-{name}").write_bytes(content)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "more.TXT").write_text("text")
    pictures = load_pictures(tmp_path, strict=True)
    assert (pictures.names, pictures.skipped) == (("good.png",), ())
    assert pictures.left_out[".txt"] == ("0-notes.txt", "below/more.TXT")
    assert sum(map(len, pictures.left_out.values())) == len(TEXTS) + 1
    cached = read_pictures(tmp_path, cache=tmp_path / ".cache")
    assert cached.left_out == pictures.left_out
    assert read_pictures(tmp_path, cache=tmp_path / ".cache").left_out == pictures.left_out


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    write_picture(tmp_path / "good.png", noise(4, 4))
    assert load_pictures(tmp_path).left_out == {"without a suffix": ("pipe",)}
    assert "neither a folder nor a picture" in error_message(tmp_path / "pipe")


def test_a_strange_suffix_is_not_shown(tmp_path: Path) -> None:
    for name in ("Mr. Smith at the sea", "a.\x1b[2J", "b." + "x" * 100):
        (tmp_path / name).write_text("text")
        assert other_kind(tmp_path / name) == "without a suffix"


def test_a_folder_without_pictures_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("text")
    assert error_message(tmp_path).endswith("no pictures in this folder or below; 1 file left out: 1 .txt")


def test_a_folder_without_a_usable_picture_says_what_else_it_holds(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.heic").write_bytes(HEIC)
    assert "the first is a.png: the file is empty; 1 file left out: 1 HEIC (pip install" in error_message(tmp_path)


def test_many_kinds_make_one_short_line() -> None:
    kinds = {f".{letter}": tuple(range(number + 1)) for number, letter in enumerate("abcdefgh")}
    line = left_out_line({kind: tuple(map(str, names)) for kind, names in kinds.items()})
    assert line == "36 files left out: 8 .h, 7 .g, 6 .f, 5 .e, 4 .d, 3 .c, 3 of other kinds"


# HEIC


@pytest.mark.parametrize("name", ["a.heic", "a.HIF", "a"])
def test_heic_is_recognised_without_its_decoder(tmp_path: Path, name: str) -> None:
    write_picture(tmp_path / "good.png", noise(4, 4))
    (tmp_path / name).write_bytes(HEIC)
    pictures = load_pictures(tmp_path)
    assert pictures.left_out == {"HEIC": (name,)}
    assert left_out_line(pictures.left_out) == "1 file left out: 1 HEIC (pip install 'ava-np[heif]' reads them)"
    for source in (tmp_path, tmp_path / name):
        assert "pip install 'ava-np[heif]'" in error_message(source, strict=True)


def test_heic_that_is_named_jpg_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(HEIC)
    assert "a.jpg: is HEIC; pip install 'ava-np[heif]' reads them" in error_message(tmp_path)


def test_a_jpeg_that_is_named_heic_is_read(tmp_path: Path) -> None:
    """Some phones and programs convert pictures without renaming them."""
    write_picture(tmp_path / "a.jpg", noise(4, 4))
    (tmp_path / "a.jpg").rename(tmp_path / "a.heic")
    assert load_pictures(tmp_path, strict=True).names == ("a.heic",)


@pytest.mark.parametrize("orientation", [1, 6])
def test_heic_is_read_if_its_decoder_is_installed(
    tmp_path: Path, orientation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "pillow_heif")
    pillow_heif = pytest.importorskip("pillow_heif", reason="pillow-heif is optional")
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = np.zeros((64, 96, 3), np.uint8)
    pixels[:32] = 200
    heif = pillow_heif.from_bytes("RGB", (96, 64), pixels.tobytes())
    heif[0].info["exif"] = exif.tobytes()  # from here pillow-heif takes the rotation that it writes
    for name in ("a.heic", "b"):
        heif.save(tmp_path / name, quality=-1)
    pictures = load_pictures(tmp_path, strict=True)
    upright = pixels if orientation == 1 else np.rot90(pixels, -1)
    assert pictures.sizes == (upright.shape[1::-1],) * 2
    np.testing.assert_allclose(pictures.array[0], upright[..., :1] / 255, atol=0.02)
    assert pictures.left_out == {}
