"""The geometric median minimises the sum of distances: known cases, hard cases, and comparison with other points."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ava_np.evaluation.arrays import Floats
from ava_np.evaluation.geometric_median import geometric_median
from tests.evaluation.reference import random_pictures
from tests.oracles import seeds


def sum_of_distances(y: Floats, points: Floats) -> Floats:
    """Return the objective (P,) of the geometric median at y (P, C)."""
    return np.linalg.norm(points - y, axis=-1).sum(axis=0)


def random_line(seed: int, K: int) -> tuple[Floats, Floats]:
    """Return K points (K, 1, 3) on a random line in random order, and the same points (K, 3) in order."""
    generator = np.random.default_rng(seed)
    positions = generator.normal(size=K)
    direction, origin = generator.normal(size=(2, 3))
    return (origin + positions[:, None] * direction)[:, None], np.sort(positions)[:, None] * direction + origin


@given(half=st.integers(0, 6), seed=seeds)
@settings(deadline=None)
def test_the_median_of_an_odd_number_of_collinear_points_is_the_middle_one(half: int, seed: int) -> None:
    points, in_order = random_line(seed, 2 * half + 1)
    assert geometric_median(points)[0] == pytest.approx(in_order[half], abs=1e-9)


@given(half=st.integers(1, 6), seed=seeds)
@settings(deadline=None)
def test_the_median_of_an_even_number_of_collinear_points_lies_between_the_middle_two(half: int, seed: int) -> None:
    points, in_order = random_line(seed, 2 * half)
    best = sum_of_distances(in_order[None, half], points)
    assert sum_of_distances(geometric_median(points), points) == pytest.approx(best, rel=1e-7)


@given(seed=seeds, side=st.floats(1e-3, 1e3))
@settings(deadline=None)
def test_the_median_of_an_equilateral_triangle_is_its_centre(seed: int, side: float) -> None:
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    angles = np.array([0, 2, 4]) * np.pi / 3
    corners = side * np.stack([np.cos(angles), np.sin(angles), np.ones(3)], axis=1) @ rotation
    assert geometric_median(corners[:, None])[0] == pytest.approx(corners.mean(axis=0), abs=1e-6 * side)


@pytest.mark.parametrize("angle", [60, 90, 119, 121, 150, 179])
def test_the_median_of_a_triangle_is_its_obtuse_corner_or_its_fermat_point(angle: float) -> None:
    corner = np.zeros(2)
    others = np.array([[3.0, 0.0], [2 * math.cos(math.radians(angle)), 2 * math.sin(math.radians(angle))]])
    points = np.vstack([corner, others])
    median = geometric_median(points[:, None])[0]
    if angle >= 120:
        assert median.tolist() == [0, 0]
    else:
        # At the Fermat point, the directions to the corners are at 120 degrees to each other.
        directions = (points - median) / np.linalg.norm(points - median, axis=1, keepdims=True)
        assert (directions @ directions.T)[np.triu_indices(3, 1)] == pytest.approx(np.full(3, -0.5), abs=1e-6)


@given(others=st.integers(0, 6), C=st.sampled_from([1, 2, 3]), seed=seeds)
@settings(deadline=None)
def test_a_point_with_more_than_half_of_the_weight_is_the_median(others: int, C: int, seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(2 * others + 1, 4, C))
    points[others:] = points[others]
    assert np.array_equal(geometric_median(points[::-1]), points[others])


@given(K=st.integers(1, 12), C=st.sampled_from([1, 3]), seed=seeds)
@settings(deadline=None)
def test_no_other_point_has_a_smaller_sum_of_distances(K: int, C: int, seed: int) -> None:
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
        # The mean differs only by rounding from one of the colours, which is not the median.
        [(15, 122), (11, 88), (13, 103), (10, 80), (1, 7)],
        # Palette colours almost on a line: Weiszfeld's step alone is 0.04 % off after 200 iterations.
        [(192, 192, 255)] * 4
        + [(193, 192, 255), (192, 192, 166), (180, 192, 128), (183, 192, 128)]
        + [(192, 192, 128)] * 2,
    ],
    ids=["mean on a point", "almost a line"],
)
def test_the_median_is_found_where_descent_is_difficult(colours: list[tuple[int, ...]]) -> None:
    points = np.array(colours)[:, None] / 255
    median = geometric_median(points)
    # The sum is convex, so the minimum over finer and finer grids about the best point is the global minimum.
    best, width = points.mean(axis=0), 0.5
    while width > 1e-9:
        steps = np.stack(np.meshgrid(*[np.linspace(-width, width, 9)] * points.shape[-1]), axis=-1)
        nearby = best + steps.reshape(-1, points.shape[-1])
        least = nearby[sum_of_distances(nearby, points).argmin()]
        width *= 0.6 if np.array_equal(least, best[0]) else 1
        best = least[None]
    assert sum_of_distances(median, points) <= sum_of_distances(best, points) * (1 + 1e-7)


def test_the_median_is_equivariant_to_shift_rotation_and_scale() -> None:
    generator = np.random.default_rng(3)
    points = generator.normal(size=(7, 20, 3))
    rotation, _ = np.linalg.qr(generator.normal(size=(3, 3)))
    moved = geometric_median(4 * points @ rotation + 1)
    assert moved == pytest.approx(4 * geometric_median(points) @ rotation + 1, abs=1e-6)


def test_medians_that_have_not_converged_give_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ava_np.evaluation.geometric_median._MAX_ITERATIONS", 1)
    with pytest.warns(RuntimeWarning, match="not converged"):
        geometric_median(np.random.default_rng(5).random((9, 3, 3)))
