"""A folder of pictures becomes one array: its colours, size, order, and the files that are skipped."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ava_np.data.folder import load_pictures
from ava_np.errors import PictureError
from tests.conftest import SHARED_DATA, needs_shared_data
from tests.data.picture_files import error_message, noise, write_picture, write_truncated_jpeg

# Grey or colour


def test_pictures_are_grey_only_if_all_of_them_are(tmp_path: Path) -> None:
    grey = noise(4, 4, 1)
    write_picture(tmp_path / "1.png", grey)
    write_picture(tmp_path / "2.png", np.stack([grey] * 3, axis=-1))
    write_picture(tmp_path / "3.png", grey.astype(np.uint16) * 257)
    Image.fromarray(grey > 127).save(tmp_path / "4.png")
    array = load_pictures(tmp_path).array
    assert array.shape == (4, 4, 4, 1)
    np.testing.assert_array_equal(array[0], array[1])
    np.testing.assert_allclose(array[2], array[0], atol=1e-6)
    np.testing.assert_array_equal(array[3, ..., 0], grey > 127)

    for channel in range(3):  # one channel of one pixel is enough
        coloured = np.stack([grey] * 3, axis=-1)
        coloured[3, 3, channel] ^= 1
        write_picture(tmp_path / "5.png", coloured)
        in_colour = load_pictures(tmp_path).array
        assert in_colour.shape == (5, 4, 4, 3)
        np.testing.assert_array_equal(in_colour[:4], np.repeat(array, 3, axis=-1))
        np.testing.assert_array_equal(in_colour[4], coloured / np.float32(255))


def test_grey_and_rgb_can_be_chosen(tmp_path: Path) -> None:
    write_picture(tmp_path / "1.png", noise(4, 4))
    write_picture(tmp_path / "2.png", noise(4, 4, 1))
    grey = load_pictures(tmp_path, colour="grey").array
    assert grey.shape == (2, 4, 4, 1)
    luma = noise(4, 4) @ np.array([0.299, 0.587, 0.114]) / 255  # ITU-R BT.601
    np.testing.assert_allclose(grey[0, ..., 0], luma, atol=1 / 255)
    (tmp_path / "1.png").unlink()
    rgb = load_pictures(tmp_path, colour="rgb").array
    np.testing.assert_array_equal(rgb[0], np.stack([noise(4, 4, 1)] * 3, axis=-1) / np.float32(255))


# Sizes


def test_the_default_size_is_the_median_of_each_side(tmp_path: Path) -> None:
    for name, (width, height) in enumerate([(10, 40), (20, 30), (49, 50)]):
        write_picture(tmp_path / f"{name}.png", noise(height, width))
    pictures = load_pictures(tmp_path)
    assert pictures.array.shape == (3, 40, 20, 3)
    assert pictures.sizes == ((10, 40), (20, 30), (49, 50))
    assert pictures.array.min() >= 0
    assert pictures.array.max() <= 1


def test_a_median_between_two_sizes_is_rounded_up(tmp_path: Path) -> None:
    write_picture(tmp_path / "1.png", noise(4, 8))
    write_picture(tmp_path / "2.png", noise(7, 9))
    assert load_pictures(tmp_path).array.shape[1:3] == (6, 9)  # of 5.5 and 8.5


def test_the_default_size_is_computed_after_exif_orientation(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    write_picture(tmp_path / "a.jpg", noise(8, 24), exif=exif)
    assert load_pictures(tmp_path).array.shape[1:3] == (24, 8)


def test_the_default_size_is_at_most_256_with_the_same_aspect_ratio(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", noise(300, 600, 1))
    assert load_pictures(tmp_path).array.shape == (1, 128, 256, 1)


@pytest.mark.parametrize(("width", "height", "zoom"), [(10, 9, 4), (7, 5, 2), (8, 8, 8), (11, 23, 5), (6, 5, 1)])
def test_the_crop_is_central_and_a_multiple_of_zoom(tmp_path: Path, width: int, height: int, zoom: int) -> None:
    pixels = noise(height, width)
    write_picture(tmp_path / "a.png", pixels)
    pictures = load_pictures(tmp_path, zoom=zoom)
    cropped = pictures.array[0]
    assert cropped.shape[0] % zoom == cropped.shape[1] % zoom == 0
    assert height - cropped.shape[0] < zoom
    assert width - cropped.shape[1] < zoom
    above, left = (height % zoom) // 2, (width % zoom) // 2  # an odd surplus pixel comes off the end
    expected = pixels[above : above + cropped.shape[0], left : left + cropped.shape[1]]
    np.testing.assert_array_equal(cropped, expected / np.float32(255))
    assert pictures.sizes == ((width, height),)


def test_a_size_of_less_than_one_block_is_refused(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", noise(20, 12))
    text = error_message(tmp_path, zoom=16)
    assert "12 x 20" in text
    assert "16" in text


@pytest.mark.parametrize("options", [{"size": (0, 5)}, {"size": (5, 8193)}, {"zoom": 0}, {"colour": "blue"}])
def test_options_out_of_range_are_refused(tmp_path: Path, options: dict[str, object]) -> None:
    write_picture(tmp_path / "a.png", noise(8, 8))
    error_message(tmp_path, **options)


# Folders


def test_subfolders_are_read_in_natural_order(tmp_path: Path) -> None:
    names = ["b10/1.png", "b2/12.PNG", "b2/3.png", "a.png", "c1.jpeg", "B03/x.png"]
    for name in names:
        write_picture(tmp_path / name, noise(4, 4))
    write_picture(tmp_path / ".hidden.png", noise(4, 4))
    write_picture(tmp_path / ".hidden" / "x.png", noise(4, 4))
    (tmp_path / "notes.txt").write_text("not a picture")
    pictures = load_pictures(tmp_path)
    assert pictures.names == ("a.png", "b2/3.png", "b2/12.PNG", "B03/x.png", "b10/1.png", "c1.jpeg")
    assert pictures.skipped == ()


def test_names_and_pictures_are_in_the_same_order(tmp_path: Path) -> None:
    for number in (10, 9, 1, 2, 100):
        write_picture(tmp_path / f"{number}.png", np.full((2, 2), number, np.uint8))
    array = load_pictures(tmp_path).array
    np.testing.assert_array_equal(np.rint(array[:, 0, 0, 0] * 255), [1, 2, 9, 10, 100])


def test_a_folder_that_links_to_itself_is_read_once(tmp_path: Path) -> None:
    write_picture(tmp_path / "a" / "1.png", noise(4, 4))
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "a" / "loop").symlink_to(tmp_path / "a")
    write_picture(elsewhere / "2.png", noise(4, 4))
    (tmp_path / "a" / "z").symlink_to(elsewhere)
    assert load_pictures(tmp_path / "a").names == ("1.png", "z/2.png")


def test_a_run_folder_below_is_not_read(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "run", tmp_path / "run" / "below"):
        folder.mkdir(exist_ok=True)
        Image.new("RGB", (4, 4)).save(folder / "a.png")
    for name in ("config.json", "metrics.jsonl"):
        (tmp_path / "run" / name).touch()
    assert load_pictures(tmp_path).names == ("a.png",)


def test_one_picture_file_can_be_read(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", noise(4, 6))
    write_picture(tmp_path / "b.png", noise(4, 4))
    pictures = load_pictures(str(tmp_path / "a.png"))
    assert pictures.names == ("a.png",)
    assert pictures.array.shape == (1, 4, 6, 3)


def test_a_name_that_is_not_utf8_is_escaped(tmp_path: Path) -> None:
    try:
        write_picture(tmp_path / "a\udcff.png", noise(4, 4))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (name,) = load_pictures(tmp_path).names
    assert name == "a\\udcff.png"


@pytest.mark.parametrize("character", ["\x1b", "\x9b", "\u202e", "\u2067"])
def test_a_name_cannot_steer_the_terminal(tmp_path: Path, character: str) -> None:
    folder = tmp_path / f"photos{character}[2J"
    write_picture(folder / f"a{character}.png", noise(4, 4))
    (folder / f"b{character}.png").write_bytes(b"")
    pictures = load_pictures(folder)
    shown = [*pictures.names, *pictures.skipped]
    for options in ({"strict": True}, {"zoom": 5}, {"zoom": 0}, {"size": (0, 1)}):
        with pytest.raises(PictureError) as caught:
            load_pictures(folder, **options)
        shown.append(str(caught.value))
    assert all(line.isprintable() for line in shown), shown


def test_progress_counts_every_file(tmp_path: Path) -> None:
    for name in "abc":
        write_picture(tmp_path / f"{name}.png", noise(4, 4))
    write_truncated_jpeg(tmp_path / "d.jpg")
    calls: list[tuple[int, int]] = []
    load_pictures(tmp_path, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


# Files that cannot be read


def test_unreadable_files_and_folders_are_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The tests may run as root, whom permissions do not stop, so the errors are simulated.
    write_picture(tmp_path / "good.png", noise(4, 4))
    write_picture(tmp_path / "shut.png", noise(4, 4))
    write_picture(tmp_path / "closed" / "in.png", noise(4, 4))
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
    assert "closed: cannot be read" in error_message(tmp_path, strict=True)


def test_a_broken_link_is_skipped(tmp_path: Path) -> None:
    write_picture(tmp_path / "good.png", noise(4, 4))
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    assert load_pictures(tmp_path).skipped == ("gone.png: not a regular file",)


def test_an_unusable_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    assert "no such folder" in error_message(tmp_path / "missing")
    (tmp_path / "notes.txt").write_text("no picture")
    assert "neither a folder nor a picture" in error_message(tmp_path / "notes.txt")
    assert all(name in error_message(tmp_path / "notes.txt") for name in ("PNG", "JPEG", "AVIF", "TIFF"))
    (tmp_path / "b10.png").write_bytes(b"")
    (tmp_path / "b9.png").write_text("text")
    text = error_message(tmp_path)
    assert "no usable picture; the first is b9.png: not a picture" in text
    write_truncated_jpeg(tmp_path / "b1.jpg")
    assert "the first is b1.jpg: " in error_message(tmp_path)


# Real pictures


@needs_shared_data
def test_the_labels_of_the_paper_are_read() -> None:
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
