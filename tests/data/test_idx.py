"""idx files are read value by value, and each kind of damage is refused in one line."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_np.data.idx import choose_idx, idx_files, idx_size, is_idx, read_idx
from ava_np.data.sources import common_size
from ava_np.errors import PictureError
from tests.conftest import SHARED_DATA, needs_shared_data
from tests.idx_files import digits, idx_bytes, write_idx
from tests.oracles import few_examples

LABELS = np.arange(5, dtype=np.uint8)


def refused(path: Path, *parts: str) -> None:
    """Assert that reading raises a ``PictureError`` of one line that names the file and contains these parts."""
    with pytest.raises(PictureError) as caught:
        read_idx(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    assert all(part in text for part in parts), text


def test_values_are_in_row_order(tmp_path: Path) -> None:
    path = tmp_path / "two"
    path.write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + bytes(range(12)))
    assert read_idx(path).tolist() == [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]


@few_examples
@given(count=st.integers(1, 4), height=st.integers(1, 300), width=st.integers(1, 9), zipped=st.booleans())
def test_written_values_are_read_again(
    tmp_path_factory: pytest.TempPathFactory, count: int, height: int, width: int, zipped: bool
) -> None:
    values = digits(count, height, width)
    # Misleading names: gzip is recognised by its content.
    path = write_idx(tmp_path_factory.mktemp("idx") / ("digits.idx" if zipped else "digits.gz"), values, zipped=zipped)
    read = read_idx(path)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, values)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("kept", range(0, 16 + 5 * 24))
def test_a_file_truncated_at_any_byte_is_refused(tmp_path: Path, kept: int, zipped: bool) -> None:
    content = idx_bytes(digits())[:kept]
    path = tmp_path / "cut"
    path.write_bytes(gzip.compress(content) if zipped else content)
    refused(path, "truncated" if kept else "empty")


def test_the_message_counts_the_missing_bytes(tmp_path: Path) -> None:
    (tmp_path / "cut").write_bytes(idx_bytes(digits())[:-7])
    refused(tmp_path / "cut", "truncated", "5 pictures of 4 x 6 pixels", "120 bytes", "113 follow")


def test_a_file_longer_than_its_header_says_is_refused(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(idx_bytes(digits()) + b"\0")
    refused(tmp_path / "long", "damaged", "120 bytes, and more follow")


@pytest.mark.parametrize("zipped", [False, True])
def test_a_header_that_claims_more_than_memory_is_refused(tmp_path: Path, zipped: bool) -> None:
    content = idx_bytes(digits(), shape=(2**32 - 1,) * 3)
    (tmp_path / "huge").write_bytes(gzip.compress(content) if zipped else content)
    refused(tmp_path / "huge", "truncated")


def test_a_limit_reads_the_first_pictures(tmp_path: Path) -> None:
    values = digits(5)
    path = write_idx(tmp_path / "digits", values)
    for limit in (1, 4, 5, 99):
        np.testing.assert_array_equal(read_idx(path, limit), values[:limit])
    (tmp_path / "long").write_bytes(idx_bytes(values) + b"\0")
    assert len(read_idx(tmp_path / "long", 4)) == 4  # the surplus is beyond what is read
    with pytest.raises(PictureError, match="and more follow"):
        read_idx(tmp_path / "long", 5)


def test_a_file_is_read_only_as_far_as_needed(tmp_path: Path) -> None:
    """The rest of this gzip is damaged, so reading it would fail."""
    noise = np.random.default_rng(0).integers(0, 256, (500, 28, 28), np.uint8)
    path = write_idx(tmp_path / "digits-idx3-ubyte.gz", noise, zipped=True)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + b"\xff" * 1000)
    np.testing.assert_array_equal(read_idx(path, 3), noise[:3])
    assert idx_size(path) == (28, 28)
    assert common_size(path) == (28, 28)
    refused(path, "gzip is damaged")


@pytest.mark.parametrize("shape", [(0, 28, 28), (5, 0, 28), (5, 28, 0)])
def test_files_without_pictures_or_pixels_are_refused(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    (tmp_path / "none").write_bytes(idx_bytes(np.zeros(0, np.uint8), shape=shape))
    refused(tmp_path / "none", "empty", f"{shape[0]} pictures of {shape[2]} x {shape[1]}")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (idx_bytes(LABELS), "holds labels, not pictures"),
        (idx_bytes(digits(), kind=13), "float32 in 3 dimensions"),
        (idx_bytes(np.zeros((2, 2), np.uint8)), "bytes in 2 dimensions"),
        (idx_bytes(np.zeros((2, 2, 2, 3), np.uint8)), "bytes in 4 dimensions"),
        (idx_bytes(digits(), kind=10), "not an idx file: it begins with 00000a03"),
        (b"\x03\x08\0\0" + bytes(30), "not an idx file: it begins with 03080000"),
        (b"\x89PNG\r\n\x1a\n" + bytes(30), "not an idx file"),
    ],
)
def test_files_with_other_content_are_refused(tmp_path: Path, content: bytes, part: str) -> None:
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    assert is_idx(path)  # by its name, so that it is refused with the reason
    refused(path, part)
    path.write_bytes(gzip.compress(content))
    refused(path, part)


def test_a_damaged_gzip_is_refused(tmp_path: Path) -> None:
    path = write_idx(tmp_path / "digits-idx3-ubyte.gz", digits(50), zipped=True)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(path, "gzip is damaged or truncated")
    path.write_bytes(whole[:-8] + bytes(8))  # without its checksum and length
    refused(path, "gzip is damaged or truncated")
    path.write_bytes(whole[:2] + b"\xff" * 40)
    refused(path, "gzip is damaged or truncated")
    for position in range(10, len(whole), 97):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 255]) + whole[position + 1 :])
        refused(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "gone", "No such file")
    refused(tmp_path, "cannot be read")


def test_idx_files_are_recognised_by_name_or_content(tmp_path: Path) -> None:
    assert is_idx(write_idx(tmp_path / "plain", digits()))
    assert is_idx(write_idx(tmp_path / "zipped", digits(), zipped=True))
    assert is_idx(write_idx(tmp_path / "labels", LABELS))
    others = {
        "a.png": b"\x89PNG\r\n\x1a\n",
        "a.ico": b"\0\0\1\0\1\0",
        "a.gz": gzip.compress(b"text"),
        "b.gz": b"\x1f\x8b",
    }
    for name, content in (others | {"empty": b"", "short": b"\0\0\x08"}).items():
        (tmp_path / name).write_bytes(content)
        assert not is_idx(tmp_path / name), name
    for name in ("t10k-images.idx3-ubyte", "digits.IDX", "x-idx3-ubyte.gz"):
        (tmp_path / name).write_bytes(b"")
        assert is_idx(tmp_path / name), name
    assert not is_idx(tmp_path)
    assert not is_idx(tmp_path / "gone")


def choose(folder: Path) -> str:
    return choose_idx(folder, idx_files(folder)).name


def test_the_training_images_of_a_folder_are_chosen(tmp_path: Path) -> None:
    assert idx_files(tmp_path) == []
    write_idx(tmp_path / "t10k-labels-idx1-ubyte.gz", LABELS, zipped=True)
    with pytest.raises(PictureError, match=r"holds labels, but no pictures \(t10k-labels-idx1-ubyte.gz\)"):
        choose(tmp_path)
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", digits(), zipped=True)
    (tmp_path / "README.md").write_text("not idx")
    write_idx(tmp_path / ".hidden", digits())
    assert choose(tmp_path) == "t10k-images-idx3-ubyte.gz"
    write_idx(tmp_path / "more", digits())
    with pytest.raises(PictureError, match=r"name one of them \(more, t10k-images-idx3-ubyte.gz\)"):
        choose(tmp_path)
    write_idx(tmp_path / "train-images-idx3-ubyte", digits())
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", digits(), zipped=True)  # both the gzip and its content
    assert choose(tmp_path) == "train-images-idx3-ubyte"


@needs_shared_data
def test_mnist_can_be_read() -> None:
    values = read_idx(SHARED_DATA / "mnist" / "t10k-images-idx3-ubyte.gz")
    assert values.shape == (10_000, 28, 28)
    assert abs(values.mean() / 255 - 0.1325) < 1e-4  # known for the test set; 0.1307 for the training set
    refused(SHARED_DATA / "mnist" / "t10k-labels-idx1-ubyte.gz", "holds labels")
