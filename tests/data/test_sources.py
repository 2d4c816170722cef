"""One way from every source to pictures, and a split that nobody is in twice."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ava_np.data.builtin import draw_labels
from ava_np.data.folder import Pictures, load_pictures
from ava_np.data.sources import Split, read_pictures, split
from ava_np.data.toys import TOYS, mode_coverage, modes
from ava_np.errors import PictureError
from tests.conftest import SHARED_DATA, needs_shared_data
from tests.idx_files import digits, write_idx
from tests.oracles import few_examples


def write_pictures(folder: Path, values: np.ndarray) -> Path:
    """The same values as PNG files."""
    folder.mkdir(parents=True)
    for number, value in enumerate(values):
        Image.fromarray(value).save(folder / f"{number}.png")
    return folder


def refused(source: str | Path | None, *parts: str, **options: Any) -> None:
    """Reading ends in one line that holds these parts."""
    with pytest.raises(PictureError) as caught:
        read_pictures(source, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert all(part in text for part in parts), text


def assert_same(left: Pictures, right: Pictures) -> None:
    """Everything but the names."""
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
def test_idx_pictures_are_those_of_a_folder(tmp_path: Path, options: dict[str, Any]) -> None:
    values = digits(5, 11, 7)
    folder = read_pictures(write_pictures(tmp_path / "png", values), **options)
    pictures = read_pictures(write_idx(tmp_path / "values", values, zipped=True), **options)
    assert_same(pictures, folder)
    assert pictures.array.flags.c_contiguous
    assert pictures.names == tuple(str(number) for number in range(options.get("limit", 5)))


def test_idx_values_are_exact(tmp_path: Path) -> None:
    values = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    array = read_pictures(str(write_idx(tmp_path / "values", values))).array
    np.testing.assert_array_equal(array[..., 0], values / np.float32(255))


def test_a_folder_of_idx_files(tmp_path: Path) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte", digits(3))
    write_idx(tmp_path / "t10k-images-idx3-ubyte", digits(2))
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.zeros(3, np.uint8))
    assert len(read_pictures(tmp_path).array) == 3
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08")
    refused(tmp_path, "train-images-idx3-ubyte: truncated")
    (tmp_path / "train-images-idx3-ubyte").unlink()
    assert len(read_pictures(tmp_path).array) == 2


def test_pictures_beside_idx_files_come_first(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "both", digits(4))
    write_idx(folder / "a", digits(3))
    write_idx(folder / "b", digits(3))  # which of the two is then no question
    assert read_pictures(folder).names == ("0.png", "1.png", "2.png", "3.png")


def test_faults_of_idx_are_told_through(tmp_path: Path) -> None:
    refused(write_idx(tmp_path / "labels", np.zeros(3, np.uint8)), "holds labels, not pictures")
    path = write_idx(tmp_path / "values", digits(2, 6, 4))
    refused(path, "4 x 6 pixels are less than one block of 5 x 5", zoom=5)
    for options in ({"size": (0, 5)}, {"zoom": 0}, {"colour": "blue"}, {"limit": -1}):
        refused(path, str(path), **options)


# Folders


def test_other_files_and_folders_are_the_folders_own_fault(tmp_path: Path) -> None:
    refused(tmp_path / "gone", "no such folder")
    refused(tmp_path, "no pictures in this folder")
    (tmp_path / "notes.txt").write_text("text")
    refused(tmp_path / "notes.txt", "neither a folder nor a picture")
    refused("a\0b", "cannot be read")


def test_a_limit_takes_the_first_that_can_be_read(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "png", digits(4))
    (folder / "1.png").write_bytes(b"")
    Image.fromarray(digits(1, 50, 50)[0]).save(folder / "9.png")
    pictures = load_pictures(folder, limit=3)
    assert pictures.names == ("0.png", "2.png", "3.png")
    assert pictures.size == (4, 6)  # the larger one does not count for the median
    assert pictures.skipped == ("1.png: the file is empty",)
    assert load_pictures(folder, limit=99).names == ("0.png", "2.png", "3.png", "9.png")
    refused(folder, "limit", limit=-1)


def test_a_limit_and_a_first_file_that_cannot_be_read(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "png", digits(2))
    (folder / "0.png").write_bytes(b"")
    assert load_pictures(folder).names == load_pictures(folder, limit=1).names == ("1.png",)


def test_a_cached_folder_is_mapped(tmp_path: Path) -> None:
    folder, cache = write_pictures(tmp_path / "png", digits()), tmp_path / "cache"
    calls: list[tuple[int, int]] = []
    options: dict[str, Any] = {"size": (5, 7), "zoom": 2, "colour": "rgb", "limit": 3}
    cached = read_pictures(folder, cache=cache, progress=lambda *call: calls.append(call), **options)
    assert isinstance(cached.array, np.memmap)
    assert calls == [(1, 3), (2, 3), (3, 3)]
    assert_same(cached, read_pictures(folder, **options))
    for other in (write_idx(tmp_path / "x.idx", digits()), "toy:ring", None):
        with pytest.raises(PictureError, match="only folders of pictures are cached"):
            read_pictures(other, cache=cache)


# Built-in


def test_the_built_in_pictures() -> None:
    pictures = read_pictures(None, size=(20, 31), zoom=3)
    assert pictures.array.shape == (10, 30, 18, 3)
    np.testing.assert_array_equal(pictures.array, draw_labels(size=(20, 31))[:, :30, :18])
    assert pictures.names == tuple(f"label-{number}" for number in range(1, 11))
    few = read_pictures(None, size=(20, 31), limit=4)
    assert len(few.array) == len(few.names) == len(few.sizes) == 4


def test_built_in_pictures_can_be_grey() -> None:
    array = read_pictures(None, size=(20, 31), colour="grey").array
    luma = draw_labels(size=(20, 31)) @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    assert array.shape == (10, 31, 20, 1)
    np.testing.assert_allclose(array[..., 0], luma, atol=1 / 255)


@pytest.mark.parametrize(("size", "zoom"), [((12, 9), 10), ((2, 50), 3), ((8193, 9), 1), ((10**12, 10**12), 3)])
def test_built_in_pictures_of_an_absurd_size(size: tuple[int, int], zoom: int) -> None:
    refused(None, "x".join(map(str, size)), size=size, zoom=zoom)


# Toys


@pytest.mark.parametrize("name", TOYS)
def test_toys_are_ten_thousand_points_always_the_same(name: str) -> None:
    pictures = read_pictures(f"toy:{name}")
    centres, _ = modes(name)
    dimensions = centres.shape[1]
    assert pictures.array.shape == (10_000, 1, dimensions, 1)
    assert pictures.size == (dimensions, 1)
    assert len(pictures.names) == len(pictures.sizes) == 10_000
    assert mode_coverage(name, pictures.array).modes == len(centres)
    again = read_pictures(Path(f"toy:{name}"), size=pictures.size, zoom=1, colour="grey", limit=30)
    np.testing.assert_array_equal(again.array, pictures.array[:30])


def test_points_have_no_size(tmp_path: Path) -> None:
    for options in ({"size": (1, 2)}, {"size": (4, 4)}, {"zoom": 2}, {"colour": "rgb"}):
        refused("toy:ring", "toy:ring: points have no other size, zoom or colour", **options)
    refused("toy:torus", "there is no toy 'torus': it is one of gaussian, ring, grid")
    refused("toy:ring", "limit", limit=-1)


# Split


@few_examples
@given(
    count=st.integers(1, 300),
    validation=st.floats(0, 0.99),
    test=st.floats(0, 0.99),
    seed=st.integers(0, 2**32),
)
def test_a_split_holds_every_picture_once(count: int, validation: float, test: float, seed: int) -> None:
    wanted = [int(share * count + 0.5) for share in (validation, test)]
    if (validation and not wanted[0]) or (test and not wanted[1]) or sum(wanted) >= count:
        with pytest.raises(PictureError, match=r"^[^\n]*$"):
            split(count, validation, test, seed)
        return
    parts = split(count, validation, test, seed)
    assert sorted(np.concatenate(parts)) == list(range(count))
    for part, share in zip(parts, (1 - validation - test, validation, test), strict=True):
        assert (np.diff(part) > 0).all()
        assert abs(len(part) - share * count) <= 1
        assert len(part) or not share


def test_a_split_depends_on_its_seed_alone() -> None:
    first, other = split(1000, 0.2, 0.1, 7), split(1000, 0.2, 0.1, 8)
    for part, same, different in zip(first, split(1000, 0.2, 0.1, 7), other, strict=True):
        np.testing.assert_array_equal(part, same)
        assert not np.array_equal(part, different)
    order = np.random.default_rng((7, 5)).permutation(1000)
    np.testing.assert_array_equal(first.test, np.sort(order[:100]))
    np.testing.assert_array_equal(split(1000, 0, 0.1, 7).test, first.test)


def test_no_part_is_empty_in_silence() -> None:
    assert isinstance(split(10, 0, 0, 0), Split)
    assert [len(part) for part in split(10, 0, 0, 0)] == [10, 0, 0]
    assert [len(part) for part in split(10, 0.1, 0.2, 0)] == [7, 1, 2]
    with pytest.raises(PictureError, match=r"a validation share of 0.04 is less than one of 10 pictures"):
        split(10, 0.04, 0.2, 0)
    with pytest.raises(PictureError, match=r"a test share of 0.01 is less than one"):
        split(10, 0.2, 0.01, 0)
    with pytest.raises(PictureError, match=r"0.5 and 0.5 of 10 pictures leave none to train on"):
        split(10, 0.5, 0.5, 0)


# Real pictures


@needs_shared_data
def test_mnist_has_the_well_known_mean_and_deviation() -> None:
    pictures = read_pictures(SHARED_DATA / "mnist")
    assert pictures.array.shape == (60_000, 28, 28, 1)
    assert abs(pictures.array.mean(dtype=np.float64) - 0.1307) < 5e-5
    assert abs(pictures.array.std(dtype=np.float64) - 0.3081) < 5e-5
