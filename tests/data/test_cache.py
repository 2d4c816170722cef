"""A cached folder is the folder: the same bytes, built once, and nothing half-built is ever taken for whole."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ava_np.data.cache import cached_pictures
from ava_np.data.folder import Pictures, Reader, load_pictures
from ava_np.errors import PictureError
from tests.conftest import SHARED_DATA, needs_shared_data


def noise(height: int, width: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Four grey pictures of three sizes, one in a subfolder."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    for number, (height, width) in enumerate([(6, 9), (6, 9), (8, 5)]):
        Image.fromarray(noise(height, width, seed=number)).save(folder / f"{number}.png")
    Image.fromarray(noise(7, 10, seed=3)).save(folder / "more" / "x.png")
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "deep"


class Calls:
    """Counts the pictures that are decoded."""

    def __init__(self) -> None:
        self.done = 0

    def __call__(self, done: int, total: int) -> None:
        self.done += 1


def decoder_name(photos: Path, cache: Path, **options: Any) -> int:
    calls = Calls()
    cached_pictures(photos, cache, progress=calls, **options)
    return calls.done


def cut(path: Path) -> None:
    """The header of a PNG can be read then, its pixels cannot."""
    path.write_bytes(path.read_bytes()[:50])


def assert_same(cached: Pictures, whole: Pictures) -> None:
    assert isinstance(cached.array, np.memmap)
    assert not cached.array.flags.writeable
    assert cached.array.dtype == np.float32
    assert cached.array.tobytes() == whole.array.tobytes()
    assert cached.array.shape == whole.array.shape
    for name in ("names", "skipped", "sizes", "size", "sha256"):
        assert getattr(cached, name) == getattr(whole, name), name


OPTIONS: list[dict[str, Any]] = [
    {},
    {"size": (11, 4)},
    {"zoom": 4},
    {"colour": "rgb"},
    {"colour": "grey"},
    {"limit": 2},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_cached_is_uncached(photos: Path, cache: Path, options: dict[str, Any]) -> None:
    whole = load_pictures(photos, **options)
    assert_same(cached_pictures(photos, cache, **options), whole)  # as built
    assert_same(cached_pictures(str(photos), str(cache), **options), whole)  # as opened


@pytest.mark.parametrize("coloured", range(4))
def test_a_picture_in_colour_makes_all_of_them_rgb(photos: Path, cache: Path, coloured: int) -> None:
    paths = [*sorted(photos.glob("*.png")), photos / "more" / "x.png"]
    Image.fromarray(noise(6, 9, 3)).save(paths[coloured])
    whole = load_pictures(photos)
    assert whole.array.shape[-1] == 3
    assert_same(cached_pictures(photos, cache), whole)


def test_pictures_left_out_are_left_out(photos: Path, cache: Path) -> None:
    cut(photos / "1.png")
    (photos / "0.png").write_bytes(b"")
    (photos / "gone.png").symlink_to(photos / "nowhere.png")
    whole = load_pictures(photos)
    assert len(whole.names) == 2
    assert len(whole.skipped) == 3
    assert_same(cached_pictures(photos, cache), whole)
    with pytest.raises(PictureError, match=r"0.png: the file is empty; repair or remove it"):
        cached_pictures(photos, cache, strict=True)  # although it is there already


def test_it_is_built_once(photos: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert decoder_name(photos, cache) == 4
    assert decoder_name(photos, cache) == 0

    def fail(self: Reader) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(Reader, "survey", fail)
    assert decoder_name(photos, cache) == 0  # nor are headers read


def test_every_way_of_reading_has_its_own(photos: Path, cache: Path) -> None:
    for options in OPTIONS:
        assert decoder_name(photos, cache, **options) > 0
    for options in OPTIONS:
        assert decoder_name(photos, cache, **options) == 0


def rewrite(photos: Path) -> None:
    status = (photos / "0.png").stat()
    Image.fromarray(noise(6, 9, seed=77)).save(photos / "0.png")
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
def test_a_folder_that_changed_is_read_anew(photos: Path, cache: Path, change: Any) -> None:
    cached_pictures(photos, cache)
    change(photos)
    assert decoder_name(photos, cache) > 0
    assert_same(cached_pictures(photos, cache), load_pictures(photos))


def test_another_folder_of_the_same_files_has_its_own(photos: Path, cache: Path, tmp_path: Path) -> None:
    """Names, sizes and dates may all be the same where the pictures are not, as in archives without dates."""
    cached_pictures(photos, cache)
    shutil.copytree(photos, tmp_path / "others")
    assert decoder_name(tmp_path / "others", cache) == 4


@pytest.mark.parametrize("fault", [KeyboardInterrupt, OSError])
def test_an_interrupted_build_is_not_used(photos: Path, cache: Path, fault: type[BaseException]) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 3:
            raise fault("stop")

    with pytest.raises((KeyboardInterrupt, PictureError)):
        cached_pictures(photos, cache, progress=interrupt)
    assert list(cache.iterdir()) == []
    assert decoder_name(photos, cache) == 4


def test_what_a_killed_build_leaves_is_not_used(photos: Path, cache: Path) -> None:
    """Killed while it writes, there is a .partial file; killed between its two files, there is no .json."""
    whole = cached_pictures(photos, cache)
    (meta,) = cache.glob("*.json")
    meta.unlink()
    shutil.copy(meta.with_suffix(".npy"), cache / f"{meta.stem}.123.partial")
    assert decoder_name(photos, cache) == 4
    assert_same(cached_pictures(photos, cache), load_pictures(photos))
    assert whole.array.shape[0] == 4


@pytest.mark.parametrize("damage", ["cut", "empty", "no array", "json cut", "json of others", "fewer names"])
def test_a_damaged_cache_is_built_anew(photos: Path, cache: Path, damage: str) -> None:
    cached_pictures(photos, cache)
    (meta,) = cache.glob("*.json")
    array = meta.with_suffix(".npy")
    if damage in ("cut", "empty"):
        array.write_bytes(array.read_bytes()[: -5 if damage == "cut" else 0])
    elif damage == "no array":
        array.unlink()
    elif damage == "json cut":
        meta.write_bytes(meta.read_bytes()[:-5])
    elif damage == "json of others":
        meta.write_text("{}")
    else:
        stored = json.loads(meta.read_text())
        meta.write_text(json.dumps(stored | {"names": stored["names"][1:]}))
    assert decoder_name(photos, cache) == 4
    assert_same(cached_pictures(photos, cache), load_pictures(photos))


def test_the_fingerprint_of_the_values_is_stored(photos: Path, cache: Path) -> None:
    cached = cached_pictures(photos, cache)
    assert cached.stored_sha256 == load_pictures(photos).sha256


def test_no_more_than_one_picture_is_held(photos: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The array is never made: the largest that is has the size of a picture."""
    largest = 0
    empty = np.empty

    def counted(shape: Any, *arguments: Any, **options: Any) -> np.ndarray:
        nonlocal largest
        largest = max(largest, int(np.prod(shape)))
        return empty(shape, *arguments, **options)

    monkeypatch.setattr(np, "empty", counted)
    cached_pictures(photos, cache)
    assert largest == 0
    load_pictures(photos)
    assert largest == 4 * 7 * 9  # or else the line above would say nothing


def test_faults_are_one_line(photos: Path, tmp_path: Path, cache: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PictureError, match="the cache cannot be written") as caught:
        cached_pictures(photos, tmp_path / "file" / "cache")
    assert "\n" not in str(caught.value)
    with pytest.raises(PictureError, match="no such folder"):
        cached_pictures(tmp_path / "gone", cache)
    for path in photos.rglob("*.png"):
        cut(path)
    for _ in range(2):
        with pytest.raises(PictureError, match=r"no usable picture; the first is 0.png"):
            cached_pictures(photos, cache)
    assert list(cache.iterdir()) == []


def test_one_picture(photos: Path, cache: Path) -> None:
    assert_same(cached_pictures(photos / "0.png", cache), load_pictures(photos / "0.png"))


@needs_shared_data
def test_coil(cache: Path) -> None:
    folder = SHARED_DATA / "coil20-32x32"
    assert_same(cached_pictures(folder, cache), load_pictures(folder))
