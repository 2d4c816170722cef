"""Pictures of any ratio come to one size: cropped, padded or stretched, and nothing is resampled without need."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ava_np.data.fitting import fit_line, median_size, to_pixels
from ava_np.data.folder import load_pictures
from ava_np.data.sources import read_pictures
from ava_np.specification import Fit
from tests.data.picture_files import error_message, noise, write_picture
from tests.idx_files import digits, write_idx

FITS: tuple[Fit, ...] = get_args(Fit)
sides = st.integers(1, 60)


def fitted(pixels: np.ndarray, size: tuple[int, int], fit: Fit) -> np.ndarray:
    """Fit bytes (H, W) or (H, W, 3) to a size."""
    picture = Image.fromarray(pixels)
    return to_pixels(picture, size, fit, picture.size)


def ramps(height: int, width: int) -> np.ndarray:
    """A picture whose red grows from left to right and whose green grows from top to bottom; blue is 0."""
    pixels = np.zeros((height, width, 3))
    pixels[..., 0] = (np.arange(width) + 0.5) / width
    pixels[..., 1] = (np.arange(height)[:, None] + 0.5) / height
    return np.rint(255 * pixels).astype(np.uint8)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize(
    ("fit", "left", "top", "width", "height"),
    [
        ("crop", 0.25, 0, 0.5, 1),  # the shares of the picture that fill the size
        ("stretch", 0, 0, 1, 1),
        ("pad", 0, -0.5, 1, 2),
    ],
)
def test_each_point_is_where_the_fit_puts_it(
    tmp_path: Path, suffix: str, fit: Fit, left: float, top: float, width: float, height: float
) -> None:
    write_picture(tmp_path / f"1.{suffix}", ramps(240, 480), **({"quality": 95} if suffix == "jpg" else {}))
    pixels = load_pictures(tmp_path, size=(24, 24), fit=fit).array[0]
    x = left + width * (np.arange(24) + 0.5) / 24
    y = top + height * (np.arange(24)[:, None] + 0.5) / 24
    inside = (y > 0) & (y < 1) & (x > 0)
    np.testing.assert_allclose(pixels[..., 0][inside], np.broadcast_to(x, (24, 24))[inside], atol=0.03)
    np.testing.assert_allclose(pixels[..., 1][inside], np.broadcast_to(y, (24, 24))[inside], atol=0.03)
    assert inside.mean() == (0.5 if fit == "pad" else 1)


@settings(deadline=None)
@given(sides, sides, st.floats(0.05, 4))
def test_a_picture_of_the_ratio_is_only_resized(width: int, height: int, scale: float) -> None:
    """Its sides are those of the size at some scale, rounded."""
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    results = [fitted(noise(height, width), size, fit) for fit in FITS]
    if min(scale * width, scale * height) >= 0.5:
        assert results[0].tobytes() == results[1].tobytes() == results[2].tobytes()


@settings(deadline=None)
@given(sides, sides, sides, sides, st.sampled_from(FITS))
def test_every_size_fits_every_other(width: int, height: int, w: int, h: int, fit: Fit) -> None:
    pixels = fitted(noise(height, width), (w, h), fit)
    assert pixels.shape == (h, w, 3)
    assert pixels.dtype == np.float32
    assert pixels.min() >= 0
    assert pixels.max() <= 1


@pytest.mark.parametrize(("height", "width"), [(8, 13), (8, 16), (11, 8), (9, 8), (8, 8)])
def test_a_crop_to_the_same_width_or_height_copies_the_pixels(height: int, width: int) -> None:
    pixels = noise(height, width)
    top, left = (height - 8) // 2, (width - 8) // 2
    expected = pixels[top : top + 8, left : left + 8] / np.float32(255)
    if abs(height - width) == 1:  # a scale of 8 : 8.5 rounds to this size
        expected = fitted(pixels, (8, 8), "stretch")
    np.testing.assert_array_equal(fitted(pixels, (8, 8), "crop"), expected)


def test_the_frame_has_the_median_colour_of_the_edge() -> None:
    pixels = noise(8, 4)
    pixels[0] = pixels[-1] = pixels[:, 0] = pixels[:, -1] = (10, 200, 30)
    pixels[0, 0] = 255  # one odd pixel does not colour the frame
    padded = fitted(pixels, (9, 8), "pad")
    np.testing.assert_array_equal(padded[:, 2:6], pixels / np.float32(255))
    frame = padded[:, [0, 1, 6, 7, 8]]
    np.testing.assert_array_equal(frame, np.broadcast_to(np.array([10, 200, 30], np.float32) / 255, frame.shape))


def test_a_logo_on_white_stays_on_white(tmp_path: Path) -> None:
    logo = np.zeros((20, 60, 4), np.uint8)
    logo[5:15, 5:55] = (200, 0, 0, 255)
    write_picture(tmp_path / "logo.png", logo)
    pixels = load_pictures(tmp_path, size=60, fit="pad").array[0]
    assert (pixels[:20] == 1).all()
    assert (pixels[40:] == 1).all()
    assert pixels[30, 30].tolist() == pytest.approx([200 / 255, 0, 0])


@pytest.mark.parametrize("fit", FITS)
def test_a_picture_is_turned_before_it_is_fitted(tmp_path: Path, fit: Fit) -> None:
    pixels, exif = noise(12, 30), Image.Exif()
    exif[0x0112] = 6  # the top of the picture is at the right
    write_picture(tmp_path / "upright" / "1.png", pixels)
    write_picture(tmp_path / "turned" / "1.png", np.ascontiguousarray(np.rot90(pixels)), exif=exif)
    upright, turned = (load_pictures(tmp_path / name, size=10, fit=fit) for name in ("upright", "turned"))
    np.testing.assert_array_equal(turned.array, upright.array)
    assert turned.sizes == upright.sizes == ((30, 12),)


@pytest.mark.parametrize("fit", FITS)
def test_idx_pictures_are_fitted_like_those_of_a_folder(tmp_path: Path, fit: Fit) -> None:
    values = digits(3, 11, 7)
    for number, pixels in enumerate(values):
        write_picture(tmp_path / "png" / f"{number}.png", pixels)
    folder = read_pictures(tmp_path / "png", size=8, fit=fit)
    pictures = read_pictures(write_idx(tmp_path / "values", values), size=8, fit=fit)
    np.testing.assert_array_equal(pictures.array, folder.array)
    assert pictures.sha256 == folder.sha256


def test_an_unknown_fit_is_refused(tmp_path: Path) -> None:
    write_picture(tmp_path / "1.png", noise(4, 4))
    assert "fit must be" in error_message(tmp_path, fit="squeeze")


# The common size


def test_portraits_and_landscapes_have_a_square_in_common() -> None:
    assert median_size([(60, 40), (60, 40), (60, 40), (40, 60)]) == (60, 40)  # one in four is not yet a mixture
    assert median_size([(40, 60), (40, 60), (40, 60), (60, 40)]) == (40, 60)
    assert median_size([(60, 40), (60, 40), (40, 60), (40, 60)]) == (50, 50)
    assert median_size([(600, 400), (600, 400), (900, 600), (40, 60), (40, 60)]) == (256, 256)
    assert median_size([(102, 100), (102, 100), (100, 102), (100, 102), (100, 102)]) == (100, 102)  # hardly different


# The line before the training


@pytest.mark.parametrize(
    ("sizes", "size", "text"),
    [
        ([(1600, 900), (400, 600)], (64, 48), "ratios from 2:3 to 16:9: cropped to 4:3 "),
        ([(300, 200), (600, 400)], (64, 64), "the ratio 3:2: cropped to 1:1 "),
        ([(300, 200), (600, 400)], (90, 60), None),
        ([(104, 100), (100, 104)], (100, 100), None),
        ([(106, 100), (100, 100)], (100, 100), "ratios from 1:1 to 16:15: cropped to 1:1 "),
        ([(10**7, 1), (1, 10**7)], (8, 8), "ratios from 1:10000000 to 10000000:1: cropped to 1:1 "),
        ([(180, 250)], (250, 180), "the ratio 5:7: cropped to 7:5 "),
    ],
)
def test_ratios_that_differ_by_more_than_five_per_cent_are_told(
    sizes: list[tuple[int, int]], size: tuple[int, int], text: str | None
) -> None:
    line = fit_line(tuple(sizes), size, "crop")
    assert line is None if text is None else line is not None and f"have {text}" in line


@pytest.mark.parametrize("fit", FITS)
def test_the_line_names_the_other_fits(fit: Fit) -> None:
    line = fit_line(((3, 2),), (1, 1), fit)
    assert line is not None
    assert {other for other in FITS if f"--fit {other}" in line} == {*FITS} - {fit}
