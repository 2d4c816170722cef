"""Shards: they read as one array, an epoch is a permutation that stays near a few files, and a training resumes."""

import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import ava_np
from ava_np.data import shards as module
from ava_np.data.batches import Batches
from ava_np.data.shards import Shards
from ava_np.data.stored import StoredArray
from ava_np.errors import PictureError
from ava_np.images import to_image
from tests.command import ava
from tests.oracles import few_examples

LENGTHS = (5, 1, 7, 0, 3)


def write(folder: Path, dtype: type = np.uint8, lengths: tuple[int, ...] = LENGTHS, channels: int = 1) -> np.ndarray:
    """Write shards of noise into a folder; return all their pictures as floats."""
    generator, parts = np.random.default_rng(0), []
    folder.mkdir()
    for number, length in enumerate(lengths):
        values = generator.integers(0, 256, (length, 6, 5, channels), dtype=np.uint8)
        part = values if dtype == np.uint8 else (values / 255).astype(dtype)
        np.save(folder / f"shard-{number:02}.npy", part)
        parts.append((values / np.float32(255)).astype(np.float32))
    return np.concatenate(parts)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_shards_read_as_one_array(tmp_path: Path, dtype: type) -> None:
    pictures = write(tmp_path / "shards", dtype)
    read = ava_np.read_pictures(tmp_path / "shards")
    assert isinstance(read.array, StoredArray)
    assert read.array.shape == pictures.shape
    for index in (0, -1, slice(3, 12, 4), [15, 0, 5], np.arange(16) % 3 == 0, np.array([[1, 2], [13, 6]])):
        np.testing.assert_allclose(read.array[index], pictures[index], rtol=1e-6)
    assert read.array[[]].shape == (0, 6, 5, 1)
    np.testing.assert_allclose(np.asarray(read.array), pictures, rtol=1e-6)
    for wrong in (16, [-17], (0, 1), 0.5, "a"):
        with pytest.raises(IndexError):
            read.array[wrong]


def test_checksum_notices_changes_and_new_shards(tmp_path: Path) -> None:
    write(tmp_path / "shards")
    first = ava_np.read_pictures(tmp_path / "shards").sha256
    assert ava_np.read_pictures(tmp_path / "shards").sha256 == first
    values = np.load(tmp_path / "shards" / "shard-02.npy")
    np.save(tmp_path / "shards" / "shard-02.npy", 255 - values)
    assert ava_np.read_pictures(tmp_path / "shards").sha256 != first
    np.save(tmp_path / "shards" / "shard-02.npy", values)
    np.save(tmp_path / "shards" / "shard-09.npy", values)
    assert ava_np.read_pictures(tmp_path / "shards").sha256 != first


@given(
    lengths=st.lists(st.integers(0, 9), min_size=1, max_size=6).filter(any),
    held_out=st.integers(0, 3),
    window=st.integers(1, 12),
    seed=st.integers(0, 99),
)
@few_examples
def test_an_epoch_takes_every_picture_once_and_stays_near_a_few_files(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], held_out: int, window: int, seed: int
) -> None:
    """Before the windows are shuffled, each shard's pictures stand together; so a window has few shards."""
    folder = tmp_path_factory.mktemp("shards") / "all"
    write(folder, lengths=tuple(lengths))
    shards, count = Shards(sorted(folder.glob("*.npy"))), sum(lengths)
    indices = np.sort(np.random.default_rng(seed).permutation(count)[held_out:])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "WINDOW", window)
        order = shards.epoch(indices, np.random.default_rng(seed))
        again = shards.epoch(indices, np.random.default_rng(seed))
    assert order.tolist() == again.tolist()
    assert sorted(order.tolist()) == list(range(len(indices)))
    files = np.searchsorted(shards.starts, indices[order], side="right") - 1
    last_window = {int(file): max(np.flatnonzero(files == file) // window) for file in set(files)}
    first_window = {int(file): min(np.flatnonzero(files == file) // window) for file in set(files)}
    for file, first in first_window.items():
        assert last_window[file] - first <= -(-lengths[file] // window)


def test_epochs_differ_and_shuffle_across_shards(tmp_path: Path) -> None:
    write(tmp_path / "shards")
    batches = Batches(ava_np.read_pictures(tmp_path / "shards").array)
    first, second = batches.order((0, 0, 1)).copy(), batches.order((0, 0, 2)).copy()
    assert first.tolist() != second.tolist()
    assert batches.order((0, 0, 1)).tolist() == first.tolist()
    assert first.tolist() != sorted(first.tolist())


def test_a_training_on_shards_stops_and_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "shards")
    options = (tmp_path / "shards", "--model", "vae", "--hidden", "8", "--latent", "2", "--batch-size", "4")
    assert ava("train", *options, "--epochs", "4", "--out", tmp_path / "whole").code == 0
    assert ava("train", *options, "--epochs", "2", "--out", tmp_path / "part").code == 0
    assert ava("train", "--resume", "--out", tmp_path / "part", "--epochs", "4").code == 0
    for name in ("model.safetensors", "training.safetensors"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "part" / name).read_bytes()
    np.save(tmp_path / "shards" / "more.npy", np.zeros((1, 6, 5, 1), np.uint8))
    assert "have changed" in ava("train", "--resume", "--out", tmp_path / "part", "--epochs", "5").err


def test_what_is_no_shard_is_refused_in_one_line(tmp_path: Path) -> None:
    write(tmp_path / "shards")
    for options, part in (
        ({"size": 3}, "stay 5x6"),
        ({"zoom": 2}, "stay 5x6"),
        ({"colour": "rgb"}, "keep their colours"),
        ({"limit": 3}, "no limit"),
        ({"cache": tmp_path}, "leave the cache out"),
    ):
        with pytest.raises(PictureError, match=part):
            ava_np.read_pictures(tmp_path / "shards", **options)
    wrong: list[np.ndarray] = [np.zeros((2, 6, 4, 1), np.uint8), np.zeros(3), np.zeros((2, 6, 5, 1), np.int64)]
    for number, array in enumerate(wrong):
        path = tmp_path / "shards" / f"wrong-{number}.npy"
        np.save(path, array)
        with pytest.raises(PictureError, match=path.name):
            ava_np.read_pictures(tmp_path / "shards")
        path.unlink()
    (tmp_path / "shards" / "text.npy").write_text("no numbers")
    with pytest.raises(PictureError, match=r"text\.npy"):
        ava_np.read_pictures(tmp_path / "shards")


def write_tar(path: Path, pictures: np.ndarray, kind: str = "png") -> None:
    """Write a tar file of pictures and of a file that is none."""
    with tarfile.open(path, "w") as tar:
        for number, picture in enumerate(pictures):
            file = io.BytesIO()
            to_image(picture).save(file, format={"png": "PNG", "jpg": "JPEG"}[kind])
            for name, content in ((f"{number:04}.{kind}", file.getvalue()), (f"{number:04}.cls", b"7")):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize("channels", [1, 3])
def test_tar_files_are_shards_too(tmp_path: Path, channels: int) -> None:
    """Beside those of .npy files, in the order of all names."""
    pictures = write(tmp_path / "shards", channels=channels)
    write_tar(tmp_path / "shards" / "shard-01a.tar", pictures[:4])
    read = ava_np.read_pictures(tmp_path / "shards")
    expected = np.concatenate([pictures[:6], pictures[:4], pictures[6:]])  # after the shards of 5 and of 1
    np.testing.assert_allclose(np.asarray(read.array), expected, atol=1e-6)
    assert pickle.loads(pickle.dumps(read.array))[[7]].tolist() == read.array[[7]].tolist()
    first = read.sha256
    write_tar(tmp_path / "shards" / "shard-01a.tar", 1 - pictures[:4])
    assert ava_np.read_pictures(tmp_path / "shards").sha256 != first


def test_a_training_on_tar_files(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    generator = np.random.default_rng(0)
    for number in range(2):
        write_tar(tmp_path / "shards" / f"{number}.tar", generator.random((5, 8, 8, 3)), "jpg")
    options = ("--model", "ae", "--hidden", "8", "--latent", "2", "--epochs", "2", "--out", tmp_path / "run")
    outcome = ava("train", tmp_path / "shards", *options)
    assert outcome.code == 0, outcome.err
    assert "10 pictures" in outcome.err


def test_damaged_tar_files_are_refused_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    path, pictures = folder / "a.tar", np.random.default_rng(0).random((3, 6, 5, 1))
    for content in (b"", b"no tar file" * 100):
        path.write_bytes(content)
        with pytest.raises(PictureError, match=r"a\.tar"):
            ava_np.read_pictures(folder)
    write_tar(path, pictures)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"IDAT", 2000) - 20] + bytes(60) + data[data.index(b"IDAT", 2000) + 40 :])
    with pytest.raises(PictureError, match="picture"):
        np.asarray(ava_np.read_pictures(folder).array)
    write_tar(path, pictures)
    write_tar(folder / "b.tar", pictures[:, :4])
    with pytest.raises(PictureError, match="another shape"):
        ava_np.read_pictures(folder)


def test_tar_files_are_decoded_as_a_folder_of_the_same_pictures_is(tmp_path: Path) -> None:
    """Grey of 16 bits keeps its precision, and transparency is laid over white."""
    deep = Image.fromarray(np.linspace(0, 65535, 30).reshape(6, 5).astype(np.uint16))
    clear = Image.new("RGBA", (5, 6), (255, 0, 0, 128))
    for name, picture in (("deep", deep), ("clear", clear)):
        (tmp_path / name).mkdir()
        picture.save(tmp_path / name / "0.png")
        (tmp_path / f"{name}-shards").mkdir()
        with tarfile.open(tmp_path / f"{name}-shards" / "0.tar", "w") as tar:
            tar.add(tmp_path / name / "0.png", "0.png")
        expected, read = (ava_np.read_pictures(tmp_path / where).array for where in (name, f"{name}-shards"))
        assert np.array_equal(np.asarray(read), expected)
