"""AVA (17) and the reconstruction error agree with direct computations, and refuse shapes that do not fit."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

import ava_np
from ava_np.errors import PictureError
from ava_np.evaluation.geometric_median import geometric_median
from ava_np.evaluation.metrics import (
    balance_metric,
    baselines,
    floor,
    pixel_distance,
    reconstruction_error,
    reconstruction_errors,
    rmse,
)
from tests.evaluation.reference import direct_rmse, random_pictures, shapes
from tests.oracles import seeds


def test_the_pixel_distance_is_half_the_euclidean_distance() -> None:
    black, white = np.zeros((2, 5, 3), np.float32), np.ones((2, 5, 3), np.float32)
    assert pixel_distance(black, white) == pytest.approx(np.full((2, 5), math.sqrt(3) / 2))
    assert pixel_distance(black[..., :1], white[..., :1]) == pytest.approx(np.full((2, 5), 0.5))
    assert pixel_distance(np.array([[[0.0, 0.3, 0.4]]]), np.zeros((1, 1, 3))) == pytest.approx(np.array([[0.25]]))


def test_float32_distances_stay_in_float32() -> None:
    pixels = np.ones((1, 1, 3), np.float32)
    assert pixel_distance(pixels, pixels).dtype == np.float32
    assert pixel_distance(pixels, pixels.astype(np.float64)).dtype == np.float64


@given(shape=shapes, seed=seeds)
@settings(deadline=None)
def test_rmse_is_the_printed_sum(shape: tuple[int, ...], seed: int) -> None:
    pictures = random_pictures(seed, shape)
    image = random_pictures(seed + 1, shape[1:])
    assert rmse(image, pictures) == pytest.approx(direct_rmse(image, pictures), rel=1e-6)


@given(shape=shapes, seed=seeds)
@settings(deadline=None)
def test_the_reconstruction_error_compares_each_picture_with_its_own_reconstruction(
    shape: tuple[int, ...], seed: int
) -> None:
    pictures, reconstructions = random_pictures(seed, shape), random_pictures(seed + 1, shape)
    each = [
        direct_rmse(reconstruction, picture[None])
        for picture, reconstruction in zip(pictures, reconstructions, strict=True)
    ]
    assert reconstruction_errors(pictures, reconstructions) == pytest.approx(each, rel=1e-6)
    assert reconstruction_error(pictures, reconstructions) == pytest.approx(np.mean(each), rel=1e-6)
    assert reconstruction_error(pictures, pictures) == 0


def test_a_perfect_autoencoder_loses_to_the_mean_image_under_17() -> None:
    pictures = np.random.default_rng(0).random((8, 6, 6, 3), np.float32)
    values = baselines(pictures, zoom=1)
    assert reconstruction_error(pictures, pictures.copy()) == 0
    assert values["copy_best"] > values["mean_image"]


def test_results_do_not_depend_on_the_chunk_size(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = np.random.default_rng(4).random((7, 6, 6, 3), np.float32)
    points, other = pictures.reshape(7, 36, 3), pictures[::-1]
    whole = geometric_median(points), reconstruction_errors(pictures, other), rmse(other[0], pictures)
    monkeypatch.setattr("ava_np.evaluation.arrays.MAX_CHUNK_VALUES", 40)
    parts = geometric_median(points), reconstruction_errors(pictures, other), rmse(other[0], pictures)
    for a, b in zip(whole, parts, strict=True):
        assert a == pytest.approx(b, rel=1e-12)


def test_an_empty_set_of_pictures_is_refused() -> None:
    empty = np.zeros((0, 4, 4, 3))
    with pytest.raises(PictureError):
        rmse(np.zeros((4, 4, 3)), empty)
    with pytest.raises(PictureError):
        reconstruction_error(empty, empty)


def test_shapes_that_would_broadcast_are_refused() -> None:
    pictures = np.zeros((2, 4, 4, 3))
    with pytest.raises(ValueError, match="shape"):
        rmse(pictures[0, :, :, :1], pictures)
    with pytest.raises(ValueError, match="shape"):
        reconstruction_error(pictures, pictures[:1])
    with pytest.raises(ValueError, match="shape"):
        floor(pictures[0], 1)
    for points in (np.zeros((4, 3)), np.zeros((0, 1, 3)), np.full((2, 1, 3), np.nan)):
        with pytest.raises(ValueError, match="points must be finite"):
            geometric_median(points)


def test_metrics_import_neither_numba_nor_pillow() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "ava_np.evaluation.metrics"]
    root = Path(ava_np.__file__).parents[1]
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, encoding="utf-8")
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert {"numpy", "ava_np.evaluation.geometric_median"} <= imported
    assert not {"numba", "PIL", "matplotlib"} & imported


def test_the_balance_metric_is_the_printed_formula() -> None:
    generator = np.random.default_rng(0)
    image, pictures = generator.random((3, 4, 3)), generator.random((5, 3, 4, 3))
    summed = 0.0
    for picture in pictures:
        for row in range(3):
            for column in range(4):
                d = float(np.linalg.norm(image[row, column] - picture[row, column]))
                summed += d * (1 - d)
    assert balance_metric(image, pictures) == pytest.approx(summed / 60)
    with pytest.raises(ValueError, match="an image of shape"):
        balance_metric(image[:2], pictures)
