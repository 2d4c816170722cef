"""An array in a file gives the values of the array in memory, and reads no more of them than are asked for."""

import copy
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from ava_np.data.stored import StoredArray
from ava_np.data.zoom import zoom_out
from ava_np.errors import PictureError

ARRAY = np.random.default_rng(0).random((7, 4, 6, 3), np.float32)


@pytest.fixture
def stored(tmp_path: Path) -> StoredArray:
    np.save(tmp_path / "a.npy", ARRAY)
    return StoredArray(tmp_path / "a.npy")


INDICES = [
    *(0, -1, np.int64(3), slice(None), slice(2, 5), slice(None, None, -2), slice(9, 12), [6, 0, 0], np.array([], int)),
    *(np.array([[1, 2], [3, 4]]), np.arange(7) % 2 == 0),
]


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_indexing_gives_the_values_of_the_array(stored: StoredArray, index: object) -> None:
    np.testing.assert_array_equal(stored[index], ARRAY[index], strict=True)  # type: ignore[call-overload]
    assert stored[index].flags.writeable


def test_the_rest_of_the_interface_is_that_of_the_array(stored: StoredArray) -> None:
    assert (stored.shape, stored.ndim, stored.dtype, len(stored)) == (ARRAY.shape, 4, ARRAY.dtype, 7)
    np.testing.assert_array_equal(stored, ARRAY)
    np.testing.assert_array_equal(np.asarray(stored, np.float64), ARRAY.astype(np.float64), strict=True)
    np.testing.assert_array_equal(np.stack([stored[number] for number in range(7)]), ARRAY)
    np.testing.assert_array_equal(stored.take(np.array([5, 1]), axis=0), ARRAY.take([5, 1], axis=0))
    np.testing.assert_array_equal(zoom_out(stored, 2), zoom_out(ARRAY, 2))
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(stored, copy=False)


@pytest.mark.parametrize("index", [7, -8, [0, 7], (0, 1), "a", np.ones(3, bool)], ids=repr)
def test_an_index_out_of_range_is_refused(stored: StoredArray, index: object) -> None:
    with pytest.raises(IndexError):
        stored[index]


@pytest.mark.parametrize("with_pread", [True, False])
def test_short_reads_are_continued_and_only_the_chosen_pictures_are_read(
    stored: StoredArray, with_pread: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    bytes_read = 0
    name, real = ("pread", os.pread) if with_pread else ("read", os.read)

    def short(descriptor: int, count: int, *start: int) -> bytes:
        nonlocal bytes_read
        part = real(descriptor, min(count, 50), *start)
        bytes_read += len(part)
        return part

    monkeypatch.setattr(os, name, short)
    if not with_pread:
        monkeypatch.delattr(os, "pread")
    np.testing.assert_array_equal(stored[[4, 1]], ARRAY[[4, 1]])
    assert bytes_read == ARRAY[[4, 1]].nbytes


def test_an_error_of_the_disk_is_one_line(stored: StoredArray, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int, count: int, start: int) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "pread", fail)
    with pytest.raises(PictureError, match=r"a.npy: cannot be read \(Input/output error\)"):
        stored[0]


def test_the_file_stays_open_until_the_array_is_gone(stored: StoredArray) -> None:
    descriptor = stored._descriptor
    stored.path.unlink()
    np.testing.assert_array_equal(stored[6], ARRAY[6])
    os.fstat(descriptor)


def test_a_copy_opens_the_file_again(stored: StoredArray) -> None:
    for other in (copy.deepcopy(stored), pickle.loads(pickle.dumps(stored))):
        assert other._descriptor != stored._descriptor
        np.testing.assert_array_equal(other, ARRAY)


def test_the_file_is_closed_with_the_array(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", ARRAY)
    descriptor = StoredArray(tmp_path / "a.npy")._descriptor
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
