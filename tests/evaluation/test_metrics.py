"""What AVA (17) and its baselines must mean, and what they must measure on the paper's own pictures."""

import math
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ava_np.errors import PictureError
from ava_np.evaluation import metrics
from ava_np.evaluation.geometric_median import Floats, geometric_median
from ava_np.evaluation.metrics import (
    baselines,
    floor,
    pixel_distance,
    reconstruction_error,
    reconstruction_errors,
    rmse,
)
from tests.conftest import SHARED_DATA, needs_shared_data

LABELS = SHARED_DATA / "labels"

shapes = st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.sampled_from([1, 3]))
seeds = st.integers(0, 2**32 - 1)


def random_pictures(seed: int, shape: tuple[int, ...]) -> Floats:
    """Pictures of a few 8-bit levels only, so that some colours coincide and some lie on a line."""
    generator = np.random.default_rng(seed)
    levels = generator.integers(0, 256, size=5)
    return (generator.choice(levels, size=shape) / 255).astype(np.float32)


def plain_17(image: Floats, pictures: Floats) -> float:
    """AVA (17), pixel by pixel."""
    total = 0.0
    N, H, W, C = pictures.shape
    for i in range(N):
        for row in range(H):
            for column in range(W):
                squares = 0.0
                for c in range(C):
                    squares += (float(image[row, column, c]) - float(pictures[i, row, column, c])) ** 2
                total += math.sqrt(squares) / 2
    return total / (N * H * W)


def sum_of_distances(y: Floats, points: Floats) -> Floats:
    """The objective (P,) of the geometric median, at y (P, C)."""
    return np.linalg.norm(points - y, axis=-1).sum(axis=0)


# The paper's pictures


@pytest.fixture(scope="module")
def labels() -> Floats:
    """The ten labels, resized to 180 x 252 (bicubic), of which the upper 249 rows are kept."""
    from PIL import Image

    pictures = []
    for path in sorted(LABELS.glob("*.BMP")):
        with Image.open(path) as picture:
            resized = picture.convert("RGB").resize((180, 252), Image.Resampling.BICUBIC)
        pictures.append(np.asarray(resized, dtype=np.float32)[:249] / np.float32(255))
    return np.stack(pictures)


@needs_shared_data
def test_rivals_of_the_paper(labels: Floats) -> None:
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
def test_best_single_colour_of_the_paper(labels: Floats) -> None:
    colour = geometric_median(labels.reshape(-1, 1, 3))[0]
    assert colour == pytest.approx([0.69, 0.73, 0.61], abs=5e-3)


@needs_shared_data
def test_own_error_of_the_mean_image_at_the_zoomed_size(labels: Floats) -> None:
    zoomed = labels.reshape(10, 83, 3, 60, 3, 3).mean(axis=(2, 4))
    mean = np.broadcast_to(zoomed.mean(axis=0), zoomed.shape)
    assert reconstruction_error(zoomed, mean) == pytest.approx(0.138, abs=5e-4)


# Distances


def test_unit_is_half_the_euclidean_distance() -> None:
    black, white = np.zeros((2, 5, 3), np.float32), np.ones((2, 5, 3), np.float32)
    assert pixel_distance(black, white) == pytest.approx(np.full((2, 5), math.sqrt(3) / 2))
    assert pixel_distance(black[..., :1], white[..., :1]) == pytest.approx(np.full((2, 5), 0.5))
    assert pixel_distance(np.array([[[0.0, 0.3, 0.4]]]), np.zeros((1, 1, 3))) == pytest.approx(np.array([[0.25]]))


def test_distances_of_single_precision_stay_in_single_precision() -> None:
    pixels = np.ones((1, 1, 3), np.float32)
    assert pixel_distance(pixels, pixels).dtype == np.float32
    assert pixel_distance(pixels, pixels.astype(np.float64)).dtype == np.float64


@given(shape=shapes, seed=seeds)
@settings(deadline=None)
def test_rmse_is_the_printed_sum(shape: tuple[int, ...], seed: int) -> None:
    pictures = random_pictures(seed, shape)
    image = random_pictures(seed + 1, shape[1:])
    assert rmse(image, pictures) == pytest.approx(plain_17(image, pictures), rel=1e-6)


@given(shape=shapes, seed=seeds)
@settings(deadline=None)
def test_own_error_compares_each_picture_with_its_own_reconstruction(shape: tuple[int, ...], seed: int) -> None:
    pictures, reconstructions = random_pictures(seed, shape), random_pictures(seed + 1, shape)
    each = [
        plain_17(reconstruction, picture[None])
        for picture, reconstruction in zip(pictures, reconstructions, strict=True)
    ]
    assert reconstruction_errors(pictures, reconstructions) == pytest.approx(each, rel=1e-6)
    assert reconstruction_error(pictures, reconstructions) == pytest.approx(np.mean(each), rel=1e-6)
    assert reconstruction_error(pictures, pictures) == 0


def test_a_perfect_autoencoder_has_no_own_error_yet_loses_to_the_mean_image_under_17() -> None:
    pictures = np.random.default_rng(0).random((8, 6, 6, 3), np.float32)
    found = baselines(pictures, zoom=1)
    assert reconstruction_error(pictures, pictures.copy()) == 0
    assert found["copy_best"] > found["mean_image"]


# Geometric median


def random_line(seed: int, K: int) -> tuple[Floats, Floats]:
    """K points (K, 1, 3) on a line of random direction, in random order, and their places on it, sorted."""
    generator = np.random.default_rng(seed)
    places = generator.normal(size=K)
    direction, origin = generator.normal(size=(2, 3))
    return (origin + places[:, None] * direction)[:, None], np.sort(places)[:, None] * direction + origin


@given(half=st.integers(0, 6), seed=seeds)
@settings(deadline=None)
def test_median_of_an_odd_number_of_collinear_points_is_the_middle_one(half: int, seed: int) -> None:
    points, in_order = random_line(seed, 2 * half + 1)
    assert geometric_median(points)[0] == pytest.approx(in_order[half], abs=1e-9)


@given(half=st.integers(1, 6), seed=seeds)
@settings(deadline=None)
def test_median_of_an_even_number_of_collinear_points_lies_between_the_middle_two(half: int, seed: int) -> None:
    points, in_order = random_line(seed, 2 * half)
    best = sum_of_distances(in_order[None, half], points)
    assert sum_of_distances(geometric_median(points), points) == pytest.approx(best, rel=1e-7)


@given(seed=seeds, side=st.floats(1e-3, 1e3))
@settings(deadline=None)
def test_median_of_an_equilateral_triangle_is_its_centre(seed: int, side: float) -> None:
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    angles = np.array([0, 2, 4]) * np.pi / 3
    corners = side * np.stack([np.cos(angles), np.sin(angles), np.ones(3)], axis=1) @ rotation
    assert geometric_median(corners[:, None])[0] == pytest.approx(corners.mean(axis=0), abs=1e-6 * side)


@pytest.mark.parametrize("angle", [60, 90, 119, 121, 150, 179])
def test_median_of_a_triangle_is_its_blunt_corner_or_sees_all_sides_at_120_degrees(angle: float) -> None:
    corner = np.zeros(2)
    others = np.array([[3.0, 0.0], [2 * math.cos(math.radians(angle)), 2 * math.sin(math.radians(angle))]])
    points = np.vstack([corner, others])
    median = geometric_median(points[:, None])[0]
    if angle >= 120:
        assert median.tolist() == [0, 0]
    else:
        sides = (points - median) / np.linalg.norm(points - median, axis=1, keepdims=True)
        assert (sides @ sides.T)[np.triu_indices(3, 1)] == pytest.approx(np.full(3, -0.5), abs=1e-6)


@given(others=st.integers(0, 6), C=st.sampled_from([1, 2, 3]), seed=seeds)
@settings(deadline=None)
def test_a_point_with_more_than_half_of_the_weight_is_the_median(others: int, C: int, seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(2 * others + 1, 4, C))
    points[others:] = points[others]
    assert np.array_equal(geometric_median(points[::-1]), points[others])


@given(K=st.integers(1, 12), C=st.sampled_from([1, 3]), seed=seeds)
@settings(deadline=None)
def test_no_point_near_or_far_has_a_lesser_sum_of_distances(K: int, C: int, seed: int) -> None:
    points = random_pictures(seed, (K, 5, C)).astype(np.float64)
    median = geometric_median(points)
    least = sum_of_distances(median, points) * (1 - 1e-7) - 1e-12
    generator = np.random.default_rng(seed)
    for size in (1e-6, 1e-4, 1e-2, 1):
        for _ in range(10):
            assert (sum_of_distances(median + size * generator.normal(size=median.shape), points) >= least).all()
    assert all((sum_of_distances(other, points) >= least).all() for other in points)


@pytest.mark.parametrize(
    "colours",
    [
        # The mean differs from one colour, which is not the median, by rounding only.
        [(15, 122), (11, 88), (13, 103), (10, 80), (1, 7)],
        # Palette colours almost on a line: Weiszfeld's step alone is 0.04 % off after 200 rounds.
        [(192, 192, 255)] * 4
        + [(193, 192, 255), (192, 192, 166), (180, 192, 128), (183, 192, 128)]
        + [(192, 192, 128)] * 2,
    ],
    ids=["mean on a point", "almost a line"],
)
def test_median_where_descent_is_hard(colours: list[tuple[int, ...]]) -> None:
    points = np.array(colours)[:, None] / 255
    median = geometric_median(points)
    # The least over ever finer grids about the best point so far is the least of all: the sum is convex.
    best, width = points.mean(axis=0), 0.5
    while width > 1e-9:
        steps = np.stack(np.meshgrid(*[np.linspace(-width, width, 9)] * points.shape[-1]), axis=-1)
        nearby = best + steps.reshape(-1, points.shape[-1])
        least = nearby[sum_of_distances(nearby, points).argmin()]
        width *= 0.6 if np.array_equal(least, best[0]) else 1
        best = least[None]
    assert sum_of_distances(median, points) <= sum_of_distances(best, points) * (1 + 1e-7)


def test_median_moves_turns_and_grows_with_its_points() -> None:
    generator = np.random.default_rng(3)
    points = generator.normal(size=(7, 20, 3))
    rotation, _ = np.linalg.qr(generator.normal(size=(3, 3)))
    moved = geometric_median(4 * points @ rotation + 1)
    assert moved == pytest.approx(4 * geometric_median(points) @ rotation + 1, abs=1e-6)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = np.random.default_rng(4).random((7, 6, 6, 3), np.float32)
    points, other = pictures.reshape(7, 36, 3), pictures[::-1]
    whole = geometric_median(points), reconstruction_errors(pictures, other), rmse(other[0], pictures)
    monkeypatch.setattr("ava_np.evaluation.geometric_median._CHUNK_VALUES", 40)
    parts = geometric_median(points), reconstruction_errors(pictures, other), rmse(other[0], pictures)
    for a, b in zip(whole, parts, strict=True):
        assert a == pytest.approx(b, rel=1e-12)


def test_medians_that_have_not_converged_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ava_np.evaluation.geometric_median._MAX_ROUNDS", 1)
    with pytest.warns(RuntimeWarning, match="not converged"):
        geometric_median(np.random.default_rng(5).random((9, 3, 3)))


# Floor and baselines


@given(
    N=st.integers(1, 4),
    h=st.integers(1, 3),
    w=st.integers(1, 3),
    C=st.sampled_from([1, 3]),
    zoom=st.integers(1, 3),
    seed=seeds,
)
@settings(deadline=None)
def test_floor_is_below_every_other_image_of_blocks(N: int, h: int, w: int, C: int, zoom: int, seed: int) -> None:
    pictures = random_pictures(seed, (N, h * zoom, w * zoom, C))
    lowest = floor(pictures, zoom)
    samples = [
        [pictures[:, r : r + zoom, c : c + zoom].reshape(-1, C) for c in range(0, w * zoom, zoom)]
        for r in range(0, h * zoom, zoom)
    ]
    minimiser = np.stack([[geometric_median(block[:, None])[0] for block in row] for row in samples])
    block = np.ones((zoom, zoom, 1))
    assert lowest == pytest.approx(plain_17(np.kron(minimiser, block), pictures), rel=1e-6)

    generator = np.random.default_rng(seed)
    for size in (1e-4, 1e-2, 1):
        perturbed = minimiser + size * generator.normal(size=minimiser.shape)
        assert rmse(np.kron(perturbed, block), pictures) >= lowest * (1 - 1e-7)

    found = baselines(pictures, zoom)
    assert found["floor"] == lowest
    assert found["floor_full_size"] == floor(pictures, 1)
    full = found["floor_full_size"] * (1 - 1e-6)
    assert all(value >= full for value in found.values())
    assert min(found[name] for name in ("grey", "single_colour", "mean_image")) >= lowest * (1 - 1e-6)
    assert found["single_colour"] <= found["grey"] * (1 + 1e-6)


def test_floor_of_grey_pictures_is_the_mean_deviation_from_the_median() -> None:
    pictures = np.random.default_rng(6).random((9, 4, 5, 1))
    assert floor(pictures, 1) == pytest.approx(np.abs(pictures - np.median(pictures, axis=0)).mean() / 2)


def test_rivals_by_hand() -> None:
    black_and_white = np.stack([np.zeros((2, 4, 1)), np.zeros((2, 4, 1)), np.ones((2, 4, 1))])
    sixth = 1 / 6  # (17) of black: a third of the pictures is 1 away
    expected = dict.fromkeys(("copy_best", "single_colour", "floor", "floor_full_size"), sixth)
    expected |= {"grey": 1 / 4, "copy_mean": (sixth + sixth + 1 / 3) / 3}
    expected |= dict.fromkeys(("mean_image", "mean_image_full_size"), (2 * (1 / 3) + 2 / 3) / 6)
    assert baselines(black_and_white, 2) == pytest.approx(expected)


@pytest.mark.parametrize("C", [1, 3])
def test_one_picture_is_its_own_best_rival(C: int) -> None:
    picture = np.random.default_rng(7).random((1, 4, 4, C), np.float32)
    found = baselines(picture, zoom=2)
    for name in ("copy_mean", "copy_best", "mean_image_full_size", "floor_full_size"):
        assert found[name] == 0
    assert 0 < found["floor"] <= found["mean_image"]


def test_copies_of_many_pictures_stand_for_all() -> None:
    greys = np.broadcast_to(np.linspace(0, 1, 301)[:, None, None, None], (301, 2, 2, 1))
    found = baselines(greys, zoom=1)
    # Half the mean distance of two uniform numbers, and of one from their middle.
    assert found["copy_mean"] == pytest.approx(1 / 6, rel=0.02)
    assert found["copy_best"] == pytest.approx(1 / 8, rel=0.01)


def test_colour_samples_do_not_fall_in_step_with_the_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(8)
    columns = generator.random((12, 3))
    pictures = np.clip(columns + 0.02 * generator.normal(size=(40, 10, 12, 3)), 0, 1)
    best = baselines(pictures, zoom=1)["single_colour"]
    monkeypatch.setattr(metrics, "_MAX_SAMPLES", 400)  # 4800 pixels: every twelfth would be of one column
    assert best <= baselines(pictures, zoom=1)["single_colour"] <= 1.01 * best


# Faults and imports


@pytest.mark.parametrize("zoom", [0, 2, 7])
def test_a_zoom_that_does_not_fit_is_refused(zoom: int) -> None:
    for measure in (floor, baselines):
        with pytest.raises(PictureError, match=f"5 x 4 pixels .* {zoom} x {zoom}"):
            measure(np.zeros((2, 4, 5, 1)), zoom)


def test_no_pictures_are_refused() -> None:
    nothing = np.zeros((0, 4, 4, 3))
    with pytest.raises(PictureError):
        rmse(np.zeros((4, 4, 3)), nothing)
    with pytest.raises(PictureError):
        reconstruction_error(nothing, nothing)


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
    check = "import sys, ava_np.evaluation.metrics; sys.exit(bool({'numba', 'PIL', 'matplotlib'} & set(sys.modules)))"
    root = pathlib.Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", check], cwd=root, check=False).returncode == 0
