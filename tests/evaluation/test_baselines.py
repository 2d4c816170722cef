"""The floor and the baselines of AVA (17): bounds, known values, and the values on the paper's pictures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ava_np.errors import PictureError
from ava_np.evaluation import metrics
from ava_np.evaluation.arrays import Floats
from ava_np.evaluation.geometric_median import geometric_median
from ava_np.evaluation.metrics import baselines, floor, reconstruction_error, rmse
from tests.conftest import SHARED_DATA, needs_shared_data
from tests.evaluation.reference import direct_rmse, random_pictures
from tests.oracles import seeds


@given(
    N=st.integers(1, 4),
    h=st.integers(1, 3),
    w=st.integers(1, 3),
    C=st.sampled_from([1, 3]),
    zoom=st.integers(1, 3),
    seed=seeds,
)
@settings(deadline=None)
def test_the_floor_is_below_every_other_image_of_blocks(N: int, h: int, w: int, C: int, zoom: int, seed: int) -> None:
    pictures = random_pictures(seed, (N, h * zoom, w * zoom, C))
    lowest = floor(pictures, zoom)
    samples = [
        [pictures[:, r : r + zoom, c : c + zoom].reshape(-1, C) for c in range(0, w * zoom, zoom)]
        for r in range(0, h * zoom, zoom)
    ]
    minimiser = np.stack([[geometric_median(block[:, None])[0] for block in row] for row in samples])
    block = np.ones((zoom, zoom, 1))
    assert lowest == pytest.approx(direct_rmse(np.kron(minimiser, block), pictures), rel=1e-6)

    generator = np.random.default_rng(seed)
    for size in (1e-4, 1e-2, 1):
        perturbed = minimiser + size * generator.normal(size=minimiser.shape)
        assert rmse(np.kron(perturbed, block), pictures) >= lowest * (1 - 1e-7)

    values = baselines(pictures, zoom)
    assert values["floor"] == lowest
    assert values["floor_full_size"] == floor(pictures, 1)
    full = values["floor_full_size"] * (1 - 1e-6)
    assert all(value >= full for value in values.values())
    assert min(values[name] for name in ("grey", "single_colour", "mean_image")) >= lowest * (1 - 1e-6)
    assert values["single_colour"] <= values["grey"] * (1 + 1e-6)


def test_the_floor_of_grey_pictures_is_the_mean_deviation_from_the_median() -> None:
    pictures = np.random.default_rng(6).random((9, 4, 5, 1))
    assert floor(pictures, 1) == pytest.approx(np.abs(pictures - np.median(pictures, axis=0)).mean() / 2)


def test_baselines_agree_with_a_computation_by_hand() -> None:
    black_and_white = np.stack([np.zeros((2, 4, 1)), np.zeros((2, 4, 1)), np.ones((2, 4, 1))])
    sixth = 1 / 6  # (17) of black: a third of the pictures is 1 away
    expected = dict.fromkeys(("copy_best", "single_colour", "floor", "floor_full_size"), sixth)
    expected |= {"grey": 1 / 4, "copy_mean": (sixth + sixth + 1 / 3) / 3}
    expected |= dict.fromkeys(("mean_image", "mean_image_full_size"), (2 * (1 / 3) + 2 / 3) / 6)
    assert baselines(black_and_white, 2) == pytest.approx(expected)


@pytest.mark.parametrize("C", [1, 3])
def test_a_copy_of_the_only_picture_has_error_0(C: int) -> None:
    picture = np.random.default_rng(7).random((1, 4, 4, C), np.float32)
    values = baselines(picture, zoom=2)
    for name in ("copy_mean", "copy_best", "mean_image_full_size", "floor_full_size"):
        assert values[name] == 0
    assert 0 < values["floor"] <= values["mean_image"]


def test_evenly_spaced_copies_represent_many_pictures() -> None:
    greys = np.broadcast_to(np.linspace(0, 1, 301)[:, None, None, None], (301, 2, 2, 1))
    values = baselines(greys, zoom=1)
    # Half the mean distance of two uniform random numbers, and of one from ½.
    assert values["copy_mean"] == pytest.approx(1 / 6, rel=0.02)
    assert values["copy_best"] == pytest.approx(1 / 8, rel=0.01)


def test_evenly_spaced_pixels_visit_all_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(8)
    columns = generator.random((12, 3))
    pictures = np.clip(columns + 0.02 * generator.normal(size=(40, 10, 12, 3)), 0, 1)
    best = baselines(pictures, zoom=1)["single_colour"]
    monkeypatch.setattr(metrics, "_MAX_SAMPLES", 400)  # of 4800 pixels: a stride of 12 would visit only one column
    assert best <= baselines(pictures, zoom=1)["single_colour"] <= 1.01 * best


@pytest.mark.parametrize("zoom", [0, 2, 7])
def test_a_zoom_that_does_not_divide_the_sides_is_refused(zoom: int) -> None:
    for measure in (floor, baselines):
        with pytest.raises(PictureError, match=f"5 x 4 pixels .* {zoom} x {zoom}"):
            measure(np.zeros((2, 4, 5, 1)), zoom)


# The paper's pictures


@pytest.fixture(scope="module")
def labels() -> Floats:
    """Return the ten labels, resized to 180 x 252 (bicubic) and cropped to the upper 249 rows."""
    pictures = []
    for path in sorted((SHARED_DATA / "labels").glob("*.BMP")):
        with Image.open(path) as picture:
            resized = picture.convert("RGB").resize((180, 252), Image.Resampling.BICUBIC)
        pictures.append(np.asarray(resized, dtype=np.float32)[:249] / np.float32(255))
    return np.stack(pictures)


@needs_shared_data
def test_the_baselines_of_the_paper_pictures(labels: Floats) -> None:
    measured = {
        "grey": 0.2428,
        "copy_mean": 0.2015,
        "copy_best": 0.1884,
        "single_colour": 0.1885,
        "mean_image": 0.1664,
        "floor": 0.1628,
        "mean_image_full_size": 0.1621,
        "floor_full_size": 0.1562,
    }
    assert baselines(labels, zoom=3) == pytest.approx(measured, abs=6e-5)


@needs_shared_data
def test_the_best_single_colour_of_the_paper_pictures(labels: Floats) -> None:
    colour = geometric_median(labels.reshape(-1, 1, 3))[0]
    assert colour == pytest.approx([0.69, 0.73, 0.61], abs=5e-3)


@needs_shared_data
def test_the_reconstruction_error_of_the_mean_image_at_the_zoomed_size(labels: Floats) -> None:
    zoomed = labels.reshape(10, 83, 3, 60, 3, 3).mean(axis=(2, 4))
    mean = np.broadcast_to(zoomed.mean(axis=0), zoomed.shape)
    assert reconstruction_error(zoomed, mean) == pytest.approx(0.138, abs=5e-4)
