"""Sharpness is the variance of the Laplacian, falls with blur and grows with noise; grey pixels are counted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ava_np.errors import PictureError
from ava_np.evaluation.arrays import Floats
from ava_np.evaluation.sharpness import grey_share, sharpness
from tests.evaluation.reference import random_pictures
from tests.oracles import seeds


def direct_sharpness(picture: Floats) -> float:
    """Compute the variance of the Laplacian of one picture pixel by pixel."""
    y = picture.astype(np.float64).mean(axis=2)
    H, W = y.shape
    laplacian = [
        y[r - 1, c] + y[r + 1, c] + y[r, c - 1] + y[r, c + 1] - 4 * y[r, c]
        for r in range(1, H - 1)
        for c in range(1, W - 1)
    ]
    return float(np.var(laplacian))


@given(N=st.integers(1, 3), H=st.integers(3, 6), W=st.integers(3, 6), C=st.sampled_from([1, 3]), seed=seeds)
@settings(deadline=None)
def test_sharpness_is_the_mean_variance_of_the_laplacian(N: int, H: int, W: int, C: int, seed: int) -> None:
    pictures = random_pictures(seed, (N, H, W, C))
    direct = np.mean([direct_sharpness(picture) for picture in pictures])
    assert sharpness(pictures) == pytest.approx(direct, rel=1e-6, abs=1e-12)


def test_sharpness_of_white_noise_is_twenty_times_its_variance() -> None:
    noise = np.random.default_rng(0).random((20, 50, 50, 1))  # 1 + 1 + 1 + 1 + 4² = 20, and a variance of 1/12
    assert sharpness(noise) == pytest.approx(20 / 12, rel=0.03)


def test_the_largest_sharpness_is_that_of_a_chessboard() -> None:
    board = (np.indices((10, 10)).sum(axis=0) % 2).astype(np.float32)[None, ..., None]
    assert sharpness(board) == 16
    assert sharpness(np.ones((2, 5, 5, 3))) == 0


def test_blur_lowers_sharpness_and_noise_raises_it() -> None:
    picture = np.zeros((1, 20, 20, 1))
    picture[:, 5:15, 5:15] = 1
    blurred = (picture + np.roll(picture, 1, 1) + np.roll(picture, 1, 2) + np.roll(picture, (1, 1), (1, 2))) / 4
    noisy = picture + 0.1 * np.random.default_rng(1).normal(size=picture.shape)
    assert sharpness(blurred) < 0.5 * sharpness(picture) < sharpness(picture) < sharpness(noisy)


def test_agrees_with_scipy() -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    pictures = np.random.default_rng(2).random((3, 9, 7, 1))
    theirs = np.mean([ndimage.laplace(picture[..., 0])[1:-1, 1:-1].var() for picture in pictures])
    assert sharpness(pictures) == pytest.approx(theirs, rel=1e-12)


def test_grey_pixels_are_counted_by_the_mean_of_their_channels() -> None:
    red = np.zeros((1, 1, 1, 3))
    red[..., 0] = 0.9  # a mean of 0.3
    assert grey_share(red) == 1
    assert grey_share(np.array([0.2, 0.8, 0.19, 0.81]).reshape(1, 2, 2, 1)) == 0.5
    assert grey_share(np.array([0.2, 0.8, 0.19, 0.81]).reshape(1, 2, 2, 1), low=0.0, high=0.2) == 0.5


def test_what_cannot_be_measured_is_refused() -> None:
    for measure in (sharpness, grey_share):
        with pytest.raises(PictureError, match="no picture"):
            measure(np.zeros((0, 4, 4, 1)))
        with pytest.raises(ValueError, match="shape"):
            measure(np.zeros((4, 4, 1)))
    with pytest.raises(PictureError, match="3 x 3 pixels, and these have 2 x 5"):
        sharpness(np.zeros((1, 5, 2, 1)))
