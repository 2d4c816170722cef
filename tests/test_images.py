"""Contact sheets and PNG files."""

import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ava_np.data.folder import load_pictures
from ava_np.errors import AvaError
from ava_np.images import grid, save_png, to_image


def test_to_image_rounds_and_clips() -> None:
    values = np.array([[-0.5, 0.0, 0.4 / 255, 0.6 / 255, 127.5001 / 255, 1.0, 7.0]])
    picture = to_image(values)
    assert picture.mode == "L"
    assert np.asarray(picture).tolist() == [[0, 0, 0, 1, 128, 255, 255]]
    assert to_image(values[..., None]).mode == "L"
    colour = to_image(np.stack([values] * 3, axis=-1).astype(np.float32))
    assert (colour.mode, colour.size) == ("RGB", (7, 1))


@pytest.mark.parametrize("shape", [(3,), (4, 4, 2), (1, 4, 4, 3)])
def test_to_image_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="shape"):
        to_image(np.zeros(shape))


@settings(deadline=None, max_examples=50)
@given(
    count=st.integers(1, 9),
    height=st.integers(1, 4),
    width=st.integers(1, 4),
    channels=st.sampled_from([1, 3]),
    columns=st.none() | st.integers(1, 5),
    padding=st.integers(0, 3),
)
def test_grid_places_every_picture_and_is_white_elsewhere(
    count: int, height: int, width: int, channels: int, columns: int | None, padding: int
) -> None:
    arrays = np.random.default_rng(count).random((count, height, width, channels), np.float32) * np.float32(0.9)
    sheet = grid(arrays, columns, padding)
    across = columns or int(np.ceil(np.sqrt(count)))
    down = -(-count // across)
    assert sheet.shape == (
        down * (height + padding) + padding,
        across * (width + padding) + padding,
        channels,
    )
    assert sheet.dtype == np.float32
    for index in range(count):
        row, column = divmod(index, across)
        top, left = padding + row * (height + padding), padding + column * (width + padding)
        np.testing.assert_array_equal(sheet[top : top + height, left : left + width], arrays[index])
        sheet[top : top + height, left : left + width] = 1
    assert (sheet == 1).all()


def test_save_png_round_trip_with_fixed_bytes(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3)) / np.float32(255)
    pixels = pixels.astype(np.float32)
    save_png(tmp_path / "a.png", pixels)
    save_png(str(tmp_path / "b.png"), pixels)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    np.testing.assert_array_equal(load_pictures(tmp_path / "a.png").array[0], pixels)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]
    (tmp_path / "plain").touch()
    mode = stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == mode  # not the mode of a private temporary file


def test_save_png_reports_unwritable_paths(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "missing" / "a.png", tmp_path / "file" / "a.png", tmp_path / "folder"):
        with pytest.raises(AvaError) as caught:
            save_png(path, np.zeros((2, 2)))
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
