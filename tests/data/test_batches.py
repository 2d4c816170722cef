"""Batches hold the requested pictures, augmented as documented, zoomed out last, and read from a file when needed."""

from pathlib import Path

import numpy as np
import pytest

from ava_np.data.batches import Batches
from ava_np.data.stored import StoredArray

ALL = np.arange(200)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pictures(count: int = 200, height: int = 6, width: int = 4, channels: int = 3) -> np.ndarray:
    return generator(9).random((count, height, width, channels), np.float32)


def means(array: np.ndarray, zoom: int) -> np.ndarray:
    """Return the block means of pictures, computed with NumPy."""
    count, height, width, channels = array.shape
    return array.reshape(count, height // zoom, zoom, width // zoom, zoom, channels).mean(axis=(2, 4))


def stored(tmp_path: Path, array: np.ndarray) -> StoredArray:
    np.save(tmp_path / "array.npy", array)
    return StoredArray(tmp_path / "array.npy")


@pytest.mark.parametrize("zoom", [1, 2])
@pytest.mark.parametrize("file", [False, True])
def test_rows_are_the_requested_pictures(tmp_path: Path, zoom: int, file: bool) -> None:
    array = pictures()
    batches = Batches(stored(tmp_path, array) if file else array, zoom=zoom, indices=np.array([7, 3, 150]))
    assert (len(batches), batches.shape) == (3, (6 // zoom, 4 // zoom, 3))
    rows = batches.rows(np.array([2, 0, 2]), generator())
    assert rows.dtype == np.float32
    assert rows.flags.c_contiguous
    assert rows.flags.writeable
    np.testing.assert_allclose(rows.reshape(-1, *batches.shape), means(array[[150, 7, 150]], zoom), rtol=1e-6)
    rows[:] = 5  # a new array: the pictures do not change
    np.testing.assert_array_equal(array, pictures())
    assert batches.rows(np.array([2]), generator()).max() <= 1


def test_a_flip_mirrors_left_and_right_for_half_of_the_pictures() -> None:
    array = pictures()
    augmented = Batches(array, flip=True).rows(ALL, generator()).reshape(array.shape)
    same = (augmented == array).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(augmented[~same], array[~same, :, ::-1])
    assert 70 < same.sum() < 130  # of 200: four deviations


@pytest.mark.parametrize("flip", [False, True])
def test_a_shift_moves_pictures_along_both_axes_independently(flip: bool) -> None:
    """The position of a single white pixel shows how its picture was moved."""
    array = np.zeros((200, 11, 15, 1), np.float32)
    array[:, 4, 9] = 1
    augmented = Batches(array, flip=flip, shift=2).rows(ALL, generator()).reshape(array.shape)
    _, rows, columns, _ = np.nonzero(augmented)
    assert len(rows) == 200
    assert set(rows) == {2, 3, 4, 5, 6}
    right = {7, 8, 9, 10, 11}
    assert set(columns) == right | ({14 - column for column in right} if flip else set())
    moves = {(row, column) for row, column in zip(rows.tolist(), columns.tolist(), strict=True) if column in right}
    assert len(moves) > 15  # of 25: the two axes are independent


class FixedGenerator:
    """A generator for two pictures: it flips only the first, and moves it 1 pixel down and 2 pixels to the left."""

    def random(self, count: int) -> np.ndarray:
        return np.array([0.1, 0.9])

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> np.ndarray:
        assert (low, high) == (-2, 3)
        return np.array([1, -2, -2, 1]).reshape(shape)


def test_the_shift_is_applied_after_the_flip() -> None:
    array = np.zeros((2, 11, 15, 1), np.float32)
    array[:, 4, 9] = 1
    augmented = Batches(array, flip=True, shift=2).rows(np.arange(2), FixedGenerator())  # type: ignore[arg-type]
    assert np.argwhere(augmented.reshape(array.shape))[:, :3].tolist() == [[0, 5, 14 - 9 - 2], [1, 2, 10]]


def test_a_shift_is_the_same_for_all_channels_and_repeats_the_edge() -> None:
    array = pictures(5)
    augmented = Batches(array, shift=3).rows(np.arange(5), generator()).reshape(array.shape)
    for before, after in zip(array, augmented, strict=True):
        padded = np.pad(before, ((3, 3), (3, 3), (0, 0)), "edge")
        windows = {(i, j): padded[i : i + 6, j : j + 4] for i in range(7) for j in range(7)}
        assert any(np.array_equal(after, window) for window in windows.values())


def test_a_shift_larger_than_the_picture_repeats_its_edge() -> None:
    array = pictures(40, 2, 3)
    augmented = Batches(array, shift=50).rows(np.arange(40), generator())
    assert np.isin(augmented, array).all()


def test_pictures_are_augmented_before_they_are_zoomed_out() -> None:
    """With the same random numbers; a shift by one pixel is half a block."""
    array = pictures()
    large = Batches(array, flip=True, shift=1).rows(ALL, generator()).reshape(array.shape)
    small = Batches(array, flip=True, shift=1, zoom=2).rows(ALL, generator())
    np.testing.assert_allclose(small.reshape(200, 3, 2, 3), means(large, 2), rtol=1e-6)


def test_the_same_seed_gives_the_same_batch(tmp_path: Path) -> None:
    array = pictures()
    first = Batches(array, flip=True, shift=2).rows(ALL, generator(3))
    np.testing.assert_array_equal(first, Batches(array, flip=True, shift=2).rows(ALL, generator(3)))
    np.testing.assert_array_equal(first, Batches(stored(tmp_path, array), flip=True, shift=2).rows(ALL, generator(3)))
    assert not np.array_equal(first, Batches(array, flip=True, shift=2).rows(ALL, generator(4)))


def test_the_generator_is_not_used_without_augmentation() -> None:
    used = generator()
    Batches(pictures(), zoom=2).rows(ALL, used)
    assert used.random() == generator().random()


def test_pictures_in_memory_are_zoomed_out_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    batches, mapped_batches = Batches(pictures(), zoom=2), Batches(stored(tmp_path, pictures()), zoom=2)
    before = batches.rows(ALL, generator())

    def fail(*arguments: object) -> None:
        raise AssertionError("zoomed out again")

    monkeypatch.setattr("ava_np.data.batches.zoom_out", fail)
    np.testing.assert_array_equal(batches.rows(ALL, generator()), before)
    with pytest.raises(AssertionError, match="again"):
        mapped_batches.rows(ALL, generator())  # a memory map may be larger than memory


def test_float64_pictures_give_float32_batches() -> None:
    rows = Batches(pictures().astype(np.float64), zoom=2).rows(ALL, generator())
    assert rows.dtype == np.float32


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((3, 6, 4), {}),
        ((3, 6, 4, 1), {"zoom": 4}),
        ((3, 6, 4, 1), {"zoom": 0}),
        ((3, 6, 4, 1), {"shift": -1}),
        ((3, 6, 4, 1), {"indices": np.array([3])}),
        ((3, 6, 4, 1), {"indices": np.array([-1])}),
        ((3, 6, 4, 1), {"indices": np.array([[0]])}),
    ],
)
def test_arguments_out_of_range_are_refused(shape: tuple[int, ...], options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"cannot be zoomed out|indices must|shift must"):
        Batches(np.zeros(shape, np.float32), **options)  # type: ignore[arg-type]
