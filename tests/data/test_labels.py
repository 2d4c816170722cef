"""Classes come from a file of labels, from folders or from numbered names, and only if they are classes."""

from pathlib import Path

import numpy as np
import pytest

import ava_np
from ava_np.data.idx import read_idx_labels
from ava_np.data.labels import read_labels
from ava_np.errors import PictureError
from tests.conftest import SHARED_DATA, needs_shared_data
from tests.idx_files import digits, idx_bytes, write_idx

LABELS = np.array([7, 2, 1, 0, 4], np.uint8)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("by_folder", [False, True])
def test_labels_are_read_from_the_file_beside_the_pictures(tmp_path: Path, zipped: bool, by_folder: bool) -> None:
    suffix = ".gz" if zipped else ""
    pictures = write_idx(tmp_path / f"train-images-idx3-ubyte{suffix}", digits(5), zipped=zipped)
    write_idx(tmp_path / "t10k-images-idx3-ubyte", digits(3))
    source = tmp_path if by_folder else pictures
    names = ava_np.read_pictures(source, limit=4).names
    assert read_labels(source, names) is None
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", LABELS[:3])
    path = write_idx(tmp_path / f"train-labels-idx1-ubyte{suffix}", LABELS, zipped=zipped)
    assert read_idx_labels(path).tolist() == LABELS.tolist()
    labels = read_labels(source, names)
    assert labels is not None
    assert labels.tolist() == ["7", "2", "1", "0"]


def test_damaged_labels_are_refused(tmp_path: Path) -> None:
    path, content = tmp_path / "train-labels-idx1-ubyte", idx_bytes(LABELS)
    for damaged, said in (
        (content[:-1], "5 labels, and 4 follow"),
        (content + b"\0", "5 labels, and more follow"),
        (content[:6], "not a file of labels"),
        (b"", "not a file of labels"),
        (idx_bytes(digits()), "begins with 00000803"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(PictureError, match=said):
            read_idx_labels(path)
    with pytest.raises(PictureError, match="missing"):
        read_idx_labels(tmp_path / "missing")


def test_labels_of_other_pictures_are_refused(tmp_path: Path) -> None:
    pictures = write_idx(tmp_path / "train-images-idx3-ubyte", digits(5))
    write_idx(tmp_path / "train-labels-idx1-ubyte", LABELS[:4])
    with pytest.raises(PictureError, match="4 labels for 5 pictures"):
        read_labels(pictures, ava_np.read_pictures(pictures).names)


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (("a/x.png", "a/y.png", "b/deep/x.png", "b/z.png"), ["a", "a", "b", "b"]),
        (("obj1__0.png", "obj1__10.png", "obj2__0.png", "obj2__1.png"), ["obj1", "obj1", "obj2", "obj2"]),
        (("IMG_0001.jpg", "IMG_0002.jpg"), None),  # one class
        (("01.png", "02.png"), None),
        (("a/x.png", "b/y.png"), None),  # classes of one picture: not classes, but pictures
        (("a/x.png", "a/y.png", "b/x.png", "b/y.png", "x.png"), None),  # a picture without a class
    ],
)
def test_classes_are_in_names(names: tuple[str, ...], classes: list[str] | None) -> None:
    labels = read_labels("no-such-folder", names)
    assert (None if labels is None else labels.tolist()) == classes


@needs_shared_data
def test_labels_of_real_pictures() -> None:
    digits_labels = read_labels(SHARED_DATA / "mnist", tuple(map(str, range(60000))))
    assert digits_labels is not None
    assert digits_labels[:5].tolist() == ["5", "0", "4", "1", "9"]
    folder = SHARED_DATA / "coil20-32x32"
    objects = read_labels(folder, tuple(sorted(path.name for path in folder.glob("*.png"))))
    assert objects is not None
    assert len(set(objects)) == 20
    frames = SHARED_DATA / "orbit-100x64"
    assert read_labels(frames, tuple(sorted(path.name for path in frames.glob("*.png")))) is None
