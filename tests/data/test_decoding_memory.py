"""Large pictures are decoded in parts, to the same values as whole ones, and in bounded memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ava_np.data import decoding
from ava_np.data.folder import load_pictures
from tests.data.picture_files import noise
from tests.fuzz.bounds import peak, reset_peak


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "I;16", "F"])
def test_parts_give_the_same_values_as_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    picture = Image.fromarray(noise(50, 40, 4)).convert("L" if mode in ("I;16", "F") else "RGBA").convert(mode)
    if mode == "F":
        picture = picture.point(lambda value: value / 255 + 0)
    options: dict[str, Any] = {"transparency": 3} if mode == "P" else {}
    picture.save(tmp_path / ("1.tif" if mode == "F" else "1.png"), **options)
    whole = load_pictures(tmp_path).array
    monkeypatch.setattr(decoding, "TILE", 16)
    np.testing.assert_array_equal(load_pictures(tmp_path).array, whole)
    assert whole.std() > 0


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "I;16"])
def test_decoding_takes_few_bytes_for_each_pixel(tmp_path: Path, mode: str) -> None:
    side = 4000
    Image.new(mode, (side, side)).save(tmp_path / "1.png")
    start = reset_peak()
    load_pictures(tmp_path, size=(8, 8))
    assert (peak() - start) / side**2 < 11  # one gigabyte for the largest picture that is read by default
