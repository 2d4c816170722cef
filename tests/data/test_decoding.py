"""One picture file is decoded to the right values, and a damaged one is skipped with a reason."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features
from PIL.PngImagePlugin import PngImageFile

from ava_np.data.decoding import header_size
from ava_np.data.folder import load_pictures
from ava_np.errors import PictureError
from ava_np.specification import MAX_PIXELS
from tests.data.picture_files import (
    error_message,
    noise,
    png_chunk,
    write_oversized_png,
    write_picture,
    write_truncated_jpeg,
)

# Values


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "ppm", "webp"])
def test_lossless_colour_is_read_exactly(tmp_path: Path, suffix: str) -> None:
    pixels = noise(7, 5)
    write_picture(tmp_path / f"a.{suffix}", pixels, **({"lossless": True} if suffix == "webp" else {}))
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
    write_picture(tmp_path / f"a.{suffix}", pixels)
    array = load_pictures(tmp_path).array
    np.testing.assert_allclose(array[0, ..., 0], pixels / 65535, rtol=1e-6)


def test_sixteen_bits_may_be_big_endian(tmp_path: Path) -> None:
    pixels = np.array([[0, 256], [513, 65535]], np.uint16)
    Image.frombytes("I;16B", (2, 2), pixels.astype(">u2").tobytes()).save(tmp_path / "a.tif")
    np.testing.assert_allclose(load_pictures(tmp_path).array[0, ..., 0], pixels / 65535, rtol=1e-6)


def test_sixteen_bits_keep_their_precision_when_resized(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(30000, 30400, 200).astype(np.uint16), (8, 1))  # less than 2 steps of 8 bits
    write_picture(tmp_path / "a.png", ramp)
    array = load_pictures(tmp_path, size=(100, 4)).array
    assert np.unique(array).size > 90
    np.testing.assert_allclose(array[0, 0, :, 0], np.linspace(30001, 30399, 100) / 65535, atol=3e-5)


def test_bicubic_overshoot_of_sixteen_bits_is_clipped(tmp_path: Path) -> None:
    edge = np.zeros((8, 8), np.uint16)
    edge[:, 4:] = 65535
    write_picture(tmp_path / "a.png", edge)
    array = load_pictures(tmp_path, size=(31, 31)).array
    assert array.min() == 0
    assert array.max() == 1


def test_transparent_value_of_a_sixteen_bit_png_is_white(tmp_path: Path) -> None:
    Image.fromarray(np.array([[500, 1000]], np.uint16)).save(tmp_path / "a.png", transparency=500)
    np.testing.assert_allclose(load_pictures(tmp_path).array[0, 0, :, 0], [1, 1000 / 65535], rtol=1e-6)


def test_float_pictures_must_be_in_the_unit_interval(tmp_path: Path) -> None:
    unit = np.array([[0, 0.25], [0.123456, 1]], np.float32)
    write_picture(tmp_path / "a.tif", unit)
    write_picture(tmp_path / "b.tif", unit * 255)
    write_picture(tmp_path / "c.tif", unit * np.float32(np.nan))
    write_picture(tmp_path / "d.tif", np.array([[0, 65536]], np.int32))
    pictures = load_pictures(tmp_path, size=(2, 2))
    np.testing.assert_array_equal(pictures.array[..., 0], unit[None])
    assert [line.split(":")[0] for line in pictures.skipped] == ["b.tif", "c.tif", "d.tif"]
    assert all("outside" in line for line in pictures.skipped)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparent_pixels_are_laid_over_white(tmp_path: Path, mode: str) -> None:
    colour = (40, 40, 40) if mode == "LA" else (200, 40, 90)
    alphas = (0, 64, 255)
    picture = Image.new("RGBA", (3, 1))
    for x, alpha in enumerate(alphas):
        picture.putpixel((x, 0), (*colour, alpha))
    if mode == "PA":  # Pillow cannot write PA, but reads a TIFF of palette and alpha as PA
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


def test_a_palette_is_converted_to_its_colours(tmp_path: Path) -> None:
    picture = Image.fromarray(noise(6, 4)).quantize(8)
    picture.save(tmp_path / "A.BMP")
    with Image.open(tmp_path / "A.BMP") as saved:
        assert saved.mode == "P"
    np.testing.assert_array_equal(
        load_pictures(tmp_path).array[0], np.asarray(picture.convert("RGB")) / np.float32(255)
    )


def test_cmyk_is_converted_to_rgb(tmp_path: Path) -> None:
    Image.new("CMYK", (4, 4), (0, 255, 255, 0)).save(tmp_path / "a.tif")
    np.testing.assert_allclose(load_pictures(tmp_path).array[0, 0, 0], [1, 0, 0], atol=0.01)


def test_the_first_frame_of_an_animation_is_read(tmp_path: Path) -> None:
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


def exif_bytes(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def assert_upright(folder: Path, stored: np.ndarray, orientation: int, tolerance: float = 0) -> None:
    """Assert that the one picture in a folder is turned upright, and that the frame from its header has its shape."""
    upright = UPRIGHT[orientation](stored)
    pictures = load_pictures(folder, strict=True)
    assert pictures.sizes == ((upright.shape[1], upright.shape[0]),)
    assert pictures.size == pictures.sizes[0]
    np.testing.assert_allclose(pictures.array[0], upright / np.float32(255), atol=tolerance)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, suffix: str) -> None:
    options = {"lossless": True} if suffix == "webp" else {}
    write_picture(tmp_path / f"a.{suffix}", noise(6, 4), exif=exif_bytes(orientation), **options)
    assert_upright(tmp_path, noise(6, 4), orientation)


@pytest.mark.parametrize("suffix", ["jpg", "avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_of_lossy_pictures_is_applied(tmp_path: Path, orientation: int, suffix: str) -> None:
    if suffix == "avif" and not features.check("avif"):
        pytest.skip("this Pillow is built without AVIF")
    stored = np.zeros((48, 32, 1), np.uint8)  # flat blocks, which survive the compression
    stored[:16, :16], stored[16:32, 16:] = 255, 128
    write_picture(tmp_path / f"a.{suffix}", stored[..., 0], exif=exif_bytes(orientation), quality=100)
    assert_upright(tmp_path, stored, orientation, tolerance=0.03)


def png_chunks(content: bytes) -> list[bytes]:
    """Return the chunks of a PNG, without its signature."""
    chunks, start = [], 8
    while start < len(content):
        end = start + 12 + int.from_bytes(content[start : start + 4], "big")
        chunks.append(content[start:end])
        start = end
    return chunks


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("split", [False, True])
def test_exif_after_the_pixels_of_a_png_is_applied(
    tmp_path: Path, orientation: int, split: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    write_picture(path, noise(6, 4), exif=exif_bytes(orientation))
    chunks = png_chunks(path.read_bytes())
    kinds = [chunk[4:8] for chunk in chunks]
    exif = chunks.pop(kinds.index(b"eXIf")) if orientation > 1 else png_chunk(b"eXIf", exif_bytes(1)[6:])
    if split:  # the pixels may be in many chunks
        where = [chunk[4:8] for chunk in chunks].index(b"IDAT")
        pixels = chunks[where][8:-4]
        chunks[where : where + 1] = [png_chunk(b"IDAT", pixels[i : i + 9]) for i in range(0, len(pixels), 9)]
    path.write_bytes(path.read_bytes()[:8] + b"".join([*chunks[:-1], exif, chunks[-1]]))
    assert_upright(tmp_path, noise(6, 4), orientation)

    def fail(self: Image.Image) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(PngImageFile, "load", fail)
    width, height = (6, 4) if orientation >= 5 else (4, 6)
    assert header_size(path, 100) == (width, height)


@pytest.mark.parametrize("late", [b"eXIf", b"IDAT", b"iTXt"])
@pytest.mark.parametrize("kept", range(13))
def test_a_png_that_ends_early_has_a_size(tmp_path: Path, late: bytes, kept: int) -> None:
    write_picture(tmp_path / "a.png", noise(6, 4))
    whole = tmp_path.joinpath("a.png").read_bytes()[:-12]
    (tmp_path / "a.png").write_bytes(whole + (b"\xff\xff\xff\x00" + late + b"12345")[:kept])
    assert header_size(tmp_path / "a.png", 100) == (4, 6)


@pytest.mark.parametrize("exif", [b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0"])
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_malformed_exif_leaves_the_picture_usable(tmp_path: Path, suffix: str, exif: bytes) -> None:
    write_picture(tmp_path / f"a.{suffix}", noise(6, 4), exif=exif)
    assert load_pictures(tmp_path, strict=True).sizes == ((4, 6),)


# Resizing


def test_resizing_keeps_flat_colour_and_mean(tmp_path: Path) -> None:
    write_picture(tmp_path / "1.png", np.full((9, 14, 3), (10, 200, 60), np.uint8))
    smooth = np.add.outer(np.arange(60), 2 * np.arange(40)).astype(np.uint8)
    write_picture(tmp_path / "2.png", smooth)
    array = load_pictures(tmp_path, size=(20, 30)).array
    np.testing.assert_array_equal(array[0], np.broadcast_to(np.array([10, 200, 60], np.float32) / 255, (30, 20, 3)))
    assert abs(array[1].mean() - smooth.mean() / 255) < 2e-3


def test_a_large_jpeg_agrees_with_full_resolution_decoding(tmp_path: Path) -> None:
    y, x = np.mgrid[0:1600, 0:1200] / 1600
    pixels = np.stack([128 + 120 * np.sin(9 * x), 255 * y, 128 + 120 * np.cos(7 * x * y)], axis=-1).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    write_picture(tmp_path / "a.jpg", pixels, quality=95, exif=exif)
    pictures = load_pictures(tmp_path)
    assert pictures.sizes == ((1600, 1200),)
    assert pictures.array.shape == (1, 192, 256, 3)
    full = Image.fromarray(pixels).transpose(Image.Transpose.ROTATE_270).resize((256, 192), Image.Resampling.BICUBIC)
    np.testing.assert_allclose(pictures.array[0], np.asarray(full) / 255, atol=0.03)


# Damaged files


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"


@pytest.mark.parametrize("content", [b"", b"this is a text\n", b"\x89PNG\r\n\x1a\n", EPS])
def test_a_file_that_is_no_picture_is_skipped(tmp_path: Path, content: bytes) -> None:
    write_picture(tmp_path / "good.png", noise(4, 4))
    (tmp_path / "bad.png").write_bytes(content)
    pictures = load_pictures(tmp_path)
    assert pictures.names == ("good.png",)
    assert [line.split(": ")[0] for line in pictures.skipped] == ["bad.png"]
    # EPS is refused as well, because Pillow would run Ghostscript on it.
    assert ("not a picture" if content else "empty") in pictures.skipped[0]
    assert "bad.png" in error_message(tmp_path, strict=True)


@pytest.mark.parametrize("side", [10_000, 60_000])  # Pillow itself only warns about the first
def test_a_picture_that_claims_too_many_pixels_is_skipped(tmp_path: Path, side: int) -> None:
    write_picture(tmp_path / "good.png", noise(4, 4))
    write_oversized_png(tmp_path / "bomb.png", side)
    pictures = load_pictures(tmp_path)
    assert pictures.array.shape == (1, 4, 4, 3)  # the claimed size does not affect the default size
    (line,) = pictures.skipped
    assert line == f"bomb.png: has {side**2:,} pixels, more than 89,478,485: raise --max-pixels"


def test_the_limit_of_pixels_can_be_chosen(tmp_path: Path) -> None:
    for name, (width, height) in {"1.jpg": (9, 11), "2.png": (10, 10), "3.gif": (101, 1)}.items():
        write_picture(tmp_path / name, noise(height, width))
    pictures = load_pictures(tmp_path, max_pixels=100)
    assert pictures.names == ("1.jpg", "2.png")
    assert pictures.skipped == ("3.gif: has 101 pixels, more than 100: raise --max-pixels",)
    assert "max_pixels must be at least 1, not 0" in error_message(tmp_path, max_pixels=0)


def test_the_default_limit_is_that_of_pillow() -> None:
    assert Image.MAX_IMAGE_PIXELS == MAX_PIXELS


def test_a_picture_of_more_than_twice_the_limit_of_pillow_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_picture(tmp_path / "a.jpg", np.full((30, 40), 200, np.uint8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)  # instead of a picture of 200 million pixels
    array = load_pictures(tmp_path, max_pixels=1200).array
    np.testing.assert_allclose(array, 200 / 255, atol=0.01)
    assert Image.MAX_IMAGE_PIXELS == 500


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "webp", "tif", "ppm", "jp2", "avif", "sgi"])
def test_damaged_files_raise_only_picture_errors(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    write_picture(path, noise(12, 10))
    whole = path.read_bytes()
    generator = np.random.default_rng(1)
    errors = 0
    for _ in range(60):
        damaged = bytearray(whole)
        for position in generator.integers(0, min(len(whole), 150), 4):
            damaged[position] = generator.integers(256)
        path.write_bytes(damaged[: generator.integers(1, len(whole) + 1)])
        try:
            array = load_pictures(path, size=(5, 5)).array
            assert 0 <= array.min() <= array.max() <= 1
        except PictureError:
            errors += 1
    assert errors > 20


def test_a_truncated_jpeg_is_skipped(tmp_path: Path) -> None:
    write_picture(tmp_path / "good.jpg", noise(40, 40))
    write_truncated_jpeg(tmp_path / "bad.jpg")
    with Image.open(tmp_path / "bad.jpg") as picture:
        picture.verify()  # Pillow's own check does not detect it
    pictures = load_pictures(tmp_path)
    assert pictures.names == ("good.jpg",)
    assert len(pictures.array) == len(pictures.sizes) == 1
    (line,) = pictures.skipped
    assert line.startswith("bad.jpg: ")
    assert "truncated" in line
    assert str(tmp_path / "bad.jpg") in error_message(tmp_path, strict=True)
