"""A cached folder equals the folder: same bytes, decoded once, and an incomplete build is never used."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ava_np.data.cache import cached_pictures
from ava_np.data.folder import Reader, load_pictures
from ava_np.data.pictures import Pictures
from ava_np.data.sources import read_pictures
from ava_np.data.stored import StoredArray
from ava_np.errors import PictureError
from tests.conftest import SHARED_DATA, needs_shared_data
from tests.data.picture_files import noise


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Four grey pictures of three sizes, one in a subfolder."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    for number, (height, width) in enumerate([(6, 9), (6, 9), (8, 5)]):
        Image.fromarray(noise(height, width, 1, seed=number)).save(folder / f"{number}.png")
    Image.fromarray(noise(7, 10, 1, seed=3)).save(folder / "more" / "x.png")
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "deep"


def decoded_count(photos: Path, cache: Path, **options: Any) -> int:
    """Read the pictures and return how many were decoded."""
    calls: list[tuple[int, int]] = []
    cached_pictures(photos, cache, progress=lambda *call: calls.append(call), **options)
    return len(calls)


def truncate(path: Path) -> None:
    """Truncate a PNG so that its header can be read, but not its pixels."""
    path.write_bytes(path.read_bytes()[:50])


def assert_same(cached: Pictures, whole: Pictures) -> None:
    """Assert that cached pictures are in a file, and equal to the pictures of ``load_pictures``."""
    assert isinstance(cached.array, StoredArray)
    assert cached.array.dtype == np.float32
    assert cached.array[:].tobytes() == whole.array.tobytes()
    assert cached.array.shape == whole.array.shape
    for name in ("names", "skipped", "sizes", "size", "left_out", "sha256"):
        assert getattr(cached, name) == getattr(whole, name), name


OPTIONS: list[dict[str, Any]] = [
    {"size": (11, 4)},
    {"size": (11, 4), "fit": "pad"},
    {"size": (11, 4), "fit": "stretch"},
    {"zoom": 4},
    {"colour": "rgb"},
    {"colour": "grey"},
    {"limit": 2},
    {"limit": 2, "by_folder": False},
    {},  # the last, because the copy of the defaults serves others
]


@pytest.mark.parametrize("options", OPTIONS)
def test_cached_pictures_equal_the_loaded_ones(photos: Path, cache: Path, options: dict[str, Any]) -> None:
    whole = load_pictures(photos, **options)
    assert_same(cached_pictures(photos, cache, **options), whole)  # built
    assert_same(cached_pictures(str(photos), str(cache), **options), whole)  # opened


@pytest.mark.parametrize("coloured", range(4))
def test_one_picture_in_colour_makes_all_of_them_rgb(photos: Path, cache: Path, coloured: int) -> None:
    paths = [*sorted(photos.glob("*.png")), photos / "more" / "x.png"]
    Image.fromarray(noise(6, 9, 3)).save(paths[coloured])
    whole = load_pictures(photos)
    assert whole.array.shape[-1] == 3
    assert_same(cached_pictures(photos, cache), whole)


def test_unusable_files_are_skipped(photos: Path, cache: Path) -> None:
    truncate(photos / "1.png")
    (photos / "0.png").write_bytes(b"")
    (photos / "gone.png").symlink_to(photos / "nowhere.png")
    whole = load_pictures(photos)
    assert len(whole.names) == 2
    assert len(whole.skipped) == 3
    assert_same(cached_pictures(photos, cache), whole)
    with pytest.raises(PictureError, match=r"0.png: the file is empty; repair or remove it"):
        cached_pictures(photos, cache, strict=True)  # although the cache exists already


def test_pictures_are_decoded_once(photos: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert decoded_count(photos, cache) == 4
    assert decoded_count(photos, cache) == 0

    def fail(self: Reader) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(Reader, "survey", fail)
    assert decoded_count(photos, cache) == 0  # headers are not read again either


def test_every_combination_of_options_has_its_own_file(photos: Path, cache: Path) -> None:
    for options in OPTIONS:
        assert decoded_count(photos, cache, **options) > 0
    for options in OPTIONS:
        assert decoded_count(photos, cache, **options) == 0


def test_the_copy_of_the_defaults_serves_those_who_ask_for_the_same(photos: Path, cache: Path) -> None:
    whole = cached_pictures(photos, cache)
    asked: dict[str, Any] = {"size": whole.size, "colour": "grey"}
    assert decoded_count(photos, cache, **asked) == 0
    assert_same(cached_pictures(photos, cache, **asked), load_pictures(photos, **asked))
    for other in ({"colour": "rgb"}, {"size": (whole.size[1], whole.size[0])}, {"fit": "pad"}, {"zoom": 2}):
        assert decoded_count(photos, cache, **{**asked, **other}) == 4, other


def rewrite(photos: Path) -> None:
    status = (photos / "0.png").stat()
    Image.fromarray(noise(6, 9, 1, seed=77)).save(photos / "0.png")
    os.utime(photos / "0.png", ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def rename(photos: Path) -> None:
    (photos / "0.png").rename(photos / "00.png")


def remove(photos: Path) -> None:
    (photos / "0.png").unlink()


def add(photos: Path) -> None:
    shutil.copy2(photos / "0.png", photos / "more" / "y.png")


def grow(photos: Path) -> None:
    status = (photos / "0.png").stat()
    with (photos / "0.png").open("ab") as file:
        file.write(b"\0")
    os.utime(photos / "0.png", ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("change", [rewrite, rename, remove, add, grow])
def test_a_changed_folder_is_decoded_again(photos: Path, cache: Path, change: Callable[[Path], None]) -> None:
    cached_pictures(photos, cache)
    change(photos)
    assert decoded_count(photos, cache) > 0
    assert_same(cached_pictures(photos, cache), load_pictures(photos))


def test_a_copy_of_the_folder_has_its_own_file(photos: Path, cache: Path, tmp_path: Path) -> None:
    """Names, sizes and dates may be equal although the pictures differ, for example in archives without dates."""
    cached_pictures(photos, cache)
    shutil.copytree(photos, tmp_path / "others")
    assert decoded_count(tmp_path / "others", cache) == 4


@pytest.mark.parametrize("fault", [KeyboardInterrupt, OSError])
def test_an_interrupted_build_is_not_used(photos: Path, cache: Path, fault: type[BaseException]) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 3:
            raise fault("stop")

    with pytest.raises((KeyboardInterrupt, PictureError)):
        cached_pictures(photos, cache, progress=interrupt)
    assert list(cache.iterdir()) == []
    assert decoded_count(photos, cache) == 4


def test_the_remains_of_a_killed_build_are_not_used(photos: Path, cache: Path) -> None:
    """A build killed while writing leaves a .partial file; one killed between its two files leaves no .json."""
    whole = cached_pictures(photos, cache)
    (description,) = cache.glob("*.json")
    description.unlink()
    shutil.copy(description.with_suffix(".npy"), cache / f"{description.stem}.123.partial")
    assert decoded_count(photos, cache) == 4
    assert_same(cached_pictures(photos, cache), load_pictures(photos))
    assert whole.array.shape[0] == 4


def truncate_array(array: Path, description: Path) -> None:
    array.write_bytes(array.read_bytes()[:-5])


def empty_array(array: Path, description: Path) -> None:
    array.write_bytes(b"")


def remove_array(array: Path, description: Path) -> None:
    array.unlink()


def truncate_description(array: Path, description: Path) -> None:
    description.write_bytes(description.read_bytes()[:-5])


def empty_description(array: Path, description: Path) -> None:
    description.write_text("{}")


def forget_a_name(array: Path, description: Path) -> None:
    stored = json.loads(description.read_text())
    description.write_text(json.dumps(stored | {"names": stored["names"][1:]}))


def zero_some_values(array: Path, description: Path) -> None:
    with array.open("r+b") as file:
        file.seek(-100, os.SEEK_END)
        file.write(bytes(60))


def lengthen_array(array: Path, description: Path) -> None:
    with array.open("ab") as file:
        file.write(bytes(4))


def swap_sides(array: Path, description: Path) -> None:
    """The values and their SHA-256 are the same."""
    count, height, width, channels = np.load(array).shape
    np.save(array, np.load(array).reshape(count, width, height, channels))


def write_other_type(array: Path, description: Path) -> None:
    np.save(array, np.load(array).astype(np.float64))


def write_in_fortran_order(array: Path, description: Path) -> None:
    np.save(array, np.asfortranarray(np.load(array)))


def write_python_objects(array: Path, description: Path) -> None:
    np.save(array, np.array([{}], object), allow_pickle=True)


@pytest.mark.parametrize(
    "damage",
    [
        *(truncate_array, empty_array, remove_array, truncate_description, empty_description, forget_a_name),
        *(zero_some_values, lengthen_array, swap_sides, write_other_type, write_in_fortran_order, write_python_objects),
    ],
)
def test_a_damaged_cache_is_built_again(photos: Path, cache: Path, damage: Callable[[Path, Path], None]) -> None:
    cached_pictures(photos, cache)
    (description,) = cache.glob("*.json")
    damage(description.with_suffix(".npy"), description)
    assert decoded_count(photos, cache) == 4
    assert_same(cached_pictures(photos, cache), load_pictures(photos))


@pytest.mark.parametrize(("colour", "channels"), [("grey", 3), ("rgb", 1)])
def test_a_copy_of_other_channels_is_built_again(photos: Path, cache: Path, colour: str, channels: int) -> None:
    options: dict[str, Any] = {"colour": colour}
    cached_pictures(photos, cache, **options)
    (description,) = cache.glob("*.json")
    other = np.zeros((4, 7, 9, channels), np.float32)
    np.save(description.with_suffix(".npy"), other)
    stored = json.loads(description.read_text()) | {"sha256": hashlib.sha256(other.data).hexdigest()}
    description.write_text(json.dumps(stored))
    assert decoded_count(photos, cache, **options) == 4
    assert_same(cached_pictures(photos, cache, **options), load_pictures(photos, **options))


def test_a_copy_that_is_truncated_while_in_use_is_an_error(photos: Path, cache: Path) -> None:
    array = cached_pictures(photos, cache).array
    (path,) = cache.glob("*.npy")
    os.truncate(path, path.stat().st_size - 5)
    array[:3]
    for index in (3, slice(None), np.array([0, 3])):
        with pytest.raises(PictureError, match="was truncated while in use") as caught:
            array[index]
        assert str(caught.value).startswith(str(path))
    assert_same(cached_pictures(photos, cache), load_pictures(photos))


def test_a_read_only_cache_is_used_but_never_written(photos: Path, cache: Path) -> None:
    pictures = cached_pictures(photos, cache, build=False)
    assert isinstance(pictures.array, np.ndarray)
    assert not cache.exists()
    cached_pictures(photos, cache)
    before = {path: path.read_bytes() for path in cache.iterdir()}
    assert_same(cached_pictures(photos, cache, build=False), load_pictures(photos))
    (array,) = cache.glob("*.npy")
    zero_some_values(array, array.with_suffix(".json"))
    damaged = {path: path.read_bytes() for path in cache.iterdir()}
    assert damaged != before
    decoded = cached_pictures(photos, cache, build=False)
    for pictures in (decoded, read_pictures(photos, cache=cache, build_cache=False)):
        assert isinstance(pictures.array, np.ndarray)
        np.testing.assert_array_equal(pictures.array, load_pictures(photos).array)
    assert {path: path.read_bytes() for path in cache.iterdir()} == damaged
    truncate(photos / "1.png")
    with pytest.raises(PictureError, match=r"1.png"):
        cached_pictures(photos, cache, build=False, strict=True)


def test_the_hash_of_the_values_is_stored(photos: Path, cache: Path) -> None:
    cached = cached_pictures(photos, cache)
    assert cached.stored_sha256 == load_pictures(photos).sha256


def test_only_one_picture_is_held_in_memory(photos: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The array of all pictures is never allocated."""
    largest = 0
    empty = np.empty

    def counted(shape: Any, *arguments: Any, **options: Any) -> np.ndarray:
        nonlocal largest
        largest = max(largest, int(np.prod(shape)))
        return empty(shape, *arguments, **options)

    monkeypatch.setattr(np, "empty", counted)
    cached_pictures(photos, cache)
    cached_pictures(photos, cache)
    assert largest <= 7 * 9
    load_pictures(photos)
    assert largest == 4 * 7 * 9  # this shows that the count works


def test_errors_are_one_line(photos: Path, tmp_path: Path, cache: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PictureError, match="the cache cannot be written") as caught:
        cached_pictures(photos, tmp_path / "file" / "cache")
    assert "\n" not in str(caught.value)
    with pytest.raises(PictureError, match="no such folder"):
        cached_pictures(tmp_path / "gone", cache)
    for path in photos.rglob("*.png"):
        truncate(path)
    for _ in range(2):
        with pytest.raises(PictureError, match=r"no usable picture; the first is 0.png"):
            cached_pictures(photos, cache)
    assert list(cache.iterdir()) == []


def test_one_picture_file_can_be_cached(photos: Path, cache: Path) -> None:
    assert_same(cached_pictures(photos / "0.png", cache), load_pictures(photos / "0.png"))


@needs_shared_data
def test_coil_pictures_can_be_cached(cache: Path) -> None:
    folder = SHARED_DATA / "coil20-32x32"
    assert_same(cached_pictures(folder, cache), load_pictures(folder))
