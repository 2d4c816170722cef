"""Zooming out averages blocks, zooming in repeats pixels, and shapes that do not fit are refused."""

import numpy as np
import pytest

from ava_np.data.zoom import zoom_in, zoom_out


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_zooming_out_averages_blocks_and_zooming_in_repeats_pixels(dtype: type[np.floating]) -> None:
    pictures = np.random.default_rng(0).random((2, 6, 9, 3)).astype(dtype)
    small = zoom_out(pictures, 3)
    large = zoom_in(small, 3)
    assert small.dtype == large.dtype == dtype
    np.testing.assert_allclose(small, pictures.reshape(2, 2, 3, 3, 3, 3).mean(axis=(2, 4)), rtol=1e-6)
    np.testing.assert_array_equal(large, small.repeat(3, axis=1).repeat(3, axis=2))


@pytest.mark.parametrize(("shape", "zoom"), [((2, 6, 8, 3), 3), ((2, 7, 6, 3), 3), ((6, 6, 3), 3), ((2, 6, 6, 3), 0)])
def test_pictures_that_cannot_be_divided_into_blocks_are_refused(shape: tuple[int, ...], zoom: int) -> None:
    with pytest.raises(ValueError, match="cannot be zoomed out"):
        zoom_out(np.zeros(shape), zoom)
