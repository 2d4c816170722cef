"""``read_pictures`` reads every source: idx files, folders, the built-in pictures and toy points."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ava_np.data.folder import load_pictures
from ava_np.data.medicine_labels import draw_medicine_labels
from ava_np.data.pictures import Pictures
from ava_np.data.sources import common_size, largest_file, read_pictures
from ava_np.data.stored import StoredArray
from ava_np.data.toys import TOY_NAMES, mixture, mode_coverage
from ava_np.errors import PictureError
from tests.conftest import SHARED_DATA, needs_shared_data
from tests.data.picture_files import write_folder
from tests.idx_files import digits, write_idx


def refused(source: str | Path | None, *parts: str, **options: Any) -> None:
    """Assert that reading raises a ``PictureError`` of one line that contains these parts."""
    with pytest.raises(PictureError) as caught:
        read_pictures(source, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert all(part in text for part in parts), text


def assert_same(left: Pictures, right: Pictures) -> None:
    """Assert that two results are equal in everything but the names."""
    assert left.array.dtype == right.array.dtype == np.float32
    np.testing.assert_array_equal(left.array, right.array)
    assert (left.sha256, left.sizes, left.size) == (right.sha256, right.sizes, right.size)


# idx


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"zoom": 4},
        {"size": (9, 13)},
        {"size": (9, 13), "zoom": 2},
        {"colour": "rgb"},
        {"colour": "grey"},
        {"limit": 2},
    ],
)
def test_idx_pictures_equal_those_of_a_folder(tmp_path: Path, options: dict[str, Any]) -> None:
    values = digits(5, 11, 7)
    folder = read_pictures(write_folder(tmp_path / "png", values), **options)
    pictures = read_pictures(write_idx(tmp_path / "values", values, zipped=True), **options)
    assert_same(pictures, folder)
    assert pictures.array.flags.c_contiguous
    assert pictures.names == tuple(str(number) for number in range(options.get("limit", 5)))


def test_idx_values_are_divided_by_255(tmp_path: Path) -> None:
    values = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    array = read_pictures(str(write_idx(tmp_path / "values", values))).array
    np.testing.assert_array_equal(array[..., 0], values / np.float32(255))


def test_the_pictures_of_a_folder_of_idx_files_are_read(tmp_path: Path) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte", digits(3))
    write_idx(tmp_path / "t10k-images-idx3-ubyte", digits(2))
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.zeros(3, np.uint8))
    assert len(read_pictures(tmp_path).array) == 3
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08")
    refused(tmp_path, "train-images-idx3-ubyte: truncated")
    (tmp_path / "train-images-idx3-ubyte").unlink()
    assert len(read_pictures(tmp_path).array) == 2


def test_pictures_take_precedence_over_idx_files(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "both", digits(4))
    write_idx(folder / "a", digits(3))
    write_idx(folder / "b", digits(3))  # two idx files are ambiguous only without pictures
    assert read_pictures(folder).names == ("0.png", "1.png", "2.png", "3.png")


def test_idx_files_and_options_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    refused(write_idx(tmp_path / "labels", np.zeros(3, np.uint8)), "holds labels, not pictures")
    path = write_idx(tmp_path / "values", digits(2, 6, 4))
    refused(path, "4 x 6 pixels are less than one block of 5 x 5", zoom=5)
    for options in ({"size": (0, 5)}, {"zoom": 0}, {"colour": "blue"}, {"limit": -1}):
        refused(path, str(path), **options)


# Folders


def test_other_files_and_folders_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "gone", "no such folder")
    refused(tmp_path, "no pictures in this folder")
    (tmp_path / "notes.txt").write_text("text")
    refused(tmp_path / "notes.txt", "neither a folder nor a picture")
    refused("a\0b", "cannot be read")


def test_a_limit_reads_the_first_usable_pictures(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "png", digits(4))
    (folder / "1.png").write_bytes(b"")
    Image.fromarray(digits(1, 50, 50)[0]).save(folder / "9.png")
    pictures = load_pictures(folder, limit=3)
    assert pictures.names == ("0.png", "2.png", "3.png")
    assert pictures.size == (4, 6)  # the larger picture is beyond the limit
    assert pictures.skipped == ("1.png: the file is empty",)
    assert load_pictures(folder, limit=99).names == ("0.png", "2.png", "3.png", "9.png")
    refused(folder, "limit", limit=-1)


def test_an_unusable_first_file_does_not_count_for_the_limit(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "png", digits(2))
    (folder / "0.png").write_bytes(b"")
    assert load_pictures(folder).names == load_pictures(folder, limit=1).names == ("1.png",)


def test_a_limit_takes_pictures_evenly_from_all_folders(tmp_path: Path) -> None:
    folder = tmp_path / "classes"
    for name in ("cats/5", "cats/5/tigers", "dogs", "mice"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, count in (("cats/5", 4), ("cats/5/tigers", 4), ("dogs", 1), ("mice", 4)):
        write_folder(folder / name, digits(count))
    (folder / "mice" / "0.png").write_bytes(b"")  # it takes its turn, and is skipped
    first = ("cats/5/0.png", "cats/5/1.png", "cats/5/tigers/0.png", "cats/5/tigers/1.png", "dogs/0.png", "mice/1.png")
    for pictures in (
        read_pictures(folder, limit=6),
        read_pictures(folder, limit=6, cache=tmp_path / "cache"),
        read_pictures(folder, limit=6, cache=tmp_path / "cache"),
    ):
        assert pictures.names == first
    assert read_pictures(folder, limit=99).names == read_pictures(folder).names
    assert read_pictures(folder, limit=6, by_folder=False).names == read_pictures(folder).names[:6]
    Image.fromarray(digits(1, 60, 40)[0]).save(folder / "mice" / "0.png")
    for name in (*first[:3:2], "dogs/0.png"):
        (folder / name).write_bytes(b"")
    for by_folder, size in ((True, (40, 60)), (False, (4, 6))):
        assert common_size(folder, limit=1, by_folder=by_folder) == size
        assert largest_file(folder, limit=1, by_folder=by_folder) == size[0] * size[1]


def test_a_cached_folder_is_read_from_a_file(tmp_path: Path) -> None:
    folder, cache = write_folder(tmp_path / "png", digits()), tmp_path / "cache"
    calls: list[tuple[int, int]] = []
    options: dict[str, Any] = {"size": (5, 7), "zoom": 2, "colour": "rgb", "limit": 3}
    cached = read_pictures(folder, cache=cache, progress=lambda *call: calls.append(call), **options)
    assert isinstance(cached.array, StoredArray)
    assert calls == [(1, 3), (2, 3), (3, 3)]
    assert_same(cached, read_pictures(folder, **options))
    for other in (write_idx(tmp_path / "x.idx", digits()), "toy:ring", None):
        with pytest.raises(PictureError, match="only folders of pictures are cached"):
            read_pictures(other, cache=cache)


# Built-in


def test_built_in_pictures_are_the_medicine_labels() -> None:
    pictures = read_pictures(None, size=(20, 31), zoom=3)
    assert pictures.array.shape == (10, 30, 18, 3)
    np.testing.assert_array_equal(pictures.array, draw_medicine_labels(size=(20, 31))[:, :30, :18])
    assert pictures.names == tuple(f"label-{number}" for number in range(1, 11))
    few = read_pictures(None, size=(20, 31), limit=4)
    assert len(few.array) == len(few.names) == len(few.sizes) == 4


def test_built_in_pictures_can_be_grey() -> None:
    array = read_pictures(None, size=(20, 31), colour="grey").array
    luma = draw_medicine_labels(size=(20, 31)) @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    assert array.shape == (10, 31, 20, 1)
    np.testing.assert_allclose(array[..., 0], luma, atol=1 / 255)


@pytest.mark.parametrize(("size", "zoom"), [((12, 9), 10), ((2, 50), 3), ((8193, 9), 1), ((10**12, 10**12), 3)])
def test_built_in_pictures_of_an_unusable_size_are_refused(size: tuple[int, int], zoom: int) -> None:
    refused(None, " x ".join(map(str, size)), size=size, zoom=zoom)


# Sizes


@pytest.mark.parametrize("size", ["20x31", "20X31", [20, 31], (np.int64(20), 31)])
def test_a_size_may_be_a_text_or_a_list(tmp_path: Path, size: Any) -> None:
    folder, cache = write_folder(tmp_path / "png", digits(2)), tmp_path / "cache"
    for pictures in (
        read_pictures(None, size=size),
        read_pictures(folder, size=size),
        read_pictures(folder, size=size, cache=cache),
        read_pictures(write_idx(tmp_path / "values", digits(2)), size=size),
    ):
        assert pictures.size == (20, 31)
        assert pictures.array.shape[1:3] == (31, 20)
    assert len(list(cache.glob("*.npy"))) == 1
    read_pictures(folder, size=(20, 31), cache=cache)
    assert len(list(cache.glob("*.npy"))) == 1  # the same size, so the same copy


@pytest.mark.parametrize("size", [64, "64", np.int64(64)])
def test_one_number_is_the_side_of_a_square(size: Any) -> None:
    assert read_pictures(None, size=size).size == (64, 64)


@pytest.mark.parametrize("size", ["", "64x", "x64", "1x2x3", "large", 64.5, (64,), (1, 2, 3), (1.5, 2), b"64", True])
def test_what_is_no_size_is_refused(size: Any) -> None:
    refused(None, repr(size), "is not a size such as 180x250", size=size)
    refused("toy:ring", repr(size), size=size)


# The size before reading


def test_the_common_size_is_that_of_the_pictures_read(tmp_path: Path) -> None:
    folder, idx_file = write_folder(tmp_path / "png", digits(3, 6, 4)), write_idx(tmp_path / "values", digits(2, 9, 5))
    assert common_size(folder) == read_pictures(folder).size == (4, 6)
    assert common_size(idx_file) == read_pictures(idx_file).size == (5, 9)
    assert common_size(None) == read_pictures(None).size == (180, 250)
    Image.fromarray(digits(1, 60, 40)[0]).save(folder / "0.png")
    assert common_size(folder, limit=1) == read_pictures(folder, limit=1).size == (40, 60)


# Toys


@pytest.mark.parametrize("name", TOY_NAMES)
def test_toys_are_ten_thousand_points_always_the_same(name: str) -> None:
    pictures = read_pictures(f"toy:{name}")
    centres, _ = mixture(name)
    dimensions = centres.shape[1]
    assert pictures.array.shape == (10_000, 1, dimensions, 1)
    assert pictures.size == (dimensions, 1)
    assert len(pictures.names) == len(pictures.sizes) == 10_000
    assert mode_coverage(name, pictures.array).modes_found == len(centres)
    again = read_pictures(Path(f"toy:{name}"), size=pictures.size, zoom=1, colour="grey", limit=30)
    np.testing.assert_array_equal(again.array, pictures.array[:30])


def test_options_that_do_not_fit_points_are_refused(tmp_path: Path) -> None:
    for options in ({"size": (1, 2)}, {"size": (4, 4)}, {"zoom": 2}, {"colour": "rgb"}):
        refused("toy:ring", "toy:ring: points have no other size, zoom or colour", **options)
    refused("toy:torus", "there is no toy distribution 'torus': choose one of gaussian, ring, grid")
    refused("toy:ring", "limit", limit=-1)


# Real pictures


@needs_shared_data
def test_mnist_has_the_known_mean_and_deviation() -> None:
    pictures = read_pictures(SHARED_DATA / "mnist")
    assert pictures.array.shape == (60_000, 28, 28, 1)
    assert abs(pictures.array.mean(dtype=np.float64) - 0.1307) < 5e-5
    assert abs(pictures.array.std(dtype=np.float64) - 0.3081) < 5e-5
