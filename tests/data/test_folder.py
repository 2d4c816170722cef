"""What becomes of picture files: values, sizes, order, and what is said of files that are no pictures."""

import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ava_np.data.folder import load_pictures
from ava_np.errors import PictureError

SHARED_DATA = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def write(path: Path, pixels: np.ndarray, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def truncated_jpeg(path: Path) -> None:
    write(path, noise(40, 40))
    path.write_bytes(path.read_bytes()[:-400])


def huge_png(path: Path, side: int) -> None:
    """A PNG of a few bytes that declares side x side pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"\0" * 100))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + data + chunk(b"IEND", b""))


def message(folder: Path, **options: Any) -> str:
    """The fault that loading ends in: one line that names the folder or a file in it."""
    with pytest.raises(PictureError) as caught:
        load_pictures(folder, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert str(folder) in text
    return text


# Values


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "ppm", "webp"])
def test_lossless_colour_is_read_exactly(tmp_path: Path, suffix: str) -> None:
    pixels = noise(7, 5)
    write(tmp_path / f"a.{suffix}", pixels, **({"lossless": True} if suffix == "webp" else {}))
    pictures = load_pictures(tmp_path)
    assert pictures.array.dtype == np.float32
    assert pictures.array.flags.c_contiguous
    np.testing.assert_array_equal(pictures.array, pixels[None] / np.float32(255))
    assert pictures.sizes == ((5, 7),)
    assert pictures.names == (f"a.{suffix}",)
    assert pictures.skipped == ()


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path: Path, suffix: str) -> None:
    pixels = np.array([[0, 1, 255, 256], [257, 30000, 65534, 65535]], np.uint16)
    write(tmp_path / f"a.{suffix}", pixels)
    array = load_pictures(tmp_path).array
    np.testing.assert_allclose(array[0, ..., 0], pixels / 65535, rtol=1e-6)


def test_sixteen_bits_big_endian(tmp_path: Path) -> None:
    pixels = np.array([[0, 256], [513, 65535]], np.uint16)
    Image.frombytes("I;16B", (2, 2), pixels.astype(">u2").tobytes()).save(tmp_path / "a.tif")
    np.testing.assert_allclose(load_pictures(tmp_path).array[0, ..., 0], pixels / 65535, rtol=1e-6)


def test_sixteen_bits_keep_their_precision_when_resized(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(30000, 30400, 200).astype(np.uint16), (8, 1))  # less than 2 steps of 8 bits
    write(tmp_path / "a.png", ramp)
    array = load_pictures(tmp_path, size=(100, 4)).array
    assert np.unique(array).size > 90
    np.testing.assert_allclose(array[0, 0, :, 0], np.linspace(30001, 30399, 100) / 65535, atol=3e-5)


def test_bicubic_overshoot_of_deep_pictures_is_clipped(tmp_path: Path) -> None:
    edge = np.zeros((8, 8), np.uint16)
    edge[:, 4:] = 65535
    write(tmp_path / "a.png", edge)
    array = load_pictures(tmp_path, size=(31, 31)).array
    assert array.min() == 0
    assert array.max() == 1


def test_transparent_value_of_a_sixteen_bit_png_is_white(tmp_path: Path) -> None:
    Image.fromarray(np.array([[500, 1000]], np.uint16)).save(tmp_path / "a.png", transparency=500)
    np.testing.assert_allclose(load_pictures(tmp_path).array[0, 0, :, 0], [1, 1000 / 65535], rtol=1e-6)


def test_float_pictures_are_taken_in_the_unit_interval_only(tmp_path: Path) -> None:
    unit = np.array([[0, 0.25], [0.123456, 1]], np.float32)
    write(tmp_path / "a.tif", unit)
    write(tmp_path / "b.tif", unit * 255)
    write(tmp_path / "c.tif", unit * np.float32(np.nan))
    write(tmp_path / "d.tif", np.array([[0, 65536]], np.int32))
    pictures = load_pictures(tmp_path, size=(2, 2))
    np.testing.assert_array_equal(pictures.array[..., 0], unit[None])
    assert [line.split(":")[0] for line in pictures.skipped] == ["b.tif", "c.tif", "d.tif"]
    assert all("outside" in line for line in pictures.skipped)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_alpha_is_laid_over_white(tmp_path: Path, mode: str) -> None:
    colour = (40, 40, 40) if mode == "LA" else (200, 40, 90)
    alphas = (0, 64, 255)
    picture = Image.new("RGBA", (3, 1))
    for x, alpha in enumerate(alphas):
        picture.putpixel((x, 0), (*colour, alpha))
    if mode == "PA":  # Pillow writes no PA, but a TIFF of palette and alpha is read as one
        picture = picture.convert("PA")
    suffix = "tif" if mode == "PA" else "png"
    picture.convert("LA" if mode == "LA" else picture.mode).save(tmp_path / f"a.{suffix}")
    array = load_pictures(tmp_path).array
    expected = [[(alpha * value + (255 - alpha) * 255) / 255**2 for value in colour] for alpha in alphas]
    np.testing.assert_allclose(array[0, 0], np.array(expected)[:, : array.shape[-1]], atol=0.6 / 255)
    assert array.shape[-1] == (1 if mode == "LA" else 3)


@pytest.mark.parametrize("suffix", ["png", "gif"])
def test_transparent_palette_entry_is_white(tmp_path: Path, suffix: str) -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 250, 0, 0])
    picture.putpixel((1, 0), 1)
    picture.save(tmp_path / f"a.{suffix}", transparency=0)
    expected = np.array([[1, 1, 1], [250 / 255, 0, 0]], np.float32)
    np.testing.assert_array_equal(load_pictures(tmp_path).array[0, 0], expected)


def test_palette_bmp_becomes_its_colours(tmp_path: Path) -> None:
    picture = Image.fromarray(noise(6, 4)).quantize(8)
    picture.save(tmp_path / "A.BMP")
    with Image.open(tmp_path / "A.BMP") as saved:
        assert saved.mode == "P"
    np.testing.assert_array_equal(
        load_pictures(tmp_path).array[0], np.asarray(picture.convert("RGB")) / np.float32(255)
    )


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    Image.new("CMYK", (4, 4), (0, 255, 255, 0)).save(tmp_path / "a.tif")
    np.testing.assert_allclose(load_pictures(tmp_path).array[0, 0, 0], [1, 0, 0], atol=0.01)


def test_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(load_pictures(tmp_path).array[0, 2, 2], [1, 0, 0])


# Orientation


UPRIGHT = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: np.rot90(stored, 1),
}


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, suffix: str) -> None:
    stored = noise(6, 4)
    exif = Image.Exif()
    exif[0x0112] = orientation
    write(tmp_path / f"a.{suffix}", stored, exif=exif, **({"lossless": True} if suffix == "webp" else {}))
    upright = UPRIGHT[orientation](stored)
    pictures = load_pictures(tmp_path)
    np.testing.assert_array_equal(pictures.array[0], upright / np.float32(255))
    assert pictures.sizes == ((upright.shape[1], upright.shape[0]),)


@pytest.mark.parametrize("exif", [b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0"])
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_malformed_exif_leaves_the_picture_usable(tmp_path: Path, suffix: str, exif: bytes) -> None:
    write(tmp_path / f"a.{suffix}", noise(6, 4), exif=exif)
    assert load_pictures(tmp_path, strict=True).sizes == ((4, 6),)


# Grey or colour


def test_grey_only_if_every_picture_is_grey(tmp_path: Path) -> None:
    grey = noise(4, 4, 1)
    write(tmp_path / "1.png", grey)
    write(tmp_path / "2.png", np.stack([grey] * 3, axis=-1))
    write(tmp_path / "3.png", grey.astype(np.uint16) * 257)
    Image.fromarray(grey > 127).save(tmp_path / "4.png")
    array = load_pictures(tmp_path).array
    assert array.shape == (4, 4, 4, 1)
    np.testing.assert_array_equal(array[0], array[1])
    np.testing.assert_allclose(array[2], array[0], atol=1e-6)
    np.testing.assert_array_equal(array[3, ..., 0], grey > 127)

    for channel in range(3):  # one channel of one pixel is enough
        coloured = np.stack([grey] * 3, axis=-1)
        coloured[3, 3, channel] ^= 1
        write(tmp_path / "5.png", coloured)
        in_colour = load_pictures(tmp_path).array
        assert in_colour.shape == (5, 4, 4, 3)
        np.testing.assert_array_equal(in_colour[:4], np.repeat(array, 3, axis=-1))
        np.testing.assert_array_equal(in_colour[4], coloured / np.float32(255))


def test_colour_can_be_forced(tmp_path: Path) -> None:
    write(tmp_path / "1.png", noise(4, 4))
    write(tmp_path / "2.png", noise(4, 4, 1))
    grey = load_pictures(tmp_path, colour="grey").array
    assert grey.shape == (2, 4, 4, 1)
    luma = noise(4, 4) @ np.array([0.299, 0.587, 0.114]) / 255  # ITU-R BT.601
    np.testing.assert_allclose(grey[0, ..., 0], luma, atol=1 / 255)
    (tmp_path / "1.png").unlink()
    rgb = load_pictures(tmp_path, colour="rgb").array
    np.testing.assert_array_equal(rgb[0], np.stack([noise(4, 4, 1)] * 3, axis=-1) / np.float32(255))


# Sizes


def test_default_size_is_the_median_of_each_side(tmp_path: Path) -> None:
    for name, (width, height) in enumerate([(10, 40), (20, 30), (60, 50)]):
        write(tmp_path / f"{name}.png", noise(height, width))
    pictures = load_pictures(tmp_path)
    assert pictures.array.shape == (3, 40, 20, 3)
    assert pictures.sizes == ((10, 40), (20, 30), (60, 50))
    assert pictures.array.min() >= 0
    assert pictures.array.max() <= 1


def test_median_between_two_sizes_is_rounded_up(tmp_path: Path) -> None:
    write(tmp_path / "1.png", noise(4, 8))
    write(tmp_path / "2.png", noise(7, 9))
    assert load_pictures(tmp_path).array.shape[1:3] == (6, 9)  # of 5.5 and 8.5


def test_default_size_counts_upright_pictures(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    write(tmp_path / "a.jpg", noise(8, 24), exif=exif)
    assert load_pictures(tmp_path).array.shape[1:3] == (24, 8)


def test_default_size_is_at_most_256_and_keeps_the_aspect(tmp_path: Path) -> None:
    write(tmp_path / "a.png", noise(300, 600, 1))
    assert load_pictures(tmp_path).array.shape == (1, 128, 256, 1)


def test_resizing_keeps_flat_colour_and_mean(tmp_path: Path) -> None:
    write(tmp_path / "1.png", np.full((9, 14, 3), (10, 200, 60), np.uint8))
    smooth = np.add.outer(np.arange(60), 2 * np.arange(40)).astype(np.uint8)
    write(tmp_path / "2.png", smooth)
    array = load_pictures(tmp_path, size=(20, 30)).array
    np.testing.assert_array_equal(array[0], np.broadcast_to(np.array([10, 200, 60], np.float32) / 255, (30, 20, 3)))
    assert abs(array[1].mean() - smooth.mean() / 255) < 2e-3


@pytest.mark.parametrize(("width", "height", "zoom"), [(10, 9, 4), (7, 5, 2), (8, 8, 8), (11, 23, 5), (6, 5, 1)])
def test_crop_is_central_and_a_multiple_of_zoom(tmp_path: Path, width: int, height: int, zoom: int) -> None:
    pixels = noise(height, width)
    write(tmp_path / "a.png", pixels)
    pictures = load_pictures(tmp_path, zoom=zoom)
    cropped = pictures.array[0]
    assert cropped.shape[0] % zoom == cropped.shape[1] % zoom == 0
    assert height - cropped.shape[0] < zoom
    assert width - cropped.shape[1] < zoom
    above, left = (height % zoom) // 2, (width % zoom) // 2  # an odd surplus pixel comes off the end
    expected = pixels[above : above + cropped.shape[0], left : left + cropped.shape[1]]
    np.testing.assert_array_equal(cropped, expected / np.float32(255))
    assert pictures.sizes == ((width, height),)


def test_less_than_one_block_of_zoom_is_a_fault(tmp_path: Path) -> None:
    write(tmp_path / "a.png", noise(20, 12))
    text = message(tmp_path, zoom=16)
    assert "12 x 20" in text
    assert "16" in text


@pytest.mark.parametrize("options", [{"size": (0, 5)}, {"size": (5, 8193)}, {"zoom": 0}, {"colour": "blue"}])
def test_senseless_options_are_faults(tmp_path: Path, options: dict[str, object]) -> None:
    write(tmp_path / "a.png", noise(8, 8))
    message(tmp_path, **options)


def test_large_jpeg_is_as_good_as_decoded_in_full(tmp_path: Path) -> None:
    y, x = np.mgrid[0:1600, 0:1200] / 1600
    pixels = np.stack([128 + 120 * np.sin(9 * x), 255 * y, 128 + 120 * np.cos(7 * x * y)], axis=-1).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    write(tmp_path / "a.jpg", pixels, quality=95, exif=exif)
    pictures = load_pictures(tmp_path)
    assert pictures.sizes == ((1600, 1200),)
    assert pictures.array.shape == (1, 192, 256, 3)
    full = Image.fromarray(pixels).transpose(Image.Transpose.ROTATE_270).resize((256, 192), Image.Resampling.BICUBIC)
    np.testing.assert_allclose(pictures.array[0], np.asarray(full) / 255, atol=0.03)


# Folders


def test_nested_folders_in_natural_order(tmp_path: Path) -> None:
    names = ["b10/1.png", "b2/12.PNG", "b2/3.png", "a.png", "c1.jpeg", "B03/x.png"]
    for name in names:
        write(tmp_path / name, noise(4, 4))
    write(tmp_path / ".hidden.png", noise(4, 4))
    write(tmp_path / ".hidden" / "x.png", noise(4, 4))
    (tmp_path / "notes.txt").write_text("not a picture, and not asked for")
    pictures = load_pictures(tmp_path)
    assert pictures.names == ("a.png", "b2/3.png", "b2/12.PNG", "B03/x.png", "b10/1.png", "c1.jpeg")
    assert pictures.skipped == ()


def test_order_of_names_is_the_order_of_pictures(tmp_path: Path) -> None:
    for number in (10, 9, 1, 2, 100):
        write(tmp_path / f"{number}.png", np.full((2, 2), number, np.uint8))
    array = load_pictures(tmp_path).array
    np.testing.assert_array_equal(np.rint(array[:, 0, 0, 0] * 255), [1, 2, 9, 10, 100])


def test_folder_linked_into_itself_is_read_once(tmp_path: Path) -> None:
    write(tmp_path / "a" / "1.png", noise(4, 4))
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "a" / "loop").symlink_to(tmp_path / "a")
    write(elsewhere / "2.png", noise(4, 4))
    (tmp_path / "a" / "z").symlink_to(elsewhere)
    assert load_pictures(tmp_path / "a").names == ("1.png", "z/2.png")


def test_single_picture(tmp_path: Path) -> None:
    write(tmp_path / "a.png", noise(4, 6))
    write(tmp_path / "b.png", noise(4, 4))
    pictures = load_pictures(str(tmp_path / "a.png"))
    assert pictures.names == ("a.png",)
    assert pictures.array.shape == (1, 4, 6, 3)


def test_name_that_is_not_utf8_is_made_printable(tmp_path: Path) -> None:
    try:
        write(tmp_path / "a\udcff.png", noise(4, 4))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (name,) = load_pictures(tmp_path).names
    assert name == "a\\udcff.png"


def test_progress_counts_every_file(tmp_path: Path) -> None:
    for name in "abc":
        write(tmp_path / f"{name}.png", noise(4, 4))
    truncated_jpeg(tmp_path / "d.jpg")
    calls: list[tuple[int, int]] = []
    load_pictures(tmp_path, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


# Files that are no pictures


def test_truncated_jpeg_is_skipped_by_name(tmp_path: Path) -> None:
    write(tmp_path / "good.jpg", noise(40, 40))
    truncated_jpeg(tmp_path / "bad.jpg")
    with Image.open(tmp_path / "bad.jpg") as picture:
        picture.verify()  # Pillow's own check does not notice
    pictures = load_pictures(tmp_path)
    assert pictures.names == ("good.jpg",)
    assert len(pictures.array) == len(pictures.sizes) == 1
    (line,) = pictures.skipped
    assert line.startswith("bad.jpg: ")
    assert "truncated" in line
    assert str(tmp_path / "bad.jpg") in message(tmp_path, strict=True)


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"


@pytest.mark.parametrize("content", [b"", b"this is a text\n", b"\x89PNG\r\n\x1a\n", EPS])
def test_other_content_under_a_picture_suffix_is_skipped(tmp_path: Path, content: bytes) -> None:
    write(tmp_path / "good.png", noise(4, 4))
    (tmp_path / "bad.png").write_bytes(content)
    pictures = load_pictures(tmp_path)
    assert pictures.names == ("good.png",)
    assert [line.split(": ")[0] for line in pictures.skipped] == ["bad.png"]
    # An EPS too is no picture here: Pillow would hand it to Ghostscript.
    assert ("not a picture" if content else "empty") in pictures.skipped[0]
    assert "bad.png" in message(tmp_path, strict=True)


@pytest.mark.parametrize("side", [10_000, 60_000])  # Pillow warns of the first and refuses the second
def test_decompression_bomb_is_skipped_without_decoding(tmp_path: Path, side: int) -> None:
    write(tmp_path / "good.png", noise(4, 4))
    huge_png(tmp_path / "bomb.png", side)
    pictures = load_pictures(tmp_path)
    assert pictures.array.shape == (1, 4, 4, 3)  # nor does its claim reach the default size
    (line,) = pictures.skipped
    assert line.startswith("bomb.png: claims more than")


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "webp", "tif", "ppm"])
def test_no_damage_gets_past_as_anything_but_a_picture_fault(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    write(path, noise(12, 10))
    whole = path.read_bytes()
    generator = np.random.default_rng(1)
    faults = 0
    for _ in range(60):
        damaged = bytearray(whole)
        for place in generator.integers(0, min(len(whole), 150), 4):
            damaged[place] = generator.integers(256)
        path.write_bytes(damaged[: generator.integers(1, len(whole) + 1)])
        try:
            array = load_pictures(path, size=(5, 5)).array
            assert 0 <= array.min() <= array.max() <= 1
        except PictureError:
            faults += 1
    assert faults > 20


def test_unreadable_file_and_folder_are_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Permissions do not bind root, so the refusals are made here.
    write(tmp_path / "good.png", noise(4, 4))
    write(tmp_path / "shut.png", noise(4, 4))
    write(tmp_path / "closed" / "in.png", noise(4, 4))
    real_open, real_scandir = Image.open, os.scandir

    def refuse_file(path: Path, **options: Any) -> Image.Image:
        if path.name == "shut.png":
            raise PermissionError(13, "Permission denied", str(path))
        return real_open(path, **options)

    def refuse_folder(path: str) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return real_scandir(path)

    monkeypatch.setattr(Image, "open", refuse_file)
    monkeypatch.setattr(os, "scandir", refuse_folder)
    pictures = load_pictures(tmp_path)
    assert pictures.names == ("good.png",)
    assert pictures.skipped == (
        "closed: cannot be read (Permission denied)",
        "shut.png: cannot be read (Permission denied)",
    )
    assert "closed: cannot be read" in message(tmp_path, strict=True)


def test_broken_link_is_skipped(tmp_path: Path) -> None:
    write(tmp_path / "good.png", noise(4, 4))
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    assert load_pictures(tmp_path).skipped == ("gone.png: not a regular file",)


def test_faults_of_the_folder_are_one_line(tmp_path: Path) -> None:
    assert "no such folder" in message(tmp_path / "missing")
    (tmp_path / "notes.txt").write_text("no picture")
    assert "neither a folder nor a picture" in message(tmp_path / "notes.txt")
    assert all(suffix in message(tmp_path) for suffix in (".png", ".jpg", ".bmp", ".gif", ".webp", ".tif", ".pgm"))
    (tmp_path / "b10.png").write_bytes(b"")
    (tmp_path / "b9.png").write_text("text")
    text = message(tmp_path)
    assert "no usable picture; the first is b9.png: not a picture" in text
    truncated_jpeg(tmp_path / "b1.jpg")
    assert "the first is b1.jpg: " in message(tmp_path)


# Real pictures


@pytest.mark.skipif(not (SHARED_DATA / "labels").is_dir(), reason="the paper's label pictures are not here")
def test_labels_of_the_paper() -> None:
    pictures = load_pictures(SHARED_DATA / "labels", strict=True)
    assert pictures.names == tuple(f"{number:02d}.BMP" for number in range(1, 11))
    assert {width for width, _ in pictures.sizes} == {180}
    assert (min(height for _, height in pictures.sizes), max(height for _, height in pictures.sizes)) == (
        249,
        260,
    )
    assert pictures.array.shape == (10, 255, 180, 3)  # the median of the heights is 254.5
    assert pictures.array.min() >= 0
    assert pictures.array.max() <= 1
    assert (pictures.array.std(axis=(1, 2, 3)) > 0.1).all()
    with Image.open(SHARED_DATA / "labels" / "01.BMP") as first:  # already of that size
        np.testing.assert_array_equal(pictures.array[0], np.asarray(first.convert("RGB")) / np.float32(255))


def test_a_run_folder_among_the_pictures_is_not_read(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "run", tmp_path / "run" / "below"):
        folder.mkdir(exist_ok=True)
        Image.new("RGB", (4, 4)).save(folder / "a.png")
    for name in ("config.json", "metrics.jsonl"):
        (tmp_path / "run" / name).touch()
    assert load_pictures(tmp_path).names == ("a.png",)
